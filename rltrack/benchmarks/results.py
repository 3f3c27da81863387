"""Raw results of any tracker, in the forms that they are published in: one-pass boxes on disk.

- ``<Tracker>.json`` or ``.json.gz``: ``{"<Sequence>": [[x, y, w, h], ...], ...}``.
- ``<Tracker>/<Sequence>.txt``, ``.csv``, ``.json`` or ``.mat``: a folder with a file a target.
- ``<Sequence>_<Tracker>.mat``, ``.txt`` or ``.csv``: alone, or a folder of them.
- A folder of ``<Tracker>.json`` or ``.json.gz`` files: all of them.
- The folder of a `rltrack sweep`, or a file that `rltrack report --keep` made of one: each of its
  trackers with each seed counts as one.

A ``.mat`` is the OTB toolkit's (``results{1}`` with ``res`` and ``type``, which must be ``rect``)
or holds a plain matrix ``result``. A ``.txt`` has x, y, w, h a line, between commas, tabs or
spaces. A ``.csv`` is rltrack's own (:mod:`rltrack.recorder`). ``.mat``, ``.txt`` and ``.json``
count pixels from 1, as MATLAB does, ours from 0; all boxes handed out are 0-based.

Sequences are told by the names of their targets, in any case and with any of ``.``, ``-`` and
``_`` between, and trackers likewise: ``jogging.1`` is Jogging-1. ``Human4.2`` is Human4, whose
ground-truth file is the second of its folder.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.benchmarks.otb import OTB
from rltrack.errors import InputError

__all__ = ["Names", "plain", "read_results", "read_targets"]

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]

_SUFFIXES = (".txt", ".csv", ".json", ".mat")
_BOX = ("x", "y", "w", "h")


def plain(name: str) -> str:
    """A name without what its spellings differ in: case, ``.``, ``-`` and ``_``."""
    return re.sub(r"[._-]", "", name.lower())


class Names:
    """Targets by any spelling of their names.

    Args:
        names: of the targets, spelled as they are to come out.

    Raises:
        InputError: two of them differ in nothing but spelling.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, str] = {}
        for name in names:
            if self._names.setdefault(plain(name), name) != name:
                raise InputError(
                    f"{self._names[plain(name)]!r} and {name!r} are spellings of one name: "
                    "remove or rename one of these targets"
                )
        for name in [name for name in self._names.values() if name in OTB]:
            if OTB[name].number is not None:
                self._names.setdefault(plain(f"{OTB[name].folder}{OTB[name].number}"), name)

    def find(self, spelled: str) -> str | None:
        """The target of that name; None if there is none."""
        return self._names.get(plain(spelled))


def read_results(
    paths: Iterable[str | Path],
    names: Names,
    wanted: Collection[str],
    *,
    base: int | None = None,
) -> dict[str, dict[str, Array]]:
    """Read results of one or more trackers.

    A tracker's targets may be spread over several paths. A name in a folder, or in a tracker's
    file, that is no target's is logged as a warning.

    Args:
        paths: files and folders in any of the forms above.
        names: all targets that results may be of.
        wanted: targets to read; files of others are not opened.
        base: number of the leftmost pixel, 0 or 1, in all files; None for what the form implies.

    Returns:
        By tracker and target, (T, 4) float64, 0-based (x, y, w, h); rows with a NaN or an infinity
        in them, where the tracker gave no box, are NaN throughout.

    Raises:
        InputError: a path is in none of the forms; a file cannot be read; two files, or two
            entries of one, hold a tracker's boxes of the same target.
    """
    found: dict[str, dict[str, Array]] = {}
    spellings: dict[str, str] = {}  # of trackers, the first that is met
    places: dict[tuple[str, str], str] = {}
    for path in map(Path, paths):
        unknown = []
        for source in _sources(path.expanduser(), names, base):
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
                boxes[target] = source.read()
        if unknown:
            logger.warning("%s: left out, as no target is called so: %s", path, ", ".join(unknown))
    return found


