"""What a run writes, checked against what it reads, before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from rltrack.errors import InputError
from rltrack.files import first_free, new_part
from rltrack.paths import given_path

__all__ = [
    "Folder",
    "Input",
    "check_endings",
    "checked_folder",
    "checked_outputs",
    "free_folder",
    "inputs_of",
]


class Folder(NamedTuple):
    """A folder that a run reads.

    Attributes:
        path: the folder.
        reads: tells of a path relative to it whether such a file is read there, or would be if it
            were there.
    """

    path: Path
    reads: Callable[[Path], bool]


Input = Path | Folder
"""What a run reads: a file, or files of a folder."""


def inputs_of(source: object) -> tuple[Input, ...]:
    """Return what on the disk a source of frames is read from.

    A source says so by an attribute ``inputs``, which `rltrack.open_source` gives to all that it
    opens from files. One without it is taken for a source that reads none.
    """
    return tuple(getattr(source, "inputs", ()))


def checked_outputs(
    given: Mapping[str, str | Path | None], inputs: Iterable[Input] = ()
) -> dict[str, Path]:
    """Check that a run can write its outputs, and that they are no input and not one another.

    The folders of the outputs are created if they are missing. Nothing else is changed.

    Args:
        given: the paths of the files, by words for what is written there; the messages contain
            these words. None is an output that is not asked for.
        inputs: all that the run reads.

    Returns:
        The paths of those that are asked for. If one is a symbolic link, it is the file that the
        link points to, because a finished file that takes the link's name would replace the link.

    Raises:
        InputError: one cannot be written, belongs to the inputs, or is the same file as another.
    """
    paths = {what: _named(path, what) for what, path in given.items() if path is not None}
    read = tuple(inputs) if paths else ()
    files = {stamp for each in read if isinstance(each, Path) and (stamp := _stamp(each))}
    folders = [(each.path.resolve(), each.reads) for each in read if isinstance(each, Folder)]
    for what, path in paths.items():
        place = path.resolve()
        if _stamp(path) in files or any(
            folder in place.parents and reads(place.relative_to(folder))
            for folder, reads in folders
        ):
            raise InputError(
                f"{_problem(what, path)}: that file belongs to the input; give another name"
            )
    for (one, path), (other, second) in combinations(paths.items(), 2):
        stamp = _stamp(path)
        if path.resolve() == second.resolve() or (stamp and stamp == _stamp(second)):
            raise InputError(
                f"two outputs cannot be one file: the {one} and the {other} both go to {path}"
            )
    for what, path in paths.items():
        _check_writable(path, _problem(what, path))
    return paths


def check_endings(outputs: Mapping[str, Path], endings: Mapping[str, tuple[str, ...]]) -> None:
    """Check the endings of outputs' names, for those that have ``endings`` to choose from.

    Raises:
        InputError: one has another ending.
    """
    for what, allowed in endings.items():
        if what in outputs and not outputs[what].name.lower().endswith(allowed):
            raise InputError(
                f"cannot write the {what} to {outputs[what]}: its name must end in "
                f"{' or '.join(allowed)}"
            )


def checked_folder(path: str | Path, what: str) -> Path:
    """Check that files can be written to a folder, which is created if it is missing.

    Raises:
        InputError: they cannot.
    """
    folder = given_path(path, f"the path of the {what}")
    _check_writable(folder / "file", _problem(what, folder))
    return folder


def free_folder(path: str) -> Path:
    """Return a folder in which there is nothing: ``path``, or ``<path>-2``, ``<path>-3`` and so on.

    It is for results that a user gave no place. They may not replace those of an earlier run.
    """
    return first_free(path, _in_use)


def _in_use(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:  # it is no folder, or may not be listed, if it is there at all
        return os.path.lexists(folder)


def _problem(what: str, path: str | Path) -> str:
    return f"cannot write the {what} to {str(path)!r}"


def _named(path: str | Path, what: str) -> Path:
    """Return an output's path; InputError if there cannot be a file of that name."""
    file = given_path(path, f"the path of the {what}")
    if file.is_dir():
        raise InputError(f"{_problem(what, path)}: it is a folder")
    if file.exists() and not file.is_file():
        raise InputError(
            f"{_problem(what, path)}: it is a pipe or a device; give the name of a file"
        )
    return file.resolve() if file.is_symlink() else file


def _check_writable(path: Path, problem: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new_part(path).unlink()
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{problem}: what should be its folder is a file") from None
    except OSError as error:
        raise InputError(f"{problem}: {error.strerror}") from None


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what identifies a file under all of its names; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - quicker, and a video has thousands of frames
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
