"""The targets that trackers are compared on, and their true boxes.

The targets are a set of OTB, or some of its targets, with the ground truth in the sequences'
folders or in one file, or those of a benchmark in its own folder (:mod:`rltrack.data.layouts`).
:mod:`rltrack.evaluation.ranking` says how trackers are scored and ranked on them.

*Stored* frames are the rows of the ground truth as it is given. *Official* frames are those of the
benchmark's table (:mod:`rltrack.data.otb`). They differ in Tiger1: of its ground truth's 354 rows
the first 5 are not used, and neither are the first 5 of results that have as many rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.data.benchmark_folders import Annotation, BenchmarkFolder, find_benchmark
from rltrack.data.otb import OTB, SETS, targets
from rltrack.data.sequences import is_read, otb_folder, read_boxes
from rltrack.data.target_names import Names, plain
from rltrack.errors import InputError, few
from rltrack.evaluation.metrics import is_box
from rltrack.evaluation.protocols import PROTOCOLS
from rltrack.evaluation.result_files import read_targets
from rltrack.outputs import Folder, Input
from rltrack.paths import given_path, is_file
from rltrack.text_files import read_text

__all__ = ["FRAMES", "Benchmark", "chosen_targets", "inputs_of", "load", "official_rows"]

Array = NDArray[np.float64]

FRAMES = ("stored", "official")


class Benchmark(NamedTuple):
    """The targets that trackers are compared on, and their ground truth.

    Attributes:
        dataset: the dataset as it was asked for; a set by its name in `rltrack.data.otb.SETS`.
        frames: ``stored`` or ``official``.
        truth: by target, (T, 4) float64, 0-based (x, y, w, h), NaN or empty where there is none.
        names: the names of all targets that results may be of, also of those outside the dataset.
        changes: what ``official`` changed in the ground truth, one line for each change.
        folder: the benchmark's folder, if it has one of its own.
        annotations: by target, what else is known of the frames in such a folder.
    """

    dataset: str
    frames: str
    truth: dict[str, Array]
    names: Names
    changes: tuple[str, ...]
    folder: BenchmarkFolder | None = None
    annotations: Mapping[str, Annotation] = {}


def load(
    dataset: str,
    *,
    data: str | Path | None = None,
    ground_truth: str | Path | None = None,
    frames: str | None = None,
) -> Benchmark:
    """Find the targets of a dataset and their ground truth.

    Args:
        dataset: one of `rltrack.data.otb.SETS`, a text file of target names, or names ``A,B,C``; a
            benchmark with a folder of its own, or that folder, see
            `rltrack.data.benchmark_folders.find_benchmark`.
        data: the folder that holds ``otb/<Sequence>/`` with the ground truth, or the benchmark's.
        ground_truth: a file ``{"<Sequence>": [[x, y, w, h], ...], ...}`` (``.json`` or
            ``.json.gz``) or one of pysot's, 1-based, to be used instead. Its targets need not be
            OTB's.
        frames: one of `FRAMES`. None is ``stored`` with a ``ground_truth`` file, else ``official``.

    Raises:
        InputError: there is no such dataset or target, a target has no ground truth, in official
            frames it does not have as many rows as the benchmark, or none of its rows is a box and
            OTB's measures are used.
    """
    place = None if data is None else given_path(data, "the folder of sequences")
    if ground_truth is None and (folder := find_benchmark(dataset, place)) is not None:
        return _of_folder(dataset, folder, frames)
    if frames is None:
        frames = "official" if ground_truth is None else "stored"
    if frames not in FRAMES:
        raise InputError(f"unknown frames {frames!r}; there are {', '.join(FRAMES)}")
    given = {} if ground_truth is None else _file_truth(given_path(ground_truth))
    names = Names({**OTB, **given})
    dataset, chosen = chosen_targets(dataset, names)
    if ground_truth is not None:
        absent = [name for name in chosen if name not in given]
        if absent:
            raise InputError(
                f"{ground_truth} has no ground truth for {len(absent)} of the {len(chosen)} "
                f"targets of {dataset}: {few(absent)}; add it, or choose other targets"
            )
        truth = {name: given[name] for name in chosen}
    elif place is not None:
        truth = _folder_truth(place, chosen)
    else:
        raise InputError("no ground truth: give the folder that holds otb/, or a file of it")
    changes = _make_official(truth) if frames == "official" else []
    _check_boxes(truth)
    return Benchmark(dataset, frames, truth, names, tuple(changes))


def inputs_of(
    dataset: str, *, data: str | Path, ground_truth: str | Path | None = None
) -> tuple[Input, ...]:
    """Return what :func:`load` may read for these arguments, which no output may overwrite."""
    files = [] if (listed := _file_of(dataset)) is None else [listed]
    if ground_truth is not None:
        files.append(given_path(ground_truth, "the ground truth"))
    place = given_path(data, "the data folder")
    folder = None if ground_truth is not None else find_benchmark(dataset, place)
    return (*files, Folder(place / "otb", is_read), *([folder.files] if folder else ()))


def _of_folder(dataset: str, folder: BenchmarkFolder, frames: str | None) -> Benchmark:
    """Read the ground truth of a benchmark that has a folder of its own."""
    if frames not in (None, "stored"):
        raise InputError(
            f"frames are {frames!r}: only OTB's have an official choice; leave this out for "
            f"{folder.layout.title}"
        )
    known = {name: folder.annotation(name) for name in folder.targets}
    if all(len(each.boxes) == 1 for each in known.values()):
        raise InputError(
            f"{folder.folder} has only the first box of each target, so nothing can be scored: "
            "the publisher's server does it; give a part of the benchmark with ground truth"
        )
    truth = {name: each.boxes for name, each in known.items()}
    if folder.kind not in PROTOCOLS:
        _check_boxes({name: each.boxes[~each.absent] for name, each in known.items()})
    return Benchmark(dataset, "stored", truth, folder.names, (), folder, known)


def _check_boxes(truth: Mapping[str, Array]) -> None:
    """Check that each target has a true box, without which OTB's measures have no value."""
    empty = [name for name, rows in truth.items() if not is_box(rows).any()]
    if empty:
        raise InputError(
            f"the ground truth of {len(empty)} of {len(truth)} targets has no box: {few(empty)}; "
            "add one, or choose other targets"
        )


