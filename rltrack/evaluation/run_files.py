"""Files of a sweep's runs: one file for each run, or many runs kept in one file.

A run's file is compressed JSON, in a folder that is named by the tracker's key. It holds the boxes,
the metrics, the whole configuration, and a description of the code and the machine.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rltrack.errors import InputError, few
from rltrack.evaluation.run_schema import checked_run
from rltrack.files import write_bytes
from rltrack.outputs import Folder, Input
from rltrack.paths import is_file, is_folder, listed
from rltrack.text_files import LARGEST, read_json
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import PRESETS, preset

__all__ = [
    "KEPT",
    "inputs_in",
    "is_kept",
    "keep",
    "load",
    "names_of",
    "packed",
    "read_result",
    "results_in",
    "runs_by_target",
    "settings",
    "short_names_of",
    "tracker_key",
    "truth_key",
    "weights_of",
]

logger = logging.getLogger(__name__)

KEPT = "runs of rltrack sweep"
"""What a file that :func:`keep` wrote says that it holds."""


def load(place: Path) -> list[dict[str, Any]]:
    """Return the runs in a sweep's folder, or in a file that :func:`keep` wrote.

    Runs that are damaged (:func:`rltrack.evaluation.run_schema.checked_run`) are left out. A
    warning names them.

    Raises:
        InputError: there are none, or the file cannot be read.
    """
    if not (is_file(place) or is_folder(place)):
        raise InputError(
            f"{place} is no file or folder of results: give a sweep's folder, or a file of "
            "`rltrack report --keep`"
        )
    found: list[dict[str, Any]] = []
    damaged: list[str] = []
    for read in _kept_runs(place) if is_file(place) else _runs_in(place):
        try:
            found.append(read())
        except InputError as error:
            damaged.append(str(error))
    if damaged:
        logger.warning(
            "left out, as damaged: %d of %d runs: %s",
            len(damaged), len(found) + len(damaged), few(damaged, 5),
        )  # fmt: skip
    if not found and damaged:
        raise InputError(f"all {len(damaged)} runs in {place} are damaged; {damaged[0]}")
    if not found:
        raise InputError(f"no results in {place}: `rltrack sweep --out {place}` makes them")
    return found


def _kept_runs(file: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Yield what reads each run in a file that :func:`keep` wrote."""
    kept = read_json(file)
    if not is_kept(kept) or not isinstance(kept.get("results"), list):
        raise InputError(
            f"{file} holds no kept results: give what `rltrack report --keep` wrote, or a "
            "sweep's folder"
        )
    for number, content in enumerate(kept["results"], 1):
        yield partial(_checked, content, f"run {number} in {file}")


