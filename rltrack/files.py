"""Writing files so that they are either complete or absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rltrack.errors import InputError

__all__ = ["part_of", "whole", "writable", "write_bytes", "write_json"]


def part_of(path: Path) -> Path:
    """Return where a file is kept until it is complete: ``<name>.part`` in the same folder."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a place to write a file to.

    It becomes ``path`` if the block ends well, else it is removed.

    If ``path`` is a symbolic link, it stays a link, and the file that it points to is written.

    >>> with whole(Path("boxes.csv")) as part:  # doctest: +SKIP
    ...     part.write_text("x,y,w,h")
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        yield part
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, complete or not at all."""
    with whole(path) as part:
        part.write_bytes(content)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, complete or not at all.

    Raises:
        ValueError: ``content`` has a number that is not finite. JSON has no such numbers.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


def writable(path: str | Path, what: str, source: Path | None = None) -> Path:
    """Return the path of an output, if it can be written. Its folder is created if it is missing.

    For a symbolic link this is the file that it points to. A finished file is renamed to its place,
    and that would replace the link.

    Args:
        path: the path of the file.
        what: what is written there, in one word, for the message.
        source: a file or folder that is read. What belongs to it is not overwritten.

    Raises:
        InputError: the file cannot be written.
    """
    problem = f"cannot write the {what} to {str(path)!r}"
    try:
        path = Path(path).expanduser()
        if path.is_dir():
            raise InputError(f"{problem}: it is a folder")
        if path.exists() and not path.is_file():
            raise InputError(f"{problem}: it is a pipe or a device; give the name of a file")
        path = path.resolve() if path.is_symlink() else path
        path.parent.mkdir(parents=True, exist_ok=True)
        part = part_of(path)
        left = part.exists()  # by a run that was killed; it stays until this one has rows
        part.open("ab").close()
        if not left:
            part.unlink()
        if source is not None and path.exists():
            truth = path.name.startswith("groundtruth") and path.parent.samefile(source)
            if truth or path.samefile(source):
                raise InputError(f"{problem}: that file is what is tracked")
    except OSError as error:
        raise InputError(f"{problem}: {error.strerror}") from None
    except RuntimeError as error:  # no such user's home, or links in a circle
        raise InputError(f"{problem}: {error}") from None
    return path
