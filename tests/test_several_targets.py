"""Several targets in one video, several runs in one process."""

from __future__ import annotations

import csv
import json
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_presets import QUICK

from rltrack.benchmarks.sweep import track_all
from rltrack.errors import InputError
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.video.annotation import TARGETS, draw_targets
from rltrack.video.recorder import SEVERAL_HEADER
from rltrack.video.run import track, track_several
from rltrack.video.targets import Targets
from rltrack.video.tracks import Step, Track, TrackingError

Image = NDArray[np.uint8]

FAST: dict[str, Any] = {"config": QUICK, "backbone": "random"}
BOXES = [(20.0, 10.0, 20.0, 16.0), (60.0, 44.0, 16.0, 20.0)]


def two_squares(frames: int = 4) -> list[Image]:
    """Two chequered patches that start in `BOXES`; one goes right, the other left."""
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (72, 96, 3)).astype(np.uint8), (9, 9), 3)
    cells = np.kron(np.indices((4, 5)).sum(0) % 2, np.ones((4, 4)))[..., None]
    images = []
    for i in range(frames):
        images.append(ground.copy())
        images[-1][10:26, 20 + 2 * i : 40 + 2 * i] = cells * (255, 40, 20)
        images[-1][44:64, 60 - 2 * i : 76 - 2 * i] = cells.transpose(1, 0, 2) * (20, 60, 255)
    return images


class Counted:
    """Frames that count how often they are read, with ground truth."""

    name, fps = "counted", None

    def __init__(self, images: list[Any]) -> None:
        self.images, self.read = images, 0
        self.length = len(images)
        self.ground_truth = np.array([BOXES[0]] * len(images))

    def __iter__(self) -> Iterator[Image | None]:
        for image in self.images:
            self.read += 1
            yield image


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def frames_in(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def same(a: Track, b: Track) -> bool:
    return np.array_equal(a.boxes, b.boxes) and np.array_equal(a.scores, b.scores, equal_nan=True)


def outputs_in(folder: Path) -> dict[str, Path]:
    return {"out": folder / "b.csv", "video": folder / "v.mp4", "summary": folder / "s.json"}


def assert_complete(folder: Path, frames: int) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["b.csv", "s.json", "v.mp4"]
    numbers = [(int(row["frame"]), int(row["target"])) for row in rows_of(folder / "b.csv")]
    assert numbers == [(frame, target) for frame in range(frames) for target in range(2)]
    assert len(frames_in(folder / "v.mp4")) == frames
    assert json.loads((folder / "s.json").read_text())["frames"] == frames


def act_in_update(monkeypatch: pytest.MonkeyPatch, call: int, act: Any) -> None:
    """Call `act` in place of this call of `Tracker.update`, whichever target's it is."""
    update, calls = Tracker.update, []

    def patched(self: Tracker, image: Image) -> Result:
        calls.append(1)
        return act() if len(calls) == call else update(self, image)

    monkeypatch.setattr(Tracker, "update", patched)


def running(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


# --- Several targets -----------------------------------------------------------------------------


def test_each_target_is_tracked_as_alone_and_frames_are_read_once() -> None:
    source = Counted(two_squares())
    several = track_several(source, np.array(BOXES), **FAST, seed=3)
    assert source.read == 4
    for k, done in enumerate(several):
        assert same(done, track(two_squares(), BOXES[k], **FAST, seed=3 + k))
        assert (done.seed, done.backbone, len(done)) == (3 + k, "random", 4)
    assert not same(*several)


def test_targets_share_the_fixed_convolutions() -> None:
    targets = Targets(3, QUICK, backbone="random", device="cpu")
    assert len({id(tracker.extractor) for tracker in targets.trackers}) == 1
    assert len({id(tracker) for tracker in targets.trackers}) == 3


def test_side_by_side_is_bit_for_bit_one_after_the_other() -> None:
    config = replace(QUICK, attention_weight=5.0, first_iterations=3)
    first, *others = two_squares(3)
    results = []
    for side_by_side in (False, True):
        targets = Targets(2, config, backbone="random", device="cpu", side_by_side=side_by_side)
        with targets:
            results.append([targets.init(first, BOXES), *map(targets.update, others)])
            assert len(running("rltrack-target")) == 2 * side_by_side
        assert not running("rltrack-target")
    assert results[0] == results[1]


def test_side_by_side_passes_an_error_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Tracker, image: Image) -> Result:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Tracker, "update", fail)
    first, second = two_squares(2)
    with (
        pytest.raises(RuntimeError, match="out of memory"),
        Targets(2, QUICK, backbone="random", device="cpu", side_by_side=True) as targets,
    ):
        targets.init(first, BOXES)
        targets.update(second)
    assert not running("rltrack-target")


