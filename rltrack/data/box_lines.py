"""Lines of text with one box each, the form in which ground truth and raw results are published."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.text_files import read_text

__all__ = ["FARTHEST", "numbers_in", "read_box_lines"]

FARTHEST = 1e9
"""Pixels; a box with a number beyond this is none. Trackers that diverge write larger ones, whose
areas no float can hold."""


def read_box_lines(path: Path) -> NDArray[np.float64]:
    """Read a text file of boxes, one a line, and leave the origin of its pixels as it is.

    A line holds x, y, w, h, or the corners of a polygon (x1, y1, x2, y2, ...; VOT gives four), of
    which the axis-aligned bounding box is taken. Commas, semicolons, tabs or spaces separate the
    numbers. A blank line, or one with a NaN or a number beyond `FARTHEST` in it, is a frame without
    a box. Blank lines at the end do not count, and neither do lines that begin with ``#``.

    Args:
        path: the file.

    Returns:
        (T, 4) float64, (x, y, w, h) in pixels, NaN rows where there is no box.

    Raises:
        InputError: the file cannot be read, is empty, or has a malformed line. The message gives
            the line's number.
    """
    lines = enumerate(read_text(path).rstrip().splitlines(), 1)
    boxes = [_box(line, path, number) for number, line in lines if line[:1] != "#"]
    if not boxes:
        raise InputError(f"{path} is empty: it must hold one box x,y,w,h a line")
    return np.array(boxes)


def _box(line: str, path: Path, number: int) -> list[float]:
    """One line as [x, y, w, h]; NaNs where it gives no box."""
    line = line.strip(" \t,;")
    if not line:
        return [math.nan] * 4
    try:
        values = numbers_in(line)
    except ValueError:
        values = []
    if not all(abs(value) <= FARTHEST for value in values):  # false for NaN, too
        return [math.nan] * 4
    if len(values) == 4:
        return values
    if len(values) >= 6 and len(values) % 2 == 0:
        x, y = values[0::2], values[1::2]
        return [min(x), min(y), max(x) - min(x), max(y) - min(y)]
    if re.match(r"m\d", line):
        raise InputError(
            f"{path}, line {number}: it holds a mask, as VOT gives since 2020, and only boxes and "
            "polygons are read"
        )
    shown = line if len(line) <= 60 else line[:57] + "..."
    raise InputError(
        f"{path}, line {number}: got {shown!r}; wanted x,y,w,h, or the corners of a polygon "
        "x1,y1,x2,y2,..., separated by commas, semicolons, tabs or spaces"
    )


def numbers_in(line: str) -> list[float]:
    """Split a line into its numbers, between which are commas, semicolons, tabs or spaces.

    Raises:
        ValueError: one is no number, or the commas may be decimal points, because the numbers are
            separated by something else.
    """
    line = line.strip().rstrip(",;")
    others = ";" in line or re.search(r"\d\s+[-+.\d]", line)
    if others and re.search(r"\d,\d", line):
        raise ValueError("the commas may be decimal points")
    return [float(item) for item in re.split(r"\s*[,;]\s*|\s+", line)]
