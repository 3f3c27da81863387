"""The result of the tracker in one frame."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Result"]


class Result(NamedTuple):
    """Where the target is in one frame, and whether the tracker found it."""

    box: tuple[float, float, float, float]
    """The bounding box (x, y, w, h) in 0-based pixels. While the target is not found, it is the
    last box."""
    score: float
    """The target's score f_1. It is an unbounded logit, not a calibrated probability."""
    found: bool
    """Whether the target is found, which means that the score is above the threshold (0)."""
