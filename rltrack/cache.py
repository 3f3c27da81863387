"""The folders for downloaded files and for sequences."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_dir", "data_dir"]


def cache_dir() -> Path:
    """Return the folder of downloaded files.

    It is ``$RLTRACK_CACHE`` if that variable is set, otherwise ``$XDG_CACHE_HOME/rltrack`` if that
    one is set, and otherwise ``~/.cache/rltrack``.
    """
    if given := os.environ.get("RLTRACK_CACHE"):
        return Path(given).expanduser()
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given).expanduser() / "rltrack"
    return Path.home() / ".cache" / "rltrack"


def data_dir() -> Path:
    """Return the folder of sequences.

    It is ``$RLTRACK_DATA`` if that variable is set, and otherwise ``data`` in :func:`cache_dir`.
    """
    given = os.environ.get("RLTRACK_DATA")
    return Path(given).expanduser() if given else cache_dir() / "data"
