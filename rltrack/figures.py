"""Pictures of the tracker at work: annotated frames, heat maps, and the demo's figure.

Functions either take an image and return a new one, or draw on the Axes they are given; nothing
touches pyplot's global state, and saving is the caller's. Colours are Okabe and Ito's, which
colour-blind readers can tell apart; lines differ in style too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from rltrack.evaluation import overlap

if TYPE_CHECKING:
    from rltrack.tracker import Result

__all__ = [
    "DemoRun",
    "attention_overlay",
    "confidence_map",
    "demo_figure",
    "draw_box",
    "draw_result",
    "draw_targets",
    "draw_trackers",
    "filmstrip",
    "overlay_heat",
    "page",
    "smoothed",
]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Box = Sequence[float] | Array
Colour = tuple[int, int, int]

FOUND = (86, 180, 233)  # sky blue, solid
LOST = (240, 228, 66)  # yellow, dashed
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
# One per run, and the book's: lambda 0 blue and dashed, 5 vermilion and solid; then green, pink.
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_DASHES = ("--", "-", "-.", ":")

# Frames with a longer side below this are enlarged before anything is written on them.
SMALL = 400
_INFERNO = (mpl.colormaps["inferno"](np.arange(256))[:, :3] * 255).astype(np.float32)
_FAINT = np.exp(-(2.5**2) / 2)  # least sum of weights that a confidence map builds on


def page(height: float) -> Figure:
    """An empty figure, 7 x ``height`` inches: as wide as the book's text.

    A page shows it in its own size, and text of 9 points and more can be read. A wider one would
    shrink there, text and all.
    """
    return Figure(figsize=(7, height), layout="constrained")


def draw_box(image: Image, box: Box) -> Image:
    """Draws a box (x, y, w, h) alone, as `draw_result` draws that of a target that is found."""
    canvas, factor, thick = _enlarged(image)
    _draw_box(canvas, np.asarray(box, float) * factor, [(_EDGE, 4 * thick), (FOUND, 2 * thick)])
    return canvas


def draw_result(
    image: Image,
    box: Box,
    score: float,
    found: bool,
    *,
    ground_truth: Box | None = None,
    label: str | None = None,
) -> Image:
    """Draws a frame's result: the box, and a banner with the score and whether it was found.

    Lines and text grow with the image. A frame whose longer side is under 400 pixels is first
    enlarged by the smallest whole factor that takes it there, so that the banner can be read; all
    frames of one size come out in one size.

    Args:
        image: (H, W, 3) uint8 RGB; left as it is.
        box: (x, y, w, h) in the image's pixels; where it is NaN, no box is drawn.
        score: logit, unbounded.
        found: True draws a solid blue box, False a dashed yellow one.
        ground_truth: a box to draw over it, thin and white; None or NaN for none.
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
    image: Image, results: Sequence[tuple[Box, float, bool]], *, label: str | None = None
) -> Image:
    """Draws a frame's results of several targets, each in its own colour, with its number.

    At each box stand its number and its score; that of a target not found is dashed and says so.
    The banner counts those found. As in `draw_result`, small frames are enlarged.

    Args:
        image: (H, W, 3) uint8 RGB; left as it is.
        results: of each target, counted from 0: box, score and found, each as in `draw_result`.
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
    image: Image,
    names: Sequence[str],
    results: Sequence[Result],
    label: str,
    *,
    ground_truth: Box | None = None,
) -> Image:
    """A frame with the boxes of several trackers of one target, and their names below it.

    The first box is broad, the others are thin. Where they lie on each other, they take turns
    along each side, so that all are seen. One that is not found is dashed. Names have their boxes'
    colours.

    Args:
        image: (H, W, 3) uint8 RGB.
        names: of the trackers.
        results: of each, `rltrack.tracker.Result`.
        label: of the frame, in its corner.
        ground_truth: a box to draw over them, thin and white; None or NaN for none.

    Returns:
        A new (H', W', 3) uint8 RGB image; small frames are enlarged, and a strip is added.
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


def smoothed(attention: ArrayLike) -> NDArray[np.float32]:
    """An attention map (h, w) for the eye: over two places, the period of max-pooling's grid."""
    values = np.asarray(attention, np.float32)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), 2), np.float32)


