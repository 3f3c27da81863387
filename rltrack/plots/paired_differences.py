"""Figures of paired differences: what a change does to the overlap score, target by target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.evaluation.intervals import Difference
from rltrack.plots.style import BLUE, LINE, TEXT, page, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rltrack.benchmarks.report import Report

__all__ = ["differences", "differences_from_first"]

_NAME = 24
"""Characters in a line of a row's name."""


def differences(
    rows: Mapping[str, tuple[NDArray[np.float64], Difference | None]],
    *,
    title: str,
    published: float | None = None,
) -> Figure:
    """Draw paired differences of OS, one row each: single ones as dots, their mean in black.

    Args:
        rows: by name, the differences (n,) and, if there is one, their mean with its interval,
            which is drawn as a bar. A mean without an interval is drawn as a tick.
        title: what is subtracted from what.
        published: the paper's difference, drawn as a dotted line.
    """
    names = [wrapped(name, _NAME) for name in rows]
    texts = [
        _signed(dots.mean())
        if mean is None
        else f"{_signed(mean.mean)}\n{_signed(mean.low, 2)} to {_signed(mean.high, 2)}"
        for dots, mean in rows.values()
    ]
    heading = wrapped(title)
    if published is not None:
        heading += f"\ndotted: the paper, {_signed(published)}"
    lines = [
        max(name.count("\n"), text.count("\n")) + 1 for name, text in zip(names, texts, strict=True)
    ]
    heights = [LINE * count + 0.12 for count in lines]
    places = np.cumsum(heights) - np.array(heights) / 2  # inches below the first row's top
    figure = page(sum(heights) + LINE * heading.count("\n") + 0.85)
    axes = figure.subplots()
    axes.axvline(0, color="0.6", linewidth=1)
    if published is not None:
        axes.axvline(published, color="0.3", linestyle=":")
    for place, (dots, mean) in zip(places, rows.values(), strict=True):
        axes.plot(dots, np.full(len(dots), place), "o", color=BLUE, alpha=0.55, markersize=6)
        if mean is None:
            axes.plot(dots.mean(), place, "|", color="black", markersize=13, markeredgewidth=1.8)
        else:
            axes.plot([mean.low, mean.high], [place, place], "-", color="black", linewidth=2.2)
            axes.plot(mean.mean, place, "D", color="black", markersize=7)
    axes.set_yticks(places, names)
    axes.set_ylim(sum(heights), 0)
    right = axes.secondary_yaxis("right")
    right.set_yticks(places, texts)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    axes.tick_params(left=False)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("difference in OS")
    figure.suptitle(heading, x=0.01, ha="left", fontsize=TEXT)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def _signed(value: float, digits: int = 3) -> str:
    return f"{value:+.{digits}f}".replace("-", "\u2212")  # the minus of the axis


def differences_from_first(made: Report) -> Figure:
    """Draw each tracker's OS minus that of the report's first row.

    Dots are targets, averaged over seeds.

    Args:
        made: a report of at least two trackers.

    Raises:
        InputError: there is only one tracker.
    """
    first = made.rows[0].name
    rows = {row.name: (row.pairs.means, row.pairs.difference) for row in made.rows if row.pairs}
    if not rows:
        raise InputError(f"{first} is the only tracker; there is no other to compare it with")
    return differences(rows, title=f"OS minus OS of {first}")
