"""Where the package keeps downloaded files and looks for sequences."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_dir", "data_dir"]


def cache_dir() -> Path:
    """Return the folder of downloaded files.

    It is ``$RLTRACK_CACHE``, else ``$XDG_CACHE_HOME/rltrack``, else ``~/.cache/rltrack``.
    """
    if given := os.environ.get("RLTRACK_CACHE"):
        return Path(given).expanduser()
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given).expanduser() / "rltrack"
    return Path.home() / ".cache" / "rltrack"


def data_dir() -> Path:
    """Return the folder of sequences: ``$RLTRACK_DATA``, else ``data`` in `cache_dir`."""
    given = os.environ.get("RLTRACK_DATA")
    return Path(given).expanduser() if given else cache_dir() / "data"
