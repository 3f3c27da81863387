"""Sequences that are cropped, or whose target is hidden for a while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.video.alterations import Cropped, Occluded
from rltrack.video.sources import FrameSource

FILM = synthetic(4, size=(160, 120))


@dataclass
class Source:
    """The film with other true boxes."""

    ground_truth: NDArray[np.float64] | None
    name, fps, length = "film", 12.5, 4

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return iter(FILM)


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


@pytest.mark.parametrize("box", [[np.nan] * 4, [500, 20, 30, 30], [-90, 20, 30, 30]])
def test_a_frame_without_a_box_in_it_stays_as_it_is(box: list[float]) -> None:
    first, second, *_ = Occluded(Source(np.array([FILM.ground_truth[0], box])), 0, 2)
    assert first is not None
    assert (first != FILM[0]).any()
    np.testing.assert_array_equal(second, FILM[1])


def test_the_rate_is_that_of_the_source() -> None:
    source = Source(FILM.ground_truth)
    assert Cropped(source).fps == Occluded(source, 0, 1).fps == 12.5


def test_a_source_without_ground_truth_is_refused() -> None:
    with pytest.raises(InputError, match="film has no ground truth"):
        Cropped(Source(None))
    with pytest.raises(InputError, match="film has no ground truth"):
        Occluded(Source(None), 0, 1)
