"""A whole run: boxes, files, and what happens when something goes wrong on the way."""

from __future__ import annotations

import csv
import errno
import json
import logging
import os
import pickle
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_presets import QUICK
from torch import Tensor

from rltrack.backbones.registry import load_backbone
from rltrack.backbones.vggm import VGGM
from rltrack.data.first_boxes import FirstBox
from rltrack.data.track_files import FORMATS
from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.evaluation.metrics import evaluate
from rltrack.files import WriteError
from rltrack.limits import Limits
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.video import recorder
from rltrack.video import sources as video
from rltrack.video.images import read_image
from rltrack.video.own_files import is_own
from rltrack.video.reader import AHEAD, read_ahead
from rltrack.video.recorder import HEADER, Recorder
from rltrack.video.run import track
from rltrack.video.signals import HeldSignals
from rltrack.video.sources import open_source
from rltrack.video.tracks import Step, Track, TrackingError
from rltrack.video.writer import VideoWriter

Image = NDArray[np.uint8]

FAST: dict[str, Any] = {"config": QUICK, "backbone": "random"}
BOX = (20.0, 24.0, 20.0, 16.0)


def moving_square(frames: int = 5, width: int = 96, height: int = 72) -> list[Image]:
    """A chequered patch that starts at `BOX` and moves 2 pixels a frame to the right."""
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (height, width, 3)).astype(np.uint8), (9, 9), 3)
    patch = np.kron(np.indices((4, 5)).sum(0) % 2, np.ones((4, 4)))[..., None] * (255, 40, 20)
    images = []
    for i in range(frames):
        images.append(ground.copy())
        images[-1][24:40, 20 + 2 * i : 40 + 2 * i] = patch
    return images


class Clip:
    """A frame source made of what is given; an exception among the frames is raised there."""

    name = "clip"
    fps: float | None = 10.0

    def __init__(self, frames: list[Any], truth: Any = None, length: int | None = None) -> None:
        self.frames = frames
        self.ground_truth = None if truth is None else np.array(truth, np.float64)
        self.length = length

    def __iter__(self) -> Iterator[Image | None]:
        for frame in self.frames:
            if isinstance(frame, BaseException):
                raise frame
            yield frame


