"""Sequences that are cropped, or whose target is hidden for a while."""

from __future__ import annotations

import numpy as np

from rltrack.demo_film.film import synthetic
from rltrack.video.alterations import Cropped, Occluded
from rltrack.video.sources import FrameSource

FILM = synthetic(4, size=(160, 120))


def test_a_window_moves_the_true_boxes() -> None:
    cropped = Cropped(FILM, left=30, right=100)
    assert isinstance(cropped, FrameSource)
    frames = list(cropped)
    assert len(frames) == cropped.length == 4
    for index, image in enumerate(frames):
        np.testing.assert_array_equal(image, FILM[index][:, 30:100])
    np.testing.assert_array_equal(cropped.ground_truth, FILM.ground_truth - [30, 0, 0, 0])


def test_only_the_target_is_hidden_and_only_for_a_while() -> None:
    occluded = Occluded(FILM, 1, 3)
    assert isinstance(occluded, FrameSource)
    for index, image in enumerate(occluded):
        changed = (image != FILM[index]).any(2)
        x, y, w, h = FILM.ground_truth[index].astype(int)
        assert (changed[y : y + h, x : x + w].mean() > 0.9) == (index in (1, 2))
        changed[max(0, y - h // 5) : y + h + h // 5, max(0, x - w // 5) : x + w + w // 5] = False
        assert not changed.any()
