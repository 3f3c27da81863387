"""The tracker beside its peers on one video."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from small_presets import QUICK, QUICKER

from rltrack.benchmarks import opencv_trackers as peers
from rltrack.benchmarks.side_by_side import ComparisonError, compare
from rltrack.cli.main import main
from rltrack.errors import InputError
from rltrack.tracking import presets
from rltrack.video.annotation import TARGETS
from rltrack.video.recorder import HEADER
from rltrack.video.run import track
from rltrack.video.tracks import Step
from rltrack.video.writer import VideoWriter

Image = NDArray[np.uint8]
Box = tuple[float, float, float, float]

START = (20.0, 24.0, 20.0, 16.0)
FAST: dict[str, Any] = {"config": QUICK, "backbone": "random"}


class Guide:
    """Knows the way of the patch."""

    def init(self, image: Image, box: Box) -> None:
        self.start, self.frame = box, 0

    def update(self, image: Image) -> tuple[bool, Box]:
        self.frame += 1
        x, y, w, h = self.start
        return True, (x + 2 * self.frame, y, w, h)


class Stone(Guide):
    """Stays where it was put."""

    def update(self, image: Image) -> tuple[bool, Box]:
        self.frame += 1
        self.act()
        return True, self.start

    def act(self) -> None:
        pass


class Lost(Guide):
    def update(self, image: Image) -> tuple[bool, Box]:
        return False, (0, 0, 0, 0)


class Fickle(Stone):
    def update(self, image: Image) -> tuple[bool, Box]:
        super().update(image)
        return self.frame % 2 == 0, self.start


class Slow(Stone):
    def act(self) -> None:
        time.sleep(0.02)


class Stopped(Stone):
    def act(self) -> None:
        if self.frame == 3:
            raise KeyboardInterrupt


class Broken(Stone):
    def act(self) -> None:
        if self.frame == 3:
            raise cv2.error("out of luck")


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Peers of known ways, as if OpenCV had them; and a quicker `tiny` for the command line."""
    for kind in (Guide, Stone, Lost, Fickle, Slow, Stopped, Broken):
        monkeypatch.setattr(cv2, f"{kind.__name__}_create", kind, raising=False)
        monkeypatch.setitem(peers.PEERS, kind.__name__.lower(), f"{kind.__name__}_create")
    monkeypatch.setitem(presets._CHANGES, "tiny", {**QUICKER, "attention_weight": 0.0})
    monkeypatch.chdir(tmp_path)


def moving_patch(frames: int) -> list[Image]:
    """A patch that starts in `START` and goes 2 pixels right in each frame."""
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (72, 96, 3)).astype(np.uint8), (9, 9), 3)
    images = [ground.copy() for _ in range(frames)]
    for i, image in enumerate(images):
        image[24:40, 20 + 2 * i : 40 + 2 * i] = (255, 40, 20)
        image[28:36, 25 + 2 * i : 35 + 2 * i] = (255, 255, 255)
    return images


class Film:
    """Frames with ground truth, that count how often they are read."""

    name, fps = "film", 10.0

    def __init__(self, images: list[Any]) -> None:
        self.images, self.read, self.length = images, 0, len(images)
        self.ground_truth = np.array([START] * len(images))
        self.ground_truth[:, 0] += 2 * np.arange(len(images))

    def __iter__(self) -> Iterator[Image | None]:
        for image in self.images:
            self.read += 1
            yield image


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def frames_in(path: Path) -> int:
    video, count = cv2.VideoCapture(str(path)), 0
    while video.read()[0]:
        count += 1
    return count


def assert_complete(folder: Path, names: list[str], frames: int) -> None:
    files = sorted(path.name for path in folder.iterdir())
    assert files == sorted(["compare.mp4", *(f"{name}.csv" for name in names)])
    for name in names:
        rows = rows_of(folder / f"{name}.csv")
        assert [int(row["frame"]) for row in rows] == list(range(frames))
    assert frames_in(folder / "compare.mp4") == frames


# --- What comes out -----------------------------------------------------------------------------


