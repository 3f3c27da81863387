"""Published trackers: the scores of their boxes on ``dev18``, which are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rltrack.text_files import read_json

__all__ = ["PUBLISHED", "SCORED", "published", "titled"]

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
    file = kept / PUBLISHED
    if not file.is_file():
        return []
    trackers = read_json(file)["trackers"]
    return [{**tracker, "name": titled(tracker["name"])} for tracker in trackers]


def titled(name: str) -> str:
    """Return what papers call a tracker, by the name of its file of results."""
    return _TITLES.get(name, name)
