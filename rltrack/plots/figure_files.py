"""Files of figures: which formats there are, and how a figure is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rltrack.errors import InputError
from rltrack.files import SIGNATURE, whole
from rltrack.plots.style import missing_glyphs_as_boxes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["checked_plot", "write_plot"]

_FORMATS = (".pdf", ".png", ".svg")


def checked_plot(file: Path) -> Path:
    """Return a plot's file, if its suffix is one of the formats that can be written.

    Raises:
        InputError: it is not.
    """
    if file.suffix.lower() not in _FORMATS:
        raise InputError(f"plot is {str(file)!r}; its name must end in {', '.join(_FORMATS)}")
    return file


def write_plot(figure: Figure, file: Path) -> None:
    """Write a plot in the format that its suffix says, complete or not at all.

    Raises:
        WriteError: it cannot be written.
    """
    with whole(file) as part, missing_glyphs_as_boxes():
        kind = file.suffix.lower()[1:]
        figure.savefig(part, format=kind, dpi=150, metadata={"Creator": SIGNATURE})