def chosen_targets(dataset: str, names: Names) -> tuple[str, list[str]]:
    """Return the dataset's name, and its targets, spelled as ``names`` has them.

    Raises:
        InputError: no set, no file and no target has this name.
    """
    if plain(dataset) in SETS:
        return plain(dataset), [target.name for target in targets(plain(dataset))]
    file = _file_of(dataset)
    text = read_text(file) if file is not None and is_file(file) else dataset
    spelled: list[str] = []
    for part in map(str.strip, re.split(r"[,\n]", text)):
        spelled += [part] if names.find(part) else part.split()  # a name may hold blanks
    chosen = {name: names.find(name) for name in spelled}
    unknown = [name for name, target in chosen.items() if target is None]
    if unknown or not spelled:
        raise InputError(
            f"no target is called {few([*map(repr, unknown)]) or repr(dataset)}: a dataset is "
            f"one of {', '.join(SETS)}, a file of targets' names, or names A,B,C"
        )
    return dataset, list(dict.fromkeys(target for target in chosen.values() if target))


def _file_of(dataset: str) -> Path | None:
    """Return the path ``dataset`` of a file that may have the targets' names.

    None if no file can be called so, for example because a list of many names is too long.
    """
    try:
        return given_path(dataset)
    except InputError:
        return None


def _file_truth(file: Path) -> dict[str, Array]:
    """Read the ground truth in a file. OTB's targets get their names in the table."""
    official = Names(OTB)
    truth: dict[str, Array] = {}
    for spelled, boxes in read_targets(file).items():
        name = official.find(spelled) or spelled
        if name in truth:
            raise InputError(f"{file} has ground truth for {name} twice: remove one of them")
        truth[name] = boxes
    return truth


def _folder_truth(data: Path, chosen: Sequence[str]) -> dict[str, Array]:
    """Read the ground truth in the folders of OTB's sequences."""
    files = {name: otb_folder(data, OTB[name]) / OTB[name].ground_truth_file for name in chosen}
    absent = [name for name, file in files.items() if not is_file(file)]
    if absent:
        smallest = "otb2013" if all("otb2013" in OTB[name].sets for name in chosen) else "otb2015"
        raise InputError(
            f"no ground truth in {data / 'otb'} for {len(absent)} of {len(files)} targets: "
            f"{few(absent)}; `rltrack fetch {smallest}` gets it, or give other targets, or a "
            "file with --ground-truth"
        )
    return {name: read_boxes(file) for name, file in files.items()}


def _make_official(truth: dict[str, Array]) -> list[str]:
    """Reduce the ground truth to the official frames. Each returned line says a change."""
    changes = []
    for name, rows in truth.items():
        if name not in OTB:
            continue
        entry, truth[name] = OTB[name], official_rows(name, rows)
        if len(truth[name]) != entry.frames:
            raise InputError(
                f"the ground truth of {name} has {len(rows)} rows, and its official frames are "
                f"{entry.first} to {entry.last}: give the official one, or --frames stored"
            )
        if entry.frames < len(rows):
            changes.append(
                f"{name} is tracked from frame {entry.first}: the first {entry.skipped_rows} of "
                f"{entry.rows} rows of ground truth are not used"
            )
    return changes


def official_rows(name: str, rows: Array) -> Array:
    """Return the rows of the official frames; all rows, if they are not as many as the benchmark's.

    Args:
        name: of a target.
        rows: (T, 4), its true boxes, or a tracker's.

    Returns:
        A part of ``rows``: (N, 4).
    """
    entry = OTB.get(name)
    return rows[entry.skipped_rows :] if entry is not None and len(rows) == entry.rows else rows