def older(path: Path) -> bytes:
    """Make the file of an older run, and return what is in it."""
    if path.suffix == ".mp4":
        with VideoWriter(path) as video:
            video.write(moving_square(1)[0])
    else:
        text = {".csv": f"{HEADER}\n", ".json": '{"status": "done", "source": "older"}'}
        path.write_text(text[path.suffix])
    return path.read_bytes()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def frames_in(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def same(a: Track, b: Track) -> bool:
    return np.array_equal(a.boxes, b.boxes) and np.array_equal(a.scores, b.scores, equal_nan=True)


# --- Tracking -----------------------------------------------------------------------------------


def test_it_beats_a_box_that_stays_where_it_is() -> None:
    film = synthetic(24)
    few = {
        "first_positives": 50,
        "first_negatives": 100,
        "regression_samples": 50,
        "candidates": 32,
    }
    still = evaluate(np.repeat(film.ground_truth[:1], 24, axis=0), film.ground_truth)
    done = track(film, config=preset("tiny", attention_weight=0.0, **few))
    assert done.metrics is not None
    assert done.metrics.dp20 >= still.dp20 + 0.3
    assert done.metrics.cle <= still.cle / 2


def test_the_same_seed_gives_the_same_boxes_bit_for_bit() -> None:
    runs = [track(moving_square(), BOX, **FAST, seed=seed) for seed in (3, 3, 4)]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_what_a_track_holds() -> None:
    done = track(moving_square(4), BOX, **FAST, seed=7, device="cpu")
    assert len(done) == 4
    assert done.boxes.shape == (4, 4) and done.boxes.dtype == np.float64
    assert done.boxes[0] == pytest.approx(BOX)
    assert done.scores.shape == done.seconds.shape == (4,)
    assert done.found.dtype == np.bool_ and np.array_equal(done.found, done.scores > 0)
    assert (done.seconds > 0).all() and not done.interrupted
    assert done.ground_truth is None and done.metrics is None
    assert (done.name, done.backbone, done.seed, done.device) == ("frames", "random", 7, "cpu")
    assert done.config == QUICK
    assert set(done.timings) == {
        *("decode", "crop", "features", "score", "first_fit", "update", "output")
    }
    assert done.timings["first_fit"] > 0 and done.timings["decode"] > 0


def test_the_first_box_can_be_asked_for() -> None:
    asked: list[Image] = []

    def choose(image: Image) -> tuple[float, float, float, float]:
        asked.append(image)
        return BOX

    images = moving_square(2)
    done = track(iter(images), choose, **FAST)
    assert len(asked) == 1 and np.array_equal(asked[0], images[0])
    assert done.boxes[0] == pytest.approx(BOX) and len(done) == 2


def test_each_frame_is_told_after_its_row_is_written(tmp_path: Path) -> None:
    out = tmp_path / "boxes.csv"
    told: list[tuple[int, int]] = []

    def listen(step: Step) -> None:
        assert not out.exists()
        (part,) = tmp_path.glob("boxes.csv.*.part")
        told.append((step.index, len(rows_of(part))))
        assert step.image is not None and step.tracker.candidates[0].shape[1] == 4
        assert step.source.length == 3

    track(moving_square(3), BOX, **FAST, out=out, on_frame=listen)
    assert told == [(0, 1), (1, 2), (2, 3)]
    assert len(rows_of(out)) == 3 and list(tmp_path.iterdir()) == [out]


# --- What is written -----------------------------------------------------------------------------


def test_boxes_video_and_summary(tmp_path: Path) -> None:
    truth = [(20 + 2 * i, 24, 20, 16) for i in range(4)]
    files = {name: tmp_path / "new" / name for name in ("b.csv", "v.mp4", "s.json")}
    done = track(
        Clip(moving_square(4), truth),
        **FAST,
        out=files["b.csv"],
        video=files["v.mp4"],
        summary=files["s.json"],
    )
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(files)
    assert files["b.csv"].read_text().splitlines()[0] == HEADER == "frame,x,y,w,h,score,found,time"
    rows = rows_of(files["b.csv"])
    assert [int(row["frame"]) for row in rows] == [0, 1, 2, 3]
    written = np.array([[float(row[key]) for key in ("x", "y", "w", "h")] for row in rows])
    np.testing.assert_allclose(written, done.boxes, atol=1e-4)
    np.testing.assert_allclose([float(row["score"]) for row in rows], done.scores, atol=1e-4)
    assert [row["found"] for row in rows] == [str(int(found)) for found in done.found]
    assert len(frames_in(files["v.mp4"])) == 4
    assert json.loads(files["s.json"].read_text()) == done.summary()


def test_summary_has_these_keys_and_null_metrics_without_ground_truth() -> None:
    done = track(moving_square(2), BOX, **FAST)
    summary = done.summary()
    assert list(summary) == [
        *("status", "source", "frames", "frames_expected", "frames_found", "frames_unreadable"),
        *("fps", "dp20", "os", "cle", "os50", "preset", "attention_weight", "variant"),
        *("backbone", "seed", "device", "version", "first_box", "config"),
    ]
    assert [summary[key] for key in ("dp20", "os", "cle", "os50")] == [None] * 4
    assert summary["frames"] == 2 and summary["fps"] == pytest.approx(1 / done.seconds[1])
    assert summary["preset"] == "tiny" and summary["attention_weight"] == 0
    assert summary["variant"] == "reciprocative" and summary["backbone"] == "random"


def test_a_run_can_be_repeated_from_its_summary(tmp_path: Path) -> None:
    done = track(moving_square(3), BOX, **FAST, seed=7, summary=tmp_path / "s.json")
    told = json.loads((tmp_path / "s.json").read_text())
    config = TrackerConfig(**told["config"])
    assert config == QUICK and asdict(config) == asdict(QUICK)
    again = track(
        moving_square(3),
        told["first_box"],
        config=config,
        backbone=told["backbone"],
        seed=told["seed"],
    )
    assert same(again, done)


def test_a_summary_tells_a_whole_run_from_one_that_was_cut_short(tmp_path: Path) -> None:
    def told(frames: list[Any], stop: BaseException | None = None) -> dict[str, Any]:
        def listen(step: Step) -> None:
            if stop is not None and step.index == 2:
                raise stop

        source = Clip(frames, [BOX], length=len(frames))
        try:
            track(source, **FAST, summary=tmp_path / "s.json", on_frame=listen)
        except TrackingError as error:
            assert error.track.failed
        summary: dict[str, Any] = json.loads((tmp_path / "s.json").read_text())
        assert (summary["source"], summary["first_box"]) == ("clip", list(BOX))
        return summary

    def counts(summary: dict[str, Any]) -> tuple[int, int, int]:
        return tuple(summary[f"frames{of}"] for of in ("", "_expected", "_unreadable"))

    frames: list[Any] = moving_square(5)
    done = told([*frames[:3], None, frames[4]])
    assert (done["status"], *counts(done)) == ("done", 5, 5, 1)
    assert 1 <= done["frames_found"] <= 4
    stopped = told(frames, KeyboardInterrupt())
    assert (stopped["status"], *counts(stopped)) == ("interrupted", 3, 5, 0)
    failed = told(frames, RuntimeError("out of memory"))
    assert (failed["status"], *counts(failed)) == ("failed", 3, 5, 0)
    assert track(iter(frames[:2]), BOX, **FAST).summary()["frames_expected"] is None


def test_fps_leaves_out_the_first_frame_and_those_that_were_not_tracked() -> None:
    done = track(moving_square(1), BOX, **FAST)
    assert done.fps is None and done.summary()["fps"] is None
    timed = replace(done, seconds=np.array([10.0, 1.0, np.nan, 3.0]))
    assert timed.fps == pytest.approx(2 / 4)


@pytest.mark.parametrize("overlay", ["attention", "confidence"])
def test_an_overlay_changes_the_picture_and_not_the_track(overlay: str, tmp_path: Path) -> None:
    plain, heated = tmp_path / "plain.mp4", tmp_path / "heated.mp4"
    a = track(moving_square(3), BOX, **FAST, video=plain)
    b = track(moving_square(3), BOX, **FAST, video=heated, overlay=overlay)
    assert same(a, b)
    difference = np.abs(frames_in(plain)[1].astype(int) - frames_in(heated)[1])
    assert (difference > 40).mean() > 0.002


# --- Sources that are not as they should be ------------------------------------------------------


def test_one_frame_only(tmp_path: Path) -> None:
    path = tmp_path / "only.png"
    cv2.imwrite(str(path), moving_square(1)[0][..., ::-1])
    done = track(path, BOX, **FAST, out=tmp_path / "b.csv", video=tmp_path / "v.mp4")
    assert len(done) == 1 and done.name == "only"
    assert len(rows_of(tmp_path / "b.csv")) == len(frames_in(tmp_path / "v.mp4")) == 1


def test_a_sequence_folder_brings_first_box_and_metrics(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    for i, image in enumerate(moving_square(5)):
        cv2.imwrite(str(tmp_path / "img" / f"{i + 1:04d}.png"), image[..., ::-1])
    # 1-based, as OTB's; the third frame has no box, and the last no row
    rows = ["21\t25\t20\t16", "23,25,20,16", "NaN NaN NaN NaN", "27 25 20 16"]
    (tmp_path / "groundtruth_rect.txt").write_text("\n".join(rows))
    done = track(tmp_path, **FAST)
    assert done.boxes[0] == pytest.approx(BOX)
    assert done.metrics is not None
    assert (done.metrics.frames, done.metrics.skipped) == (3, 2)
    known = [0, 1, 3]
    truth = np.array([[20 + 2 * i, 24, 20, 16] for i in known])
    assert done.metrics == evaluate(done.boxes[known], truth)._replace(skipped=2)


def test_an_unreadable_frame_keeps_the_last_box(tmp_path: Path) -> None:
    images = moving_square(5)
    for i, image in enumerate(images):
        cv2.imwrite(str(tmp_path / f"{i}.png"), image[..., ::-1])
    (tmp_path / "2.png").write_bytes(b"no picture")
    outputs = tmp_path / "out"
    done = track(tmp_path, BOX, **FAST, out=outputs / "b.csv", video=outputs / "v.mp4")
    assert len(done) == 5
    assert np.array_equal(done.boxes[2], done.boxes[1])
    assert not done.found[2] and np.isnan(done.scores[2]) and np.isnan(done.seconds[2])
    assert np.isfinite(done.scores[[0, 1, 3, 4]]).all()
    row = rows_of(outputs / "b.csv")[2]
    assert row["found"] == "0" and row["score"] == "nan"
    assert len(frames_in(outputs / "v.mp4")) == 5
    # the frame is as if it were not there: the others are tracked as without it
    rest = track([*images[:2], *images[3:]], BOX, **FAST)
    assert np.array_equal(rest.boxes, done.boxes[[0, 1, 3, 4]])


@pytest.mark.parametrize("kind", ["grey", "grey16", "rgb16", "rgba"])
def test_other_kinds_of_images_track_as_their_rgb(kind: str, tmp_path: Path) -> None:
    images = moving_square(3)
    if kind.startswith("grey"):
        images = [np.repeat(image[..., :1], 3, axis=2) for image in images]
    expected = track(images, BOX, **FAST)
    for i, image in enumerate(images):
        stored: Any = {
            "grey": image[..., 0],
            "grey16": image[..., 0].astype(np.uint16) * 257,
            "rgb16": image[..., ::-1].astype(np.uint16) * 257,
            "rgba": np.dstack([image[..., ::-1], np.full(image.shape[:2], 9, np.uint8)]),
        }[kind]
        cv2.imwrite(str(tmp_path / f"{i}.png"), stored)
    assert same(track(tmp_path, BOX, **FAST), expected)


def test_frames_may_change_size(tmp_path: Path) -> None:
    first, second, third = moving_square(3)
    images = [first, second[:50, :70], np.pad(third, ((0, 31), (0, 17), (0, 0)))]
    done = track(images, BOX, **FAST, video=tmp_path / "v.mp4")
    assert len(done) == 3 and np.isfinite(done.boxes).all() and (done.boxes[:, 2:] > 0).all()
    assert len({frame.shape for frame in frames_in(tmp_path / "v.mp4")}) == 1


def test_a_target_under_ten_pixels() -> None:
    done = track(moving_square(4), (22, 26, 6, 5), **FAST)
    assert np.isfinite(done.boxes).all() and (done.boxes[:, 2:] > 0).all()
    assert done.boxes[:, 2:].max() < 20


def test_a_source_that_ends_early_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="rltrack"):
        done = track(Clip(moving_square(2), [BOX] * 4, length=4), **FAST)
    assert len(done) == 2
    assert done.ground_truth is not None and len(done.ground_truth) == 2
    assert "clip ended after 2 of 4 frames" in caplog.text


def test_ground_truth_shorter_than_the_source_is_filled_up() -> None:
    done = track(Clip(moving_square(3), [BOX]), **FAST)
    assert done.metrics is not None and (done.metrics.frames, done.metrics.skipped) == (1, 2)


# --- Reading ahead -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve frames; the fourth is broken."""
    for i, image in enumerate(moving_square(12)):
        cv2.imwrite(str(tmp_path / f"{i:02d}.png"), image[..., ::-1])
    (tmp_path / "03.png").write_bytes(b"no picture")
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the image files read, as they are."""
    names: list[str] = []

    def note(file: Path, limits: Limits) -> Image | None:
        names.append(file.name)
        return read_image(file)

    monkeypatch.setattr(video, "_frame", note)
    return names


def readers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("rltrack-reader")]


def test_files_are_read_ahead_in_order_and_a_few_at_most(folder: Path, read: list[str]) -> None:
    frames = iter(open_source(folder))
    for i in range(12):
        image = next(frames)
        known = None if i == 3 else moving_square(12)[i]
        assert np.array_equal(image, known) if known is not None else image is None
        awaited, deadline = min(i + 1 + AHEAD, 12), time.monotonic() + 20
        while len(read) < awaited and time.monotonic() < deadline:  # while this one is in use
            time.sleep(0.005)
        time.sleep(0.01)
        assert len(read) == awaited
    assert next(frames, "end") == "end"
    assert read == [f"{i:02d}.png" for i in range(12)] and not readers()


def test_reading_stops_where_the_caller_does(folder: Path, read: list[str]) -> None:
    for _ in open_source(folder):
        break
    assert not readers() and len(read) <= 1 + AHEAD


def test_reading_stops_with_a_run_that_fails_or_is_stopped(
    folder: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_update(monkeypatch, 2, RuntimeError("out of memory"))
    with pytest.raises(TrackingError):
        track(folder, BOX, **FAST)
    assert not readers() and len(read) < 12
    failing_update(monkeypatch, 1, KeyboardInterrupt())
    assert track(folder, BOX, **FAST).interrupted
    assert not readers()


def test_an_error_while_reading_ahead_is_raised_at_its_frame() -> None:
    def broken() -> Iterator[Image | None]:
        yield from moving_square(2)
        raise OSError("unplugged")

    frames = read_ahead(broken)
    assert [image is not None for image in (next(frames), next(frames))] == [True, True]
    with pytest.raises(OSError, match="unplugged"):
        next(frames)
    assert not readers()


def test_ctrl_c_while_waiting_for_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i, image in enumerate(moving_square(6)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), image[..., ::-1])
    frame, tracked = video._frame, threading.Event()

    def slow(file: Path, limits: Limits) -> Image | None:
        if file.name == "2.png":
            assert tracked.wait(60)
            time.sleep(0.1)  # now the main thread waits for this frame
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(0.1)
        return frame(file, limits)

    def listen(step: Step) -> None:
        if step.index == 1:
            tracked.set()

    monkeypatch.setattr(video, "_frame", slow)
    outputs = tmp_path / "out"
    done = track(tmp_path, BOX, **FAST, **outputs_in(outputs), on_frame=listen)
    assert done.interrupted and len(done) == 2 and not readers()
    assert_complete(outputs, 2)


def test_generators_are_not_read_ahead() -> None:
    made: list[int] = []

    def camera() -> Iterator[Image]:
        for i, image in enumerate(moving_square(4)):
            made.append(i)
            yield image

    seen: list[int] = []
    track(camera(), BOX, **FAST, on_frame=lambda step: seen.append(len(made)))
    assert seen == [1, 2, 3, 4]


class Few(VGGM):
    """Features without convolutions, for very many frames."""

    @torch.no_grad()
    def features(self, crops: Tensor) -> Tensor:
        return self.pixels(crops).flatten(1)[:, :: 3 * 107 * 107 // 4608][:, :4608] / 128


def resident() -> float:
    """Memory that this process holds, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for the memory")
def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    frames = moving_square(12, 64, 48)
    config = replace(
        QUICK,
        candidates=6,
        averaged_candidates=2,
        update_positives=2,
        update_negatives=4,
        update_iterations=1,
        batch_positives=2,
        batch_negatives=4,
        mined_negatives=8,
    )
    held: dict[int, float] = {}

    def weigh(step: Step) -> None:
        if step.index in (400, 1399):
            held[step.index] = resident()

    done = track(
        (frames[11 - abs(i % 22 - 11)] for i in range(1400)),  # to and fro
        BOX,
        config=config,
        backbone=Few(load_backbone("random").state_dict()),
        out=tmp_path / "b.csv",
        on_frame=weigh,
    )
    assert len(done) == 1400 and done.found.any()
    assert held[1399] - held[400] < 6  # the frames alone have 9 MiB


# --- Bad input: said before anything is tracked --------------------------------------------------


@pytest.fixture
def no_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: object) -> Any:
        raise AssertionError("the first frame was fitted")

    monkeypatch.setattr("rltrack.tracking.tracker.fitted_regressor", fit)


