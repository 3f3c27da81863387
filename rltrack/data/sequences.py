"""Sequences on disk: a folder of frames and, beside them, a text file of boxes (OTB, VOT).

Box files count pixels in two ways. OTB's ``groundtruth_rect*.txt`` come from MATLAB and are
1-based: this module subtracts 1 from x and y. VOT's ``groundtruth.txt`` are 0-based and are read as
they are: the VOT toolkit passes them to trackers unchanged, and its own MATLAB example adds 1
before it indexes the image (votchallenge/toolkit-legacy, ``tracker/examples/matlab/ncc.m``). So are
GOT-10k's, whose toolkit does the same. LaSOT's are 1-based, as its authors say. The name of the
file decides, and for LaSOT the files beside it. Everywhere else in the package, boxes are 0-based.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.data.absence import absent_frames, is_of_lasot
from rltrack.data.box_lines import read_box_lines
from rltrack.data.otb import OTB, Target
from rltrack.data.target_names import Names, plain
from rltrack.errors import InputError
from rltrack.paths import is_file, is_folder, listed

__all__ = [
    "IMAGE_SUFFIXES",
    "Sequence",
    "frame_files",
    "frame_number",
    "ground_truth_files",
    "is_read",
    "matched",
    "natural_key",
    "otb_folder",
    "read_boxes",
    "read_sequence",
]

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

_FRAME_FOLDERS = ("img", "color")  # OTB's name and the VOT toolkit's
_BOX_FILES = ("groundtruth_rect.txt", "groundtruth_rect.1.txt", "groundtruth.txt")


class Sequence(NamedTuple):
    """What `read_sequence` returns.

    Attributes:
        name: the folder's name.
        frames: the frame files in order.
        ground_truth: (T, 4) float64, 0-based (x, y, w, h), one row for each frame, NaN where the
            file gives none; None without a ground-truth file that can be used.
        problem: why the ground-truth file cannot be used; None if it can, or if there is none.
        others: the ground truth of the folder's other targets, like `ground_truth`.
    """

    name: str
    frames: tuple[Path, ...]
    ground_truth: Array | None
    problem: str | None = None
    others: tuple[Array, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All images of the folder of frames. OTB and UAV123 use only a part of some folders."""
        return frame_files(self.frames[0].parent)

    @property
    def before(self) -> int:
        """How many of `files` come before the first frame."""
        files = self.files  # a sequence that a caller put together may have other frames
        return files.index(self.frames[0]) if self.frames[0] in files else 0


def frame_files(folder: str | Path) -> tuple[Path, ...]:
    """The image files of a folder in natural order: 2.jpg comes before 10.jpg.

    Files are told by their suffix (`IMAGE_SUFFIXES`, either case); hidden ones are left out.

    Raises:
        InputError: the folder cannot be listed.
    """
    files = [
        file
        for file in listed(Path(folder))
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")
    ]
    return tuple(sorted(files, key=natural_key))


def read_boxes(path: str | Path) -> Array:
    """Read a ground-truth file: one box a line, see `rltrack.data.box_lines.read_box_lines`.

    Args:
        path: the file. If its name starts with ``groundtruth_rect`` it is OTB's and 1-based, and
            so is LaSOT's; any other is 0-based (see the module's text).

    Returns:
        (T, 4) float64, 0-based (x, y, w, h) in pixels, NaN rows where there is no box.

    Raises:
        InputError: the file cannot be read, is empty, has a malformed line (the message gives its
            number), or none of its rows is a box.
    """
    path = Path(path)
    boxes = read_box_lines(path)
    if not (boxes[:, 2:] > 0).all(axis=1).any():
        raise InputError(
            f"{path}: none of its rows is a box x,y,w,h with w and h above 0; write at least one"
        )
    if path.name.startswith("groundtruth_rect") or is_of_lasot(path):
        boxes[:, :2] -= 1
    return boxes


def read_sequence(folder: str | Path, target: int | None = None) -> Sequence:
    """Read a folder of frames, with ground truth if there is a file of it.

    Frames lie in ``img/`` (OTB), in ``color/`` (VOT toolkit) or in the folder itself; boxes in
    ``groundtruth_rect.txt`` or ``groundtruth.txt``. Some OTB folders (Jogging, Skating2) hold two
    targets, ``groundtruth_rect.1.txt`` and ``.2.txt``: without `target`, the first is taken, or
    the one that OTB itself uses (Human4: the second), or the one that the folder is named after
    (a copy that is called Jogging-2).

    A folder of OTB, in any spelling of its name, gives what the benchmark uses
    (`rltrack.data.otb`): of David's images those from number 300, where the ground truth starts;
    of Tiger1 the frames and rows from 6. In any other folder row i belongs to frame i, and rows
    missing at the end are NaN. A single row too many is left out, with a warning. The rows of
    GOT-10k and LaSOT are NaN where the target cannot be seen (`rltrack.data.absence`).

    Args:
        folder: the sequence's folder, or a bare folder of frames.
        target: which of the folder's numbered ground-truth files to read.

    Returns:
        The sequence. If its ground truth cannot be used, it is None, and `Sequence.problem` says
        why: the frames can still be tracked from a box that is given.

    Raises:
        InputError: no frames, or no such target.
    """
    folder = Path(folder)
    place = next((folder / sub for sub in _FRAME_FOLDERS if is_folder(folder / sub)), folder)
    frames = frame_files(place)
    if not frames:
        raise InputError(
            f"no frames in {place}: wanted {', '.join(sorted(IMAGE_SUFFIXES))} files there, "
            "or in its subfolder img"
        )
    name = folder.name  # of a link, its own
    if name in ("", ".."):
        name = folder.resolve().name
    entries = _benchmark_targets(name) or _benchmark_targets(folder.resolve().name)
    files = _box_files(folder, entries, target)
    if not files:
        return Sequence(name, frames, None)
    used, truth, problem, others = frames, None, None, []
    try:
        used, truth = _paired(files[0], frames, entries)
    except InputError as error:
        problem = str(error)
    for file in files[1:]:
        with suppress(InputError):
            also, boxes = _paired(file, frames, entries)
            if also == used:
                others.append(boxes)
    return Sequence(name, used, truth, problem, tuple(others))


