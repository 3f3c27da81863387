"""Published trackers: the scores of their boxes on ``dev18``, which are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rltrack.text_files import read_json

__all__ = ["PUBLISHED", "SCORED", "published", "published_files", "titled"]

SCORED = "dev18"
"""The targets that they were scored on."""

PUBLISHED = f"published_{SCORED}.json"
"""The name of the file: what ``rltrack evaluate --json`` wrote."""

_TITLES = {
    "MDnet": "MDNet",
    "CSRDCF": "CSR-DCF",
    "siamfc3s": "SiamFC",
    "KCF_GaussHog": "KCF",
}
"""What papers call those trackers whose files have other names."""


def published(kept: Path) -> list[dict[str, Any]]:
    """Return published trackers as a report of `rltrack.evaluation.ranking.compare` has them.

    They are called as papers call them, and the best is the first.

    Args:
        kept: the folder of kept runs. There are no trackers if it has no such file.

    Raises:
        InputError: the file cannot be read.
    """
    return [{**tracker, "name": titled(tracker["name"])} for tracker in _kept(kept)]


def published_files(kept: Path) -> list[str]:
    """Return what the files of the published trackers' boxes are called, without their endings.

    Args and errors are those of `published`, and so is the order.
    """
    return [tracker["name"] for tracker in _kept(kept)]


def _kept(kept: Path) -> list[dict[str, Any]]:
    file = kept / PUBLISHED
    return read_json(file)["trackers"] if file.is_file() else []


def titled(name: str) -> str:
    """Return what papers call a tracker, by the name of its file of results."""
    return _TITLES.get(name, name)
