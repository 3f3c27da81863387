"""The frames in which a target cannot be seen, as GOT-10k and LaSOT publish them beside the boxes.

- GOT-10k: ``cover.label`` has how much of the target is seen, from 0 (nothing) to 8 (all);
  ``absence.label`` has 1 where it is not in the image.
- LaSOT: ``full_occlusion.txt`` and ``out_of_view.txt`` have 1 where the target is hidden, or
  outside the image. Its toolkit has one file of both for each target, ``absent/<target>.txt``.

What the ground truth has in these frames is no box that a tracker could find.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.paths import is_file
from rltrack.text_files import read_text

__all__ = ["absent_frames", "is_of_lasot"]

Mask = NDArray[np.bool_]


def absent_frames(boxes: Path, rows: int) -> Mask:
    """Return the frames in which a target cannot be seen.

    Args:
        boxes: the file of its ground truth, beside which the other files are.
        rows: the number of the ground truth's rows.

    Returns:
        (rows,) bool. False everywhere if there are no files that say so.

    Raises:
        InputError: a file cannot be read, or is not of so many frames.
    """
    folder = boxes.parent
    cover = folder / "cover.label"
    if is_file(cover):
        return np.asarray(_flags(cover, rows) == 0)
    absent = np.zeros(rows, np.bool_)
    both = Path("absent", boxes.name)
    for name in ("absence.label", "full_occlusion.txt", "out_of_view.txt", both):
        if is_file(folder / name):
            absent |= _flags(folder / name, rows) == 1
    return absent


def is_of_lasot(boxes: Path) -> bool:
    """Return whether a file of ground truth is LaSOT's, which is 1-based."""
    folder = boxes.parent
    return is_file(folder / "full_occlusion.txt") or is_file(folder / "absent" / boxes.name)


def _flags(file: Path, rows: int) -> NDArray[np.float64]:
    """Read a number for each frame, separated by commas or white space.

    Raises:
        InputError: the file cannot be read, or does not hold ``rows`` numbers.
    """
    try:
        flags = [float(item) for item in re.split(r"[,\s]+", read_text(file).strip(" ,\t\r\n"))]
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: wanted a number for each frame, as in the benchmark") from None
    if len(flags) != rows:
        raise InputError(
            f"{file} has {len(flags)} numbers and the ground truth {rows} rows: one of the files "
            "is damaged, get both again"
        )
    return np.array(flags)