def overlay_heat(image: Image, heat: ArrayLike, extent: Box) -> Image:
    """Blends a heat map over a part of an image, the more opaque the stronger.

    Args:
        image: (H, W, 3) uint8 RGB; left as it is.
        heat: (h, w). 0 and less, and NaN, leave the image as it is; the 99.5th percentile of
            the numbers in the map, and more, give the strongest colour.
        extent: (x, y, w, h) of the area that the map covers, in the image's pixels; it may reach
            beyond the image.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    out = np.array(image)
    strength = _strength(heat)
    x, y, w, h = (float(side) for side in extent)
    # Pixels whose centres are in the extent, and their places in the map's own texels.
    across, down = np.arange(out.shape[1]) + 0.5 - x, np.arange(out.shape[0]) + 0.5 - y
    columns = np.flatnonzero((across >= 0) & (across < w))
    rows = np.flatnonzero((down >= 0) & (down < h))
    if not (len(columns) and len(rows) and strength.any()):
        return out
    across = across[columns] * strength.shape[1] / w - 0.5
    down = down[rows] * strength.shape[0] / h - 0.5
    x_map, y_map = np.meshgrid(across.astype(np.float32), down.astype(np.float32))
    part = np.asarray(
        cv2.remap(strength, x_map, y_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )
    colour = _INFERNO[np.round(part * 255).astype(np.uint8)]
    alpha = np.float32(0.85) * np.sqrt(part)[..., None]
    area = np.ix_(rows, columns)
    out[area] = np.round(out[area] * (1 - alpha) + colour * alpha).astype(np.uint8)
    return out


def confidence_map(
    boxes: ArrayLike, scores: ArrayLike, shape: tuple[int, int], *, bandwidth: float | None = None
) -> Array:
    """Spreads the candidates' scores over the image: where does the classifier see the target?

    Nadaraya-Watson regression: a pixel's value is the mean of the scores, weighted by a Gaussian
    of the distance from the pixel's centre to each candidate's centre. It is in the scores' unit,
    and never outside their range.

    Args:
        boxes: (N, 4) candidates, (x, y, w, h) in pixels; N may be 0.
        scores: (N,) logits. Candidates with a NaN or infinite number are left out.
        shape: (H, W) of the image.
        bandwidth: the Gaussian's standard deviation in pixels; an eighth of the candidates' mean
            side when None.

    Returns:
        (H, W) float64, NaN far from all candidates, where the weights add up to less than that of
        one candidate 2.5 bandwidths away. `overlay_heat` takes it as it is, and shows the part
        above 0, which is what `found` means.
    """
    places = np.asarray(boxes, float).reshape(-1, 4)
    logits = np.asarray(scores, float).reshape(-1)
    usable = np.isfinite(places).all(1) & np.isfinite(logits)
    places, logits = places[usable], logits[usable]
    if not len(places):
        return np.full(shape, np.nan)
    sigma = float(places[:, 2:].mean()) / 8 if bandwidth is None else bandwidth
    sigma = max(sigma, 0.5)
    centers = places[:, :2] + places[:, 2:] / 2
    # The Gaussian is a product of one along x and one along y: the sums are matrix products.
    x = (np.arange(shape[1])[:, None] + 0.5 - centers[:, 0]) / sigma  # (W, N)
    y = (np.arange(shape[0])[:, None] + 0.5 - centers[:, 1]) / sigma  # (H, N)
    across, down = np.exp(-(x**2) / 2), np.exp(-(y**2) / 2)
    weight = down @ across.T
    total = (down * logits) @ across.T
    mean = np.full(shape, np.nan)
    np.divide(total, weight, out=mean, where=weight >= _FAINT)
    return mean


@dataclass(frozen=True)
class DemoRun:
    """What one tracking run gives to `demo_figure`.

    Attributes:
        name: of the run, such as "λ = 5, reciprocative".
        frame: index of the frame shown.
        image: (H, W, 3) uint8 RGB, that frame.
        boxes: (T, 4) float, the run's boxes, first frame included.
        found: (T,) bool.
        attention: (h, w) float, >= 0, the attention map A_p of the crop round the frame's box.
        extent: (x, y, w, h) in pixels, the area of the frame that the map covers.
        candidates: (N, 4) float, the boxes scored in that frame.
        scores: (N,) float, their logits.
        metrics: a few words with the run's results, such as "DP 1.00, OS 0.71".
    """

    name: str
    frame: int
    image: Image
    boxes: Array
    found: NDArray[np.bool_]
    attention: NDArray[np.floating]
    extent: tuple[float, float, float, float]
    candidates: Array
    scores: Array
    metrics: str


def demo_figure(runs: Sequence[DemoRun], ground_truth: Array, *, title: str) -> Figure:
    """Compares runs on one sequence: a row of three pictures for each, and the overlaps below.

    Args:
        runs: one or more, of T frames each, shown from the top.
        ground_truth: (T, 4) float boxes, NaN where unknown.
        title: of the figure: tracker, preset, backbone, sequence.

    Returns:
        A figure with 3 panels a run, a colour bar for each confidence map, and the panel of the
        overlaps. Save it with its `savefig`.
    """
    figure = page(0.4 + 2.1 * len(runs) + 2)
    figure.suptitle(title, fontsize=11, fontweight="bold")
    grid = figure.add_gridspec(
        len(runs) + 1, 3, height_ratios=[2.1] * len(runs) + [2], width_ratios=[4, 3.2, 4.2]
    )
    for row, run in enumerate(runs):
        _draw_frame_panel(figure.add_subplot(grid[row, 0]), run, ground_truth[run.frame])
        _draw_attention_panel(figure.add_subplot(grid[row, 1]), run)
        _draw_confidence_panel(figure.add_subplot(grid[row, 2]), run)
    _draw_overlap_panel(figure.add_subplot(grid[len(runs), :]), runs, ground_truth)
    return figure


def filmstrip(images: Sequence[Image], frames: Sequence[int]) -> Figure:
    """Shows frames of a video, two in a row.

    Args:
        images: (H, W, 3) uint8 RGB each.
        frames: their indices, written above.
    """
    rows = -(-len(images) // 2)
    figure = page(2.8 * rows)
    for place, (image, frame) in enumerate(zip(images, frames, strict=True), 1):
        ax = figure.add_subplot(rows, 2, place)
        _show(ax, image, image.shape[:2], f"frame {frame}")
    return figure


def attention_overlay(ax: Axes, crop: Image, attention_map: ArrayLike, title: str) -> None:
    """Draws an attention map over the crop that it was computed for.

    The crop is shown in grey, so that all colour is attention.

    Args:
        ax: to draw on.
        crop: (H, W, 3) uint8 RGB.
        attention_map: (h, w), >= 0, over the whole crop.
        title: of the panel.
    """
    height, width = crop.shape[:2]
    grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)
    # Enlarged first: the heat then varies smoothly over a crop of few pixels.
    factor = max(1, -(-SMALL // max(height, width)))
    grey = cv2.resize(grey, (width * factor, height * factor), interpolation=cv2.INTER_CUBIC)
    backdrop = np.asarray(np.repeat(grey[..., None], 3, 2), np.uint8)
    extent = (0, 0, width * factor, height * factor)
    _show(ax, overlay_heat(backdrop, attention_map, extent), (height, width), title)


def _strength(heat: ArrayLike) -> NDArray[np.float32]:
    """A heat map scaled to 0..1 by its 99.5th percentile, without negative numbers and NaN."""
    values = np.asarray(heat, float)
    known = np.maximum(values[np.isfinite(values)], 0)
    if not known.any():
        return np.zeros(values.shape, np.float32)
    # A percentile of 0 means that the few points of a nearly empty map are all there is.
    top = np.percentile(known, 99.5) or known.max()
    return np.asarray(np.clip(np.nan_to_num(values / top, nan=0.0), 0, 1), np.float32)


def _enlarged(image: Image) -> tuple[Image, int, int]:
    """A copy to draw on, large enough to read; by what factor it is larger; how thick lines are."""
    factor = max(1, -(-SMALL // max(image.shape[:2])))
    canvas = np.array(image)
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
    """Draws a box in place, once in each colour and thickness; dashed where `dash` > 0.

    Of each side only the part from one share of its length to another, going round.
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
    """Matplotlib's own font: it is there wherever Matplotlib is, and has Greek letters."""
    return ImageFont.truetype(findfont("DejaVu Sans:bold"), size)