BAD_BOXES = {
    "outside": (200, 10, 20, 20),
    "empty": (10, 10, 0, 20),
    "NaN": (float("nan"), 10, 20, 20),
    "three numbers": (1, 2, 3),
    "no numbers": "abcd",
}


@pytest.mark.usefixtures("no_tracking")
@pytest.mark.parametrize("box", BAD_BOXES.values(), ids=BAD_BOXES)
def test_a_bad_box_leaves_no_file(box: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="box"):
        track(moving_square(2), box, **FAST, out=tmp_path / "b.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_tracking")
def test_no_box_to_start_from() -> None:
    with pytest.raises(InputError, match="no first box"):
        track(moving_square(2), **FAST)


def test_a_strange_archive_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("n\u00e4me", b"mine")
    content = file.read_bytes()
    file.write_bytes(content.replace("n\u00e4me".encode(), b"n\xff\xffme"))
    assert not is_own(file)


def test_what_a_killed_run_left_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    left = tmp_path / "boxes.csv.0123abcd.part"
    for file in (left, tmp_path / "boxes.csv.mine.part"):
        file.write_text("mine")
    Recorder(boxes=tmp_path / "boxes.csv", video=tmp_path / "v.mp4")
    (said,) = caplog.messages
    assert said == f"{left} is of a run that was killed, or that is still at work"


