"""Files that are there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["part_of", "whole", "write_json"]


def part_of(path: Path) -> Path:
    """Where a file is until it is complete: ``<name>.part``, beside its place."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write a file: it becomes ``path`` if the block ends well, else it is removed.

    >>> with whole(Path("boxes.csv")) as part:  # doctest: +SKIP
    ...     part.write_text("x,y,w,h")
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        yield part
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(path)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file.

    Raises:
        ValueError: ``content`` has a number that is not finite, which JSON cannot tell.
    """
    with whole(path) as part:
        text = json.dumps(content, indent=1, allow_nan=False)
        part.write_text(f"{text}\n", encoding="utf-8")
