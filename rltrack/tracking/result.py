"""The result of the tracker in one frame."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Result", "finite_score"]


class Result(NamedTuple):
    """Where the target is in one frame, and whether the tracker found it."""

    box: tuple[float, float, float, float]
    """The bounding box (x, y, w, h) in 0-based pixels. While the target is not found, it is the
    last box."""
    score: float
    """The target's score f_1. It is an unbounded logit, not a calibrated probability."""
    found: bool
    """Whether the target is found, which means that the score is above the threshold (0)."""


def finite_score(score: float) -> float:
    """Return a score.

    Raises:
        FloatingPointError: it is infinite or NaN, so training diverged.
    """
    if not math.isfinite(score):
        raise FloatingPointError(
            f"training diverged: the target's score is {score}; lower the learning rates of the "
            "configuration"
        )
    return score
