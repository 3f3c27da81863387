"""Files that are there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["part_of", "whole", "write_bytes", "write_json"]


def part_of(path: Path) -> Path:
    """Where a file is until it is complete: ``<name>.part``, beside its place."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write a file: it becomes ``path`` if the block ends well, else it is removed.

    Where ``path`` is a symbolic link it stays one, and the file it points to is written.

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
    """Write a file, whole or not at all."""
    with whole(path) as part:
        part.write_bytes(content)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file.

    Raises:
        ValueError: ``content`` has a number that is not finite, which JSON cannot tell.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())
