"""The results that the book keeps: files of runs, traces and measurements that chapters draw."""

from __future__ import annotations

from pathlib import Path

from rltrack.errors import InputError

__all__ = ["kept_results"]

_NAME = "results"

_BOOK = Path(__file__).resolve().parents[2] / "book"


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