def test_what_is_written_of_several(tmp_path: Path) -> None:
    told: list[Step] = []
    done = track_several(
        Counted(two_squares()), BOXES, **FAST, **outputs_in(tmp_path), on_frame=told.append
    )
    assert_complete(tmp_path, 4)
    lines = (tmp_path / "b.csv").read_text().splitlines()
    assert lines[0] == SEVERAL_HEADER == "frame,target,x,y,w,h,score,found,time"
    for row in rows_of(tmp_path / "b.csv"):
        one, frame = done[int(row["target"])], int(row["frame"])
        box = [float(row[key]) for key in ("x", "y", "w", "h")]
        np.testing.assert_allclose(box, one.boxes[frame], atol=1e-4)
        assert float(row["score"]) == pytest.approx(one.scores[frame], abs=1e-4)
        assert row["found"] == str(int(one.found[frame]))

    summary = json.loads((tmp_path / "s.json").read_text())
    assert list(summary) == [*track(two_squares(1), BOXES[0], **FAST).summary(), "targets"]
    assert summary["targets"] == 2
    # the ground truth does not say whose it is
    assert [summary[key] for key in ("dp20", "os", "cle", "os50")] == [None] * 4
    # frames a second, all targets together
    assert summary["fps"] == pytest.approx(3 / sum(step.seconds for step in told[1:]))
    assert [step.index for step in told] == [0, 1, 2, 3]
    assert all(len(step.results) == len(step.trackers) == 2 for step in told)
    assert told[2].result == told[2].results[0] and told[2].tracker == told[2].trackers[0]


@pytest.mark.parametrize("overlay", ["attention", "confidence"])
def test_an_overlay_shows_all_targets(overlay: str, tmp_path: Path) -> None:
    plain, heated = tmp_path / "plain.mp4", tmp_path / "heated.mp4"
    a = track_several(two_squares(2), BOXES, **FAST, video=plain)
    b = track_several(two_squares(2), BOXES, **FAST, video=heated, overlay=overlay)
    assert all(map(same, a, b))
    one, other = frames_in(plain)[1].astype(int), frames_in(heated)[1].astype(int)
    factor = len(one) // 72
    for x, y, w, h in BOXES:
        area = np.s_[factor * int(y) : factor * int(y + h), factor * int(x) : factor * int(x + w)]
        assert np.abs(one[area] - other[area]).mean() > 4


def test_an_unreadable_frame_keeps_all_boxes() -> None:
    images: list[Any] = two_squares(4)
    images[2] = None
    for done in track_several(Counted(images), BOXES, **FAST):
        assert np.array_equal(done.boxes[2], done.boxes[1])
        assert not done.found[2] and np.isnan(done.scores[2]) and np.isnan(done.seconds[2])
        assert np.isfinite(done.scores[[0, 1, 3]]).all()


