"""The layouts in which benchmarks are published: which files on the disk belong to a target.

========================  ======================================================================
``got10k``                ``<target>/groundtruth.txt``, labels and frames in the same folder
``lasot``                 ``<class>/<target>/groundtruth.txt``, labels, ``img/``; or the files of
                          its evaluation toolkit, ``<target>.txt`` and ``absent/<target>.txt``
``uav123``, ``uav20l``    ``anno/UAV123/<target>.txt`` apart from ``data_seq/UAV123/<video>/``, of
                          which several targets may have parts
``trackingnet``           ``<split>/anno/<target>.txt`` and ``<split>/frames/<target>/``
``nfs``, ``nfs240``       ``<target>/30/<target>.txt`` and ``<target>/30/<target>/``; or ``240``
any other                 a folder of sequences as `rltrack.data.sequences.read_sequence` reads
========================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.data.box_lines import FARTHEST, read_box_lines
from rltrack.data.sequences import (
    frame_files,
    ground_truth_files,
    natural_key,
    read_boxes,
    read_sequence,
)
from rltrack.errors import InputError
from rltrack.paths import is_file, is_folder, listed
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
        read: reads a target's boxes, (T, 4) float64, 0-based, NaN where there is none. The default
            takes them for 1-based if the file has OTB's name, see
            `rltrack.data.sequences.read_boxes`.
        base: the number of the leftmost pixel in text files of results. It does not change how
            ground truth is read.
        prefix: what pytracking puts before a target's name.
        within: the name of another benchmark in whose folder it may be, too.
    """

    title: str
    find: Callable[[Path], list[TargetFiles]]
    read: Callable[[TargetFiles], Array] = lambda target: read_boxes(target.boxes)
    base: int = 0
    prefix: str = ""
    within: str = ""


def _listed(folder: Path) -> list[Path]:
    """Return the files of a folder that are not hidden, in natural order; none without it."""
    if not is_folder(folder):
        return []
    files = [file for file in listed(folder) if not file.name.startswith(".")]
    return sorted(files, key=natural_key)


def _folders(folder: Path) -> list[Path]:
    return [file for file in _listed(folder) if is_folder(file)]


def _texts(folder: Path) -> list[Path]:
    return [file for file in _listed(folder) if file.suffix == ".txt" and is_file(file)]


def _chosen(list_file: Path, targets: list[TargetFiles]) -> list[TargetFiles]:
    """Return the targets that a benchmark's own list names; all of them without a list."""
    if not is_file(list_file):
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
            if is_file(each / "groundtruth.txt")
        ]
        if any(_is_got10k(target) for target in found):
            return _chosen(split / "list.txt", found)
    return []


def _is_got10k(target: TargetFiles) -> bool:
    labels = ("meta_info.ini", "absence.label", "cover.label")
    beside = any(is_file(target.boxes.parent / name) for name in labels)
    return beside or target.name.startswith("GOT-10k_")


def _lasot(folder: Path) -> list[TargetFiles]:
    sequences = [
        TargetFiles(each.name, each / "groundtruth.txt")
        for parent in (folder, *_folders(folder))
        for each in _folders(parent)
        if is_file(each / "groundtruth.txt") and is_file(each / "full_occlusion.txt")
    ]
    alone = [
        TargetFiles(file.stem, file)
        for file in _texts(folder)
        if is_file(folder / "absent" / file.name)
    ]
    return _chosen(folder / "testing_set.txt", sequences or alone)


