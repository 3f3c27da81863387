"""What the tracker says of a frame."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Result"]


class Result(NamedTuple):
    """Where the target is in one frame."""

    box: tuple[float, float, float, float]
    """(x, y, w, h), 0-based pixels; the last box while the target is not found."""
    score: float
    """The target's logit f_1, unbounded; no calibrated probability."""
    found: bool
    """Whether the score is above the threshold (0)."""
