"""The demo's figure: runs over one sequence, what each saw at one moment, and their overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rltrack.evaluation.metrics import overlap
from rltrack.plots.frames import attention_overlay, outline, outline_result, show
from rltrack.plots.style import LINE, RUN_LINES, page, wrapped
from rltrack.tracking.rgb import ImageLike, to_rgb8
from rltrack.video.heat_maps import confidence_map, smoothed
from rltrack.video.tracks import Step, Track

__all__ = ["DemoRun", "Snapshot", "demo_figure", "demo_run", "gaze", "snapshot"]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Box = Sequence[float] | Array

_WIDTH = 7.0  # inches; the demo's figure is a file, which can be enlarged
_ACROSS = 72  # characters of its title


class Snapshot(NamedTuple):
    """What the figure shows of a run at one frame, besides its boxes."""

    image: Image
    attention: NDArray[np.float32]
    extent: tuple[float, float, float, float]
    candidates: Array
    scores: Array


def snapshot(step: Step, image: ImageLike) -> Snapshot:
    """Record what the figure shows, before the tracker goes on to the next frame."""
    attention, _ = step.tracker.attention(image, step.result.box)
    extent = step.tracker.crop_extent(step.result.box)
    return Snapshot(to_rgb8(image), attention, extent, *step.tracker.candidates)


def demo_run(done: Track, seen: Snapshot, shown: int) -> DemoRun:
    """Prepare a run for `demo_figure`, with what the tracker saw at frame ``shown``."""
    metrics = done.metrics
    words = (
        ""
        if metrics is None
        else (f"DP {metrics.dp20:.3f}, OS {metrics.os:.3f}, CLE {metrics.cle:.1f} px")
    )
    return DemoRun(
        name=f"λ = {done.config.attention_weight:g}",
        frame=shown,
        boxes=done.boxes,
        found=done.found,
        metrics=words,
        **seen._asdict(),
    )


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
    """Compare runs on one sequence: a row of three pictures for each run, and the overlaps below.

    Args:
        runs: one or more runs of T frames each, drawn from the top.
        ground_truth: (T, 4) float boxes, NaN where unknown.
        title: the title of the figure: tracker, preset, backbone, sequence.

    Returns:
        A figure with 3 panels for each run, a colour bar for each confidence map, and the panel of
        the overlaps. Save it with its `savefig`.
    """
    title = wrapped(title, _ACROSS)
    figure = page(0.4 + 2.1 * len(runs) + 2 + LINE * title.count("\n"), _WIDTH)
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


def gaze(run: DemoRun) -> Figure:
    """Draw what a tracker attended to at one frame, and how it scored the candidates there.

    Args:
        run: its name, boxes and the moment.

    Returns:
        A figure for a page, with the attention map over the crop at the tracker's box, and the
        confidence map around it.
    """
    figure = page(2.3)
    attention, confidence = figure.subplots(1, 2, width_ratios=[1, 1.3])
    _draw_attention_panel(attention, run)
    _draw_confidence_panel(confidence, run)
    return figure


def _draw_frame_panel(ax: Axes, run: DemoRun, truth: Array) -> None:
    found = bool(run.found[run.frame])
    box, words = run.boxes[run.frame], "blue: tracker" if found else "yellow: lost"
    title = f"{run.name}: frame {run.frame}\n{words}, white: truth"
    show(ax, run.image, run.image.shape[:2], title)
    outline_result(ax, box, found)
    outline(ax, truth, edgecolor="white", linewidth=1)


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
    show(ax, grey, (height, width), title, cmap="gray", vmin=0, vmax=255)
    confidence = confidence_map(run.candidates, run.scores, (height, width))
    if np.isnan(confidence).all():
        return
    drawn = ax.imshow(confidence, cmap="viridis", alpha=0.8, extent=(0, width, height, 0))
    best = run.candidates[np.nanargmax(run.scores)]
    x, y = best[:2] + best[2:] / 2
    ax.plot(x, y, "+", color="white", markersize=11, markeredgewidth=2)
    outline(ax, run.boxes[run.frame], edgecolor="white", linewidth=1)
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
        colour, line = RUN_LINES[n % len(RUN_LINES)]
        words = f"{run.name}: {run.metrics}" if run.metrics else run.name
        ax.plot(frames, ious, line, color=colour, linewidth=2, label=words)
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