def _draw_banner(
    canvas: Image, text: str, colour: Colour, above: tuple[float, float] = (0, 0)
) -> None:
    """Writes a line in place, on a dark strip with its lower left corner at a point.

    It is moved into the picture where it would stick out, and cut off at the right if too long.
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


def _show(ax: Axes, image: ArrayLike, shape: tuple[int, int], title: str, **style: Any) -> None:
    """Shows an image on bare Axes, where it covers (H, W) pixels: pixel i is [i, i + 1)."""
    height, width = shape
    ax.imshow(image, extent=(0, width, height, 0), **style)
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()
    ax.set_anchor("N")


def _outline(ax: Axes, box: Box, **style: Any) -> None:
    """Draws a box on the Axes of `_show`."""
    x, y, w, h = (float(side) for side in box)
    if np.isfinite((x, y, w, h)).all():
        ax.add_patch(Rectangle((x, y), w, h, fill=False, **style))


def _draw_frame_panel(ax: Axes, run: DemoRun, truth: Array) -> None:
    found = bool(run.found[run.frame])
    colour, line = (FOUND, "-") if found else (LOST, "--")
    box, words = run.boxes[run.frame], "blue: tracker" if found else "yellow: lost"
    title = f"{run.name}: frame {run.frame}\n{words}, white: truth"
    _show(ax, run.image, run.image.shape[:2], title)
    ink = tuple(channel / 255 for channel in colour)
    _outline(ax, box, edgecolor="black", linewidth=3.5)
    _outline(ax, box, edgecolor=ink, linewidth=2.5, linestyle=line)
    _outline(ax, truth, edgecolor="white", linewidth=1)


def _draw_attention_panel(ax: Axes, run: DemoRun) -> None:
    attention = np.asarray(run.attention, float)
    mean = attention.mean()
    ratio = f"{attention.std() / mean:.2f}" if mean > 0 else "0/0"
    title = f"attention map $A_p$,\nsmoothed; σ/μ = {ratio}"
    attention_overlay(ax, _cut(run.image, run.extent), smoothed(attention), title)


def _cut(image: Image, extent: Box) -> Image:
    """The part of an image in an extent, to the nearest pixel; grey outside the image."""
    x, y, w, h = (float(side) for side in extent)
    size = (max(1, round(w)), max(1, round(h)))
    shift = np.array([[1.0, 0.0, -round(x)], [0.0, 1.0, -round(y)]])
    cut = cv2.warpAffine(
        image, shift, size, flags=cv2.INTER_NEAREST, borderValue=(128.0, 128.0, 128.0)
    )
    return np.asarray(cut, np.uint8)


def _draw_confidence_panel(ax: Axes, run: DemoRun) -> None:
    height, width = run.image.shape[:2]
    grey = cv2.cvtColor(np.ascontiguousarray(run.image), cv2.COLOR_RGB2GRAY)
    title = "confidence: candidates' scores,\nby their centre; +: the best"
    _show(ax, grey, (height, width), title, cmap="gray", vmin=0, vmax=255)
    confidence = confidence_map(run.candidates, run.scores, (height, width))
    if np.isnan(confidence).all():
        return
    drawn = ax.imshow(confidence, cmap="viridis", alpha=0.8, extent=(0, width, height, 0))
    best = run.candidates[np.nanargmax(run.scores)]
    x, y = best[:2] + best[2:] / 2
    ax.plot(x, y, "+", color="white", markersize=11, markeredgewidth=2)
    _outline(ax, run.boxes[run.frame], edgecolor="white", linewidth=1)
    # Close up on all that was searched, in the frame's own proportions and within it.
    rows, columns = (np.flatnonzero(~np.isnan(confidence).all(axis)) for axis in (1, 0))
    zoom = min(1.0, 1.2 * max(len(columns) / width, len(rows) / height))
    left = np.clip((columns[0] + columns[-1] + 1 - zoom * width) / 2, 0, (1 - zoom) * width)
    top = np.clip((rows[0] + rows[-1] + 1 - zoom * height) / 2, 0, (1 - zoom) * height)
    ax.set_xlim(left, left + zoom * width)
    ax.set_ylim(top + zoom * height, top)
    ax.figure.colorbar(drawn, ax=ax, shrink=0.8, panchor=False, label="score (logit)")


def _draw_overlap_panel(ax: Axes, runs: Sequence[DemoRun], ground_truth: Array) -> None:
    for n, run in enumerate(runs):
        ious = overlap(run.boxes, ground_truth[: len(run.boxes)])
        ious[~np.isfinite(ground_truth[: len(ious)]).all(1)] = np.nan
        frames = np.arange(len(ious))
        colour = _LINES[n % len(_LINES)]
        words = f"{run.name}: {run.metrics}" if run.metrics else run.name
        ax.plot(frames, ious, _DASHES[n % len(_DASHES)], color=colour, linewidth=2, label=words)
        lost = frames[~np.asarray(run.found, bool)]
        if len(lost):
            ax.plot(lost, ious[lost], "x", color=colour, label=f"{run.name}: lost")
        ax.axvline(run.frame, color="0.6", linewidth=1, zorder=0)
    ax.axhline(0.5, color="0.6", linewidth=1, linestyle=":", zorder=0)
    ax.set_xlim(0, max(1, *(len(run.boxes) - 1 for run in runs)))
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("frame")
    ax.set_ylabel("overlap (IoU)")
    ax.set_title("Overlap with the truth; the line marks the frame shown above", fontsize=10)
    ax.legend(loc="best", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