def otb_folder(data: Path, target: Target) -> Path:
    """Return the folder of a target in ``data/otb``, in any spelling of its name.

    If there is none, it is the folder's own name, and does not exist.
    """
    place = data / "otb"
    folder = place / target.folder
    if is_folder(folder) or not is_folder(place):
        return folder
    spellings = plain(target.folder), plain(target.name)
    return next((file for file in listed(place) if plain(file.name) in spellings), folder)


def is_read(file: Path) -> bool:
    """Whether a file of this name, in a sequence's folder, is taken for a frame or ground truth."""
    return file.suffix.lower() in IMAGE_SUFFIXES or file.name.startswith("groundtruth")


def ground_truth_files(folder: Path) -> list[Path]:
    """Return the files of ground truth in a sequence folder that could be its first target's."""
    return [folder / name for name in _BOX_FILES if is_file(folder / name)]


def natural_key(file: Path) -> list[tuple[int, str]]:
    """A sort key in which runs of digits compare as numbers; the name itself breaks ties."""
    parts = re.split(r"([0-9]+)", file.name.lower())
    key = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return [*key, (-1, file.name)]


def _benchmark_targets(name: str) -> list[Target]:
    """OTB's targets in a folder of that name: one if it is a target's own, several if it has so."""
    found = Names(OTB).find(name)
    if found is not None:
        return [OTB[found]]
    return [entry for entry in OTB.values() if plain(entry.folder) == plain(name)]


def _box_files(folder: Path, entries: list[Target], target: int | None) -> list[Path]:
    """The ground-truth file to read, then those of the folder's other targets; none if none."""
    if target is not None:
        file = folder / f"groundtruth_rect.{target}.txt"
        if not is_file(file):
            raise InputError(f"no target {target} in {folder}: there is no {file.name}")
        return [file]
    official = [folder / entry.ground_truth_file for entry in entries]
    wanted = [*(file for file in official if is_file(file)), *ground_truth_files(folder)]
    first = next(iter(wanted), None)
    numbered = [file for file in listed(folder) if file.match("groundtruth_rect.*.txt")]
    numbered.sort(key=natural_key)
    return [] if first is None else [first, *(file for file in numbered if file != first)]


def _paired(
    file: Path, frames: tuple[Path, ...], entries: list[Target]
) -> tuple[tuple[Path, ...], Array]:
    """The frames that a ground-truth file is of, and a row for each of them."""
    boxes = read_boxes(file)
    boxes[absent_frames(file, len(boxes))] = np.nan
    entry = next((entry for entry in entries if entry.ground_truth_file == file.name), None)
    if entry is not None and len(boxes) == entry.rows:
        frames = _benchmark_frames(frames, entry)
        boxes = boxes[entry.skipped_rows :]
    return matched(file, frames, boxes)


def matched(file: Path, frames: tuple[Path, ...], boxes: Array) -> tuple[tuple[Path, ...], Array]:
    """Return frames and boxes in the same number. What is done for that is logged as a warning.

    Args:
        file: the ground truth, for messages.
        frames: the frames.
        boxes: (T, 4), the rows of the ground truth. If there are fewer, NaN rows are added.

    Raises:
        InputError: there are at least two rows more than frames.
    """
    missing = len(frames) - len(boxes)
    if missing < -1:
        raise InputError(
            f"{file} has {len(boxes)} rows but {frames[0].parent} has only {len(frames)} frames: "
            "add the missing frames, or remove the rows that have none"
        )
    if missing == -1:
        logger.warning(
            "%s has %d rows for %d frames: the last row is left out",
            *(file, len(boxes), len(frames)),
        )
        return frames, boxes[:-1]
    if missing:
        logger.warning("%s: the last %d of %d frames have no row", file, missing, len(frames))
        boxes = np.vstack([boxes, np.full((missing, 4), np.nan)])
    return frames, boxes


def _benchmark_frames(frames: tuple[Path, ...], entry: Target) -> tuple[Path, ...]:
    """The frames that OTB uses of a target."""
    if len(frames) == entry.rows:
        return frames[entry.skipped_rows :]
    numbered = {frame_number(file): file for file in frames}
    wanted = range(entry.first, entry.last + 1)
    absent = [number for number in wanted if number not in numbered]
    if absent:
        raise InputError(
            f"{frames[0].parent} lacks {len(absent)} of the frames {entry.first} to {entry.last} "
            f"of OTB's {entry.name}, the first of them {absent[0]}: add them"
        )
    return tuple(numbered[number] for number in wanted)


def frame_number(file: Path) -> int:
    """The number that a frame's file name ends in, or -1."""
    digits = re.search(r"([0-9]+)$", file.stem)
    return int(digits[1]) if digits else -1