@pytest.mark.parametrize(
    ("output", "name", "signed"),
    [
        *(("out", f"b{suffix}", suffix in (".xml", ".zip")) for suffix in (".csv", *FORMATS)),
        *(("video", f"v{suffix}", True) for suffix in (".mp4", ".mov", ".mkv", ".webm")),
        ("summary", "s.json", False),
        ("html", "p.html", True),
    ],
)
def test_only_the_file_of_an_older_run_is_replaced(
    tmp_path: Path, output: str, name: str, signed: bool
) -> None:
    file = tmp_path / name
    outputs: dict[str, Any] = {output: file}
    file.touch()
    for _ in range(2):
        track(moving_square(1), BOX, **FAST, **outputs)
    ours = file.read_bytes()
    assert ours
    for theirs in (b"a,b,c\n", *[ours.replace(b"rltrack", b"someone")] * signed):
        file.write_bytes(theirs)
        with pytest.raises(InputError, match=f"{name}: there is a file that rltrack did not write"):
            track(moving_square(1), BOX, **FAST, **outputs)
        assert file.read_bytes() == theirs


def test_a_start_beyond_the_end_is_named() -> None:
    with pytest.raises(InputError, match="clip has no first frame where it starts, at 99"):
        track(Clip(moving_square(2), [BOX]), BOX, **FAST, start=99)


