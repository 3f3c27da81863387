"""The folders for downloaded files and for sequences."""

from __future__ import annotations

import os
from pathlib import Path

from rltrack.paths import given_path

__all__ = ["cache_dir", "data_dir"]


def cache_dir() -> Path:
    """Return the folder of downloaded files.

    It is ``$RLTRACK_CACHE`` if that variable is set, otherwise ``$XDG_CACHE_HOME/rltrack`` if that
    one is set, and otherwise ``~/.cache/rltrack``.
    """
    if given := os.environ.get("RLTRACK_CACHE"):
        return given_path(given, "RLTRACK_CACHE")
    if given := os.environ.get("XDG_CACHE_HOME"):
        return given_path(given, "XDG_CACHE_HOME") / "rltrack"
    return Path.home() / ".cache" / "rltrack"


def data_dir() -> Path:
    """Return the folder of sequences.

    It is ``$RLTRACK_DATA`` if that variable is set, and otherwise ``data`` in :func:`cache_dir`.
    """
    given = os.environ.get("RLTRACK_DATA")
    return given_path(given, "RLTRACK_DATA") if given else cache_dir() / "data"