def read_targets(file: Path, base: int = 1) -> dict[str, Array]:
    """Read a file ``{"<Sequence>": [[x, y, w, h], ...], ...}``, ``.json`` or ``.json.gz``.

    Args:
        file: of a tracker's boxes, or of ground truth.
        base: number of the leftmost pixel in it.

    Returns:
        By name, as spelled in the file, what `read_results` gives.

    Raises:
        InputError: the file is not of that form.
    """
    return {name: _boxes(rows, place, base) for name, rows, place in _entries(file, _json(file))}


# --- Where results are ------------------------------------------------------------------------


class _Source(NamedTuple):
    """One tracker's boxes of one target."""

    tracker: str
    name: str  # of the target, as spelled there
    place: str  # for messages
    read: Callable[[], Array]  # the boxes, 0-based


def _sources(path: Path, names: Names, base: int | None) -> Iterator[_Source]:
    """Everything that a path holds, in any form."""
    if path.is_dir():
        yield from _in_sweep(path) if _is_sweep(path) else _in_folder(path, names, base)
        return
    if not path.is_file():
        raise InputError(f"no results at {path}: there is no such file or folder")
    source = _file_source(path, names, base)
    if source is not None:
        yield source
    elif _is_json(path):
        yield from _in_json(path, base)
    else:
        raise InputError(
            f"{path}: its name is no target's; wanted <Tracker>.json or .json.gz, <Sequence> or "
            "<Sequence>_<Tracker> with .txt, .csv or .mat"
        )


def _in_json(file: Path, base: int | None) -> Iterator[_Source]:
    """A file of many targets: a tracker's, or what is kept of a sweep."""
    from rltrack.benchmarks.report import is_kept

    held = _json(file)
    if is_kept(held):
        yield from _in_sweep(file)
        return
    tracker = re.sub(r"\.json(\.gz)?$", "", file.name, flags=re.IGNORECASE)
    for name, rows, place in _entries(file, held):
        read = partial(_boxes, rows, place, 1 if base is None else base)
        yield _Source(tracker, name, place, read)


def _is_sweep(folder: Path) -> bool:
    """Whether it holds what jobs leave: a folder for each tracker, named by its key."""
    from rltrack.benchmarks.jobs import results_in

    return next(results_in(folder), None) is not None


def _in_sweep(path: Path) -> Iterator[_Source]:
    """The jobs of a sweep, its folder or what is kept of it; their boxes are 0-based."""
    from rltrack.benchmarks.report import load, names_of

    jobs = load(path)
    names = names_of(jobs)
    for job in jobs:
        tracker = f"{names[job['tracker']]}, seed {job['seed']}"
        place = f"{job['target']} of {tracker} in {path}"
        yield _Source(tracker, job["target"], place, partial(_boxes, job["boxes"], place, 0))


def _in_folder(folder: Path, names: Names, base: int | None) -> Iterator[_Source]:
    """The files of a folder, each with one target; or else each with a tracker's targets."""
    try:
        files = sorted(
            file
            for file in folder.iterdir()
            if (file.suffix.lower() in _SUFFIXES or _is_json(file))
            and not file.name.startswith(".")
        )
    except OSError as error:
        raise InputError(f"cannot list the folder {folder}: {error.strerror}") from None
    sources = {file: _file_source(file, names, base) for file in files}
    known = [source for source in sources.values() if source is not None]
    trackers = [] if known else [file for file in files if _is_json(file)]
    if not known and not trackers:
        raise InputError(
            f"no results in the folder {folder}: wanted <Sequence> or <Sequence>_<Tracker> with "
            ".txt, .csv or .mat, or <Tracker>.json or .json.gz; of other folders in it, give each"
        )
    others = [f.name for f, source in sources.items() if source is None and f not in trackers]
    if others:
        logger.warning("%s: left out, as no target is called so: %s", folder, ", ".join(others))
    yield from known
    for file in trackers:
        yield from _in_json(file, base)


def _file_source(file: Path, names: Names, base: int | None) -> _Source | None:
    """The one target that a file's name tells of; None if it tells of none."""
    if file.suffix.lower() not in _SUFFIXES:
        return None
    stem = file.stem
    if names.find(stem) is not None:
        return _Source(file.resolve().parent.name, stem, str(file), partial(_read, file, base))
    if _is_json(file):
        return None
    # Both names may have underscores: the longest beginning that is a target's counts.
    for cut in reversed([match.start() for match in re.finditer("_", stem)]):
        name, tracker = stem[:cut], stem[cut + 1 :]
        if names.find(name) is not None:
            return _Source(tracker, name, str(file), partial(_read, file, base))
    return None


