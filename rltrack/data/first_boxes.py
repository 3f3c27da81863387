"""First boxes from the files of annotation tools: CVAT, MOT and YOLO.

- ``.xml``: CVAT's, for video (``<track>``) or for images (``<image>``). Frames count from 0, as do
  pixels.
- ``.txt`` or ``.csv`` with at least six columns: MOT's ``frame, id, x, y, w, h, ...``. Frames and
  pixels count from 1, as MOTChallenge's instructions say. Rows with a 0 in the seventh column are
  not considered there, and not here.
- ``.txt`` with five columns: YOLO's labels of one image, ``class x y w h``, the centre and the size
  in widths and heights of the image. They are taken for the frame that is asked for.

What else such files hold (polygons, attributes) is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from rltrack.data.box_lines import numbers_in
from rltrack.errors import InputError, brief
from rltrack.paths import given_path
from rltrack.text_files import read_text

__all__ = ["FirstBox", "read_first_boxes"]

_MOST = 1000
"""Targets of one file. Each has a tracker of its own."""


@dataclass(frozen=True)
class FirstBox:
    """A target's box in the first frame, as a file has it.

    Called with an image (H, W, 3), it returns x, y, w, h in 0-based pixels.

    Attributes:
        label: the name of the target's class, or its number.
        box: x, y, w, h, in pixels; of YOLO in widths and heights of the image.
        relative: whether the box is in widths and heights of the image.
        file: where it was read.
    """

    label: str
    box: tuple[float, float, float, float]
    relative: bool
    file: Path

    def __call__(self, image: NDArray[np.uint8]) -> list[float]:
        """Return the box in an image."""
        height, width = image.shape[:2]
        scale = (width, height, width, height) if self.relative else (1, 1, 1, 1)
        return [value * side for value, side in zip(self.box, scale, strict=True)]


_LARGEST = 1.01
"""Above all numbers of YOLO's boxes, which tools round beyond 1 by less."""


class _Mark(NamedTuple):
    """A box in a file."""

    frame: int | None  # None: of whatever frame is asked for
    label: str
    box: tuple[float, float, float, float]


def read_first_boxes(file: str | Path, frame: int = 0) -> list[FirstBox]:
    """Read the boxes in a frame.

    Args:
        file: a file of one of the forms above.
        frame: the number of the frame, from 0.

    Returns:
        The boxes, in the file's order.

    Raises:
        InputError: the file cannot be read or is of another form, there is no box in the frame, or
            there are more than 1000.
    """
    file = given_path(file, "the file of boxes")
    text = read_text(file)
    marks = _in_cvat(file, text) if text.lstrip()[:1] == "<" else _in_lines(file, text)
    found, first = [], None
    for mark in marks:
        if mark.frame in (None, frame):
            found.append(FirstBox(mark.label, mark.box, mark.frame is None, file))
        else:
            first = mark.frame if first is None else min(first, mark.frame or 0)
        if len(found) > _MOST:
            raise InputError(f"{file} has more than {_MOST} boxes in frame {frame}: remove some")
    if not found:
        where = "" if first is None else f"; its first box is in frame {first}"
        if first == -1:
            where = "; MOT counts frames from 1, and there is a box in frame 0 of the file"
        raise InputError(f"{file} has no box in frame {frame}, counted from 0{where}")
    return found


def _in_lines(file: Path, text: str) -> Iterator[_Mark]:
    """Yield the boxes of MOT's or YOLO's lines."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = numbers_in(line)
            # A sixth number of YOLO's is a confidence. No box of MOT's is so small.
            if len(values) == 5 or (len(values) == 6 and max(values[1:]) <= _LARGEST):
                label, x, y, w, h = values[:5]
                if max(x, y, w, h) > _LARGEST:  # pixels
                    raise ValueError
                yield _Mark(None, _number(label), _box(x - w / 2, y - h / 2, w, h))
            elif len(values) >= 6:
                frame, x, y, w, h = int(values[0]) - 1, *values[2:6]
                if len(values) < 7 or values[6] != 0:
                    label = values[7] if len(values) > 7 else 1
                    yield _Mark(frame, _number(label), _box(x - 1, y - 1, w, h))
            else:
                raise ValueError
        except (ValueError, OverflowError):
            raise InputError(
                f"{file}, line {number}: got {brief(line)}; wanted YOLO's class x y w h (from 0 to "
                "1), MOT's frame, id, x, y, w, h, ..., or CVAT's XML"
            ) from None


def _number(label: float) -> str:
    return f"{max(int(label), 0)}"


def _box(x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
    """Return a box; ValueError if it is none."""
    if not (all(map(math.isfinite, (x, y, w, h))) and w > 0 and h > 0):
        raise ValueError("no box")
    return x, y, w, h


def _in_cvat(file: Path, text: str) -> list[_Mark]:
    """Return the boxes in CVAT's XML. A file that declares entities is refused: none needs any."""
    marks: list[_Mark] = []
    around: dict[str, str] = {}  # of the track or the image that the parser is in
    place = ""

    def start(name: str, given: dict[str, str]) -> None:
        nonlocal around, place
        if name in ("track", "image"):
            around, place = given, name
        elif name == "box" and place and given.get("outside") != "1":
            frame = int(given["frame"] if place == "track" else around["id"])
            left, top, right, bottom = (float(given[k]) for k in ("xtl", "ytl", "xbr", "ybr"))
            if float(given.get("rotation", 0)) != 0:
                raise InputError(
                    f"{file}: the box in frame {frame} is rotated, and only upright ones are read"
                )
            label = (around if place == "track" else given).get("label", "")
            marks.append(_Mark(frame, label[:100], _box(left, top, right - left, bottom - top)))

    def doctype(*_: object) -> None:
        raise InputError(f"{file} has a document type, which CVAT's files have not: export it anew")

    parser = expat.ParserCreate("utf-8")  # whatever encoding the file says it is in
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise InputError(f"{file} is not XML ({error}): export it anew") from None
    except InputError:
        raise
    except (KeyError, ValueError, OverflowError) as error:
        raise InputError(
            f"{file}, line {parser.CurrentLineNumber}: a box of CVAT is wrong or incomplete "
            f"({brief(error)}): export it anew"
        ) from None
    return marks
