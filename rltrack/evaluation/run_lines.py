"""A file of a study's runs: one JSON object on each line.

A study adds a line when it has made a run. So it can be stopped at any time, and the same command
goes on with the runs that are not in the file yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rltrack.errors import InputError
from rltrack.text_files import read_text

__all__ = ["append", "stored"]


def stored(file: Path) -> list[dict[str, Any]]:
    """Return the runs in a file.

    A last line without its end does not count: a process was killed while it wrote the line.

    Raises:
        InputError: the file cannot be read, or another line is not a JSON object.
    """
    *lines, _ = read_text(file).split("\n")
    return [_run(line, f"line {number} of {file}") for number, line in enumerate(lines, 1)]


def _run(line: str, place: str) -> dict[str, Any]:
    try:
        run = json.loads(line)
    except (ValueError, RecursionError):
        run = None
    if not isinstance(run, dict):
        raise InputError(f"{place} is not a JSON object: remove it, and its run is made again")
    return run


def append(file: Path, run: Mapping[str, Any]) -> None:
    """Add a run to a file, which is made if it is not there.

    A last line without its end is removed first.

    Raises:
        OSError: the file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as kept:
        kept.seek(0)
        content = kept.read()
        if content and not content.endswith(b"\n"):
            kept.truncate(content.rfind(b"\n") + 1)
        kept.write(json.dumps(run).encode() + b"\n")
