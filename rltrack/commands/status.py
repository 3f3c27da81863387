"""How a command ends: its exit status, and one line about what went wrong."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

__all__ = ["BAD_INPUT", "DONE", "FAILED", "INTERRUPTED", "fail", "say"]

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def say(text: object, status: int) -> int:
    """Print what went wrong as one line; returns the exit status."""
    line = " ".join(str(text).split())
    print(line if status == INTERRUPTED else f"error: {line}", file=sys.stderr)
    return status


def fail(error: object, status: int) -> NoReturn:
    """End the command, saying why."""
    raise typer.Exit(say(error, status))