def test_known_ways_give_known_numbers() -> None:
    done = compare(Film(moving_patch(5)), peers=["guide", "stone", "lost"], folder="out", **FAST)
    assert [run.name for run in done.runs] == ["rltrack", "guide", "stone", "lost"]
    _, guide, stone, lost = done.runs
    assert guide.boxes[:, 0].tolist() == [20, 22, 24, 26, 28]
    assert stone.boxes.tolist() == lost.boxes.tolist() == [list(START)] * 5
    assert guide.found.all() and lost.found.tolist() == [True, False, False, False, False]
    assert guide.metrics is not None and stone.metrics is not None
    assert (guide.metrics.dp20, guide.metrics.os, guide.metrics.cle) == (1.0, 20 / 21, 0.0)
    assert stone.metrics.cle == pytest.approx((0 + 2 + 4 + 6 + 8) / 5)
    # Two boxes 20 wide, d apart: 20 - d of 20 + d. The first frame does not count, nor does lost.
    between = np.mean([(20 - d) / (20 + d) for d in (2, 4, 6, 8)])
    np.testing.assert_allclose(
        done.overlaps[1:, 1:],
        [[1, between, np.nan], [between, 1, np.nan], [np.nan] * 3],
        rtol=1e-12,
    )
    np.testing.assert_array_equal(done.shared[1:, 1:], [[4, 4, 0], [4, 4, 0], [0, 0, 0]])
    np.testing.assert_array_equal(done.overlaps, done.overlaps.T)


def test_agreement_counts_frames_that_both_find() -> None:
    done = compare(moving_patch(5), START, peers=["guide", "fickle"], folder="out", **FAST)
    # Fickle stays, and is lost in frames 1 and 3.
    between = np.mean([(20 - d) / (20 + d) for d in (4, 8)])
    assert done.overlaps[1, 2] == done.overlaps[2, 1] == pytest.approx(between)
    assert done.shared[1:, 1:].tolist() == [[4, 2], [2, 2]]


def test_the_tracker_does_what_it_does_alone(tmp_path: Path) -> None:
    alone = track(Film(moving_patch(4)), seed=3, out=tmp_path / "alone.csv", **FAST)
    done = compare(Film(moving_patch(4)), peers=["mil"], folder=tmp_path / "out", seed=3, **FAST)
    for boxes in (done.runs[0].boxes, done.track.boxes):
        assert np.array_equal(boxes, alone.boxes)
    assert np.array_equal(done.track.scores, alone.scores)
    assert done.runs[0].metrics == alone.metrics
    written = (tmp_path / "out" / "rltrack.csv").read_text()
    assert written == (tmp_path / "alone.csv").read_text()


def test_each_frame_is_read_once() -> None:
    film, steps = Film(moving_patch(4)), list[Step]()
    compare(film, peers=["mil", "stone"], folder="out", on_frame=steps.append, **FAST)
    assert film.read == 4
    assert [step.index for step in steps] == [0, 1, 2, 3]


def test_every_trackers_boxes_are_written(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    done = compare(moving_patch(3), START, peers=["guide", "lost"], folder=out, **FAST)
    assert_complete(out, ["rltrack", "guide", "lost"], 3)
    assert sorted(done.files) == sorted(out.iterdir())
    assert (out / "guide.csv").read_text().splitlines() == [
        HEADER,
        "0,20.0000,24.0000,20.0000,16.0000,nan,1,nan",
        "1,22.0000,24.0000,20.0000,16.0000,nan,1,nan",
        "2,24.0000,24.0000,20.0000,16.0000,nan,1,nan",
    ]
    assert [row["found"] for row in rows_of(out / "lost.csv")] == ["1", "0", "0"]


def test_the_video_shows_every_box_and_name_in_one_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Image] = []
    monkeypatch.setattr(VideoWriter, "write", lambda self, image, time: shown.append(image))
    compare(moving_patch(2), START, peers=["guide", "lost"], folder="out", **FAST)
    # 96x72 is enlarged by 5; below it comes a strip for the names.
    assert {image.shape for image in shown} == {shown[0].shape}
    picture, strip = shown[1][:360], shown[1][360:]
    assert len(strip) >= 12 and shown[1].shape[1] == 480
    for colour in TARGETS[:3]:
        assert (strip == colour).all(2).any()
        assert (picture == colour).all(2).any()
    assert not (strip == TARGETS[3]).all(2).any()
    # The middle of the left sides: the guide has moved on by 2 pixels, the lost one is dashed.
    assert tuple(picture[5 * 32, 5 * 22]) == TARGETS[1]
    side = (picture[5 * 24 : 5 * 40, 5 * 20] == TARGETS[2]).all(1).mean()
    assert 0.3 < side < 0.8
    # "LOST" makes the one entry longer, and moves nothing.
    width = [np.flatnonzero((image[360:] == TARGETS[2]).all(2).any(0)) for image in shown]
    assert width[0][0] == width[1][0] and width[1][-1] > width[0][-1] + 20


