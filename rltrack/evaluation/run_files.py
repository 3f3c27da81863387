"""Files of a sweep's runs: one file for each run, or many runs kept in one file.

A run's file is compressed JSON, in a folder that is named by the tracker's key. It holds the boxes,
the metrics, the whole configuration, and a description of the code and the machine.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rltrack.errors import InputError
from rltrack.files import write_bytes
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset

__all__ = [
    "is_kept",
    "keep",
    "load",
    "names_of",
    "read_result",
    "results_in",
    "settings",
    "weights_of",
]

_KEPT = "runs of rltrack sweep"


def load(place: Path) -> list[dict[str, Any]]:
    """Return the runs in a sweep's folder, or in a file that :func:`keep` wrote.

    Raises:
        InputError: there are none, or one cannot be read.
    """
    if place.is_file():
        try:
            kept: list[dict[str, Any]] = json.loads(gzip.decompress(place.read_bytes()))["results"]
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{place} holds no kept results ({error})") from error
        return kept
    results = [read_result(file) for file in results_in(place)]
    if not results:
        raise InputError(f"no results in {place}: `rltrack sweep --out {place}` makes them")
    return results


def keep(results: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Write runs to one file. The same runs make the same file."""
    text = json.dumps({"what": _KEPT, "results": results})
    write_bytes(file, gzip.compress(text.encode(), mtime=0))


def is_kept(content: Any) -> bool:
    """Return whether this is the content of a file that :func:`keep` wrote."""
    return isinstance(content, Mapping) and content.get("what") == _KEPT


def names_of(results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Name the trackers, by key, after the fields in which they differ.

    If they differ in none, they are named after the preset.
    If there are several presets, a name has the preset and the fields that differ from it.
    """
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
    differ = [f for f in fields if len({json.dumps(a[f]) for a in about.values()}) > 1]
    shown = dict.fromkeys(about, differ or ["preset"])
    if "preset" in differ:
        for key, a in about.items():  # a preset's name says all that it sets
            sets = settings(asdict(preset(a["preset"])))
            shown[key] = [f for f in differ if f == "preset" or a[f] != sets.get(f)]
    return {k: ", ".join(f"{f} {_plain(a[f])}" for f in shown[k]) for k, a in about.items()}


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as JSON has it. Fields that an older one lacks take their defaults."""
    made: dict[str, Any] = json.loads(json.dumps({**asdict(TrackerConfig()), **config}))
    return made


def weights_of(result: Mapping[str, Any]) -> Any:
    """Return the identity of the weights that a run used.

    See `rltrack.backbones.registry.backbone_identity`.
    """
    # Results that do not say are older, of when `embedded` was the analytic bank and no other.
    name = result["backbone"]
    return result.get("weights", "analytic" if name == "embedded" else name)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def packed(result: dict[str, Any]) -> bytes:
    # No time in the header: the same result is the same file.
    return gzip.compress(json.dumps(result, allow_nan=False).encode(), mtime=0)


def results_in(folder: Path) -> Iterator[Path]:
    """Yield the runs' files in a sweep's folder, in order."""
    for file in sorted(folder.glob("*/*.json.gz")):
        if re.fullmatch("[0-9a-f]{12}", file.parent.name):
            yield file


def read_result(file: Path) -> dict[str, Any]:
    """Read one run's file.

    Raises:
        InputError: it is not a run's file.
    """
    try:
        result: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
        result["tracker"], result["target"], result["seed"], result["os"], result["boxes"]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is no result of a sweep ({error}); remove it") from error
    return result
