"""Raw results of any tracker, its boxes in one pass, in the forms in which they are published.

- ``<Tracker>.json`` or ``.json.gz``: ``{"<Sequence>": [[x, y, w, h], ...], ...}``.
- ``<Tracker>/<Sequence>.txt``, ``.csv``, ``.json`` or ``.mat``: a folder, one file a target.
- ``<Tracker>/<Sequence>/result.json``, as MDNet's Python code writes it, and
  ``<Tracker>/<Sequence>/<Sequence>_001.txt``, as GOT-10k's toolkit does. The runs ``_002`` and so
  on are trackers of their own.
- ``<Sequence>_<Tracker>.mat``, ``.txt`` or ``.csv``: one file, or a folder of them.
- A folder of ``<Tracker>.json`` or ``.json.gz`` files: all of them.
- The folder of a `rltrack sweep`, or a file that `rltrack report --keep` made from one: each of its
  trackers counts once for each seed.

A ``.mat`` file holds the structure of OTB's toolkit (`rltrack.evaluation.result_structures`) or a
plain matrix ``result``. A ``.json`` file holds such a structure, or rows of x, y, w, h. A ``.txt``
file has x, y, w, h on each line (`rltrack.data.box_lines`). A ``.csv`` file is rltrack's own.
``.mat``, ``.txt`` and ``.json`` count pixels as the benchmark's ground truth does: from 1 in OTB,
as MATLAB. ``.csv`` counts from 0.
All boxes that this module returns are 0-based.

Files that toolkits write beside the boxes (``<Sequence>_time.txt``, ``<Sequence>_all_scores.txt``)
are not results. A result that cannot be read is left out with a warning that names it.

Sequences are recognised by the names of their targets, in upper or lower case and with any of
``.``, ``-`` and ``_`` between the parts: ``jogging.1`` is Jogging-1. The same is true of trackers.
``Human4.2`` is Human4, whose ground-truth file is the second of its folder.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.data.target_names import Names, plain
from rltrack.errors import InputError, few
from rltrack.evaluation.result_files import (
    BY_FORM,
    FORMS,
    Base,
    boxes_of,
    entries,
    is_json,
    read_file,
)
from rltrack.evaluation.run_files import inputs_in, is_kept, load, names_of, results_in
from rltrack.outputs import Folder, Input
from rltrack.paths import given_path, is_file, is_folder, listed
from rltrack.text_files import read_json

__all__ = ["inputs_of", "read_results"]

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]

_BESIDE = re.compile(r"_(times?|confidence|(all|object_presence)_\w+|scores?)$", re.IGNORECASE)
"""How the names of files end that pytracking, GOT-10k's toolkit and others write beside boxes."""


def read_results(
    paths: Iterable[str | Path],
    names: Names,
    wanted: Collection[str],
    *,
    base: Base = BY_FORM,
) -> dict[str, dict[str, Array]]:
    """Read the results of one or more trackers.

    A tracker's targets may be spread over several paths. A name in a folder or in a tracker's file
    that is not a target's name is logged as a warning, and so is a result that cannot be read. A
    tracker of which no result can be read is left out.

    Args:
        paths: files and folders in any of the forms above.
        names: the names of all targets that results may be of.
        wanted: the targets to read. Files of other targets are not opened.
        base: number of the leftmost pixel in the files.

    Returns:
        By tracker and target, (T, 4) float64, 0-based (x, y, w, h). A row with a NaN in it, or
        with a number beyond `rltrack.data.box_lines.FARTHEST`, where the tracker gave no box, is
        NaN throughout.

    Raises:
        InputError: a path is in none of the forms, no result can be read, or two files (or two
            entries of one file) hold a tracker's boxes of the same target.
    """
    found: dict[str, dict[str, Array]] = {}
    spellings: dict[str, str] = {}  # of trackers, the first that is met
    places: dict[tuple[str, str], str] = {}
    problems: dict[str, list[str]] = {}  # by tracker
    for path in map(Path, paths):
        unknown = []
        for source in _sources(given_path(path, "a result"), names, base):
            tracker = spellings.setdefault(plain(source.tracker), source.tracker)
            boxes = found.setdefault(tracker, {})
            target = names.find(source.name)
            if target is None:
                unknown.append(source.name)
                continue
            key = tracker, target
            if key in places:
                raise InputError(
                    f"two results of {tracker} on {target}: {places[key]} and "
                    f"{source.place}; give one of them, or rename one of the trackers"
                )
            places[key] = source.place
            if target in wanted:
                try:
                    boxes[target] = source.read()
                except InputError as error:
                    problems.setdefault(tracker, []).append(str(error))
        if unknown:
            logger.warning("%s: left out, as no target is called so: %s", path, few(unknown, 10))
    if problems and not any(found.values()):
        raise InputError(next(iter(problems.values()))[0])
    for tracker, messages in problems.items():
        logger.warning("%s: left out: %s", tracker, few(messages, 1))
    return {name: boxes for name, boxes in found.items() if boxes or name not in problems}


