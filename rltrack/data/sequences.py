"""Sequences on disk: a folder of frames and, beside them, a text file of boxes (OTB, VOT).

Box files count pixels in two ways. OTB's ``groundtruth_rect*.txt`` come from MATLAB and are
1-based. This module subtracts 1 from x and y, and nothing else does. VOT's ``groundtruth.txt`` are
0-based and are read as they are: the VOT toolkit passes them to trackers unchanged, and its own
MATLAB example adds 1 before it indexes the image (votchallenge/toolkit-legacy,
``tracker/examples/matlab/ncc.m``). The name of the file decides. Everywhere else in the package,
boxes are 0-based.
"""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.data.otb import OTB, Target
from rltrack.errors import InputError

__all__ = ["IMAGE_SUFFIXES", "Sequence", "frame_files", "read_boxes", "read_sequence"]

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

_FRAME_FOLDERS = ("img", "color")  # OTB's name and the VOT toolkit's
_BOX_FILES = ("groundtruth_rect.txt", "groundtruth_rect.1.txt", "groundtruth.txt")


class Sequence(NamedTuple):
    """What `read_sequence` returns.

    Attributes:
        name: the folder's name.
        frames: the frame files in order.
        ground_truth: (T, 4) float64, 0-based (x, y, w, h), one row for each frame, NaN where the
            file gives none; None without a ground-truth file.
    """

    name: str
    frames: tuple[Path, ...]
    ground_truth: NDArray[np.float64] | None


def frame_files(folder: str | Path) -> tuple[Path, ...]:
    """The image files of a folder in natural order: 2.jpg comes before 10.jpg.

    Files are told by their suffix (`IMAGE_SUFFIXES`, either case); hidden ones are left out.

    Raises:
        InputError: the folder cannot be listed.
    """
    try:
        files = [
            file
            for file in Path(folder).iterdir()
            if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")
        ]
    except OSError as error:
        raise InputError(f"cannot list the folder {folder}: {error.strerror}") from None
    return tuple(sorted(files, key=_natural))


