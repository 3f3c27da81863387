"""Drawing frames of a video on Axes, and maps over the part of an image that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from rltrack.plots.style import PAGE_WIDTH, TEXT, page
from rltrack.tracking.rgb import ImageLike, to_rgb8
from rltrack.video.annotation import FOUND, LOST, SMALL
from rltrack.video.heat_maps import overlay_heat

__all__ = ["attention_overlay", "filmstrip", "outline", "outline_result", "show"]

Array = NDArray[np.float64]
Box = Sequence[float] | Array


def filmstrip(
    images: Sequence[ImageLike],
    frames: Sequence[int],
    results: Sequence[tuple[Box, bool]] | None = None,
    truth: Sequence[Box] | None = None,
) -> Figure:
    """Draw frames of a video, two in a row, with the boxes of a tracker.

    Args:
        images: (H, W, 3) uint8 RGB each, or what `rltrack.tracking.rgb.to_rgb8` takes.
        frames: their indices, written above them.
        results: the tracker's box in each, and whether it found the target. The box is blue, or
            yellow and dashed where the target is lost.
        truth: the true box in each, drawn thin and white.
    """
    arrays = [to_rgb8(image) for image in images]
    rows = -(-len(arrays) // 2)
    tallest = max(image.shape[0] / image.shape[1] for image in arrays)
    figure = page((PAGE_WIDTH / 2 * tallest + 0.25) * rows)
    for place, (image, frame) in enumerate(zip(arrays, frames, strict=True)):
        ax = figure.add_subplot(rows, 2, place + 1)
        box, found = results[place] if results else (None, True)
        show(ax, image, image.shape[:2], f"frame {frame}" + ("" if found else ": lost"))
        if box is not None:
            outline_result(ax, box, found)
        if truth is not None:
            outline(ax, truth[place], edgecolor="white", linewidth=1)
    return figure


def attention_overlay(ax: Axes, crop: ImageLike, attention_map: ArrayLike, title: str) -> None:
    """Draw an attention map over the crop that it was computed for.

    The crop is grey, so that all colour is attention.

    Args:
        ax: the Axes to draw on.
        crop: (H, W, 3) uint8 RGB, or what `rltrack.tracking.rgb.to_rgb8` takes.
        attention_map: (h, w), >= 0, over the whole crop.
        title: the title of the panel.
    """
    colours = to_rgb8(crop)
    height, width = colours.shape[:2]
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    # Enlarged first: the heat then varies smoothly over a crop of few pixels.
    factor = max(1, -(-SMALL // max(height, width)))
    grey = cv2.resize(grey, (width * factor, height * factor), interpolation=cv2.INTER_CUBIC)
    backdrop = np.asarray(np.repeat(grey[..., None], 3, 2), np.uint8)
    extent = (0, 0, width * factor, height * factor)
    show(ax, overlay_heat(backdrop, attention_map, extent), (height, width), title)


def show(ax: Axes, image: ArrayLike, shape: tuple[int, int], title: str, **style: Any) -> None:
    """Draw an image on bare Axes, on which pixel i covers [i, i + 1)."""
    height, width = shape
    ax.imshow(image, extent=(0, width, height, 0), **style)
    ax.set_title(title, fontsize=TEXT)
    ax.set_axis_off()
    ax.set_anchor("N")


def outline(ax: Axes, box: Box, **style: Any) -> None:
    """Draw a box on the Axes of `show`."""
    x, y, w, h = (float(side) for side in box)
    if np.isfinite((x, y, w, h)).all():
        ax.add_patch(Rectangle((x, y), w, h, fill=False, **style))


def outline_result(ax: Axes, box: Box, found: bool) -> None:
    """Draw a tracker's box: blue, or yellow and dashed where the target is lost."""
    outline(ax, box, edgecolor="black", linewidth=3.5)
    ink = tuple(channel / 255 for channel in (FOUND if found else LOST))
    outline(ax, box, edgecolor=ink, linewidth=2.5, linestyle="-" if found else "--")
