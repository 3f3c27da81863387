"""Printing on a terminal, where names from outside are text and nothing else.

All commands print through this module, so that no name of a file, a tracker or a sequence can move
the cursor or be taken for markup. See `rltrack.plain_text`.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

from rltrack.plain_text import on_terminal

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "one_line", "show", "show_traceback"]

_LONGEST = 2000
"""Characters of a message about what went wrong. It may quote what was given, of any length."""


def show(*lines: str, error: bool = False) -> None:
    """Print lines, on standard output or standard error."""
    print("\n".join(map(on_terminal, lines)), file=sys.stderr if error else sys.stdout)


def show_traceback(error: BaseException) -> None:
    """Print where an error came from."""
    show(*"".join(traceback.format_exception(error)).rstrip().split("\n"), error=True)


def one_line(text: object) -> str:
    """Return a message as one line of a readable length; its end is kept, which says what to do."""
    line = on_terminal(" ".join(str(text).split()))
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[:half]} [...] {line[-half:]}"


def console(**settings: Any) -> Console:
    """Return a console of rich that takes ``[`` and ``:`` in a text for themselves."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False, **settings)
