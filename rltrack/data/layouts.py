"""The layouts in which benchmarks are published: which files on the disk belong to a target.

========================  ======================================================================
``got10k``                ``<target>/groundtruth.txt``, labels and frames in the same folder
``lasot``                 ``<class>/<target>/groundtruth.txt``, labels, ``img/``; or the files of
                          its evaluation toolkit, ``<target>.txt`` and ``absent/<target>.txt``
any other                 a folder of sequences as `rltrack.data.sequences.read_sequence` reads
========================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.data.sequences import ground_truth_files, natural_key, read_boxes, read_sequence
from rltrack.errors import InputError
from rltrack.text_files import read_text

__all__ = ["LAYOUTS", "SEQUENCES", "Layout", "TargetFiles"]

Array = NDArray[np.float64]


class TargetFiles(NamedTuple):
    """Where the files of one target are.

    Attributes:
        name: the target's name in the benchmark's results.
        boxes: the file of its ground truth.
        frames: the folder of its frames, where it is not in a sequence folder of its own; see
            `rltrack.data.sequences.read_sequence`.
        first: the number of the frame that the first box is in. None: that is the first frame.
    """

    name: str
    boxes: Path
    frames: Path | None = None
    first: int | None = None


class Layout(NamedTuple):
    """How the folder of a benchmark is laid out.

    Attributes:
        title: the benchmark's name.
        find: returns the targets in a folder, in order; none if it is not of this layout.
        read: reads a target's boxes, (T, 4) float64, 0-based, NaN where there is none.
        base: the number of the leftmost pixel in text files of results.
        prefix: what pytracking puts before a target's name.
    """

    title: str
    find: Callable[[Path], list[TargetFiles]]
    read: Callable[[TargetFiles], Array] = lambda target: read_boxes(target.boxes)
    base: int = 0
    prefix: str = ""


def _listed(folder: Path) -> list[Path]:
    """Return the files of a folder that are not hidden, in natural order; none without it."""
    if not folder.is_dir():
        return []
    try:
        files = [file for file in folder.iterdir() if not file.name.startswith(".")]
    except OSError as error:
        raise InputError(f"cannot list the folder {folder}: {error.strerror}") from None
    return sorted(files, key=natural_key)


def _folders(folder: Path) -> list[Path]:
    return [file for file in _listed(folder) if file.is_dir()]


def _texts(folder: Path) -> list[Path]:
    return [file for file in _listed(folder) if file.suffix == ".txt" and file.is_file()]


def _chosen(list_file: Path, targets: list[TargetFiles]) -> list[TargetFiles]:
    """Return the targets that a benchmark's own list names; all of them without a list."""
    if not list_file.is_file():
        return targets
    known = {target.name: target for target in targets}
    names = dict.fromkeys(read_text(list_file).split())
    return [known[name] for name in names if name in known]


def _got10k(folder: Path) -> list[TargetFiles]:
    # Of the whole benchmark it is the part that its toolkit evaluates.
    for split in (folder, folder / "val"):
        found = [
            TargetFiles(each.name, each / "groundtruth.txt")
            for each in _folders(split)
            if (each / "groundtruth.txt").is_file()
        ]
        if any(_is_got10k(target) for target in found):
            return _chosen(split / "list.txt", found)
    return []


def _is_got10k(target: TargetFiles) -> bool:
    labels = ("meta_info.ini", "absence.label", "cover.label")
    beside = any((target.boxes.parent / name).is_file() for name in labels)
    return beside or target.name.startswith("GOT-10k_")


def _lasot(folder: Path) -> list[TargetFiles]:
    sequences = [
        TargetFiles(each.name, each / "groundtruth.txt")
        for parent in (folder, *_folders(folder))
        for each in _folders(parent)
        if (each / "groundtruth.txt").is_file() and (each / "full_occlusion.txt").is_file()
    ]
    alone = [
        TargetFiles(file.stem, file)
        for file in _texts(folder)
        if (folder / "absent" / file.name).is_file()
    ]
    return _chosen(folder / "testing_set.txt", sequences or alone)


def _sequences(folder: Path) -> list[TargetFiles]:
    return [
        TargetFiles(each.name, files[0])
        for each in _folders(folder)
        if (files := ground_truth_files(each))
    ]


def _of_sequence(target: TargetFiles) -> Array:
    sequence = read_sequence(target.boxes.parent)
    if sequence.ground_truth is None:
        raise InputError(sequence.problem or f"{target.boxes} cannot be used")
    return sequence.ground_truth


LAYOUTS: dict[str, Layout] = {
    "got10k": Layout("GOT-10k", _got10k),
    "lasot": Layout("LaSOT", _lasot, base=1),
}
"""The benchmarks, by the names that ``--dataset`` takes. A folder is of the first layout of which
targets are found in it."""

SEQUENCES = Layout("sequences", _sequences, _of_sequence, base=1)
"""Any other folder of sequence folders."""
