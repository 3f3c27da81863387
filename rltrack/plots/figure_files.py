"""Files of figures: the formats that there are, and how a figure is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rltrack.files import SIGNATURE, whole
from rltrack.plots.style import missing_glyphs_as_boxes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "write_plot"]

FORMATS = (".pdf", ".png", ".svg")
"""How the name of a figure's file may end."""


def write_plot(figure: Figure, file: Path) -> None:
    """Write a plot in the format that its suffix says, complete or not at all.

    Raises:
        WriteError: it cannot be written.
    """
    with whole(file) as part, missing_glyphs_as_boxes():
        kind = file.suffix.lower()[1:]
        figure.savefig(part, format=kind, dpi=150, metadata={"Creator": SIGNATURE})
