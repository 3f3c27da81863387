"""Errors for the person who can correct the input."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["InputError", "few"]


class InputError(ValueError):
    """Something that was given to rltrack cannot be used.

    The message is one line: what was wrong, what was given, and what to do. The command line prints
    it and exits with status 2.
    """


def few(names: Sequence[str], most: int = 3) -> str:
    """Join names for a message: the first ``most``, and the number of the others."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
