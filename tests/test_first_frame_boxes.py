"""The first frame's boxes: of the right kinds, and those that the tracker itself draws."""

from __future__ import annotations

import pytest
import torch

from rltrack.chapters.the_tracker import KINDS, first_frame_boxes
from rltrack.tracking import training_boxes
from rltrack.tracking.boxes import iou
from rltrack.tracking.presets import preset
from rltrack.tracking.tracker import Tracker

TARGET = torch.tensor([120.0, 80.0, 40.0, 60.0])
SIDES = torch.tensor([320.0, 240.0])


@pytest.fixture(scope="module")
def drawn() -> dict[str, torch.Tensor]:
    return first_frame_boxes(TARGET, SIDES, 40, preset("paper"), torch.Generator().manual_seed(1))


def test_there_are_as_many_of_each_kind_as_asked_for(drawn: dict[str, torch.Tensor]) -> None:
    assert tuple(drawn) == KINDS
    assert all(boxes.shape == (40, 4) for boxes in drawn.values())


def test_overlap_with_the_target_makes_the_label(drawn: dict[str, torch.Tensor]) -> None:
    target, beside, anywhere, _ = (iou(boxes, TARGET) for boxes in drawn.values())
    assert target.min() >= 0.5
    assert max(beside.max(), anywhere.max()) <= 0.5
    assert beside.mean() > anywhere.mean() + 0.05


def test_candidates_are_near_and_inside(drawn: dict[str, torch.Tensor]) -> None:
    low, high = drawn["candidate"][:, :2], drawn["candidate"][:, :2] + drawn["candidate"][:, 2:]
    assert (low >= 0).all() and (high <= SIDES).all()
    middle = (low + high) / 2
    # At most 0.6 mean sides away, along each axis.
    assert ((middle - torch.tensor([140.0, 110.0])).abs() <= 0.6 * 50 + 1e-3).all()
    assert (middle - torch.tensor([140.0, 110.0])).abs().max() > 10


def test_they_are_the_boxes_that_a_tracker_draws() -> None:
    config = preset("tiny")
    tracker = Tracker(config, backbone="random", device="cpu")
    tracker._generator = torch.Generator().manual_seed(3)
    candidates = first_frame_boxes(TARGET, SIDES, 16, config, torch.Generator().manual_seed(3))[
        "candidate"
    ]
    # `opening` draws the candidates first; then both generators are in one state.
    torch.randn(16, 3, generator=tracker._generator)
    own = training_boxes.positives(TARGET, SIDES, 16, tracker.config, tracker._generator)
    generator = torch.Generator().manual_seed(3)
    again = first_frame_boxes(TARGET, SIDES, 16, config, generator)
    torch.testing.assert_close(own, again["target"], rtol=0, atol=0)
    torch.testing.assert_close(candidates, again["candidate"], rtol=0, atol=0)
