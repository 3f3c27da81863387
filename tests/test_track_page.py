"""The page of a run: what it says, and that a run is the same with it and without."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from html_checks import Page, checked
from numpy.typing import NDArray
from small_presets import QUICKER

import rltrack
from rltrack.cli.main import main
from rltrack.errors import InputError
from rltrack.pages.document import page
from rltrack.tracking import presets
from rltrack.tracking.presets import preset
from rltrack.tracking.result import Result
from rltrack.video.run import track, track_several
from rltrack.video.track_page import TrackPage
from rltrack.video.tracks import Step, TrackingError

Image = NDArray[np.uint8]

BOX = (20.0, 24.0, 20.0, 16.0)
FAST = ["--preset", "tiny", "--backbone", "random", "--attention-weight", "0"]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(presets._CHANGES, "tiny", QUICKER)
    monkeypatch.chdir(tmp_path)


def images(count: int) -> list[Image]:
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (72, 96, 3)).astype(np.uint8), (9, 9), 3)
    made = []
    for i in range(count):
        made.append(ground.copy())
        made[-1][24:40, 20 + i : 40 + i] = (255, 40, 20)
    return made


def folder_of(name: str, count: int) -> Path:
    """A sequence folder with ground truth."""
    folder = Path(name)
    (folder / "img").mkdir(parents=True)
    for i, image in enumerate(images(count), start=1):
        cv2.imwrite(str(folder / "img" / f"{i:04d}.png"), image[..., ::-1])
    rows = [f"{21 + i},25,20,16" for i in range(count)]
    (folder / "groundtruth_rect.txt").write_text("\n".join(rows))
    return folder


def page_of(path: str = "page.html") -> Page:
    return checked(Path(path).read_text(encoding="utf-8"))


# --- Of a real run -------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 5.0])
def test_the_boxes_are_the_same_bit_for_bit(weight: float) -> None:
    given: dict[str, Any] = {"config": preset("tiny", attention_weight=weight), "seed": 2}
    without = track(images(3), BOX, backbone="random", **given)
    with_page = track(images(3), BOX, backbone="random", html="page.html", **given)
    assert np.array_equal(without.boxes, with_page.boxes)
    assert np.array_equal(without.scores, with_page.scores)
    assert len(page_of().all("li")) == 3


def test_what_the_page_of_a_sequence_says(capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of("A<b>&'Patch", 5)
    assert main(["track", str(folder), *FAST, "--seed", "3", "--html", "out/page.html"]) == 0
    shown = capsys.readouterr()
    assert "written  out/page.html" in shown.out and "nothing is written" not in shown.err
    page = page_of("out/page.html")
    os = re.search(r"OS (\d\.\d{3})", shown.out)
    assert os is not None
    for words in (
        "A<b>&'Patch", "followed through 5 frames by rltrack", os[1], "DP", "Centre error",
        "Thin and white: the ground truth", "Overlap with the ground truth (IoU)", "Score (logit)",
        "Dotted: the path of the ground truth", f"rltrack {rltrack.__version__}",
        f"PyTorch {torch.__version__}", "preset tiny", "backbone random", "seed 3", "device cpu",
        "hardware", "first box (x, y, w, h) 20, 24, 20, 16",
        f"mined_negatives {QUICKER['mined_negatives']}",
    ):  # fmt: skip
        assert words in page.text, words
    assert str(Path.cwd()) not in page.source
    pictures = [image["alt"] for image in page.all("img")]
    assert sum("Attention map" in alt for alt in pictures) == 5
    assert [re.match(r"Frame (\d) with the box: (not )?found", alt) for alt in pictures]
    assert len(page.source) < 400_000


def test_boxes_are_drawn_where_they_are() -> None:
    done = track(images(3), BOX, config="tiny", backbone="random", html="page.html")
    drawn = [r for r in page_of().all("rect") if r.get("class", "").startswith("box")]
    assert [float(drawn[0][side]) for side in ("x", "y", "width", "height")] == [*BOX]
    found = [" lost" not in r["class"] for r in drawn[:3]]
    assert found == done.found.tolist()
    place = [float(drawn[2][side]) for side in ("x", "y", "width", "height")]
    assert place == pytest.approx(done.boxes[2].tolist(), abs=0.006)


def test_several_targets() -> None:
    boxes = [BOX, (60.0, 40.0, 20.0, 16.0)]
    track_several(images(3), boxes, config="tiny", backbone="random", html="page.html")
    page = page_of()
    assert "2 targets, followed through 3 frames" in page.text
    assert "target 1 60.0, 40.0, 20.0, 16.0" in page.text and "of 2 found" in page.text
    maps = [image["alt"] for image in page.all("img") if "Attention" in image["alt"]]
    assert len(maps) == 6 and "of target 1 in frame 2" in maps[-1]


def test_a_bad_path_is_told_before_anything_is_tracked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rltrack.video.targets.Tracker.init", None)
    folder = folder_of("Patch", 2)
    before = (folder / "img" / "0001.png").read_bytes()
    Path("file").touch()
    for path, why in (
        ("file/page.html", "what should be its folder is a file"),
        ("Patch", "it is a folder"),
        ("Patch/img/0001.png", "that file belongs to the input"),
        ("b.csv", "two outputs cannot be one file"),
    ):
        out = ["--out", "b.csv", "--html", path]
        assert main(["track", str(folder), *FAST, *out]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and why in told
    assert (folder / "img" / "0001.png").read_bytes() == before
    assert not Path("b.csv").exists()


def test_an_interrupted_run_has_a_page_of_the_frames_it_has() -> None:
    def stop(step: Step) -> None:
        if step.index == 2:
            raise KeyboardInterrupt

    folder = folder_of("Patch", 6)
    settings: dict[str, Any] = {"config": "tiny", "backbone": "random", "html": "page.html"}
    assert track(folder, on_frame=stop, **settings).interrupted
    page = page_of()
    assert "The run was interrupted after 3 of 6 frames." in page.text
    assert len(page.all("li")) == 3


def test_a_failed_run_has_a_page_too_and_says_so() -> None:
    def source() -> Iterator[Any]:
        yield from images(2)
        raise OSError("the cable came off")

    class Cable:
        name, fps, length, ground_truth = "cable", 25.0, None, None

        def __iter__(self) -> Iterator[Any]:
            return source()

    with pytest.raises(TrackingError, match="cable") as failed:
        track(Cable(), BOX, config="tiny", backbone="random", html="page.html")
    assert failed.value.kept == {Path("page.html"): 2}
    assert "The run failed after 2 frames." in page_of().text


def test_a_full_disk_leaves_what_was_there(room: Any) -> None:
    before = str(page("An older page"))
    Path("page.html").write_text(before)
    with room(2000), pytest.raises(TrackingError, match=r"cannot write .*page.html") as failed:
        track(images(2), BOX, config="tiny", backbone="random", html="page.html")
    assert Path("page.html").read_text() == before and failed.value.kept == {}
    assert [path.name for path in Path.cwd().iterdir()] == ["page.html"]


# --- Of results that nobody tracked --------------------------------------------------------------


class Still:
    """In place of a tracker."""

    device = torch.device("cpu")

    def attention(self, image: Any, box: Any) -> tuple[Any, None]:
        return np.random.default_rng(0).random((40, 40)).astype(np.float32), None

    def crop_extent(self, box: Any) -> tuple[float, float, float, float]:
        x, y, w, h = box
        return x, y, w, h


SUMMARY: dict[str, Any] = {
    "status": "done", "source": "x", "frames_expected": None, "frames_unreadable": 0, "fps": 12.0,
    "os": None, "dp20": None, "cle": None, "version": "1", "preset": "p", "variant": "v",
    "attention_weight": 5.0, "backbone": "b", "seed": 0, "device": "cpu",
    "first_box": [1.0, 2.0, 3.0, 4.0], "config": {"pair": [0.5, 1.0], "yes": True},
}  # fmt: skip


def written(rows: list[tuple[Image | None, Result]], truth: Any = None, **summary: Any) -> Page:
    page = TrackPage(Path("page.html"), None)
    trackers: list[Any] = [Still()]
    for image, result in rows:
        page.add(image, [result], trackers, truth)
    page.write({**SUMMARY, "frames": len(rows), **summary})
    return page_of()


def result(score: float = 1.0) -> Result:
    return Result((100.0, 50.0, 400.0, 300.0), score, score > 0)


def test_a_page_has_a_few_megabytes_whatever_is_filmed() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3)).astype(np.uint8)
    rows = [(noise, result(1.0 if index // 20 % 2 else -1.0)) for index in range(300)]
    page = written([*rows])
    assert len(page.all("li")) >= 15
    assert len(page.source) < 4_500_000


def test_long_runs_do_not_make_long_pages() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    rows = [(image, result(float(np.sin(index / 9)))) for index in range(20_000)]
    page = written([*rows])
    assert len(page.source) < 700_000
    lost = np.sin(np.arange(20_000) / 9) <= 0
    stretches = np.count_nonzero(np.diff(lost.astype(int)) == 1) + lost[0]
    assert f"and {stretches - 8} more stretches" in page.text
    bands = [r for r in page.all("rect") if r.get("class") == "band"]
    assert len(bands) <= 500


def test_frames_that_cannot_be_read_are_said() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    nothing = Result((1.0, 1.0, 9.0, 9.0), float("nan"), False)
    page = written([(image, result()), (None, nothing), (None, nothing)], frames_unreadable=2)
    assert "2 frames could not be read." in page.text
    assert "Tinted, it is not found: frames 1 to 2." in page.text
    assert [li["data-frame"] for li in page.all("li")] == ["0"]


def test_a_video_that_ends_early_is_said() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    page = written([(image, result())], frames_expected=9)
    assert "The video ended after 1 of 9 frames." in page.text


def test_the_overlap_is_drawn_where_there_is_truth() -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    truth = np.array([100.0, 50.0, 200.0, 300.0])  # half of the box
    page = written([(image, result())] * 3, truth=truth, os=0.5, dp20=1.0, cle=3.0)
    assert "0.50 on average; above 0.5 in 0% of 3 frames." in page.text
    assert "found, score +1.00, overlap 0.50" in page.text
    (line,) = (p for p in page.all("path") if p["class"] == "line s2 solid")
    assert line["d"] == "M0.0 500.0h0L500.0 500.0L1000.0 500.0"


def test_the_pictures_are_those_of_their_frames() -> None:
    shades = [np.full((60, 80, 3), 40 * index, np.uint8) for index in range(6)]
    page = written([(image, result()) for image in shades])
    frames = [image for image in page.all("img") if image["alt"].startswith("Frame ")]
    for index, image in enumerate(frames):
        raw = base64.b64decode(image["src"].split(",")[1])
        mean = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR).mean()
        assert mean == pytest.approx(40 * index, abs=2)


def test_an_unknown_name_of_a_path_is_refused() -> None:
    with pytest.raises(InputError, match="the path of the page cannot be empty"):
        track(images(1), BOX, config="tiny", backbone="random", html="")
