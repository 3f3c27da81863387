"""Write files so that a file is either complete or absent.

A file is first written beside its place, under another name. When it is complete, it is renamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rltrack.errors import InputError

__all__ = ["part_of", "whole", "writable", "write_bytes", "write_json"]


def part_of(path: Path) -> Path:
    """Return the path of a file until it is complete: ``<name>.part`` in the same folder."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path, under which the block writes the file.

    If the block ends without an exception, the temporary file is renamed to ``path``. Otherwise it
    is removed. If ``path`` is a symbolic link, the link stays, and the file that it points to is
    written.

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
    """Write a file, either completely or not at all."""
    with whole(path) as part:
        part.write_bytes(content)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, either completely or not at all.

    Raises:
        ValueError: ``content`` has a number that is not finite. JSON has no such numbers.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


def writable(path: str | Path, what: str, source: Path | None = None) -> Path:
    """Check that an output file can be written, and return its path.

    The folder of the file is created if it is missing. If ``path`` is a symbolic link, the returned
    path is the file that the link points to, because renaming a finished file to the link's name
    would replace the link.

    Args:
        path: the path of the file.
        what: one word for what is written there; the message contains it.
        source: the input, a file or a folder. Neither the file itself nor a ground truth file in
            the folder may be overwritten.

    Raises:
        InputError: the file cannot be written, or it belongs to ``source``.
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
        # A run that was killed may have left this file. It stays until this run has rows.
        left = part.exists()
        part.open("ab").close()
        if not left:
            part.unlink()
        if source is not None and path.exists():
            truth = path.name.startswith("groundtruth") and path.parent.samefile(source)
            if truth or path.samefile(source):
                raise InputError(f"{problem}: that file belongs to the input; give another name")
    except OSError as error:
        raise InputError(f"{problem}: {error.strerror}") from None
    except RuntimeError as error:  # the home folder is unknown, or symbolic links form a circle
        raise InputError(f"{problem}: {error}") from None
    return path
