"""Figures of a training: its scenes, its losses, and the filters that came out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from rltrack.backbones.cards import Card
from rltrack.plots.style import BLUE, GREEN, PAGE_WIDTH, PINK, TEXT, VERMILION, page
from rltrack.pretraining.scenes import Scenes

__all__ = ["filter_sheets", "loss_curves", "scene_sheet"]

_COLOURS = (VERMILION, BLUE, GREEN, PINK)
"""Of Okabe and Ito; the first one is the target's."""


def scene_sheet(scenes: Scenes) -> Figure:
    """Draw a row for each scene and a column for each moment.

    The target's box is drawn solid, and the boxes of the other objects are dotted.
    """
    n, moments = scenes.frames.shape[:2]
    figure, grid = _sheet(n, moments)
    target, other = _COLOURS[0], "white"
    for row, frames, boxes in zip(grid, scenes.frames, scenes.boxes, strict=True):
        for axes, frame, at in zip(row, frames, boxes.tolist(), strict=True):
            axes.imshow(_picture(frame))
            for index, (x, y, w, h) in enumerate(at):
                style = (target, "-", 2) if index == 0 else (other, ":", 1)
                for colour, width in (("black", style[2] + 1), (style[0], style[2])):
                    axes.add_patch(
                        Rectangle((x, y), w, h, fill=False, ec=colour, ls=style[1], lw=width)
                    )
    return figure


def filter_sheets(banks: Mapping[str, Tensor]) -> Figure:
    """Filters of conv1 (N, 3, 7, 7), bank by bank; each filter on its own scale, grey is zero."""
    figure = page(2.05 * len(banks))
    for axes, (name, weights) in zip(
        figure.subplots(len(banks), squeeze=False)[:, 0], banks.items(), strict=True
    ):
        axes.imshow(_tiles(weights), interpolation="nearest")
        axes.set_title(name, fontsize=TEXT)
        axes.set_axis_off()
    return figure


def loss_curves(cards: Mapping[str, Card]) -> Figure:
    """Mean losses of equal parts of trainings, a panel for each by its name, two in a row.

    Losses of different lessons are no measure of each other, so each has its own scale.

    Args:
        cards: as `rltrack.pretraining.training.card` makes them.
    """
    rows = -(-len(cards) // 2)
    figure = page(2.1 * rows)
    for place, (name, card) in enumerate(cards.items()):
        axes = figure.add_subplot(rows, 2, place + 1)
        values, steps = [*map(float, card.facts["losses"].split())], int(card.facts["steps"])
        at = (np.arange(len(values)) + 0.5) * steps / len(values)
        axes.plot(at, values, color=_COLOURS[0])
        axes.set(xlabel="step", ylim=(0, None), xlim=(0, steps), xticks=[0, steps // 2, steps])
        axes.set_title(name, fontsize=TEXT)
        axes.spines[["top", "right"]].set_visible(False)
        if place % 2 == 0:
            axes.set_ylabel("loss")
    return figure


def _sheet(rows: int, columns: int) -> tuple[Figure, NDArray[np.object_]]:
    figure = page(PAGE_WIDTH * rows / columns)
    grid: NDArray[np.object_] = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel():
        assert isinstance(axes, Axes)
        axes.set_axis_off()
    return figure, grid


def _picture(pixels: Tensor) -> NDArray[np.uint8]:
    """(3, H, W), -128..127, as an image."""
    image: NDArray[np.uint8] = (pixels + 128).clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return image


def _tiles(weights: Tensor, columns: int = 16, gap: int = 1) -> NDArray[np.float32]:
    n, _, side, _ = weights.shape
    rows = -(-n // columns)
    pitch = side + gap
    sheet = np.ones((rows * pitch - gap, columns * pitch - gap, 3), np.float32)
    reach = weights.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    for index, tile in enumerate((0.5 + 0.5 * weights / reach).permute(0, 2, 3, 1).numpy()):
        y, x = (pitch * at for at in divmod(index, columns))
        sheet[y : y + side, x : x + side] = tile
    return sheet
