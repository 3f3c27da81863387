"""Write files so that a file is either complete or absent.

A file is first written beside its place, under another name that nothing else has. Two runs that
write the same file therefore do not disturb each other, and what a killed run left is not touched.
When the file is complete and on the disk, it takes its name. If it cannot be written, what was
there before stays, and a :class:`WriteError` says so.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rltrack.errors import InputError

__all__ = [
    "SIGNATURE",
    "GrowingFile",
    "WriteError",
    "alone",
    "first_free",
    "new_part",
    "parts_of",
    "put_in_place",
    "set_aside",
    "try_each",
    "unchanged",
    "whole",
    "write_bytes",
    "write_error",
    "write_json",
]


SIGNATURE = "rltrack"
"""The word that rltrack writes into a comment of its files, where their form has comments. A later
run replaces such a file, and no file of others; see `rltrack.video.own_files`."""


class WriteError(OSError):
    """A file could not be written, for instance because the disk is full.

    The message is one line. It says why, and what is safe.
    """


def new_part(path: Path) -> Path:
    """Make an empty file for what is to become ``path``: ``<name>.<8 digits>.part`` beside it.

    The hexadecimal digits are random, and a file that exists is never taken.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        try:
            part.touch(exist_ok=False)
        except FileExistsError:
            continue
        return part


def parts_of(path: Path) -> list[Path]:
    """Return the files that runs which were killed, or are still at work, have made for ``path``.

    See :func:`new_part`.
    """
    name = re.compile(re.escape(path.name) + r"\.[0-9a-f]{8}\.part")
    try:
        return sorted(file for file in path.parent.iterdir() if name.fullmatch(file.name))
    except OSError:  # a folder may be written to and not listed
        return []


def put_in_place(part: Path, path: Path) -> None:
    """Give a complete file its name, once its content is on the disk.

    Raises:
        OSError: the content is not on the disk, or the file cannot be renamed. Whatever ``path``
            was before, it still is.
    """
    with part.open("r+b") as file:
        os.fsync(file.fileno())  # a full disk may show only here
    part.replace(path)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path, under which the block writes the file.

    If the block ends without an exception, the temporary file is renamed to ``path``. Otherwise it
    is removed. If ``path`` is a symbolic link, the link stays, and the file that it points to is
    written.

    Raises:
        WriteError: the file cannot be written, or the block raised an `OSError`.

    >>> with whole(Path("boxes.csv")) as part:  # doctest: +SKIP
    ...     part.write_text("x,y,w,h")
    """
    part = None
    try:
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = new_part(path)
        yield part
        put_in_place(part, path)
    except BaseException as error:
        if part is not None:
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_error(path, error, unchanged(path)) from error
        raise


class GrowingFile:
    """A file that grows piece by piece, and takes its name when it is finished.

    Each piece is handed to the operating system at once: a killed process leaves all of them in
    the file `part`.

    Attributes:
        part: the file until then; see :func:`new_part`.

    Raises:
        WriteError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._size = path, 0
        try:
            self.part = new_part(path)
            self._file = os.open(self.part, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise write_error(path, error) from error

    def append(self, piece: bytes) -> None:
        """Add bytes, either all of them or none.

        Raises:
            WriteError: they cannot be written. The pieces before them are safe.
        """
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise write_error(self._path, error) from error
        self._size += len(piece)

    def discard(self) -> None:
        """Remove the file, after another one was completed with what is in it."""
        os.close(self._file)
        self.part.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the file its name; without any piece, remove it.

        Raises:
            WriteError: that is not possible. The pieces stay in the file `part`.
        """
        try:
            os.close(self._file)
            if self._size:
                put_in_place(self.part, self._path)
            else:
                self.part.unlink(missing_ok=True)
        except OSError as error:
            safe = "; ".join(filter(None, [f"it is in {self.part}", unchanged(self._path)]))
            raise write_error(self._path, error, safe) from error


def write_error(path: Path, error: Exception, safe: str = "") -> WriteError:
    """Return the error that says why ``path`` cannot be written, and what is ``safe``.

    Args:
        path: the file.
        error: what was raised: an `OSError`, or an exception of the library that writes.
        safe: what to say of the files that are there; empty to say nothing.
    """
    if isinstance(error, WriteError):
        return error
    reason = getattr(error, "strerror", None) or error
    return WriteError(f"cannot write {path}: {reason}" + f"; {safe}" * bool(safe))


def unchanged(path: Path) -> str:
    """Return what to say of a file that was not replaced; nothing if there was none."""
    return "the file that was there is unchanged" if path.is_file() else ""


def try_each(steps: Iterable[Callable[[], object]]) -> None:
    """Take every step, also after one that failed: one file's fate is not another's.

    Raises:
        WriteError: several steps failed in this way; the message joins theirs.
        BaseException: the first other failure.
    """
    problems: list[BaseException] = []
    for step in steps:
        try:
            step()
        except BaseException as error:
            problems.append(error)
    for problem in problems:
        if not isinstance(problem, WriteError):
            raise problem
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise WriteError("; ".join(map(str, problems))) from problems[0]


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used, so that another takes its place; return its new path.

    The new name is ``<name>.aside``, or ``<name>.aside-2`` and so on if there is such a file.
    """
    return path.rename(first_free(f"{path}.aside", os.path.lexists))


def first_free(path: str, taken: Callable[[Path], bool], suffix: str = "") -> Path:
    """Return the first of ``path``, ``<path>-2``, ``<path>-3`` and so on that is not ``taken``.

    ``suffix`` is added to each of them.
    """
    free, number = Path(f"{path}{suffix}"), 1
    while taken(free):
        number += 1
        free = Path(f"{path}-{number}{suffix}")
    return free


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, either completely or not at all.

    Raises:
        WriteError: it cannot be written.
    """
    with whole(path) as part:
        part.write_bytes(content)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, either completely or not at all.

    Raises:
        ValueError: ``content`` has a number that is not finite. JSON has no such numbers.
        WriteError: the file cannot be written.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


@contextmanager
def alone(folder: Path, command: str) -> Iterator[None]:
    """Keep other runs of a command out of a folder that they would write to at the same time.

    The lock is the operating system's, which frees it when a process dies.

    Raises:
        InputError: another run is at work there.
        OSError: the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    file = folder / ".lock"
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"another `rltrack {command}` is at work in {folder}: wait for its end, or give "
            "another folder"
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows does not let go of a file that is open
            file.unlink()
        lock.release()
