"""Options that several commands read."""

from __future__ import annotations

import re

from rltrack.errors import InputError

__all__ = ["parsed_box"]


def parsed_box(text: str) -> list[float]:
    """``X,Y,W,H`` as four numbers.

    Raises:
        InputError: it is something else.
    """
    try:
        numbers = [float(item) for item in re.split(r"\s*,\s*|\s+", text.strip())]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise InputError(f"--box is {text!r}; wanted four numbers X,Y,W,H")
    return numbers