def test_a_box_of_a_file_is_named_with_the_file() -> None:
    far = FirstBox("target", (500.0, 24.0, 20.0, 16.0), False, Path("marks.xml"))
    with pytest.raises(InputError, match=r"^marks\.xml: box is 500,24,20,16, outside the 96x72"):
        track(moving_square(2), far, **FAST)


def test_diverged_training_is_named() -> None:
    config = replace(QUICK, first_learning_rate=1e9)
    with pytest.raises(TrackingError, match=r"^training diverged: the target's score is nan"):
        track(moving_square(2), BOX, config=config, backbone="random")


@pytest.mark.parametrize(
    ("output", "name", "endings"),
    [
        ("out", "boxes.tsv", ".csv or .xml or .txt or .zip"),
        ("summary", "notes.txt", ".json"),
        ("html", "page", ".html"),
    ],
)
def test_the_ending_says_what_a_file_is(
    tmp_path: Path, output: str, name: str, endings: str
) -> None:
    (tmp_path / name).write_text("mine")
    outputs: dict[str, Any] = {output: tmp_path / name}
    with pytest.raises(InputError, match=f"{name}: its name must end in {endings}$"):
        track(moving_square(2), BOX, **FAST, **outputs)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.usefixtures("no_tracking")
@pytest.mark.parametrize("frames", [[], [None, *moving_square(1)]], ids=["none", "unreadable"])
def test_no_first_frame(frames: list[Any]) -> None:
    with pytest.raises(InputError, match="first frame"):
        track(Clip(frames, [BOX]), **FAST)


