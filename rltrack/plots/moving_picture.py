"""A run as a short moving picture for a page: each frame with its attention map beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from rltrack.files import whole
from rltrack.tracking.result import Result
from rltrack.video.annotation import draw_result
from rltrack.video.heat_maps import attention_panel, smoothed

__all__ = ["panel", "save_moving_picture"]

Image = NDArray[np.uint8]

SIDE = 288
"""Height of a panel in pixels, and width of its square with the attention map."""


def panel(
    image: Image,
    result: Result,
    attention: NDArray[np.floating],
    extent: Sequence[float],
    *,
    label: str,
) -> Image:
    """Draw a frame with its box, and the attention map over the grey crop beside it.

    Args:
        image: (H, W, 3) uint8 RGB.
        result: the tracker's result.
        attention: (h, w), >= 0, the map A_p of the crop at the box.
        extent: (x, y, w, h) in pixels, the area of the frame that the crop covers.
        label: words to begin the banner with.

    Returns:
        (288, 288 W / H + 288, 3) uint8 RGB, to whole pixels.
    """
    frame = draw_result(image, *result, label=label)
    width = round(SIDE * frame.shape[1] / frame.shape[0])
    frame = np.asarray(cv2.resize(frame, (width, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    # As the network sees it: a square, whatever the box's shape.
    place = [round(side) for side in extent]
    return np.hstack([frame, attention_panel(image, smoothed(attention), place, (SIDE, SIDE))])


def save_moving_picture(
    pictures: Sequence[Image], path: str | Path, *, fps: float, loops: int = 3
) -> Path:
    """Write an animated WebP that ends by itself, complete or not at all.

    Args:
        pictures: (H, W, 3) uint8 RGB, all of one size.
        path: the file.
        fps: pictures per second.
        loops: how often it is played before it stands still.

    Returns:
        ``path``.
    """
    path = Path(path)
    first, *others = (PillowImage.fromarray(picture) for picture in pictures)
    with whole(path) as part:
        first.save(
            part,
            "webp",
            save_all=True,
            append_images=others,
            duration=round(1000 / fps),
            loop=loops,
            quality=24,  # half a megabyte for forty pictures of the film
        )
    return path
