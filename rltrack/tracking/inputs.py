"""Checks of the tracker's inputs: boxes, a seed, and the name of a device."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from rltrack.errors import InputError, brief

__all__ = ["Box", "checked_box", "checked_boxes", "checked_seed", "pick_device"]

Box = Sequence[float] | NDArray[np.floating[Any]]
"""A box: x, y, w, h in pixels."""

_LARGEST = 10
"""A target reaches beyond the image if the camera is near, but not by more than this factor."""

_SMALLEST = 1
"""Pixels. There is nothing to see in a smaller target."""

_FARTHEST = 1e7
"""Pixels. Far beyond it, float32 does not tell neighbouring pixels apart."""


def pick_device(name: str | torch.device = "auto") -> torch.device:
    """Return the device called ``auto``, ``cpu``, ``cuda`` (or ``cuda:1``, ...) or ``mps``.

    ``auto`` is CUDA if there is a CUDA device, and otherwise the CPU. On MPS the tracker is not
    tested, and may not work. A `torch.device` of any kind is returned if this machine has it.

    Raises:
        InputError: no device is called so, or this machine has no such device.
    """
    named = not isinstance(name, torch.device)
    if named and not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", str(name)):
        raise InputError(f"unknown device {name!r}; there are auto, cpu, cuda, mps")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, dtype=torch.uint8, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device '{name}' cannot be used on this machine; try auto or cpu"
        ) from error
    return device


def checked_box(box: Iterable[float], image: NDArray[np.uint8] | None = None) -> list[float]:
    """Return ``box`` as four floats.

    Args:
        box: x, y, w, h in pixels.
        image: (H, W, 3), the image that the target is in. None for a box that may be anywhere.

    Raises:
        InputError: the box is not four finite numbers, a side is not positive, or the box does not
            overlap ``image``, or has a side that is shorter than one pixel or more than ten times
            as long as the image's. Without an image, a number is below -1e7 or above 1e7.
    """
    try:
        if isinstance(box, str):  # whose digits would be numbers
            raise ValueError
        x, y, w, h = (float(value) for value in box)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"box is {brief(box)}; wanted four numbers x, y, w, h") from None
    given = f"box is {x:g},{y:g},{w:g},{h:g}"
    if not all(map(math.isfinite, (x, y, w, h))):
        raise InputError(f"{given}; its numbers must be finite")
    if w <= 0 or h <= 0:
        raise InputError(f"{given}; width and height must be positive")
    if image is None:
        if max(map(abs, (x, y, w, h))) > _FARTHEST:
            raise InputError(f"{given}; no number may be beyond 1e7")
        return [x, y, w, h]
    if w < _SMALLEST or h < _SMALLEST:
        raise InputError(f"{given}; width and height must be at least {_SMALLEST} pixel")
    height, width = image.shape[:2]
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise InputError(f"{given}, outside the {width}x{height} image")
    if w > _LARGEST * width or h > _LARGEST * height:
        raise InputError(
            f"{given}; its sides may be at most {_LARGEST} times as long as those of the "
            f"{width}x{height} image"
        )
    return [x, y, w, h]


def checked_boxes(boxes: ArrayLike) -> list[list[float]]:
    """Return ``boxes`` (N, 4), which may be anywhere, as lists of four floats.

    Raises:
        InputError: they are not such an array with N at least 1, or :func:`checked_box` refuses
            one of them.
    """
    try:
        array = np.asarray(boxes, float)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"boxes are {brief(boxes)}; wanted an (N, 4) array of numbers") from None
    if array.ndim != 2 or array.shape[1] != 4 or not len(array):
        raise InputError(f"boxes are of shape {array.shape}; wanted (N, 4), N at least 1")
    return [checked_box(box) for box in array]


def checked_seed(seed: int) -> int:
    """Return ``seed`` as an int.

    Raises:
        InputError: the seed is not a whole number from 0 to 2^63 - 1.
    """
    if not isinstance(seed, Integral) or not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed!r}; it must be a whole number from 0 to 2^63 - 1")
    return int(seed)
