"""Figures of attention maps in rows: beside their crops, or step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rltrack.plots.style import PAGE_WIDTH, TEXT, page
from rltrack.video.heat_maps import relative_heat

__all__ = ["lay_over", "map_rows", "map_strip"]


def map_rows(rows: Sequence[tuple[Any, Mapping[str, Any]]]) -> Figure:
    """Draw crops with their maps: in each row a crop (S, S, 3) uint8, and maps (h, w) by title.

    Each map has a colour scale of its own. It shows where attention is, and not how much there is.
    """
    columns = 1 + max(len(maps) for _, maps in rows)
    figure = page((PAGE_WIDTH / columns + 0.25) * len(rows))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, (crop, maps) in zip(grid, rows, strict=True):
        for ax in axes:
            ax.set_axis_off()
        axes[0].imshow(crop)
        for ax, (title, values) in zip(axes[1:], maps.items(), strict=False):
            lay_over(ax, np.asarray(crop), np.asarray(values, float))
            ax.set_title(title, fontsize=TEXT)
    return figure


def lay_over(axes: Axes, crop: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
    """Draw the places of a map over their crop in grey."""
    width, height = crop.shape[1], crop.shape[0]
    extent = (0.0, float(width), float(height), 0.0)
    axes.imshow(crop.mean(2), cmap="gray", vmin=0, vmax=330, extent=extent)
    # The power brings out what the few largest places would leave in the dark.
    strength = relative_heat(values) ** 0.6
    axes.imshow(
        strength, cmap="inferno", vmin=-0.1, vmax=1, extent=extent, alpha=0.2 + 0.75 * strength
    )


def map_strip(rows: Mapping[str, Sequence[Any]], titles: Sequence[str]) -> Figure:
    """Draw rows of maps (h, w), such as A_p and A_n step by step. Each row has a scale of its own.

    Args:
        rows: the maps of each row, by the row's name.
        titles: the titles of the columns.
    """
    figure = page(
        (PAGE_WIDTH / len(titles)) * len(rows) + 0.3 * (1 + max(t.count("\n") for t in titles))
    )
    grid = figure.subplots(len(rows), len(titles), squeeze=False)
    for axes, (name, maps) in zip(grid, rows.items(), strict=True):
        top = max(float(np.asarray(values).max()) for values in maps)
        for ax, values in zip(axes, maps, strict=True):
            ax.imshow(np.asarray(values), cmap="magma", vmin=0, vmax=top)
            ax.set(xticks=[], yticks=[])
        axes[0].set_ylabel(name, fontsize=TEXT)
    for ax, title in zip(grid[0], titles, strict=True):
        ax.set_title(title, fontsize=TEXT)
    return figure
