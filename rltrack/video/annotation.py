"""Drawing results on frames, pixel by pixel: boxes, banners, names of trackers.

The functions take an image, as `rltrack.tracking.rgb.to_rgb8` does, and return a new one. Colours
are Okabe and Ito's, which colour-blind readers can tell apart. Lines differ in style too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from matplotlib.font_manager import findfont
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from rltrack.tracking.rgb import ImageLike, to_rgb8

if TYPE_CHECKING:
    from rltrack.tracking.result import Result

__all__ = [
    "FOUND",
    "LOST",
    "SMALL",
    "draw_box",
    "draw_result",
    "draw_targets",
    "draw_trackers",
]

Array = NDArray[np.float64]

Image = NDArray[np.uint8]

Box = Sequence[float] | Array

Colour = tuple[int, int, int]

FOUND = (86, 180, 233)
"""Sky blue, the colour of a box that was found. Its line is solid."""

LOST = (240, 228, 66)
"""Yellow, the colour of the last box while the target is lost. Its line is dashed."""

TRUTH = (255, 255, 255)  # white, thin

# One for each of several targets, and then again: sky blue, orange, green, yellow, pink,
# vermilion, blue.
TARGETS = (
    FOUND,
    (230, 159, 0),
    (0, 158, 115),
    LOST,
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
)

_EDGE = (15, 15, 15)  # sets a box off from any background

SMALL = 400
"""Frames with a longer side below this many pixels are enlarged before anything is written on them.
"""


def draw_box(image: ImageLike, box: Box) -> Image:
    """Draw a box (x, y, w, h) as `draw_result` draws the box of a target that is found."""
    canvas, factor, thick = _enlarged(image)
    _draw_box(canvas, np.asarray(box, float) * factor, [(_EDGE, 4 * thick), (FOUND, 2 * thick)])
    return canvas


def draw_result(
    image: ImageLike,
    box: Box,
    score: float,
    found: bool,
    *,
    ground_truth: Box | None = None,
    label: str | None = None,
) -> Image:
    """Draw a frame's result: the box, and a banner with the score and whether the target was found.

    Lines and text grow with the image. If the longer side of a frame is below 400 pixels, the frame
    is first enlarged by the smallest whole factor that makes it longer, so that the banner can be
    read. All frames of one size are enlarged to the same size.

    Args:
        image: (H, W, 3) uint8 RGB. It is not changed.
        box: (x, y, w, h) in the image's pixels. If it has a NaN, no box is drawn.
        score: the target's logit, unbounded.
        found: True draws a solid blue box, False a dashed yellow one.
        ground_truth: a box to draw over it, thin and white. None or NaN draws none.
        label: words to begin the banner with, such as the frame's number.

    Returns:
        (f H, f W, 3) uint8 RGB, a new array; f = 1, or more for a small frame.
    """
    canvas, factor, thick = _enlarged(image)
    colour = FOUND if found else LOST
    inks = [(_EDGE, 4 * thick), (colour, 2 * thick)]
    _draw_box(canvas, np.asarray(box, float) * factor, inks, dash=0 if found else 7 * thick)
    if ground_truth is not None:
        _draw_box(canvas, np.asarray(ground_truth, float) * factor, [(TRUTH, thick)])
    state = "found" if found else "LOST"
    words = f"score {score:+.1f}".replace("-", "−") if np.isfinite(score) else "no score"
    _draw_banner(canvas, "   ".join([label, state, words] if label else [state, words]), colour)
    return canvas


def draw_targets(
    image: ImageLike, results: Sequence[tuple[Box, float, bool]], *, label: str | None = None
) -> Image:
    """Draw a frame's results of several targets, each in its own colour and with its number.

    The number and the score of a target are written at its box. The box of a target that is not
    found is dashed, and the label says so. The banner says how many targets are found. Small frames
    are enlarged as in `draw_result`.

    Args:
        image: (H, W, 3) uint8 RGB. It is not changed.
        results: box, score and found of each target, counted from 0, as in `draw_result`.
        label: words to begin the banner with, such as the frame's number.

    Returns:
        (f H, f W, 3) uint8 RGB, a new array; f = 1, or more for a small frame.
    """
    canvas, factor, thick = _enlarged(image)
    boxes = [np.asarray(box, float) * factor for box, _, _ in results]
    colours = [TARGETS[number % len(TARGETS)] for number in range(len(results))]
    for box, colour, (_, _, found) in zip(boxes, colours, results, strict=True):
        inks = [(_EDGE, 4 * thick), (colour, 2 * thick)]
        _draw_box(canvas, box, inks, dash=0 if found else 7 * thick)
    # Words last: no box is to run through them.
    for number, (box, colour) in enumerate(zip(boxes, colours, strict=True)):
        _, score, found = results[number]
        words = [str(number), *["LOST"] * (not found)]
        words += [f"{score:+.1f}".replace("-", "−")] * bool(np.isfinite(score))
        if np.isfinite(box).all():
            _draw_banner(canvas, "  ".join(words), colour, above=(box[0], box[1] - 2 * thick))
    count = f"{sum(bool(found) for _, _, found in results)} of {len(results)} found"
    _draw_banner(canvas, f"{label}   {count}" if label else count, TRUTH)
    return canvas


def draw_trackers(
    image: ImageLike,
    names: Sequence[str],
    results: Sequence[Result],
    label: str,
    *,
    ground_truth: Box | None = None,
) -> Image:
    """Draw the boxes of several trackers of one target, and their names below the frame.

    The first box is broad, the others are thin. Boxes that lie on each other take turns along each
    side, so that all of them can be seen. The box of a tracker that has lost the target is dashed.
    Names have the colours of their boxes.

    Args:
        image: (H, W, 3) uint8 RGB.
        names: the trackers' names.
        results: each tracker's `rltrack.tracking.result.Result`.
        label: a label for the frame, written in its corner.
        ground_truth: a box to draw over them, thin and white. None or NaN draws none.

    Returns:
        A new (H', W', 3) uint8 RGB image. Small frames are enlarged, and a strip is added.
    """
    canvas, factor, thick = _enlarged(image)
    colours = [TARGETS[number % len(TARGETS)] for number in range(len(names))]
    boxes = [np.asarray(result.box, float) * factor for result in results]
    dashes = [0 if result.found else 7 * thick for result in results]
    inks = [(colour, thick if number else 2 * thick) for number, colour in enumerate(colours)]
    _draw_box(canvas, boxes[0], [(_EDGE, 3 * thick)], dashes[0])
    turns = np.linspace(0, 1, len(boxes) + 1)
    for parts in ([(0.0, 1.0)] * len(boxes), pairwise(turns)):
        for box, ink, dash, part in zip(boxes, inks, dashes, parts, strict=True):
            _draw_box(canvas, box, [ink], dash, part)
    if ground_truth is not None:
        _draw_box(canvas, np.asarray(ground_truth, float) * factor, [(TRUTH, thick)])
    _draw_banner(canvas, label, TRUTH)
    height, width = canvas.shape[:2]
    font = _font(max(11, round(max(height, width) / 42)))
    # As wide as the longest entry can get, so that names keep their places, frames their height.
    cell = font.size + max(font.getlength(f"{name} LOST") for name in names)
    columns = min(len(names), max(1, int(width / cell)))
    line = round(1.5 * font.size)
    strip = PillowImage.new("RGB", (width, line * -(-len(names) // columns)))
    pen = ImageDraw.Draw(strip)
    for number, (name, result) in enumerate(zip(names, results, strict=True)):
        row, column = divmod(number, columns)
        place = (column * width / columns + font.size / 2, row * line + font.size / 8)
        words = name + " LOST" * (not result.found)
        pen.text(place, words, fill=colours[number], font=font)
    return np.vstack([canvas, np.asarray(strip)])


def _enlarged(given: ImageLike) -> tuple[Image, int, int]:
    """Return a copy large enough to read, its enlargement, and a line thickness."""
    image = to_rgb8(given)
    factor = max(1, -(-SMALL // max(image.shape[:2])))
    canvas = image.copy()
    if factor > 1:
        size = (image.shape[1] * factor, image.shape[0] * factor)
        canvas = np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return canvas, factor, max(1, round(max(canvas.shape[:2]) / 320))


def _draw_box(
    canvas: Image,
    box: Array,
    inks: Sequence[tuple[Colour, int]],
    dash: float = 0.0,
    part: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Draw a box in place, once in each colour and thickness, dashed where `dash` > 0.

    Of each side it draws only the part between two shares of its length, going round the box.
    """
    if not np.isfinite(box).all():
        return
    size = np.array(canvas.shape[1::-1])
    # OpenCV counts from the first pixel's centre, we from its edge. Far outside, a coordinate
    # would overflow its fixed point.
    (x0, y0), (x1, y1) = np.clip((box[:2] - 0.5, box[:2] + box[2:] - 0.5), -size, 2 * size)
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
    strokes: list[Array] = []
    for start, end in pairwise(corners):
        # Dashes about as long as the gaps, with one at both ends; no gaps make a whole side.
        gaps = max(1, round((np.hypot(*(end - start)) / dash - 1) / 2)) if dash else 0
        cuts = np.clip(np.linspace(0, 1, 2 * gaps + 2), *part).reshape(-1, 2, 1)
        strokes += [*(start + (end - start) * cuts[cuts[:, 0, 0] < cuts[:, 1, 0]])]
    fixed = np.round(np.array(strokes) * 8).astype(np.int32)
    for ink, thick in inks:
        cv2.polylines(canvas, [*fixed], False, ink, thick, cv2.LINE_AA, 3)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return Matplotlib's own font.

    It is there wherever Matplotlib is, and it has Greek letters.
    """
    return ImageFont.truetype(findfont("DejaVu Sans:bold"), size)


def _draw_banner(
    canvas: Image, text: str, colour: Colour, above: tuple[float, float] = (0, 0)
) -> None:
    """Write a line in place, on a dark strip whose lower left corner is at a point.

    The strip is moved into the picture if it would stick out, and cut off at the right if it is too
    long.
    """
    font = _font(max(11, round(max(canvas.shape[:2]) / 42)))
    pad = font.size // 2
    left, _, right, _ = font.getbbox(text)
    ascent, descent = font.getmetrics()
    high = min(ascent + descent + pad, canvas.shape[0])
    wide = min(int(right - left) + 2 * pad, canvas.shape[1])
    x = int(np.clip(above[0], 0, canvas.shape[1] - wide))
    y = int(np.clip(above[1] - high, 0, canvas.shape[0] - high))
    area = canvas[y : y + high, x : x + wide]
    strip = PillowImage.fromarray((area * 0.25).astype(np.uint8))
    ImageDraw.Draw(strip).text((pad - left, pad // 2), text, fill=colour, font=font)
    area[:] = np.asarray(strip)
