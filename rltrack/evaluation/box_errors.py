"""What a tracker's boxes lack: the right place, or the right size.

OS falls if a box is at a wrong place, and it falls if a box is too large or too small. To tell the
two apart, one of them is put right: the boxes are moved to the true centres, or get the true sizes,
and are scored again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rltrack.evaluation.metrics import evaluate, is_box

__all__ = ["BoxErrors", "box_errors"]


class BoxErrors(NamedTuple):
    """What :func:`box_errors` returns."""

    os: float
    """OS of the boxes, 0 to 1."""
    true_size: float
    """OS of boxes with the same centres and the true widths and heights, 0 to 1."""
    true_center: float
    """OS of boxes with the same widths and heights and the true centres, 0 to 1."""
    growth: float
    """How much larger than the target the boxes are: the mean over frames of the logarithm of
    ``sqrt(area / true area)``. It is 0.1 if their sides are ten percent too long. NaN if no frame
    has a box.
    """


def box_errors(boxes: ArrayLike, ground_truth: ArrayLike) -> BoxErrors:
    """Score a tracker's boxes on one sequence, as they are and with one part put right.

    Args:
        boxes: (T, 4), the tracker's (x, y, w, h), one row for each frame from the first on. A frame
            without a box stays one without.
        ground_truth: (T, 4), the true boxes, counted from the same origin.

    Raises:
        InputError: the numbers of rows differ, or no row of ground truth is usable.
    """
    score = evaluate(boxes, ground_truth)
    a, b = np.asarray(boxes, np.float64), np.asarray(ground_truth, np.float64)
    both = is_box(a) & is_box(b)
    ratios = a[both, 2:].prod(1) / b[both, 2:].prod(1)
    return BoxErrors(
        score.os,
        evaluate(_boxes(a, b, both), b).os,
        evaluate(_boxes(b, a, both), b).os,
        float(np.log(ratios).mean() / 2) if both.any() else float("nan"),
    )


def _boxes(
    centers: NDArray[np.float64], sizes: NDArray[np.float64], there: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return boxes (T, 4) with the centres of some boxes and the sizes of others, NaN elsewhere."""
    corner = centers[:, :2] + centers[:, 2:] / 2 - sizes[:, 2:] / 2
    return np.where(there[:, None], np.hstack([corner, sizes[:, 2:]]), np.nan)