def test_the_names_of_many_trackers_stand_in_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Image] = []
    monkeypatch.setattr(VideoWriter, "write", lambda self, image, time: shown.append(image))
    names = ["guide", "lost", "stone", "slow", "stopped", "broken"]
    compare(moving_patch(1), START, peers=names, folder="out", **FAST)
    rows = [np.flatnonzero((shown[0][360:] == c).all(2).any(1)) for c in TARGETS]
    assert all(len(row) for row in rows)
    assert rows[-1][0] > rows[0][-1]


def test_speed_is_each_trackers_own() -> None:
    done = compare(moving_patch(4), START, peers=["slow", "stone"], folder="out", **FAST)
    ours, slow, stone = (run.fps for run in done.runs)
    assert ours is not None and slow is not None and stone is not None
    assert slow <= 50 < stone
    assert ours == done.track.fps


def test_one_frame_has_no_speed() -> None:
    done = compare(moving_patch(1), START, peers=["stone"], folder="out", **FAST)
    assert [run.fps for run in done.runs] == [None, None]
    assert np.isnan(done.overlaps).all() and not done.shared.any()


def test_a_frame_that_cannot_be_read_is_found_by_none(tmp_path: Path) -> None:
    images: list[Any] = moving_patch(4)
    images[2] = None
    done = compare(Film(images), peers=["guide", "mil"], folder="out", **FAST)
    for run in done.runs:
        assert not run.found[2]
        assert run.boxes[2].tolist() == run.boxes[1].tolist()
    assert done.runs[1].boxes[3, 0] == 24  # the guide has not seen it
    assert_complete(tmp_path / "out", ["rltrack", "guide", "mil"], 4)


