"""One style for all figures: their width, colours, and the lines that tell runs apart.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; lines differ in style too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "GREEN",
    "ORANGE",
    "PINK",
    "RUN_LINES",
    "SKY",
    "VERMILION",
    "YELLOW",
    "missing_glyphs_as_boxes",
    "page",
]

BLUE, VERMILION, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY, ORANGE, YELLOW = "#56b4e9", "#e69f00", "#f0e442"

RUN_LINES = ((BLUE, "--"), (VERMILION, "-"), (GREEN, "-."), (PINK, ":"))
"""Colour and line of each run: lambda 0 is blue and dashed, lambda 5 vermilion and solid."""


def page(height: float) -> Figure:
    """An empty figure, 7 x ``height`` inches: as wide as the book's text.

    A page shows it in its own size, and text of 9 points and more can be read. A wider one would
    shrink there, text and all.
    """
    return Figure(figsize=(7, height), layout="constrained")


@contextmanager
def missing_glyphs_as_boxes() -> Iterator[None]:
    """Draw without matplotlib's warnings, one for each letter of a name that the font lacks.

    A figure has an empty box in place of such a letter.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        yield