def _runs_in(folder: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Yield what reads each run in a sweep's folder."""
    for file in results_in(folder):
        yield partial(read_result, file)


def keep(results: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Write runs to one file. The same runs make the same file.

    Raises:
        InputError: the file would be larger than :func:`load` reads.
    """
    content = json.dumps({"what": KEPT, "results": results}).encode()
    if len(content) > LARGEST:
        raise InputError(
            f"{len(results)} runs are more than fit into the file {file}, which may hold "
            f"{LARGEST // 2**20} MiB: choose some of them, on the command line with --where"
        )
    write_bytes(file, _compressed(content))


def is_kept(content: Any) -> bool:
    """Return whether this is the content of a file that :func:`keep` wrote."""
    return isinstance(content, Mapping) and content.get("what") == KEPT


def runs_by_target(
    results: Iterable[Mapping[str, Any]],
) -> dict[str, dict[str, list[Mapping[str, Any]]]]:
    """Group runs by tracker, and then by target."""
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for result in results:
        found.setdefault(result["tracker"], {}).setdefault(result["target"], []).append(result)
    return found


def names_of(results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Name the trackers, by key, after the fields in which they differ.

    If they differ in none, they are named after the preset.
    If there are several presets, a name has the preset and the fields that differ from it.
    """
    about, differ = _differences(list(results))
    shown = dict.fromkeys(about, differ or ["preset"])
    if "preset" in differ:
        for key, a in about.items():  # a preset's name says all that it sets
            # A configuration made in Python may have a label of its own.
            sets = settings(asdict(preset(a["preset"]))) if a["preset"] in PRESETS else {}
            shown[key] = [f for f in differ if f == "preset" or a[f] != sets.get(f)]
    return {key: _named(a, shown[key]) for key, a in about.items()}


def short_names_of(results: Iterable[Mapping[str, Any]]) -> tuple[dict[str, str], str]:
    """Name the trackers, by key, after the fields in which they differ from most others.

    Returns:
        The names, and the values of these fields that most trackers have. If there are several
        presets, or the trackers differ in few fields, the names are those of `names_of`, and there
        is nothing to say of most of them.
    """
    results = list(results)
    about, differ = _differences(results)
    if "preset" in differ or len(differ) < 3:
        return names_of(results), ""
    usual = {f: _most_common([a[f] for a in about.values()]) for f in differ}
    names = {
        key: _named(a, [f for f in differ if a[f] != usual[f]]) or "the usual values"
        for key, a in about.items()
    }
    return names, _named(usual, differ)


def _differences(
    results: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return each tracker's settings, by key, and the names of those in which they differ."""
    one = {r["tracker"]: r for r in results}
    weights = {key: weights_of(r) for key, r in one.items()}
    # Weights by any of the names that they are known by; two files may have one name.
    known = {weights_of(r): r["backbone"] for r in results}
    clear = len({*known.values()}) == len(known)
    about = {
        key: {**settings(r["config"]), "backbone": known[weights[key]] if clear else weights[key]}
        for key, r in one.items()
    }
    fields = [*asdict(TrackerConfig()), "backbone"]
    return about, [f for f in fields if len({json.dumps(a[f]) for a in about.values()}) > 1]


def _named(values: Mapping[str, Any], fields: Iterable[str]) -> str:
    return ", ".join(f"{field} {_plain(values[field])}" for field in fields)


def _most_common(values: Sequence[Any]) -> Any:
    texts = [json.dumps(value) for value in values]
    return json.loads(max(texts, key=texts.count))


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as JSON has it. Fields that an older one lacks take their defaults."""
    made: dict[str, Any] = json.loads(json.dumps({**asdict(TrackerConfig()), **config}))
    return made


def tracker_key(config: TrackerConfig, weights: str) -> str:
    """Return twelve hexadecimal digits that identify a configuration with a backbone's weights."""
    tracker = json.dumps([config.identity(), weights], sort_keys=True)
    return hashlib.sha256(tracker.encode()).hexdigest()[:12]


def truth_key(ground_truth: ArrayLike) -> str:
    """Return twelve hexadecimal digits that identify a sequence's ground truth (T, 4)."""
    rows = np.ascontiguousarray(ground_truth, "<f8")
    return hashlib.sha256(rows.tobytes()).hexdigest()[:12]


def weights_of(result: Mapping[str, Any]) -> Any:
    """Return the identity of the weights that a run used.

    See `rltrack.backbones.registry.backbone_identity`.
    """
    # Results that do not say are older, of when `embedded` was the analytic bank and no other.
    name = result["backbone"]
    return result.get("weights", "analytic" if name == "embedded" else name)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def packed(result: Mapping[str, Any]) -> bytes:
    """Return the content of a run's file. The same run makes the same bytes.

    Raises:
        ValueError: the run has a number that is not finite. JSON has no such numbers.
    """
    return _compressed(json.dumps(result, allow_nan=False).encode())


def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # no time in the header


def results_in(folder: Path) -> Iterator[Path]:
    """Yield the runs' files in a sweep's folder, in order."""
    for each in listed(folder) if is_folder(folder) else ():
        for file in listed(each) if is_folder(each) else ():
            if _is_run(file.relative_to(folder)):
                yield file


def _is_run(file: Path) -> bool:
    """Return whether a path, relative to a sweep's folder, is that of a run's file."""
    return bool(re.fullmatch(r"[0-9a-f]{12}/[^/]*\.json\.gz", file.as_posix()))


def inputs_in(place: Path) -> tuple[Input, ...]:
    """Return what :func:`load` reads there, which no output may overwrite."""
    return (Folder(place, _is_run), *results_in(place)) if is_folder(place) else (place,)


def read_result(file: Path) -> dict[str, Any]:
    """Read one run's file.

    Raises:
        InputError: it cannot be read, or what it holds is not the run that its name says.
    """
    result = _checked(read_json(file), str(file))
    run = result["tracker"], f"{result['target']}-{result['seed']}.json.gz"
    if run != (file.parent.name, file.name):
        raise InputError(f"{file} is no result of a sweep: it holds the run {'/'.join(run)}")
    return result


def _checked(content: Any, place: str) -> dict[str, Any]:
    try:
        return checked_run(content)
    except InputError as error:
        raise InputError(f"{place} is no result of a sweep: {error}") from None