def read_boxes(path: str | Path) -> NDArray[np.float64]:
    """Read a ground-truth file: one box a line, separated by commas, tabs or spaces.

    A line holds x, y, w, h, or the corners of a polygon (x1, y1, x2, y2, ...; VOT gives four), of
    which the axis-aligned bounding box is taken. A blank line, or one with a NaN in it, is a frame
    without a box. Blank lines at the end do not count.

    Args:
        path: the file. If its name starts with ``groundtruth_rect`` it is OTB's and 1-based; any
            other is 0-based (see the module's text).

    Returns:
        (T, 4) float64, 0-based (x, y, w, h) in pixels, NaN rows where there is no box.

    Raises:
        InputError: the file cannot be read, is empty, has a malformed line (the message gives its
            number), or its first row is not a box.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read the boxes in {path}: {error.strerror}") from None
    lines = text.rstrip().splitlines()
    if not lines:
        raise InputError(f"{path} is empty: it must hold one box x,y,w,h a line")
    boxes = np.array([_parse_box(line, path, number) for number, line in enumerate(lines, 1)])
    if not (boxes[0, 2:] > 0).all():
        raise InputError(
            f"{path}, line 1: got {lines[0].strip()!r}; the first row must be a box x,y,w,h with "
            "w and h above 0, because tracking starts there"
        )
    if path.name.startswith("groundtruth_rect"):
        boxes[:, :2] -= 1
    return boxes


def read_sequence(folder: str | Path, target: int | None = None) -> Sequence:
    """Read a folder of frames, with ground truth if there is a file of it.

    Frames lie in ``img/`` (OTB), in ``color/`` (VOT toolkit) or in the folder itself; boxes in
    ``groundtruth_rect.txt`` or ``groundtruth.txt``. Some OTB folders (Jogging, Skating2) hold two
    targets, ``groundtruth_rect.1.txt`` and ``.2.txt``: without `target`, the first is taken, or
    the one that OTB itself uses (Human4: the second).

    A folder of OTB gives what the benchmark uses (`rltrack.data.otb`): of David's images
    those from number 300, where the ground truth starts; of Tiger1 the frames and rows from 6. In
    any other folder row i belongs to frame i, and rows missing at the end are NaN.

    Args:
        folder: the sequence's folder, or a bare folder of frames.
        target: which of the folder's numbered ground-truth files to read.

    Raises:
        InputError: no frames, malformed ground truth, more rows than frames, no such target.
    """
    folder = Path(folder)
    place = next((folder / sub for sub in _FRAME_FOLDERS if (folder / sub).is_dir()), folder)
    frames = frame_files(place)
    if not frames:
        raise InputError(
            f"no frames in {place}: wanted {', '.join(sorted(IMAGE_SUFFIXES))} files there, "
            "or in its subfolder img"
        )
    name = folder.resolve().name
    file = _box_file(folder, name, target)
    if file is None:
        return Sequence(name, frames, None)
    boxes = read_boxes(file)
    entry = _benchmark_target(name, file)
    if entry is not None and len(boxes) == entry.rows:
        frames = _benchmark_frames(frames, entry, place)
        boxes = boxes[entry.skipped_rows :]
    missing = len(frames) - len(boxes)
    if missing < 0:
        raise InputError(
            f"{file} has {len(boxes)} rows but {place} has only {len(frames)} frames: "
            "add the missing frames, or remove the rows that have none"
        )
    if missing:
        logger.warning("%s: the last %d of %d frames have no row", file, missing, len(frames))
        boxes = np.vstack([boxes, np.full((missing, 4), np.nan)])
    return Sequence(name, frames, boxes)


def _natural(file: Path) -> list[tuple[int, str]]:
    """A sort key in which runs of digits compare as numbers; the name itself breaks ties."""
    parts = re.split(r"([0-9]+)", file.name.lower())
    key = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return [*key, (-1, file.name)]


def _parse_box(line: str, path: Path, number: int) -> list[float]:
    """One line as [x, y, w, h]; NaNs where it gives no box."""
    line = line.strip(" \t,")
    if not line:
        return [math.nan] * 4
    try:
        values = [float(item) for item in re.split(r"\s*,\s*|\s+", line)]
    except ValueError:
        values = []
    if any(math.isnan(value) for value in values):
        return [math.nan] * 4
    if any(math.isinf(value) for value in values):
        values = []
    if len(values) == 4:
        return values
    if len(values) >= 6 and len(values) % 2 == 0:
        x, y = values[0::2], values[1::2]
        return [min(x), min(y), max(x) - min(x), max(y) - min(y)]
    shown = line if len(line) <= 60 else line[:57] + "..."
    raise InputError(
        f"{path}, line {number}: got {shown!r}; wanted x,y,w,h, or the corners of a polygon "
        "x1,y1,x2,y2,..., separated by commas, tabs or spaces"
    )


def _box_file(folder: Path, name: str, target: int | None) -> Path | None:
    """The ground-truth file to read, or None if there is none."""
    if target is not None:
        file = folder / f"groundtruth_rect.{target}.txt"
        if not file.is_file():
            raise InputError(f"no target {target} in {folder}: there is no {file.name}")
        return file
    benchmark = [entry.ground_truth_file for entry in OTB.values() if entry.folder == name]
    candidates = [folder / file for file in (*benchmark, *_BOX_FILES)]
    return next((file for file in candidates if file.is_file()), None)


def _benchmark_target(name: str, file: Path) -> Target | None:
    """OTB's entry for a ground-truth file in the folder called `name`; None if it has none."""
    return next(
        (e for e in OTB.values() if (e.folder, e.ground_truth_file) == (name, file.name)), None
    )


def _benchmark_frames(frames: tuple[Path, ...], entry: Target, place: Path) -> tuple[Path, ...]:
    """The frames that OTB uses of a target."""
    if len(frames) == entry.rows:
        return frames[entry.skipped_rows :]
    numbered = {_number(file): file for file in frames}
    wanted = range(entry.first, entry.last + 1)
    absent = [number for number in wanted if number not in numbered]
    if absent:
        raise InputError(
            f"{place} lacks {len(absent)} of the frames {entry.first} to {entry.last} of OTB's "
            f"{entry.name}, the first of them {absent[0]}: add them"
        )
    return tuple(numbered[number] for number in wanted)


def _number(file: Path) -> int:
    """The number that a frame's file name ends in, or -1."""
    digits = re.search(r"([0-9]+)$", file.stem)
    return int(digits[1]) if digits else -1