@pytest.mark.parametrize("boxes", [[], [BOXES[0], (200, 10, 9, 9)], [BOXES[0], (9, 9, 0, 9)]])
def test_bad_boxes_are_found_before_the_first_is_learned(
    boxes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: object) -> Any:
        raise AssertionError("the first frame was fitted")

    monkeypatch.setattr("rltrack.tracking.tracker.fitted_regressor", fit)
    with pytest.raises(InputError, match="box"):
        track_several(two_squares(2), boxes, **FAST, **outputs_in(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_one_target_that_fails_ends_the_run_after_the_same_frame_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("out of memory")

    act_in_update(monkeypatch, 4, fail)  # the second target's, in the third frame
    with pytest.raises(TrackingError, match="out of memory") as caught:
        track_several(two_squares(), BOXES, **FAST, **outputs_in(tmp_path))
    assert [len(done) for done in caught.value.tracks] == [2, 2]
    assert caught.value.track is caught.value.tracks[0]
    assert_complete(tmp_path, 2)


def test_ctrl_c_between_two_targets_keeps_whole_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act_in_update(monkeypatch, 4, lambda: signal.raise_signal(signal.SIGINT))
    done = track_several(two_squares(), BOXES, **FAST, **outputs_in(tmp_path))
    assert [(one.interrupted, len(one)) for one in done] == [(True, 2)] * 2
    assert_complete(tmp_path, 2)


# --- The picture of several targets --------------------------------------------------------------

GREY = np.full((480, 640, 3), 100, np.uint8)
PLACES = [(60.0, 100.0, 90.0, 80.0), (260.0, 200.0, 90.0, 80.0), (460.0, 300.0, 90.0, 80.0)]


def like(image: Image, colour: tuple[int, int, int]) -> Any:
    return np.abs(image.astype(int) - colour).max(2) < 12


def test_each_target_has_its_colour_and_its_words() -> None:
    results = [(box, 1.5, True) for box in PLACES]
    image = GREY.copy()
    out = draw_targets(image, results, label="frame 1")
    assert np.array_equal(image, GREY) and out.shape == GREY.shape
    for (x, y, w, h), colour in zip(PLACES, TARGETS, strict=False):
        rows, columns = np.nonzero(like(out, colour))
        assert columns.min() == pytest.approx(x, abs=4)
        assert columns.max() == pytest.approx(x + w, abs=4)
        assert rows.max() == pytest.approx(y + h, abs=4)
        assert 12 < y - rows.min() < 40  # the words above it
        inside = np.s_[int(y) + 8 : int(y + h) - 8, int(x) + 8 : int(x + w) - 8]
        assert np.array_equal(out[inside], GREY[inside])


def test_words_and_dashes_say_what_happened() -> None:
    found = (PLACES[0], 1.5, True)
    variants = [
        [found, (PLACES[1], 1.5, True)],
        [found, (PLACES[1], 1.6, True)],
        [found, (PLACES[1], -1.5, False)],
        [found, (PLACES[1], np.nan, False)],
        [found, (PLACES[1], 1.5, True), (PLACES[2], 1.5, True)],
    ]
    pictures = [draw_targets(GREY, results) for results in variants]
    assert len({picture.tobytes() for picture in pictures}) == len(variants)
    colour = TARGETS[1]
    upper_side = np.s_[200, 262:348]
    assert like(pictures[0], colour)[upper_side].all()
    assert 0.3 < like(pictures[2], colour)[upper_side].mean() < 0.8


@pytest.mark.parametrize("place", [(0, 0, 20, 20), (-90, -50, 900, 700), (1e9, 1e9, 1, 1)])
def test_boxes_at_the_edge_do_no_harm(place: Any) -> None:
    none = (np.nan,) * 4
    for shape in ((480, 640, 3), (30, 40, 3)):
        image = np.full(shape, 100, np.uint8)
        out = draw_targets(image, [(place, 2.0, True), (none, np.nan, False)] * 5, label="frame 0")
        factor = max(1, -(-400 // max(shape)))
        assert out.shape == (factor * shape[0], factor * shape[1], 3)


# --- Several runs --------------------------------------------------------------------------------


def test_runs_side_by_side_are_the_runs_alone() -> None:
    before = torch.get_num_threads()
    jobs = [
        {"source": two_squares(3), "box": BOXES[seed % 2], "seed": seed, **FAST}
        for seed in range(3)
    ]
    done = track_all(jobs, workers=2)
    assert torch.get_num_threads() == before and not running("rltrack-run")
    for run, job in zip(done, jobs, strict=True):
        assert isinstance(run, Track) and same(run, track(**job))


def test_a_run_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("out of memory")

    act_in_update(monkeypatch, 2, fail)
    good = {"source": two_squares(3), "box": BOXES[0], **FAST}
    bad, failed, done = track_all([{**good, "box": (0, 0, 0, 0)}, good, good], workers=1)
    assert isinstance(bad, InputError)
    assert isinstance(failed, TrackingError) and len(failed.track) == 2
    assert isinstance(done, Track) and len(done) == 3


def test_ctrl_c_stops_all_runs_and_keeps_what_is_done(tmp_path: Path) -> None:
    def press(step: Step) -> None:
        if step.index == 1:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if step.index >= 1:
            time.sleep(0.05)

    endless = {"box": BOXES[0], **FAST}
    first, second, third = (
        {**endless, "source": two_squares(3) * 300, **outputs_in(tmp_path / name)}
        for name in ("first", "second", "third")
    )
    done = track_all([{**first, "on_frame": press}, second, third], workers=2)
    for run, name in zip(done[:2], ("first", "second"), strict=True):
        assert isinstance(run, Track) and run.interrupted and 1 <= len(run) < 900
        assert len(rows_of(tmp_path / name / "b.csv")) == len(run)
        assert len(frames_in(tmp_path / name / "v.mp4")) == len(run)
    assert isinstance(done[2], CancelledError) and not (tmp_path / "third").exists()
