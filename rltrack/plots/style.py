"""One style for all figures: their width, colours, and the lines that tell runs apart.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; lines differ in style too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import wrap

from matplotlib.figure import Figure

from rltrack.plain_text import in_figure, on_terminal

__all__ = [
    "ACROSS",
    "BLUE",
    "GREEN",
    "LINE",
    "ORANGE",
    "PAGE_WIDTH",
    "PINK",
    "RUN_LINES",
    "SKY",
    "TEXT",
    "VERMILION",
    "YELLOW",
    "missing_glyphs_as_boxes",
    "page",
    "wrapped",
]

BLUE, VERMILION, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY, ORANGE, YELLOW = "#56b4e9", "#e69f00", "#f0e442"

RUN_LINES = ((BLUE, "--"), (VERMILION, "-"), (GREEN, "-."), (PINK, ":"))
"""Colour and line of each run: lambda 0 is blue and dashed, lambda 5 vermilion and solid."""


PAGE_WIDTH = 4.6
"""Inches across a figure in the book."""

TEXT = 10
"""Points: the size of all text in a figure of the book, and matplotlib's own default size."""

LINE = 0.2
"""Inches: the height of a line of such text."""

ACROSS = 58
"""Characters of such text that fit across a figure in the book."""


def page(height: float, width: float = PAGE_WIDTH) -> Figure:
    """Return an empty figure of ``width`` x ``height`` inches, for a page of the book.

    A page shows a figure of `PAGE_WIDTH` across its whole column. On a phone the column is 366
    pixels wide. There, text of `TEXT` points is 11 pixels high, which is the least that can be
    read. So no text in a figure is smaller than `TEXT`. A wider figure is for files, which a reader
    can enlarge.
    """
    return Figure(figsize=(width, height), layout="constrained", dpi=150)


def wrapped(text: str, characters: int = ACROSS) -> str:
    """Break a text into lines of so many ``characters``, which matplotlib draws as they are."""
    lines = wrap(on_terminal(text), characters, break_on_hyphens=False)
    return "\n".join(map(in_figure, lines))


@contextmanager
def missing_glyphs_as_boxes() -> Iterator[None]:
    """Draw without matplotlib's warnings, one for each letter of a name that the font lacks.

    A figure has an empty box in place of such a letter.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        yield