_STARTS = {
    "bird1": (1, 775, 1573),
    "car1": (1, 751, 1627),
    "car6": (1, 487, 1807, 2953, 3925),
    "car8": (1, 1357),
    "car16": (1, 415),
    "group1": (1, 1333, 2515, 3925),
    "group2": (1, 907, 1771),
    "group3": (1, 1567, 2827, 4369),
    "person2": (1, 1189),
    "person4": (1, 1501),
    "person5": (1, 877),
    "person7": (1, 1249),
    "person8": (1, 1075),
    "person12": (1, 601),
    "person14": (1, 847, 1813),
    "person17": (1, 1501),
    "person19": (1, 1243, 2791),
    "truck4": (1, 577),
    "uav1": (1, 1555, 2473),
}
"""The first frame of each target, in UAV123's videos with several of them (car1_1, car1_2, ...).
Neither names of files nor annotations say it; the benchmark's ``configSeqs.m`` does."""


def _uav(version: str, folder: Path) -> list[TargetFiles]:
    # Both versions have their frames in the same videos.
    videos = folder / "data_seq" / "UAV123"
    targets = []
    for file in _texts(folder / "anno" / version):
        video, _, part = file.stem.rpartition("_")
        if (
            version == "UAV123"
            and part.isdecimal()
            and int(part) in range(1, len(_STARTS.get(video, ())) + 1)
        ):
            first = _STARTS[video][int(part) - 1]
        else:
            video, first = file.stem, 1
        targets.append(TargetFiles(file.stem, file, videos / video, first))
    return targets


def _trackingnet(folder: Path) -> list[TargetFiles]:
    splits = [folder, *(each for each in _folders(folder) if each.name.startswith("TRAIN_"))]
    return [
        TargetFiles(file.stem, file, split / "frames" / file.stem)
        for split in splits
        if is_folder(split / "frames") or split.name.startswith(("TRAIN_", "TEST"))
        for file in _texts(split / "anno")
    ]


def _nfs(rate: str, folder: Path) -> list[TargetFiles]:
    return [
        TargetFiles(file.stem, file, file.with_suffix(""))
        for each in _folders(folder)
        for file in _texts(each / rate)
    ]


def _published(base: int, target: TargetFiles) -> Array:
    """Read boxes x, y, w, h, of which the leftmost pixel has the number ``base``."""
    boxes = read_box_lines(target.boxes)
    boxes[:, :2] -= base
    return boxes


def _corners(target: TargetFiles) -> Array:
    """Read NfS's lines: a number, left, top, right, bottom, and what else is known of the frame."""
    boxes = []
    for number, line in enumerate(read_text(target.boxes).rstrip().splitlines(), 1):
        try:
            left, top, right, bottom = map(float, line.split()[1:5])
        except ValueError:
            raise InputError(
                f"{target.boxes}, line {number}: wanted NfS's number, left, top, right, bottom"
            ) from None
        boxes.append([left, top, right - left, bottom - top])
    if not boxes:
        raise InputError(f"{target.boxes} is empty: it must hold a line for each frame")
    found = np.array(boxes, np.float64)
    found[~(np.abs(found) <= FARTHEST).all(axis=1)] = np.nan
    frames = 0
    if target.frames is not None and is_folder(target.frames):
        frames = len(frame_files(target.frames))
    # Of some videos at 30 frames a second, the boxes of all 240 are given.
    return found[::8] if frames and abs(len(found) / frames - 8) < 1 else found


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
    "uav123": Layout("UAV123", partial(_uav, "UAV123"), partial(_published, 1), 1, "uav_"),
    "uav20l": Layout(
        "UAV20L", partial(_uav, "UAV20L"), partial(_published, 1), 1, "uav_", within="uav123"
    ),
    "trackingnet": Layout("TrackingNet", _trackingnet, partial(_published, 0)),
    "nfs": Layout("NfS", partial(_nfs, "30"), _corners, 0, "nfs_"),
    "nfs240": Layout("NfS-240", partial(_nfs, "240"), _corners, 0, "nfs_", within="nfs"),
}
"""The benchmarks, by the names that ``--dataset`` takes. A folder is of the first layout of which
targets are found in it."""

SEQUENCES = Layout("sequences", _sequences, _of_sequence, base=1)
"""Any other folder of sequence folders."""
