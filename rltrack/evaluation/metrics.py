"""One-pass evaluation (OPE) as in the Object Tracking Benchmark: how good are a tracker's boxes?

Wu, Lim, Yang, "Object Tracking Benchmark", PAMI 2015. These conventions change the numbers:

- The first frame counts, although the tracker was given its box there.
- A frame is precise if its centre error is at most 20 px (``<=``).
- A frame is a success if its overlap is *above* the threshold (strict ``>``), for the 21
  thresholds 0, 0.05, ..., 1. No overlap is above 1, so a perfect tracker scores 20/21 = 0.952.
- Boxes are continuous: there is no ``+1`` in the overlap's widths. The benchmark's toolkit puts a
  centre at x + (w - 1) / 2, and rltrack at x + w / 2. The half pixel is in both boxes and cancels
  out. That the toolkit counts pixels from 1 cancels out in the same way.
- Frames whose ground truth is NaN, or not above 0 in width and height, are skipped and counted.
- A tracker's box that is NaN is a miss. (The benchmark's toolkit repeats the box before it.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rltrack.errors import InputError

__all__ = [
    "Curves",
    "Metrics",
    "center_error",
    "evaluate",
    "evaluate_with_curves",
    "is_box",
    "overlap",
    "precision_curve",
    "success_curve",
]

Array = NDArray[np.float64]


class Metrics(NamedTuple):
    """The scores of one tracker on one sequence.

    Attributes:
        dp20: distance precision, the share of frames with a centre error of at most 20 px.
        os: area under the success curve, the mean of its 21 values; at most 20/21.
        cle: mean centre error in pixels, over the frames where the tracker gave a box.
        os50: share of frames with an overlap above 0.5.
        frames: number of frames that were scored.
        skipped: number of frames left out because their ground truth is missing.
    """

    dp20: float
    os: float
    cle: float
    os50: float
    frames: int
    skipped: int


class Curves(NamedTuple):
    """The curves of one tracker on one sequence, over the frames that `evaluate` scores."""

    precision: Array
    """(51,), see :func:`precision_curve`."""
    success: Array
    """(21,), see :func:`success_curve`."""


def center_error(boxes: ArrayLike, ground_truth: ArrayLike) -> Array:
    """Compute the distance between the centres of boxes, in pixels.

    Args:
        boxes: (T, 4), the tracker's (x, y, w, h).
        ground_truth: (T, 4), the true boxes, counted from the same origin.

    Returns:
        (T,) float64, NaN where a box is NaN.

    Raises:
        InputError: the two arrays do not have the same shape (T, 4).
    """
    a, b = _pair(boxes, ground_truth)
    offset = (a[:, :2] + a[:, 2:] / 2) - (b[:, :2] + b[:, 2:] / 2)
    return np.asarray(np.hypot(offset[:, 0], offset[:, 1]))


def overlap(boxes: ArrayLike, ground_truth: ArrayLike) -> Array:
    """Compute the intersection over union of boxes.

    Args:
        boxes: (T, 4), the tracker's (x, y, w, h).
        ground_truth: (T, 4), the true boxes, counted from the same origin.

    Returns:
        (T,) float64 in [0, 1]; 0 where a box is NaN or empty.

    Raises:
        InputError: the two arrays do not have the same shape (T, 4).
    """
    a, b = _pair(boxes, ground_truth)
    a, b = (np.where(is_box(x)[:, None], x, 0.0) for x in (a, b))
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    intersection = np.clip(high - low, 0, None).prod(axis=1)
    union = a[:, 2:].prod(axis=1) + b[:, 2:].prod(axis=1) - intersection
    ratio = np.divide(intersection, union, out=np.zeros(len(a)), where=union > 0)
    # x + w - x is not always w in floating point: a perfect box must not come out above 1.
    return np.asarray(np.minimum(ratio, 1.0))


def precision_curve(errors: ArrayLike) -> Array:
    """Compute the share of frames whose centre error is at most 0, 1, ..., 50 px.

    Args:
        errors: (T,) centre errors in pixels. A NaN is above all thresholds.

    Returns:
        (51,) float64 in [0, 1].
    """
    return np.asarray((np.asarray(errors, float)[:, None] <= np.arange(51)).mean(axis=0))


def success_curve(overlaps: ArrayLike) -> Array:
    """Compute the share of frames whose overlap is above each of the thresholds 0, 0.05, ..., 1.

    Args:
        overlaps: (T,) intersections over union, in [0, 1].

    Returns:
        (21,) float64 in [0, 1]. The last value is 0.
    """
    # Not linspace: k / 20 is correctly rounded, so that an overlap of exactly 3/20 is not above.
    thresholds = np.arange(21) / 20
    return np.asarray((np.asarray(overlaps, float)[:, None] > thresholds).mean(axis=0))


def evaluate(boxes: ArrayLike, ground_truth: ArrayLike) -> Metrics:
    """Score a tracker's boxes on one sequence. The module's text has the conventions.

    Args:
        boxes: (T, 4), the tracker's (x, y, w, h), one row for each frame from the first on.
        ground_truth: (T, 4), the true boxes, counted from the same origin.

    Raises:
        InputError: the numbers of rows differ, or no row of ground truth is usable.
    """
    return evaluate_with_curves(boxes, ground_truth)[0]


def evaluate_with_curves(boxes: ArrayLike, ground_truth: ArrayLike) -> tuple[Metrics, Curves]:
    """Return what `evaluate` returns, and the precision and success curves that it comes from."""
    predicted, truth = _scored(boxes, ground_truth)
    errors = center_error(predicted, truth)
    precision, success = precision_curve(errors), success_curve(overlap(predicted, truth))
    given = errors[~np.isnan(errors)]
    metrics = Metrics(
        dp20=float(precision[20]),
        os=float(success.mean()),
        cle=float(given.mean()) if given.size else float("nan"),
        os50=float(success[10]),
        frames=len(truth),
        skipped=len(np.asarray(ground_truth)) - len(truth),
    )
    return metrics, Curves(precision, success)


def _scored(boxes: ArrayLike, ground_truth: ArrayLike) -> tuple[Array, Array]:
    """Return both arrays in the frames that have a true box."""
    predicted, truth = _pair(boxes, ground_truth)
    usable = is_box(truth)
    if not usable.any():
        raise InputError(f"ground_truth: none of its {len(truth)} rows is a box")
    return predicted[usable], truth[usable]


def _pair(boxes: ArrayLike, ground_truth: ArrayLike) -> tuple[Array, Array]:
    """Return both as float64 arrays, after checking them."""
    a, b = np.asarray(boxes, np.float64), np.asarray(ground_truth, np.float64)
    for name, array in (("boxes", a), ("ground_truth", b)):
        if array.ndim != 2 or array.shape[1] != 4:
            raise InputError(f"{name}: got shape {array.shape}, wanted (frames, 4)")
    if len(a) != len(b):
        raise InputError(
            f"boxes has {len(a)} rows and ground_truth {len(b)}: wanted one row a frame in both"
        )
    return a, b


def is_box(boxes: Array) -> NDArray[np.bool_]:
    """Return (T,) whether each row of ``boxes`` (T, 4) is finite, with width and height above 0."""
    return np.asarray(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1))
