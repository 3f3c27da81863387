"""What one frame teaches is asked about later frames, and nothing is learned by asking."""

from __future__ import annotations

import numpy as np
import pytest

from rltrack import Tracker, preset, synthetic
from rltrack.chapters.retention import retention
from rltrack.errors import InputError

FILM = synthetic()
CONFIG = preset("tiny", attention_weight=0.0)


def test_what_is_learned_fades() -> None:
    found = retention(FILM, CONFIG, ahead=(0, 20), starts=2, device="cpu")
    now, later = found[0], found[20]
    assert now.ranked > 0.95
    assert later.ranked < now.ranked
    assert now.target > later.target > later.background


def test_a_threshold_below_all_scores_keeps_all() -> None:
    low = preset("tiny", attention_weight=0.0, success_threshold=-100.0)
    assert retention(FILM, low, ahead=(4,), starts=1, device="cpu")[4].kept == 1


def test_too_few_frames_are_named() -> None:
    with pytest.raises(InputError, match="need 10006 frames with ground truth"):
        retention(FILM, CONFIG, ahead=(10000,), device="cpu")


@pytest.mark.parametrize("name", ["tiny", "realtime"])
def test_scores_of_boxes_are_the_trackers_own(name: str) -> None:
    box = FILM.ground_truth[0]
    tracker, twin = (Tracker(preset(name), device="cpu") for _ in range(2))
    result = tracker.init(FILM[0], box)
    twin.init(FILM[0], box)
    aside = box + [60, 20, 0, 0]
    here, there = tracker.scores(FILM[0], [box, aside])
    assert here > there
    assert tracker.scores(FILM[0], [box])[0] == pytest.approx(result.score, abs=1e-4)
    assert tracker.update(FILM[1]) == twin.update(FILM[1])
    assert np.isfinite(tracker.scores(FILM[1], [box, aside])).all()
