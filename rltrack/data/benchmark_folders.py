"""Benchmarks in folders of their own: found by name or by folder, and read target by target."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.data.absence import absent_frames
from rltrack.data.layouts import LAYOUTS, SEQUENCES, Layout, TargetFiles
from rltrack.data.otb import OTB, SETS
from rltrack.data.sequences import (
    IMAGE_SUFFIXES,
    Sequence,
    frame_files,
    frame_number,
    matched,
    otb_folder,
    read_sequence,
)
from rltrack.data.target_names import Names, plain
from rltrack.errors import InputError, few
from rltrack.outputs import Folder
from rltrack.paths import given_path, is_file, is_folder, listed
from rltrack.text_files import read_text

__all__ = ["Annotation", "BenchmarkFolder", "find_benchmark", "sequence_with_truth"]

Array = NDArray[np.float64]

_RESOLUTION = re.compile(r"^resolution\s*[:=]\s*\(\s*(\d{1,6})\s*,\s*(\d{1,6})\s*\)", re.MULTILINE)


class Annotation(NamedTuple):
    """What is known of one target.

    Attributes:
        boxes: (T, 4) float64, 0-based (x, y, w, h), NaN where the ground truth has none.
        absent: (T,) bool, where the target cannot be seen, see `rltrack.data.absence`.
        size: width and height of the frames in pixels; None if no file beside the boxes says it.
    """

    boxes: Array
    absent: NDArray[np.bool_]
    size: tuple[int, int] | None = None


class BenchmarkFolder(NamedTuple):
    """A benchmark on the disk.

    Attributes:
        kind: its name in `rltrack.data.layouts.LAYOUTS`, or ``sequences``.
        folder: where it is.
        layout: what its files are.
        targets: the files of its targets, by name, in order.
    """

    kind: str
    folder: Path
    layout: Layout
    targets: dict[str, TargetFiles]

    @property
    def names(self) -> Names:
        """The targets' names, in any spelling that is not another's."""
        return Names(self.targets, prefix=self.layout.prefix, alike=True)

    @property
    def files(self) -> Folder:
        """What is read there, which no output may overwrite."""
        read = {".txt", ".label", ".ini", *IMAGE_SUFFIXES}
        return Folder(self.folder, lambda file: file.suffix.lower() in read)

    def annotation(self, name: str) -> Annotation:
        """Read what is known of a target.

        Raises:
            InputError: its files cannot be read, or do not fit together.
        """
        target = self.targets[name]
        boxes = self.layout.read(target)
        if target.frames is not None:
            return Annotation(boxes, np.zeros(len(boxes), np.bool_))
        return Annotation(boxes, absent_frames(target.boxes, len(boxes)), _size(target))

    def sequence(self, name: str) -> Sequence:
        """Return a target's frames, with the boxes in those in which it can be seen.

        Raises:
            InputError: there are no frames, or the ground truth cannot be used.
        """
        target = self.targets[name]
        if target.frames is None:
            return read_sequence(target.boxes.parent)._replace(name=name)
        boxes, frames = self.layout.read(target), frame_files(target.frames)
        if target.first is not None:
            by_number = {frame_number(file): file for file in frames}
            numbers = range(target.first, target.first + len(boxes))
            absent = [number for number in numbers if number not in by_number]
            if absent and absent != [numbers[-1]] and len(absent) < len(numbers):
                raise InputError(
                    f"{target.frames} lacks {len(absent)} of the frames {numbers[0]} to "
                    f"{numbers[-1]} of {name}, the first of them {absent[0]}: add them"
                )
            frames = tuple(by_number[number] for number in numbers if number in by_number)
        if not frames:
            raise InputError(f"no frames of {name} in {target.frames}: add them")
        return Sequence(name, *matched(target.boxes, frames, boxes))


def find_benchmark(dataset: str, data: Path | None) -> BenchmarkFolder | None:
    """Find a benchmark.

    Args:
        dataset: a name in `rltrack.data.layouts.LAYOUTS`, in any spelling, or a folder.
        data: the folder that has the folders of benchmarks in it, in any spelling of their names.

    Returns:
        The benchmark. None if ``dataset`` is neither such a name nor a folder, or if it is a set or
        a target of OTB: a folder of that name may hold its results.

    Raises:
        InputError: the folder is not there, or no targets are in it.
    """
    kind = plain(dataset)
    if kind in SETS or Names(OTB).find(dataset) is not None:
        return None
    if kind in LAYOUTS and (found := _named(kind, data)) is not None:
        return found
    try:
        folder = given_path(dataset, "the dataset")
    except InputError:  # no folder can be called so, say because a list of many names is too long
        return None
    if not is_folder(folder):
        if kind in LAYOUTS:
            title = LAYOUTS[kind].title
            raise InputError(
                f"{title} is not in {data or 'any folder that was given'}: wanted its folder "
                f"there, called {title} or {kind}; give another place with --data, or the folder "
                "itself as the dataset"
            )
        return None
    for kind, layout in {**LAYOUTS, "sequences": SEQUENCES}.items():
        if targets := layout.find(folder):
            return _made(kind, folder, layout, targets)
    raise InputError(
        f"no targets are found in the folder {folder}: wanted one of "
        f"{', '.join(layout.title for layout in LAYOUTS.values())}, or folders of sequences with "
        "groundtruth.txt or groundtruth_rect.txt"
    )


def sequence_with_truth(target: str, benchmark: str, data: Path) -> tuple[Sequence, Array]:
    """Return a target's frames, and its ground truth, without which nothing can be scored.

    Args:
        target: its name in `rltrack.data.otb.OTB`, or in the benchmark.
        benchmark: what `find_benchmark` takes; empty for OTB.
        data: the folder that holds ``otb/``, or the benchmark's.

    Raises:
        InputError: there is no such target, or its frames or ground truth cannot be used.
    """
    if benchmark:
        folder = _benchmark(benchmark, data)
        if folder is None or target not in folder.targets:
            raise InputError(f"there is no target {target} of {benchmark} in {data}")
        sequence = folder.sequence(target)
    else:
        sequence = read_sequence(otb_folder(data, OTB[target]), OTB[target].number)
    if sequence.ground_truth is None:
        raise InputError(sequence.problem or f"{target} has no file of ground truth: add it")
    return sequence, sequence.ground_truth


@lru_cache(maxsize=8)
def _benchmark(benchmark: str, data: Path) -> BenchmarkFolder | None:
    return find_benchmark(benchmark, data)  # which lists folders of thousands of targets


def _named(kind: str, data: Path | None) -> BenchmarkFolder | None:
    """Find a benchmark in the folder that has those of benchmarks in it."""
    layout = LAYOUTS[kind]
    spellings = {kind, plain(layout.title), layout.within}
    folders = listed(data) if data is not None and is_folder(data) else []
    for folder in folders:
        if plain(folder.name) in spellings and (targets := layout.find(folder)):
            return _made(kind, folder, layout, targets)
    return None


def _made(kind: str, folder: Path, layout: Layout, targets: list[TargetFiles]) -> BenchmarkFolder:
    by_name = {target.name: target for target in targets}
    if len(by_name) < len(targets):
        twice = [t.name for t in targets if by_name[t.name] is not t]
        raise InputError(f"{folder} has two targets of one name: {few(twice)}; remove one of each")
    return BenchmarkFolder(kind, folder, layout, by_name)


def _size(target: TargetFiles) -> tuple[int, int] | None:
    """Read the frames' size in GOT-10k's description of a sequence."""
    file = target.boxes.parent / "meta_info.ini"
    if not is_file(file):
        return None
    size = _RESOLUTION.search(read_text(file))
    return (int(size[1]), int(size[2])) if size else None