def _is_json(file: Path) -> bool:
    return file.name.lower().endswith((".json", ".json.gz"))


# --- What is in a file ------------------------------------------------------------------------


def _read(file: Path, base: int | None) -> Array:
    """The boxes in a file of one target."""
    suffix = file.suffix.lower()
    rows = (
        _csv_rows(file, base)
        if suffix == ".csv"
        else {".txt": _txt_rows, ".json": _json, ".mat": _mat_rows}[suffix](file)
    )
    implied = 0 if suffix == ".csv" else 1
    return _boxes(rows, str(file), implied if base is None else base)


def _boxes(rows: Any, place: str, base: int) -> Array:
    """Rows as 0-based boxes, checked."""
    try:
        boxes = np.array(rows, np.float64)
    except (TypeError, ValueError):
        boxes = np.empty(0)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(f"{place}: wanted rows of four numbers x, y, w, h, one a frame")
    boxes[~np.isfinite(boxes).all(axis=1)] = np.nan
    boxes[:, :2] -= base
    return boxes


def _text(file: Path) -> str:
    try:
        opened = gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb")
        with opened:
            return opened.read().decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None


def _json(file: Path) -> Any:
    try:
        return json.loads(_text(file))
    except json.JSONDecodeError as error:
        raise InputError(f"{file} is not JSON ({error}): write it again") from None


def _entries(file: Path, held: Any) -> Iterator[tuple[str, Any, str]]:
    """Names and rows of a file of many targets, and the place of each for messages."""
    if not isinstance(held, Mapping):
        raise InputError(
            f'{file}: wanted {{"<Sequence>": [[x, y, w, h], ...], ...}}; a file with the boxes of '
            "one target is to be named after it"
        )
    for name, rows in held.items():
        yield name, rows, f"{name!r} in {file}"


def _txt_rows(file: Path) -> Any:
    text = _text(file).replace(",", " ")
    if not text.strip():
        raise InputError(f"{file} is empty: it must hold one box x,y,w,h a line")
    try:
        return np.loadtxt(io.StringIO(text), ndmin=2)
    except ValueError as error:
        raise InputError(f"{file}: wanted one box x,y,w,h a line; {error}") from None


def _csv_rows(file: Path, base: int | None) -> Any:
    rows = csv.DictReader(_text(file).splitlines(), restval="")
    columns = rows.fieldnames or ()
    if "target" in columns:
        raise InputError(f"{file} holds several targets: split it into a file for each")
    if {*_BOX} <= {*columns}:
        return [[row[column] for column in _BOX] for row in rows]
    if base is None:
        raise InputError(
            f"{file} does not begin with the columns' names, x,y,w,h among them, as rltrack's CSV "
            "does; say with --base whether its pixels count from 0 or from 1"
        )
    return _txt_rows(file)


def _mat_rows(file: Path) -> Any:
    from scipy.io import loadmat

    try:
        held = loadmat(file, simplify_cells=True)
    except NotImplementedError:
        raise InputError(f"{file} is of MATLAB 7.3: save it again with -v7") from None
    except Exception as error:  # scipy's are of many kinds
        raise InputError(f"{file} is not a MATLAB file ({error}): save it again") from None
    if "result" in held:
        return np.atleast_2d(held["result"])
    run = held.get("results")
    if isinstance(run, list | np.ndarray) and len(run) > 1:
        raise InputError(
            f"{file} holds {len(run)} runs, of another evaluation than one pass (OPE): give its "
            "one-pass results"
        )
    if not isinstance(run, dict) or "res" not in run:
        raise InputError(
            f"{file}: wanted the OTB toolkit's results{{1}} with res and type, or a matrix result"
        )
    if run.get("type") != "rect":
        of = f"are of type {run['type']!r}" if "type" in run else "do not say their type"
        raise InputError(
            f"{file}: its boxes {of}; only 'rect' can be read: convert them to x, y, w, h"
        )
    return np.atleast_2d(run["res"])
