"""Drawings for the chapters on learning and on tracking: lessons, diaries, the graph of Eq. 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from rltrack.chapters.charts import map_strip
from rltrack.chapters.diary import Diary
from rltrack.chapters.lesson import Lesson
from rltrack.crops import resampled
from rltrack.figures import attention_overlay, confidence_map, page

__all__ = [
    "backward_graph",
    "best_candidates",
    "diary_trace",
    "learning_curves",
    "lesson_maps",
    "sightings",
]

Image = NDArray[np.uint8]

# Okabe and Ito's blue and vermilion: the baseline dashed, the other solid.
_RUNS = (("#0072b2", "--"), ("#d55e00", "-"), ("#009e73", "-."))
_FORWARD, _FIRST, _SECOND = "#444444", "#0072b2", "#d55e00"

# Boxes of the graph: name -> (x, y, half its width, text, colour of its edge).
_NODES = {
    "I": (0.5, 2.6, 0.5, "crop\n$I$", _FORWARD),
    "conv": (2.2, 2.6, 0.6, "conv1-3\nfixed", _FORWARD),
    "x": (4.0, 2.6, 0.6, "features\n$x$", _FORWARD),
    "fc": (6.0, 2.6, 0.75, "fc4-6: $\\theta$\nlearned", _FORWARD),
    "f": (7.9, 2.6, 0.5, "scores\n$f_c$", _FORWARD),
    "ce": (9.5, 2.6, 0.5, "$L_{CE}$", _FORWARD),
    "u": (6.0, 1.2, 0.95, "$u_c = \\partial f_c / \\partial x$", _FIRST),
    "A": (2.2, 1.2, 0.85, "maps\n$A_c = J^{\\top} u_c$", _FIRST),
    "R": (0.7, -0.2, 0.75, "$R(A_p, A_n)$", _FIRST),
    "back": (
        3.9,
        -0.2,
        1.0,
        "$\\partial R / \\partial u_c =$\n$J\\,\\partial R/\\partial A_c$",
        _SECOND,
    ),
    "step": (7.9, -0.2, 0.6, "$\\partial R / \\partial \\theta$", _SECOND),
}
_ARROWS = (
    ("I", "conv", _FORWARD, "-"),
    ("conv", "x", _FORWARD, "-"),
    ("x", "fc", _FORWARD, "-"),
    ("fc", "f", _FORWARD, "-"),
    ("f", "ce", _FORWARD, "-"),
    ("f", "u", _FIRST, "-"),
    ("fc", "u", _FIRST, "-"),
    ("u", "A", _FIRST, "-"),
    ("conv", "A", _FIRST, "-"),
    ("A", "R", _FIRST, "-"),
    ("R", "back", _SECOND, "--"),
    ("back", "step", _SECOND, "--"),
    ("u", "step", _SECOND, "--"),
)


def backward_graph() -> Figure:
    """The graph of Eq. 5: forward, the first backward as a part of it, and the second backward."""
    figure = page(3.1)
    axes = figure.subplots()
    axes.set(xlim=(-0.3, 10.2), ylim=(-1.15, 3.25))
    axes.set_axis_off()
    patches = {}
    for name, (x, y, half, text, colour) in _NODES.items():
        patches[name] = axes.add_patch(
            FancyBboxPatch(
                (x - half, y - 0.3), 2 * half, 0.6, boxstyle="round,pad=0.06",
                edgecolor=colour, facecolor="white", linewidth=1.6,
            )
        )  # fmt: skip
        axes.text(x, y, text, ha="center", va="center", fontsize=9)
    for start, end, colour, line in _ARROWS:
        axes.add_patch(
            FancyArrowPatch(
                _NODES[start][:2], _NODES[end][:2], patchA=patches[start], patchB=patches[end],
                arrowstyle="-|>", mutation_scale=11, color=colour, linestyle=line, linewidth=1.5,
                shrinkA=2, shrinkB=2,
            )
        )  # fmt: skip
    axes.text(7.6, 0.62, "cut off without\ncreate_graph=True", color=_SECOND, fontsize=9)
    legend = (("forward", _FORWARD), ("first backward, kept", _FIRST), ("second backward", _SECOND))
    for column, (text, colour) in enumerate(legend):
        axes.text(0.2 + 3.2 * column, -1.0, text, color=colour, fontsize=10, fontweight="bold")
    return figure


def learning_curves(lessons: Mapping[str, Lesson]) -> Figure:
    """Four quantities of lessons over their steps, a line a lesson."""
    panels = {
        "cross_entropy": "cross-entropy of the probes",
        "unevenness": "$\\sigma/\\mu$ of $A_p$ on targets",
        "on_targets": "$R_{(y=1)}$ on targets",
        "on_background": "$R_{(y=0)}$ on background",
    }
    figure = page(4.6)
    for axes, (field, title) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        for (name, seen), (colour, line) in zip(lessons.items(), _RUNS, strict=False):
            axes.plot(seen.steps, getattr(seen, field), line, color=colour, label=name)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("gradient steps", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False, fontsize=9)
    return figure


def lesson_maps(lessons: Mapping[str, Lesson]) -> Figure:
    """The target's A_p at the steps that lessons kept, a row a lesson; each row on one scale.

    They are smoothed.
    """
    rows = {
        name: [_smoothed(values) for values in seen.target_maps] for name, seen in lessons.items()
    }
    shown = next(iter(lessons.values())).shown
    return map_strip(rows, [f"step {step}" for step in shown])


def diary_trace(
    diaries: Mapping[str, Diary], first: int = 0, visible: ArrayLike | None = None
) -> Figure:
    """Scores and overlaps frame by frame, with the updates; a line a diary.

    Args:
        diaries: by name, of the same frames.
        first: the number of their first frame.
        visible: (T,) share of the target that can be seen, drawn as a grey area; None for none.
    """
    figure = page(4.4)
    scores, overlaps = figure.subplots(2, 1, sharex=True)
    for row, ((name, diary), (colour, line)) in enumerate(
        zip(diaries.items(), _RUNS, strict=False)
    ):
        frames = first + np.arange(len(diary.boxes))
        scores.plot(frames, diary.scores, line, color=colour, label=name)
        overlaps.plot(frames, diary.overlaps, line, color=colour)
        for found, marker in ((True, "|"), (False, "x")):
            at = frames[diary.learned & (diary.found == found)]
            height = np.full(len(at), 0.04 + 0.07 * row)
            scores.plot(
                at, height, marker, color=colour, transform=scores.get_xaxis_transform(),
                markersize=8 if found else 5, markeredgewidth=1.6,
            )  # fmt: skip
    scores.axhline(0, color="0.4", linewidth=0.8)
    scores.margins(y=0.22)  # keeps the marks clear of the lines
    scores.set_ylabel("score $f_1$\n| long, x short update", fontsize=9)
    overlaps.set(ylim=(0, 1.02), xlabel="frame")
    overlaps.set_ylabel("overlap with the truth", fontsize=9)
    if visible is not None:
        overlaps.fill_between(frames, visible, color="0.85", zorder=0, label="share visible")
        overlaps.legend(frameon=False, fontsize=9)
    scores.legend(frameon=False, fontsize=9)
    for axes in (scores, overlaps):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def sightings(
    diaries: Mapping[str, Diary],
    frames: Sequence[int],
    images: Mapping[int, Image] | None = None,
    first: int = 0,
) -> Figure:
    """The paper's Figure 3: at some frames, attention, confidence and result of each diary.

    Args:
        diaries: by name; each has looked at ``frames``.
        frames: the columns.
        images: the frames (H, W, 3) uint8 RGB; None draws maps and boxes without.
        first: the number of the diaries' first frame.
    """
    figure = page(1.95 * 3 * len(diaries))
    grid = figure.subplots(3 * len(diaries), len(frames), squeeze=False)
    for row, (name, diary) in enumerate(diaries.items()):
        three = grid[3 * row : 3 * row + 3]
        for column, frame in enumerate(frames):
            image = None if images is None else images[frame]
            attention, confidence, result = three[:, column]
            _sighting(diary, frame, image, attention, confidence, result)
            attention.set_title(
                f"frame {first + frame}" if row == 0 else "", fontsize=10, fontweight="bold"
            )
        for axes, what in zip(three[:, 0], ("attention", "confidence", "result"), strict=True):
            axes.set_ylabel(f"{name}\n{what}", fontsize=9)
    return figure


def _sighting(
    diary: Diary, frame: int, image: Image | None, attention: Axes, confidence: Axes, result: Axes
) -> None:
    """Draw what a diary saw at a frame on three Axes."""
    at = diary.frames.tolist().index(frame)
    height, width = (int(side) for side in diary.shape)
    seen = _smoothed(diary.attention[at])
    extent = (0.0, float(width), float(height), 0.0)
    if image is None:
        attention.imshow(seen, cmap="inferno", vmin=0)
        backdrop = np.full((height, width, 3), 225, np.uint8)
    else:
        attention_overlay(attention, _cut(image, diary.extents[at]), seen, "")
        backdrop = image
    spread = confidence_map(diary.candidates[at], diary.candidate_scores[at], (height, width))
    grey = backdrop.mean(2)
    confidence.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=extent)
    confidence.imshow(spread, cmap="viridis", alpha=0.8, extent=extent)
    rows, columns = np.nonzero(np.isfinite(spread))
    confidence.set(
        xlim=(columns.min() - 5, columns.max() + 6), ylim=(rows.max() + 6, rows.min() - 5)
    )
    result.imshow(backdrop, extent=extent)
    box, found = diary.boxes[frame], bool(diary.found[frame])
    _outline(result, box, "#56b4e9" if found else "#f0e442", "-" if found else "--")
    result.set_xlabel(
        f"score {diary.scores[frame]:+.1f}, IoU {diary.overlaps[frame]:.2f}".replace("-", "−"),
        fontsize=9,
    )
    for axes in (attention, confidence, result):
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])


def best_candidates(image: Image, diary: Diary, frame: int, best: int) -> Figure:
    """A frame's candidates by their centres and scores, the best ones' boxes, and the result.

    Args:
        image: (H, W, 3) uint8 RGB, the frame.
        diary: that has looked at it.
        frame: which.
        best: how many candidates are averaged.
    """
    at = diary.frames.tolist().index(frame)
    boxes, scores = diary.candidates[at], diary.candidate_scores[at]
    order = np.argsort(scores)
    figure = page(3.4)
    everything, chosen = figure.subplots(1, 2)
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    for axes in (everything, chosen):
        axes.imshow(image, extent=(0, image.shape[1], image.shape[0], 0))
        axes.set_axis_off()
    drawn = everything.scatter(
        *centers[order].T, c=scores[order], s=14, cmap="viridis", edgecolors="white", linewidths=0.3
    )
    figure.colorbar(drawn, ax=everything, location="bottom", shrink=0.8, label="score $f_1$")
    everything.set_title(f"{len(boxes)} candidates, by their centres", fontsize=10)
    for index in order[-best:]:
        _outline(chosen, boxes[index], "white", "-", 0.8)
    _outline(chosen, boxes[order[-best:]].mean(0), "#e69f00", "--", 1.8)
    _outline(chosen, diary.boxes[frame], "#56b4e9", "-", 2.2)
    chosen.set_title(f"white: the best {best}; dashed: their mean;\nblue: regressed", fontsize=10)
    low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
    for axes in (everything, chosen):
        axes.set(xlim=(low[0] - 8, high[0] + 8), ylim=(high[1] + 8, low[1] - 8))
    return figure


def _smoothed(attention: ArrayLike) -> NDArray[np.float64]:
    """Over two places, the period of the grid that max-pooling leaves in a map."""
    smoothed: NDArray[np.float64] = gaussian_filter(np.asarray(attention, float), 2)
    return smoothed


def _cut(image: Image, extent: Sequence[float]) -> Image:
    """The crop at an extent, (S, S, 3)."""
    frame = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
    crop = resampled(frame, torch.tensor([list(extent)]))[0]
    return np.asarray(crop.permute(1, 2, 0).numpy())


def _outline(axes: Axes, box: ArrayLike, colour: str, line: str, thick: float = 2.0) -> None:
    x, y, w, h = np.asarray(box, float)
    for ink, wide in (("black", thick + 1.2), (colour, thick))[thick < 1 :]:  # no edge if thin
        axes.add_patch(
            Rectangle((x, y), w, h, fill=False, edgecolor=ink, linewidth=wide, linestyle=line)
        )