def inputs_of(paths: Iterable[str | Path]) -> tuple[Input, ...]:
    """Return what `read_results` reads for these paths, which no output may overwrite."""
    inputs: list[Input] = []
    for path in (given_path(path, "a result") for path in paths):
        if is_folder(path) and not _is_sweep(path):
            inputs.append(Folder(path, lambda file: file.suffix.lower() in FORMS or is_json(file)))
        else:
            inputs += inputs_in(path)
    return tuple(inputs)


class _Source(NamedTuple):
    """One tracker's boxes of one target."""

    tracker: str
    name: str  # of the target, as spelled there
    place: str  # for messages
    read: Callable[[], Array]  # the boxes, 0-based


def _sources(path: Path, names: Names, base: Base) -> Iterator[_Source]:
    """Yield everything that a path holds, in any form."""
    if is_folder(path):
        yield from _in_sweep(path) if _is_sweep(path) else _in_folder(path, names, base)
        return
    if not is_file(path):
        raise InputError(f"no results at {path}: there is no such file or folder")
    source = _file_source(path, names, base)
    if source is not None:
        yield source
    elif _is_beside_results(path):
        return
    elif is_json(path):
        yield from _in_json(path, base)
    else:
        raise InputError(
            f"{path}: its name is no target's; wanted <Tracker>.json or .json.gz, <Sequence> or "
            "<Sequence>_<Tracker> with .txt, .csv or .mat"
        )


def _in_json(file: Path, base: Base) -> Iterator[_Source]:
    """Yield what a file of many targets holds: a tracker's boxes, or kept runs of a sweep."""
    held = read_json(file)
    if is_kept(held):
        yield from _in_sweep(file)
        return
    tracker = re.sub(r"\.json(\.gz)?$", "", file.name, flags=re.IGNORECASE)
    for name, rows, place in entries(file, held):
        read = partial(boxes_of, rows, place, base.of(None))
        yield _Source(tracker, name, place, read)


def _is_sweep(folder: Path) -> bool:
    """Return whether a folder holds runs of a sweep."""
    return next(results_in(folder), None) is not None


def _in_sweep(path: Path) -> Iterator[_Source]:
    """Yield the runs of a sweep, from its folder or a kept file. Their boxes are 0-based."""
    jobs = load(path)
    names = names_of(jobs)
    for job in jobs:
        tracker = f"{names[job['tracker']]}, seed {job['seed']}"
        place = f"{job['target']} of {tracker} in {path}"
        yield _Source(tracker, job["target"], place, partial(boxes_of, job["boxes"], place, 0))


def _in_folder(folder: Path, names: Names, base: Base) -> Iterator[_Source]:
    """Yield what a folder's files hold: one target each, or else one tracker's targets each."""
    files = _files(folder)
    own = [file for file in files if is_json(file)]
    for each in _folders(folder):
        if names.find(each.name) is not None:
            files += _files(each)
    sources = {file: _file_source(file, names, base) for file in files}
    known = [source for source in sources.values() if source is not None]
    trackers = [] if known else own
    if not known and not trackers:
        raise InputError(
            f"no results in the folder {folder}: wanted <Sequence> or <Sequence>_<Tracker> with "
            ".txt, .csv or .mat, or <Tracker>.json or .json.gz; of other folders in it, give each"
        )
    others = [
        file.name
        for file, source in sources.items()
        if source is None and file not in trackers and not _is_beside_results(file)
    ]
    if others:
        logger.warning("%s: left out, as no target is called so: %s", folder, few(others, 10))
    yield from known
    for file in trackers:
        yield from _in_json(file, base)


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder that may hold results, in order."""
    return [
        file
        for file in _visible(folder)
        if (file.suffix.lower() in FORMS or is_json(file)) and not is_folder(file)
    ]


def _folders(folder: Path) -> list[Path]:
    return [file for file in _visible(folder) if is_folder(file)]


def _visible(folder: Path) -> list[Path]:
    return [file for file in listed(folder) if not file.name.startswith(".")]


def _is_beside_results(file: Path) -> bool:
    """Return whether a toolkit writes files of that name beside the boxes."""
    return _BESIDE.search(file.stem) is not None


def _file_source(file: Path, names: Names, base: Base) -> _Source | None:
    """Return the one target that a file is named after; None if it is named after none."""
    if file.suffix.lower() not in FORMS:
        return None
    stem = file.stem
    if file.name.lower() == "result.json" and names.find(file.resolve().parent.name):
        stem = file.resolve().parent.name
    read = partial(read_file, file, base)
    if names.find(stem) is not None:
        return _Source(_tracker_of(file, names), stem, str(file), read)
    if is_json(file) or _is_beside_results(file):
        return None
    # Both names may have underscores: the longest beginning that is a target's counts.
    for cut in reversed([match.start() for match in re.finditer("_", stem)]):
        name, tracker = stem[:cut], stem[cut + 1 :]
        if names.find(name) is not None:
            if tracker.isdecimal():  # the number of a run
                run = "" if int(tracker) == 1 else f", run {int(tracker)}"
                tracker = f"{_tracker_of(file, names)}{run}"
            return _Source(tracker, name, str(file), read)
    return None


def _tracker_of(file: Path, names: Names) -> str:
    """Return the name of the folder that a file is in, or that its target's own folder is in."""
    folder = file.resolve().parent
    return (folder.parent if names.find(folder.name) is not None else folder).name
