"""The results that the book keeps: files of runs, traces and measurements that chapters draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rltrack.errors import InputError
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset

__all__ = ["earlier_realtime", "kept_results"]

_NAME = "results"

_BOOK = Path(__file__).resolve().parents[2] / "book"


def earlier_realtime(**changes: Any) -> TrackerConfig:
    """Return the preset ``realtime`` as it was when the runs of chapters 7 to 10 were made.

    Since then, its classifier is a quarter as wide, its updates are shorter and come more often,
    and a frame takes half as long.

    Args:
        changes: as in :func:`rltrack.preset`.
    """
    wide = {"hidden_units": 512, "mined_negatives": 256}
    rare = {"update_interval": 10, "update_iterations": 10}
    return preset("realtime", **{**wide, **rare, **changes})


def kept_results(kept: str = _NAME) -> Path:
    """Return the folder of kept results, wherever the notebook was started.

    Args:
        kept: a folder, relative to the working directory. The default is the book's own folder,
            which is beside the notebook. If the working directory is another one, it is found
            through the package, which is in the same copy of the project.

    Raises:
        InputError: the folder is not there.
    """
    folder = Path(kept)
    # A folder of this name is common, so it counts only beside the book's table of contents.
    if kept == _NAME and not Path("_toc.yml").is_file() and (_BOOK / kept).is_dir():
        folder = _BOOK / kept
    if not folder.is_dir():
        raise InputError(
            f"kept is {kept}; there is no such folder: start the notebook in its own folder, or "
            "give the path of the folder"
        )
    return folder