def test_opencvs_trackers_find_nothing_in_a_frame_of_another_size(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = moving_patch(6)
    for odd in (2, 4):
        images[odd] = images[odd][:50]
    done = compare(Film(images), peers=["guide", "mil"], folder="out", **FAST)
    ours, guide, mil = done.runs
    assert len(ours.boxes) == 6 and not np.isnan(done.track.scores[2])
    assert guide.found.tolist() == [True, True, False, True, False, True]
    assert not mil.found[2] and mil.boxes[2].tolist() == mil.boxes[1].tolist()
    assert caplog.messages == [
        f"frame 2: {name} needs images of one size: the first was 96x72, this one is 96x50; "
        "in such frames it finds nothing"
        for name in ("guide", "mil")
    ]
    assert_complete(tmp_path / "out", ["rltrack", "guide", "mil"], 6)


def test_without_ground_truth_nothing_is_scored() -> None:
    done = compare(moving_patch(2), START, peers=["stone"], folder="out", **FAST)
    assert [run.metrics for run in done.runs] == [None, None]


def test_a_peer_named_twice_runs_once() -> None:
    done = compare(moving_patch(2), START, peers=["stone", "stone"], folder="out", **FAST)
    assert [run.name for run in done.runs] == ["rltrack", "stone"]


# --- What goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"peers": ["nobody"]}, "unknown peer 'nobody'"),
        ({"box": None}, "no first box"),
        ({"box": (20, 24, 3, 16)}, "mil cannot learn"),
        ({"box": (200, 24, 20, 16)}, "outside the 96x72 image"),
        ({"config": "none"}, "preset"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input_leaves_no_file(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    arguments = {"box": START, "peers": ["mil"], "folder": tmp_path / "out", **FAST, **given}
    with pytest.raises(InputError, match=message):
        compare(moving_patch(2), **arguments)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_is_compared_is_not_overwritten(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "compare.mp4") as video:
        video.write(moving_patch(1)[0])
    with pytest.raises(InputError, match="that file belongs to the input"):
        compare(tmp_path / "compare.mp4", START, peers=["mil"], folder=tmp_path, **FAST)


def test_what_others_made_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "compare.mp4").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"compare\.mp4: there is a file that rltrack did not wri"):
        compare(moving_patch(2), START, peers=["mil"], folder=tmp_path, **FAST)
    assert (tmp_path / "compare.mp4").read_bytes() == b"mine"


def test_ctrl_c_keeps_what_all_were_done_with(tmp_path: Path) -> None:
    film = Film(moving_patch(6))
    done = compare(film, peers=["guide", "stopped", "stone"], folder="out", **FAST)
    assert done.track.interrupted and len(done.track) == 3
    assert [len(run.boxes) for run in done.runs] == [3] * 4
    assert done.runs[1].metrics is not None and done.runs[1].metrics.frames == 3
    assert_complete(tmp_path / "out", ["rltrack", "guide", "stopped", "stone"], 3)


def test_ctrl_c_while_a_picture_is_written_counts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = VideoWriter.write

    def stopped(self: VideoWriter, image: Image, time: float) -> None:
        write(self, image, time)
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoWriter, "write", stopped)
    done = compare(moving_patch(3), START, peers=["guide"], folder="out", **FAST)
    assert done.track.interrupted and len(done.track) == 1
    assert_complete(tmp_path / "out", ["rltrack", "guide"], 1)


def test_ctrl_c_while_files_are_completed_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = VideoWriter.close

    def stopped(self: VideoWriter) -> None:
        close(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoWriter, "close", stopped)
    done = compare(moving_patch(2), START, peers=["guide"], folder="out", **FAST)
    assert done.track.interrupted
    assert_complete(tmp_path / "out", ["rltrack", "guide"], 2)


def test_a_failure_keeps_what_all_were_done_with(tmp_path: Path) -> None:
    with pytest.raises(ComparisonError, match="broken failed within OpenCV: out of luck") as failed:
        compare(moving_patch(6), START, peers=["guide", "broken"], folder="out", **FAST)
    assert [len(run.boxes) for run in failed.value.comparison.runs] == [3] * 3
    assert_complete(tmp_path / "out", ["rltrack", "guide", "broken"], 3)


def test_a_file_that_cannot_be_completed_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: VideoWriter) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(VideoWriter, "close", full)
    with pytest.raises(ComparisonError, match="no space left"):
        compare(moving_patch(2), START, peers=["guide"], folder="out", **FAST)
    for name in ("rltrack", "guide"):
        assert len(rows_of(tmp_path / "out" / f"{name}.csv")) == 2


# --- The command --------------------------------------------------------------------------------

TINY = ["--preset", "tiny", "--backbone", "random"]


@pytest.fixture
def clip(tmp_path: Path) -> str:
    with VideoWriter(tmp_path / "clip.mp4", 10) as video:
        for image in moving_patch(5):
            video.write(image)
    return str(tmp_path / "clip.mp4")