@pytest.mark.usefixtures("no_tracking")
@pytest.mark.parametrize(
    "wrong",
    [
        {"config": "papr"},
        {"backbone": "vgg"},
        {"device": "abacus"},
        {"seed": -1},
        {"overlay": "attention"},  # without a video
        {"overlay": "rainbow", "video": "v.mp4"},
    ],
    ids=str,
)
def test_unknown_choices(
    wrong: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        track(moving_square(2), BOX, **{**FAST, **wrong})
    assert list(tmp_path.iterdir()) == []


BAD_OUTPUTS: dict[str, dict[str, str]] = {
    "a folder": {"out": "."},
    "no name": {"summary": ""},
    "under a file": {"out": "taken/b.csv"},
    "video under a file": {"video": "taken/v.mp4"},
    "no video": {"video": "v.avi"},
    "one file for two": {"out": "x", "summary": "./x"},
    "the source": {"out": "seq/img/1.png"},
    "the ground truth": {"out": "seq/groundtruth_rect.txt"},
}


@pytest.mark.usefixtures("no_tracking")
@pytest.mark.parametrize("outputs", BAD_OUTPUTS.values(), ids=BAD_OUTPUTS)
def test_an_output_that_cannot_be_written_is_found_before_tracking(
    outputs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("mine")
    Path("seq/img").mkdir(parents=True)
    cv2.imwrite("seq/img/1.png", moving_square(1)[0])
    Path("seq/groundtruth_rect.txt").write_text("21,25,20,16")
    source = "seq/img/1.png" if "1.png" in str(outputs) else "seq"
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"cannot (write|be)|two outputs"):
        track(source, BOX, **FAST, **outputs)
    after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.usefixtures("no_tracking")
@pytest.mark.parametrize("output", ["out", "video", "summary"])
@pytest.mark.parametrize("through", ["itself", "a link"])
def test_a_pipe_is_not_replaced(output: str, through: str, tmp_path: Path) -> None:
    pipe = path = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    if through == "a link":
        path = tmp_path / "link.mp4"
        path.symlink_to(pipe)
    with pytest.raises(InputError, match=r"cannot write the .*: it is a pipe or a device"):
        track(moving_square(2), BOX, **FAST, **{output: path})
    assert pipe.is_fifo() and not list(tmp_path.glob("*.part*"))


def test_outputs_go_where_symbolic_links_point(tmp_path: Path) -> None:
    place, links = tmp_path / "place", tmp_path / "links"
    links.mkdir()
    place.mkdir()
    older(place / "b.csv")
    for path in outputs_in(links).values():
        path.symlink_to(place / path.name)
    track(moving_square(2), BOX, **FAST, **outputs_in(links))
    assert all(path.is_symlink() for path in links.iterdir())
    assert_complete(place, 2)
    assert_complete(links, 2)


@pytest.mark.usefixtures("no_tracking")
def test_a_link_to_what_is_tracked_is_not_written(tmp_path: Path) -> None:
    source, link = tmp_path / "1.png", tmp_path / "boxes.csv"
    cv2.imwrite(str(source), moving_square(1)[0])
    before = source.read_bytes()
    link.symlink_to(source)
    with pytest.raises(InputError, match="that file belongs to the input"):
        track(source, BOX, **FAST, out=link)
    assert source.read_bytes() == before


@pytest.mark.usefixtures("no_tracking")
def test_a_call_that_never_starts_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        track(moving_square(2), (0, 0, 0, 0), **FAST, **outputs_in(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_runs_with_the_same_outputs_do_not_disturb_each_other(tmp_path: Path) -> None:
    def start_another(step: Step) -> None:
        if step.index == 1:
            track(moving_square(5), BOX, **FAST, **outputs_in(tmp_path))
            assert_complete(tmp_path, 5, unfinished=2)

    track(moving_square(3), BOX, **FAST, **outputs_in(tmp_path), on_frame=start_another)
    assert_complete(tmp_path, 3)


# --- Failures and interruptions on the way: nothing tracked so far is lost -----------------------


def outputs_in(folder: Path) -> dict[str, Path]:
    return {"out": folder / "b.csv", "video": folder / "v.mp4", "summary": folder / "s.json"}


def assert_complete(folder: Path, frames: int, unfinished: int = 0) -> None:
    parts = set(folder.glob("*.part"))
    assert len(parts) == unfinished
    assert {path.name for path in {*folder.iterdir()} - parts} == {"b.csv", "s.json", "v.mp4"}
    assert len(rows_of(folder / "b.csv")) == len(frames_in(folder / "v.mp4")) == frames
    assert json.loads((folder / "s.json").read_text())["frames"] == frames


def failing_update(monkeypatch: pytest.MonkeyPatch, frame: int, error: BaseException) -> None:
    """Let `Tracker.update` raise at this frame."""
    update, calls = Tracker.update, []

    def fail(self: Tracker, image: Image) -> Result:
        calls.append(1)
        if len(calls) == frame:
            raise error
        return update(self, image)

    monkeypatch.setattr(Tracker, "update", fail)


def test_an_error_in_the_tracker_keeps_the_frames_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_update(monkeypatch, 3, RuntimeError("out of memory"))
    with pytest.raises(TrackingError, match="RuntimeError: out of memory") as caught:
        track(moving_square(5), BOX, **FAST, **outputs_in(tmp_path))
    assert len(caught.value.track) == 3 and not caught.value.track.interrupted
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert_complete(tmp_path, 3)


def test_an_error_in_the_source_keeps_the_frames_before(tmp_path: Path) -> None:
    source = Clip([*moving_square(2), OSError("unplugged")], [BOX])
    with pytest.raises(TrackingError, match="unplugged") as caught:
        track(source, **FAST, **outputs_in(tmp_path))
    assert len(caught.value.track) == 2
    assert_complete(tmp_path, 2)


def test_an_error_in_one_output_leaves_the_others_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, out = os.fsync, outputs_in(tmp_path)["out"]

    def full(file: int) -> None:  # the boxes, which are completed first
        monkeypatch.setattr(os, "fsync", put)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    before = older(out)
    with pytest.raises(TrackingError, match="No space left") as caught:
        track(moving_square(2), BOX, **FAST, **outputs_in(tmp_path))
    assert len(caught.value.track) == 2
    (part,) = tmp_path.glob("b.csv.*.part")
    assert len(rows_of(part)) == len(frames_in(tmp_path / "v.mp4")) == 2
    assert f"it is in {part}; the file that was there is unchanged" in str(caught.value)
    assert caught.value.kept == {tmp_path / "v.mp4": 2, tmp_path / "s.json": 2}
    assert out.read_bytes() == before and (tmp_path / "s.json").exists()


@pytest.mark.parametrize("size", [0, 30])
def test_a_full_disk_is_found_before_tracking(
    size: int, tmp_path: Path, room: Callable[[int], AbstractContextManager[None]]
) -> None:
    files = outputs_in(tmp_path)
    before = {path: older(path) for path in files.values()}
    message = r"^cannot write .*v\.mp4: File too large; the file that was there is unchanged"
    with pytest.raises(InputError, match=message), room(size):
        track(moving_square(5), BOX, **FAST, **files)
    assert sorted(tmp_path.iterdir()) == sorted(files.values())
    assert {path: path.read_bytes() for path in files.values()} == before


@pytest.mark.skipif(os.name == "nt", reason="a signal of POSIX")
def test_a_ctrl_c_while_outputs_are_opened_leaves_no_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = VideoWriter.open

    def press_ctrl_c(writer: VideoWriter, height: int, width: int) -> None:
        signal.raise_signal(signal.SIGINT)
        opened(writer, height, width)

    monkeypatch.setattr(VideoWriter, "open", press_ctrl_c)
    done = track(moving_square(5), BOX, **FAST, **outputs_in(tmp_path))
    assert done.interrupted and not len(done)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("size", [60, 130, 1000])
def test_a_full_disk_keeps_what_there_was_room_for(
    size: int, tmp_path: Path, room: Callable[[int], AbstractContextManager[None]]
) -> None:
    files = outputs_in(tmp_path)
    before = {path: older(path) for path in files.values()}
    with pytest.raises(TrackingError, match=r"^cannot write .*: File too large") as caught:
        with room(size):
            track(moving_square(5), BOX, **FAST, **files)
    assert not list(tmp_path.glob("*.part"))
    kept = caught.value.kept
    assert kept.keys() == {files["out"]} if size > 60 else not kept
    for path in files.values() - kept.keys():
        assert path.read_bytes() == before[path]
    if kept:
        rows = rows_of(files["out"])
        assert kept[files["out"]] == len(rows) == (5 if size == 1000 else 2)
        assert all(len(row) == 8 and row["found"] in "01" for row in rows)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("share", [0.01, 0.999])
def test_a_video_without_room_leaves_the_one_that_was_there(
    suffix: str,
    share: float,
    tmp_path: Path,
    room: Callable[[int], AbstractContextManager[None]],
) -> None:
    path = tmp_path / f"v{suffix}"

    def write() -> None:
        with VideoWriter(path) as writer:
            for image in moving_square(5) * 14:  # more than the encoder keeps to itself
                writer.write(image)

    write()
    before = path.read_bytes()
    limit = int(share * len(before))
    with room(limit), pytest.raises(WriteError, match="is unchanged"):
        write()
        # Seen once in thousands of tries; the sizes would say whether there was room after all.
        pytest.fail(f"{path.stat().st_size} bytes, not more than {limit}; before {len(before)}")
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_video_that_lost_frames_does_not_take_the_name(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "v.mp4")
    for image in moving_square(3):
        writer.write(image)
    writer._count += 1
    with pytest.raises(WriteError, match="only 3 of 4 frames are in it"):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_tracking_keeps_the_frames_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_update(monkeypatch, 2, KeyboardInterrupt())
    done = track(moving_square(5), BOX, **FAST, **outputs_in(tmp_path))
    assert done.interrupted and len(done) == 2
    assert_complete(tmp_path, 2)


def test_ctrl_c_while_writing_waits_for_the_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = recorder.draw_result

    def press(*args: Any, label: str, **options: Any) -> Image:
        if label == "frame 1":
            signal.raise_signal(signal.SIGINT)
        return draw(*args, label=label, **options)

    monkeypatch.setattr(recorder, "draw_result", press)
    done = track(moving_square(5), BOX, **FAST, **outputs_in(tmp_path))
    assert done.interrupted and len(done) == 2
    assert_complete(tmp_path, 2)


def test_signals_are_let_through_only_where_they_may_come_and_once() -> None:
    with HeldSignals() as signals:
        signal.raise_signal(signal.SIGINT)  # held back
        with pytest.raises(KeyboardInterrupt), signals.let_through():
            raise AssertionError("what was held back was not delivered")
        with signals.let_through():
            pass  # delivered once
        with pytest.raises(KeyboardInterrupt), signals.let_through():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)  # raises nothing of its own
                finished = True
        assert finished
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_at_the_very_end_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = Recorder.close

    def press(self: Recorder, summary: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        close(self, summary)

    monkeypatch.setattr(Recorder, "close", press)
    done = track(moving_square(2), BOX, **FAST, **outputs_in(tmp_path))
    assert done.interrupted and len(done) == 2
    assert_complete(tmp_path, 2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_the_first_fit_leaves_older_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(self: Tracker, *_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Tracker, "init", press)
    before = older(tmp_path / "b.csv")
    done = track(moving_square(2), BOX, **FAST, **outputs_in(tmp_path))
    assert done.interrupted and len(done) == 0 and done.boxes.shape == (0, 4)
    assert done.metrics is None and done.summary()["frames"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["b.csv"]
    assert (tmp_path / "b.csv").read_bytes() == before


def test_configuration_by_name_is_the_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(Exception):
        pass

    def look(self: Tracker, config: TrackerConfig, **_: object) -> None:
        assert config == preset("released-code")
        raise Stop

    monkeypatch.setattr(Tracker, "__init__", look)
    with pytest.raises(Stop):
        track(moving_square(1), BOX, config="released-code")


def test_what_failed_can_come_from_another_process() -> None:
    with pytest.raises(TrackingError) as caught:
        track(moving_square(5), BOX, **FAST, on_frame=broken)
    sent = pickle.loads(pickle.dumps(caught.value))
    assert str(sent) == str(caught.value) == "ValueError: broken"
    np.testing.assert_array_equal(sent.track.boxes, caught.value.track.boxes)


def broken(step: Step) -> None:
    if step.index == 2:
        raise ValueError("broken")
