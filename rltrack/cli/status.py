"""How a command ends: its exit status, and one line about what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from rltrack.cli.printing import one_line, show, show_traceback

if TYPE_CHECKING:
    from rltrack.benchmarks.side_by_side import ComparisonError
    from rltrack.video.tracks import Track, TrackingError

__all__ = [
    "BAD_INPUT",
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "ending",
    "fail",
    "fail_part_way",
    "say",
]

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def say(text: object, status: int) -> int:
    """Print what went wrong as one line; returns the exit status."""
    line = one_line(text)
    show(line if status == INTERRUPTED else f"error: {line}", error=True)
    return status


def fail(error: object, status: int) -> NoReturn:
    """End the command, saying why."""
    raise typer.Exit(say(error, status))


def ending(*tracks: Track) -> int:
    """The exit status of runs that were tracked to their end, or interrupted, which is said."""
    if not any(done.interrupted for done in tracks):
        return DONE
    kept = "what was tracked is kept" if len(tracks[0]) else "nothing was tracked yet"
    return say(f"interrupted; {kept}", INTERRUPTED)


def fail_part_way(
    error: TrackingError | ComparisonError, kept: Mapping[Path, int], debug: bool
) -> NoReturn:
    """End the command after a failure, saying which files are kept, and how many frames of each."""
    if debug:
        show_traceback(error)
    safe = ", ".join(f"{path} ({frames} frames)" for path, frames in kept.items())
    said = f"kept: {safe}" if safe else "no file is kept"
    fail(f"{error}; {said}{'' if debug else ' (--debug shows where)'}", FAILED)
