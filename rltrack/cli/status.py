"""How a command ends: its exit status, and one line about what went wrong."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from rltrack.video.tracks import Track, TrackingError

__all__ = ["BAD_INPUT", "DONE", "FAILED", "INTERRUPTED", "ending", "fail", "fail_part_way", "say"]

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def say(text: object, status: int) -> int:
    """Print what went wrong as one line; returns the exit status."""
    line = " ".join(str(text).split())
    print(line if status == INTERRUPTED else f"error: {line}", file=sys.stderr)
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


def fail_part_way(error: TrackingError, debug: bool) -> NoReturn:
    """End the command after a failure, saying what is kept."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    frames = len(error.track)
    kept = f"what was tracked before it, {frames} frames, is kept" if frames else "nothing tracked"
    fail(f"{error}; {kept}{'' if debug else ' (--debug shows where)'}", FAILED)
