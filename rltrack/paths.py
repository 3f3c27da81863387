"""Paths as users write them, on the command line, in variables and in calls."""

from __future__ import annotations

import stat
from pathlib import Path

from rltrack.errors import InputError

__all__ = ["given_path", "is_file", "is_folder", "listed"]


def given_path(path: str | Path, what: str = "the path") -> Path:
    """Return a path that a user gave, with ``~`` replaced by the home folder.

    Nothing needs to be there. The system must be able to look whether something is, so that no
    later use of the path fails at the path itself.

    Args:
        path: the path. An empty text is refused, because `pathlib` takes it for the folder in
            which the program runs.
        what: what the path is for, as the subject of the message.

    Raises:
        InputError: no file can have this path: it is empty or too long, has a null character, leads
            through a file, into a folder that may not be entered or round in a circle, or begins
            with the home folder of an unknown user.
    """
    problem = f"{what} cannot be {str(path)!r}"
    if not str(path):
        raise InputError(f"{what} cannot be empty")
    try:
        found = Path(path).expanduser()
        found.stat()
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        raise InputError(f"{problem}: what should be its folder is a file") from None
    except OSError as error:
        raise InputError(f"{problem}: {error.strerror}") from None
    except (RuntimeError, ValueError) as error:  # an unknown user; a null character
        raise InputError(f"{problem}: {error}") from None
    return found


def is_file(path: Path) -> bool:
    """Return whether there is a file.

    Raises:
        InputError: that cannot be seen, because its folder may not be entered. `pathlib` either
            raises another error or says that there is none, depending on the version of Python.
    """
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Return whether there is a folder.

    Raises:
        InputError: as `is_file`.
    """
    return stat.S_ISDIR(_mode(path))


def listed(folder: Path) -> list[Path]:
    """Return what is in a folder, in order.

    Raises:
        InputError: the folder is not there, or may not be listed.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        cure = "; change its permissions" if isinstance(error, PermissionError) else ""
        raise InputError(f"cannot list the folder {folder}: {error.strerror}{cure}") from None


def _mode(path: Path) -> int:
    """Return the mode of what is at a path, or 0 if there is nothing."""
    try:
        return path.stat().st_mode
    except PermissionError as error:
        raise InputError(
            f"cannot look into the folder {path.parent}: {error.strerror}; change its permissions"
        ) from None
    except (OSError, ValueError):
        return 0
