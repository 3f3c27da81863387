"""Runs of a sweep as files: one a run, or many kept in one; what their trackers are called.

A run's file is JSON, compressed, in a folder that the tracker's key names. It holds the boxes, the
metrics, the whole configuration and what the run was made with.
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
    """The results in a sweep's folder, or in a file that :func:`keep` wrote.

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
    """Write results to one file; the same results make the same file."""
    text = json.dumps({"what": _KEPT, "results": results})
    write_bytes(file, gzip.compress(text.encode(), mtime=0))


def is_kept(content: Any) -> bool:
    """Whether that is what a file has that :func:`keep` wrote."""
    return isinstance(content, Mapping) and content.get("what") == _KEPT


def names_of(results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names of the trackers, by key: what differs between them; the preset if nothing does.

    Of several presets, each with what differs from it besides.
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
    """A configuration as JSON has it; a field that an older one does not have is the default."""
    made: dict[str, Any] = json.loads(json.dumps({**asdict(TrackerConfig()), **config}))
    return made


def weights_of(result: Mapping[str, Any]) -> Any:
    """What the weights of a result's backbone are.

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
    """The files that jobs have left in a sweep's folder, in order."""
    for file in sorted(folder.glob("*/*.json.gz")):
        if re.fullmatch("[0-9a-f]{12}", file.parent.name):
            yield file


def read_result(file: Path) -> dict[str, Any]:
    """What a job left.

    Raises:
        InputError: it is no such file.
    """
    try:
        result: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
        result["tracker"], result["target"], result["seed"], result["os"], result["boxes"]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is no result of a sweep ({error}); remove it") from error
    return result
