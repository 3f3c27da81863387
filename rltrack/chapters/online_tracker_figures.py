"""Chapter 5: figures of traced runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from rltrack.chapters.online_tracker import RunTrace
from rltrack.plots.frames import attention_overlay, outline, outline_result
from rltrack.plots.style import GREEN, ORANGE, PAGE_WIDTH, RUN_LINES, SKY, TEXT, page
from rltrack.tracking.crops import resampled
from rltrack.video.heat_maps import confidence_map, smoothed

__all__ = ["best_candidates", "maps_and_results", "scores_and_overlaps"]

Image = NDArray[np.uint8]
Box = Sequence[float] | NDArray[np.float64]

_ASPECT = 1.35  # width of a close-up, divided by its height


def scores_and_overlaps(
    traces: Mapping[str, RunTrace], first: int = 0, visible: ArrayLike | None = None
) -> Figure:
    """Scores and overlaps frame by frame, with the updates; a line a trace.

    Args:
        traces: by name, of the same frames.
        first: the number of their first frame.
        visible: (T,) share of the target that can be seen, drawn as a grey area; None for none.
    """
    figure = page(4.4)
    scores, overlaps = figure.subplots(2, 1, sharex=True)
    for row, ((name, trace), (colour, line)) in enumerate(
        zip(traces.items(), RUN_LINES, strict=False)
    ):
        frames = first + np.arange(len(trace.boxes))
        scores.plot(frames, trace.scores, line, color=colour, label=name)
        overlaps.plot(frames, trace.overlaps, line, color=colour)
        for found, marker in ((True, "|"), (False, "x")):
            at = frames[trace.learned & (trace.found == found)]
            height = np.full(len(at), 0.04 + 0.07 * row)
            scores.plot(
                at, height, marker, color=colour, transform=scores.get_xaxis_transform(),
                markersize=8 if found else 5, markeredgewidth=1.6,
            )  # fmt: skip
    scores.axhline(0, color="0.4", linewidth=0.8)
    scores.margins(y=0.22)  # keeps the marks clear of the lines
    scores.set_ylabel("score $f_1$\n| long, x short update")
    overlaps.set(ylim=(0, 1.02), xlabel="frame")
    overlaps.set_ylabel("overlap")
    if visible is not None:
        overlaps.fill_between(frames, visible, color="0.85", zorder=0, label="share visible")
        overlaps.legend(loc="center right")
    scores.legend(frameon=False)
    for axes in (scores, overlaps):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def maps_and_results(
    traces: Mapping[str, RunTrace],
    frames: Sequence[int],
    images: Mapping[int, Image] | None = None,
    first: int = 0,
) -> Figure:
    """The paper's Figure 3: at some frames, attention, confidence and result of each trace.

    Confidence and result are the same close-up. Every map has a scale of its own. Below a
    confidence map stand the lowest and the highest score of a candidate, and below the boxes their
    overlap. The tracker's box is blue, or yellow and dashed where the target counts as lost. The
    true one is white and thin.

    Args:
        traces: by name; each has looked at ``frames``.
        frames: the columns.
        images: the frames (H, W, 3) uint8 RGB; without, the boxes are drawn on the confidence map.
        first: the number of the traces' first frame.
    """
    kinds = ("attention", "confidence", "result")[: 2 if images is None else 3]
    side = (PAGE_WIDTH - 0.5) / len(frames)
    below = 0.5 if images is None else 0.3  # words below a close-up, in inches
    heights = [side + 0.1, *[side / _ASPECT + below] * (len(kinds) - 1)]
    figure = page(sum(heights) * len(traces) + 0.25)
    grid = figure.subplots(
        len(heights) * len(traces),
        len(frames),
        squeeze=False,
        gridspec_kw={"height_ratios": heights * len(traces)},
    )
    for row, (name, trace) in enumerate(traces.items()):
        rows = grid[len(kinds) * row : len(kinds) * (row + 1)]
        for column, frame in enumerate(frames):
            _sighting(
                trace, frame, None if images is None else images[frame], rows[:, column].tolist()
            )
            if row == 0:
                rows[0, column].set_title(
                    f"frame {first + frame}", fontsize=TEXT, fontweight="bold"
                )
        for axes, what in zip(rows[:, 0], kinds, strict=True):
            axes.set_ylabel(f"{name}\n{what}")
    return figure


def _sighting(trace: RunTrace, frame: int, image: Image | None, panels: Sequence[Axes]) -> None:
    """Draw what a trace saw at a frame: attention, confidence and, on an image, the result."""
    at = trace.frames.tolist().index(frame)
    height, width = (int(side) for side in trace.shape)
    extent = (0.0, float(width), float(height), 0.0)
    attention, *views = panels
    seen = smoothed(trace.attention[at])
    if image is None:
        attention.imshow(seen, cmap="inferno", vmin=0)
        grey = np.full((height, width), 70.0)
    else:
        attention_overlay(attention, _cut(image, trace.extents[at]), seen, "")
        grey = image.mean(2)
    spread = confidence_map(trace.candidates[at], trace.candidate_scores[at], (height, width))
    views[0].imshow(grey, cmap="gray", vmin=0, vmax=255, extent=extent)
    views[0].imshow(spread, cmap="viridis", alpha=0.8, extent=extent)
    if image is not None:
        views[1].imshow(image, extent=extent)
    outline_result(views[-1], trace.boxes[frame], bool(trace.found[frame]))
    _outline(views[-1], trace.truth[frame], "white", "-", 1.0)
    scores = trace.candidate_scores[at]
    scale = f"{scores.min():+.1f} to {scores.max():+.1f}"
    outcome = f"IoU {trace.overlaps[frame]:.2f}"
    words = [f"{scale}\n{outcome}"] if image is None else [scale, outcome]
    rows, columns = np.nonzero(np.isfinite(spread))
    corners = [(columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)]
    for x, y, w, h in (trace.boxes[frame], trace.truth[frame]):
        corners += [(x, y), (x + w, y + h)]
    low, high = np.nanmin(corners, 0), np.nanmax(corners, 0)
    for axes, text in zip(views, words, strict=True):
        _close_up(axes, (*low, *(high - low)))
        axes.set_xlabel(text.replace("-", "−"))
    for axes in panels:
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])


def _close_up(axes: Axes, area: ArrayLike, aspect: float = _ASPECT) -> None:
    """Zoom to an area (x, y, w, h) and a little round it, ``aspect`` times as wide as high."""
    x, y, w, h = np.asarray(area, float)
    high = 1.08 * max(h, w / aspect)
    wide = aspect * high
    axes.set_xlim(x + w / 2 - wide / 2, x + w / 2 + wide / 2)
    axes.set_ylim(y + h / 2 + high / 2, y + h / 2 - high / 2)
    axes.set_facecolor("0.27")  # beyond the frame


def best_candidates(image: Image, trace: RunTrace, frame: int, best: int) -> Figure:
    """A frame's candidates by their centres and scores; closer, the best ones, and the result.

    Args:
        image: (H, W, 3) uint8 RGB, the frame.
        trace: that has looked at it.
        frame: which.
        best: how many candidates are averaged.
    """
    at = trace.frames.tolist().index(frame)
    boxes, scores = trace.candidates[at], trace.candidate_scores[at]
    order = np.argsort(scores)
    figure = page(3.3)
    everything, chosen = figure.subplots(1, 2)
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    for axes in (everything, chosen):
        axes.imshow(image, extent=(0, image.shape[1], image.shape[0], 0), interpolation="bicubic")
        axes.set(xticks=[], yticks=[])
    drawn = everything.scatter(
        *centers[order].T, c=scores[order], s=22, cmap="viridis", edgecolors="white", linewidths=0.4
    )
    scale = everything.inset_axes((0.05, -0.13, 0.9, 0.05))
    figure.colorbar(drawn, cax=scale, orientation="horizontal", label="score $f_1$")
    everything.set_title(f"{len(boxes)} candidates", fontsize=TEXT)
    low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
    _close_up(everything, (*low, *(high - low)), 1.0)

    mean = trace.chosen(best)[at]
    several = [(boxes[index], GREEN, "-", 1.0, f"the best {best}") for index in order[-best:]]
    outlines = [
        *(several if best > 1 else []),
        (mean, ORANGE, "--", 2.0, "their mean" if best > 1 else "best candidate"),
        (trace.boxes[frame], SKY, "-", 2.0, "corrected"),
        (trace.truth[frame], "white", "-", 1.0, "truth"),
    ]
    for box, colour, line, thick, _ in outlines:
        _outline(chosen, box, colour, line, thick)
    styles: dict[str, dict[str, Any]] = {
        name: {"color": colour, "linestyle": line} for _, colour, line, _, name in outlines
    }
    named = {name: Line2D([], [], linewidth=2, **style) for name, style in styles.items()}
    chosen.legend(
        named.values(), named.keys(), loc="upper center", bbox_to_anchor=(0.5, -0.02),
        facecolor="0.25", labelcolor="white",
    )  # fmt: skip
    chosen.set_title("the best, corrected", fontsize=TEXT)
    _close_up(chosen, mean, 1.0)
    return figure


def _cut(image: Image, extent: Sequence[float]) -> Image:
    """The crop at an extent, (S, S, 3)."""
    frame = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
    crop = resampled(frame, torch.tensor([list(extent)], dtype=torch.float32))[0]
    return np.asarray(crop.permute(1, 2, 0).numpy())


def _outline(axes: Axes, box: Box, colour: str, line: str, thick: float) -> None:
    """Draw a box in a colour, with a black edge on both sides of the line."""
    for ink, wide in ("black", thick + 1.2), (colour, thick):
        outline(axes, box, edgecolor=ink, linewidth=wide, linestyle=line)
