"""Errors that tell a user which input is wrong and how to correct it, and words for messages."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence

__all__ = ["InputError", "brief", "counted", "few"]


class InputError(ValueError):
    """An input to rltrack that cannot be used.

    The message is one line. It says what is wrong, what was given, and what to do. The command line
    prints the message and exits with status 2.
    """


def brief(value: object) -> str:
    """Return a value of any type and size for a message: one line of at most 100 characters."""
    text = " ".join(reprlib.repr(value).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def counted(number: int, what: str) -> str:
    """Return a number of things in words: ``1 seed``, ``3 seeds``."""
    return f"{number} {what}{'s' * (number != 1)}"


def few(names: Sequence[str], most: int = 3) -> str:
    """Join the first ``most`` names for a message, and add the number of the other names."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