def test_without_ground_truth_speed_and_overlap_are_printed(
    clip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = ["--box", "20,24,20,16"]
    assert main(["compare", clip, *box, "--peers", "lost, guide", "--out", "out", *TINY]) == 0
    shown, errors = capsys.readouterr()
    assert errors == ""
    assert re.search(r"^tracker +found +FPS$", shown, re.M)
    assert re.search(r"^guide +5 +[\d.]+$", shown, re.M)
    assert re.search(r"^tracker +rltrack +lost +guide$", shown, re.M)
    assert re.search(r"^guide +[01]\.\d\d \([1-4]\) +- \(0\) +1\.00 \(4\)$", shown, re.M)
    assert "preset tiny" in shown and f"OpenCV {cv2.__version__}" in shown
    assert "CLE" not in shown
    assert_complete(tmp_path / "out", ["rltrack", "lost", "guide"], 5)


def test_with_ground_truth_metrics_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "Patch"
    (folder / "img").mkdir(parents=True)
    for i, image in enumerate(moving_patch(4)):
        cv2.imwrite(str(folder / "img" / f"{i + 1:04d}.png"), image[..., ::-1])
    (folder / "groundtruth_rect.txt").write_text(
        "\n".join(f"{21 + 2 * i},25,20,16" for i in range(4))
    )
    assert main(["compare", str(folder), "--peers", "guide,stone", *TINY]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^tracker +found +FPS +DP20 +OS +CLE$", shown, re.M)
    assert re.search(r"^guide +4 +[\d.]+ +1\.000 +0\.952 +0\.0$", shown, re.M)
    assert re.search(r"^stone +4 +[\d.]+ +1\.000 +0\.\d{3} +3\.0$", shown, re.M)
    assert "overlap" not in shown
    assert_complete(tmp_path / "out" / "compare", ["rltrack", "guide", "stone"], 4)


def test_a_second_comparison_does_not_replace_the_first(
    clip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", clip, "--box", "20,24,20,16", "--peers", "guide", *TINY]
    assert main(command) == 0
    before = (tmp_path / "out" / "compare" / "compare.mp4").stat()
    assert main([*command, "--seed", "1"]) == 0
    assert "written: out/compare-2/rltrack.csv, " in capsys.readouterr().out
    assert_complete(tmp_path / "out" / "compare-2", ["rltrack", "guide"], 5)
    assert (tmp_path / "out" / "compare" / "compare.mp4").stat() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--box", "1,2,3"], "--box is '1,2,3'; wanted four numbers X,Y,W,H"),
        (["--box", "20,24,20,16", "--peers", "csrt"], "put opencv-contrib-python in the place of"),
        (["--box", "20,24,20,16", "--box", "20,24,20,16"], "--box is given twice"),
        (["--peers", "mil"], "no first box"),
        (["--box", "20,24,20,16", "--peers", "mil", "--device", "abacus"], "device 'abacus'"),
        (["--box", "20,24,20,16", "--peers", "mil", "--device", "meta"], "device 'meta'"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    message: str,
    clip: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(cv2, "TrackerCSRT_create", raising=False)
    assert main(["compare", clip, *arguments, *TINY]) == 2
    shown, errors = capsys.readouterr()
    assert shown == "" and errors.count("\n") == 1
    assert errors.startswith("error: ") and message in errors


def test_a_stopped_command_says_what_it_kept(
    clip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = ["--box", "20,24,20,16"]
    assert main(["compare", clip, *box, "--peers", "stopped", "--out", "out", *TINY]) == 130
    shown, errors = capsys.readouterr()
    assert re.search(r"^stopped +3 ", shown, re.M)
    assert errors == "interrupted; what was tracked, 3 frames, is kept\n"
    assert_complete(tmp_path / "out", ["rltrack", "stopped"], 3)


def test_a_failed_command_says_what_it_kept(clip: str, capsys: pytest.CaptureFixture[str]) -> None:
    box = ["--box", "20,24,20,16"]
    assert main(["compare", clip, *box, "--peers", "broken", *TINY]) == 1
    shown, errors = capsys.readouterr()
    assert re.search(r"^broken +3 ", shown, re.M)
    assert errors.count("\n") == 1
    files = ", ".join(
        f"out/compare/{name} (3 frames)" for name in ("rltrack.csv", "broken.csv", "compare.mp4")
    )
    assert f"out of luck; kept: {files} (--debug shows where)" in errors
    assert main(["compare", clip, *box, "--peers", "broken", "--debug", *TINY]) == 1
    assert "Traceback" in capsys.readouterr().err
