"""Which frames of a run its page shows, and of which the attention is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rltrack.tracking.result import Result
from rltrack.video.key_frames import KeyFrame, KeyFrames

IMAGE = np.zeros((30, 40, 3), np.uint8)


class Looking:
    """A tracker that counts how often its attention is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def attention(self, image: Any, box: Any) -> tuple[Any, None]:
        self.asked += 1
        return np.eye(4, dtype=np.float32), None

    def crop_extent(self, box: Any) -> tuple[float, float, float, float]:
        return -2.0, 1.0, 20.0, 10.0


def results(found: bool) -> tuple[Result, ...]:
    return (Result((5.0, 5.0, 10.0, 8.0), 1.0 if found else -1.0, found),)


def run(
    found: Sequence[bool], length: int | None, done: bool = True
) -> tuple[list[KeyFrame], Looking]:
    tracker, frames = Looking(), KeyFrames(length)
    trackers: list[Any] = [tracker]
    for index, each in enumerate(found):
        frames.add(index, IMAGE, results(each), trackers, None)
    last = results(found[-1])
    return frames.close(len(found) - 1, IMAGE, last, trackers if done else [], None), tracker


def indices(frames: Sequence[KeyFrame]) -> list[int]:
    return [frame.index for frame in frames]


def test_a_run_of_known_length_has_evenly_spaced_frames_and_the_last() -> None:
    frames, tracker = run([True] * 120, 120)
    assert indices(frames) == [*range(0, 120, 10), 119]
    assert tracker.asked == 13 + 2  # and 4 and 8, in case it had ended early


def test_short_runs_show_every_frame() -> None:
    for length in (1, None):
        assert indices(run([True], length)[0]) == [0]
    assert indices(run([True] * 9, 9)[0]) == [*range(9)]


@pytest.mark.parametrize("count", [17, 100, 1000, 4999])
def test_without_a_length_the_frames_are_evenly_spaced_too(count: int) -> None:
    frames, tracker = run([True] * count, None)
    spaced = indices(frames)[:-1]
    assert 8 <= len(spaced) <= 16 and len(set(np.diff(spaced))) == 1
    assert indices(frames)[-1] == count - 1
    assert tracker.asked <= 17 + 9 * np.log2(count)  # ever fewer


def test_a_run_that_ends_early_has_frames_of_what_there_was() -> None:
    assert indices(run([True] * 40, 12_000)[0]) == [0, 4, 8, 16, 32, 39]


def test_a_longer_run_than_the_source_said_stays_bounded() -> None:
    frames, tracker = run([True] * 3000, 24)
    assert len(frames) <= 17 and tracker.asked < 100


def test_losses_and_returns_are_shown() -> None:
    found = np.ones(120, bool)
    found[33:77] = False
    frames, _ = run(found.tolist(), 120)
    assert {33, 77} <= {*indices(frames)}
    assert [f.results[0].found for f in frames if f.index in (33, 77)] == [False, True]


def test_flicker_does_not_fill_the_page() -> None:
    frames, tracker = run([index % 2 == 0 for index in range(1200)], 1200)
    events = [frame for frame in frames if frame.reason == "event"]
    assert len(events) == 8 and len(frames) <= 12 + 8 + 1
    assert min(np.diff(indices(events))) > 25  # a quarter of what is between two spaced ones
    assert tracker.asked <= 12 + 8 + 1 + 5


def test_a_key_frame_holds_its_pictures() -> None:
    frames, _ = run([True], 1)
    (frame,) = frames
    (attention,) = frame.maps
    assert frame.size == (40, 30) and attention.size == (240, 120)
    assert attention.unevenness == pytest.approx(np.sqrt(3))
    assert frame.data.startswith("data:image/jpeg;base64,")


def test_a_stopped_run_asks_nothing_of_a_tracker_between_two_frames() -> None:
    frames, tracker = run([True] * 30, 1200, done=False)
    assert frames[-1].index == 29 and frames[-1].maps == ()
    assert tracker.asked == 4


def test_of_many_targets_only_the_first_have_their_attention_shown() -> None:
    tracker, frames = Looking(), KeyFrames(None)
    many = results(True) * 50
    trackers: list[Any] = [tracker] * 50
    frames.add(0, IMAGE, many, trackers, None)
    (frame,) = frames.close(0, IMAGE, many, trackers, None)
    assert len(frame.results) == 50 and len(frame.maps) == tracker.asked == 4
