"""The structure in which OTB's toolkits save a run: ``res``, its type, and more about the run.

The MATLAB toolkit saves ``res`` and ``type``, and MDNet's Python code does so as JSON. OTB's Python
toolkit saves ``res`` and ``resType``. The type says what a row of ``res`` is:

- ``rect``: x, y, w, h;
- ``ivtAff``: an affine map of a template of the size ``tmplsize`` (width, height), whose origin is
  its centre: the centre's x and y, then the 2x2 matrix, row by row (IVT, ASLA, SCM);
- ``L1Aff``: an affine map of a template of the size ``tmplsize`` (height, width), whose pixels
  count from 1, to rows and columns: the 2x2 matrix, row by row, then the row and the column that
  are added (L1APG, MTT);
- ``4corner`` or ``affine``: two rows for each frame, the x and the y of four corners.

Of what is not a rectangle, the axis-aligned bounding box of its corners is taken, as of a polygon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError, brief

__all__ = ["is_structure", "rows_of"]

Array = NDArray[np.float64]


def is_structure(held: Any) -> bool:
    """Return whether what a file holds is a run's structure."""
    return isinstance(held, Mapping) and "res" in held


def rows_of(run: Mapping[str, Any], place: str) -> Any:
    """Return the rows x, y, w, h of a run. What ``res`` is in a run of rectangles is not checked.

    Args:
        run: the structure.
        place: where it was read, for messages.

    Raises:
        InputError: it does not say its type, or it cannot be converted to boxes.
    """
    kind = run.get("type", run.get("resType"))
    if isinstance(kind, str) and kind == "rect":
        return run["res"]
    boxes = _BOXES.get(kind) if isinstance(kind, str) else None
    if boxes is None:
        of = "do not say their type" if kind is None else f"are of type {brief(kind)}"
        raise InputError(
            f"{place}: its boxes {of}; only rect, {', '.join(_BOXES)} can be read: convert them "
            "to x, y, w, h"
        )
    try:
        return boxes(np.array(run["res"], np.float64), run)
    except (KeyError, TypeError, ValueError, OverflowError, IndexError):
        raise InputError(
            f"{place}: its boxes are said to be of type {kind}, and are not: write them again"
        ) from None


def _bounding_boxes(x: Array, y: Array) -> Array:
    """The boxes (T, 4) of corners, whose x and y are (T, 4)."""
    left, top = x.min(axis=1), y.min(axis=1)
    return np.stack([left, top, x.max(axis=1) - left, y.max(axis=1) - top], axis=1)


def _template_size(run: Mapping[str, Any]) -> tuple[float, float]:
    first, second = np.ravel(np.array(run["tmplsize"], np.float64))
    return float(first), float(second)


def _of_ivt(res: Array, run: Mapping[str, Any]) -> Array:
    """The boxes of rows (T, 6)."""
    width, height = _template_size(run)
    u, v = np.array([-1, 1, 1, -1]) * width / 2, np.array([-1, -1, 1, 1]) * height / 2
    x, y, xu, xv, yu, yv = np.atleast_2d(res).T[:, :, None]
    return _bounding_boxes(x + xu * u + xv * v, y + yu * u + yv * v)


def _of_l1(res: Array, run: Mapping[str, Any]) -> Array:
    """The boxes of rows (T, 6)."""
    height, width = _template_size(run)
    r, c = np.array([1, 1, height, height]), np.array([1, width, width, 1])
    rr, rc, cr, cc, row, column = np.atleast_2d(res).T[:, :, None]
    boxes = _bounding_boxes(cr * r + cc * c + column, rr * r + rc * c + row)
    return boxes + [0, 0, 1, 1]  # from the first to the last pixel, with both, as in the toolkit


def _of_corners(res: Array, _: Mapping[str, Any]) -> Array:
    """The boxes of rows (2T, 4)."""
    return _bounding_boxes(*res.reshape(-1, 2, 4).transpose(1, 0, 2))


_BOXES: dict[str, Callable[[Array, Mapping[str, Any]], Array]] = {
    "ivtAff": _of_ivt,
    "L1Aff": _of_l1,
    "4corner": _of_corners,
    "affine": _of_corners,
}
