"""What a reader asks of a figure on a page of the book: all of its text can be read."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from unittest.mock import patch

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from rltrack.plots.style import PAGE_WIDTH, TEXT

SLACK = 1.5  # pixels: extents are rounded to whole ones


def drawn_texts(figure: Figure) -> list[Text]:
    """Return all texts that are drawn: not those of hidden axes, or of ticks beyond a limit."""
    drawn: list[Text] = []
    draw = Text.draw

    def recorded(self: Text, *given: Any, **more: Any) -> None:
        draw(self, *given, **more)
        if self.get_visible() and self.get_text().strip() and self not in drawn:
            drawn.append(self)

    figure.draw_without_rendering()  # the layout, which draws texts where they do not stay
    with patch.object(Text, "draw", recorded):
        figure.draw_without_rendering()
    return drawn


def legible(figure: Figure) -> None:
    """Assert that a figure fits a page, and that its texts are large, whole and apart."""
    width = figure.get_figwidth()
    assert width <= PAGE_WIDTH, f"{width} inches across, of {PAGE_WIDTH}"
    extents: dict[str, Bbox] = {}
    for number, text in enumerate(drawn_texts(figure)):
        words = f"{number}: {text.get_text()!r}"
        assert text.get_fontsize() >= TEXT, f"{words} is of {text.get_fontsize()} points"
        # Of the text alone, without the arrow that an annotation may have.
        extents[words] = Text.get_window_extent(text)
    right, top = figure.bbox.width + SLACK, figure.bbox.height + SLACK
    for words, box in extents.items():
        assert box.x0 > -SLACK, f"{words} is cut off at the left"
        assert box.x1 < right, f"{words} is cut off at the right"
        assert box.y0 > -SLACK, f"{words} is cut off at the bottom"
        assert box.y1 < top, f"{words} is cut off at the top"
    for (one, a), (other, b) in combinations(extents.items(), 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(across, down) <= SLACK, f"{one} lies over {other}"
