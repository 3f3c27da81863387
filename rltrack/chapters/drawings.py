"""Drawings for the chapters on learning and on tracking: lessons, diaries, the graph of Eq. 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from numpy.typing import ArrayLike, NDArray

from rltrack.chapters.charts import target_maps
from rltrack.chapters.diary import Diary
from rltrack.chapters.lesson import Lesson
from rltrack.crops import resampled
from rltrack.figures import attention_overlay, confidence_map, page, smoothed

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
        3.7,
        -0.2,
        1.0,
        "$\\partial R / \\partial u_c =$\n$J\\,\\partial R/\\partial A_c$",
        _SECOND,
    ),
    "term": (6.3, -0.2, 0.65, "$\\lambda\\,\\partial R / \\partial \\theta$", _SECOND),
    "sum": (9.0, -0.2, 0.95, "their sum: the\nstep that $\\theta$ takes", _FORWARD),
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
    ("back", "term", _SECOND, "--"),
    ("u", "term", _SECOND, "--"),
    ("ce", "sum", _FORWARD, "--"),
    ("term", "sum", _SECOND, "--"),
)


def backward_graph() -> Figure:
    """The graph of Eq. 5: forward, the first backward as a part of it, and the second backward.

    It shows where `create_graph=False` cuts it, and that both gradients meet.
    """
    figure = page(3.5)
    axes = figure.subplots()
    axes.set(xlim=(-0.3, 10.2), ylim=(-1.95, 3.25))
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
    axes.text(
        9.15, 1.2, "$\\partial L_{CE} / \\partial \\theta$", ha="right", va="center", fontsize=9
    )
    axes.plot([1.97, 1.97], [0.3, -0.75], color="black", linewidth=3, solid_capstyle="butt")
    axes.text(
        1.97, -0.85, "create_graph=False cuts here: the maps are constants,\n"
        "all that is orange is gone, and the step is that of $L_{CE}$",
        ha="left", va="top", fontsize=9,
    )  # fmt: skip
    legend = (
        ("forward, and $L_{CE}$'s backward", _FORWARD),
        ("first backward, recorded", _FIRST),
        ("second backward", _SECOND),
    )
    for x, (text, colour) in zip((-0.1, 4.35, 7.75), legend, strict=True):
        axes.text(x, -1.85, text, color=colour, fontsize=9, fontweight="bold")
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


def lesson_maps(lessons: Mapping[str, Lesson], crop: Image | None = None) -> Figure:
    """The target's A_p at the steps that lessons kept, a row a lesson; all of a step on one scale.

    Args:
        lessons: by name.
        crop: (S, S, 3) uint8 RGB, the target's; None leaves it out, where it is not ours to show.
    """
    shown = next(iter(lessons.values())).shown
    rows = {name: list(seen.target_maps) for name, seen in lessons.items()}
    return target_maps(crop, rows, [f"step {step}" for step in shown])


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

    Confidence and result are the same close-up. Every map has a scale of its own: attention from 0
    to its strongest, confidence between the two numbers that stand below it; below
    the boxes stand the result's score and overlap. The tracker's box is blue,
    or yellow and dashed where the target counts as lost; the true one is white and thin.

    Args:
        diaries: by name; each has looked at ``frames``.
        frames: the columns.
        images: the frames (H, W, 3) uint8 RGB; without, the boxes are drawn on the confidence map.
        first: the number of the diaries' first frame.
    """
    kinds = ("attention", "confidence", "result")[: 2 if images is None else 3]
    figure = page(1.68 * len(kinds) * len(diaries) + 0.3)
    grid = figure.subplots(len(kinds) * len(diaries), len(frames), squeeze=False)
    for row, (name, diary) in enumerate(diaries.items()):
        rows = grid[len(kinds) * row : len(kinds) * (row + 1)]
        for column, frame in enumerate(frames):
            _sighting(
                diary, frame, None if images is None else images[frame], rows[:, column].tolist()
            )
            if row == 0:
                rows[0, column].set_title(f"frame {first + frame}", fontsize=10, fontweight="bold")
        for axes, what in zip(rows[:, 0], kinds, strict=True):
            axes.set_ylabel(f"{name}\n{what}", fontsize=9)
    return figure


def _sighting(diary: Diary, frame: int, image: Image | None, panels: Sequence[Axes]) -> None:
    """Draw what a diary saw at a frame: attention, confidence and, on an image, the result."""
    at = diary.frames.tolist().index(frame)
    height, width = (int(side) for side in diary.shape)
    extent = (0.0, float(width), float(height), 0.0)
    attention, *views = panels
    seen = smoothed(diary.attention[at])
    if image is None:
        attention.imshow(seen, cmap="inferno", vmin=0)
        grey = np.full((height, width), 70.0)
    else:
        attention_overlay(attention, _cut(image, diary.extents[at]), seen, "")
        grey = image.mean(2)
    spread = confidence_map(diary.candidates[at], diary.candidate_scores[at], (height, width))
    views[0].imshow(grey, cmap="gray", vmin=0, vmax=255, extent=extent)
    views[0].imshow(spread, cmap="viridis", alpha=0.8, extent=extent)
    if image is not None:
        views[1].imshow(image, extent=extent)
    found = bool(diary.found[frame])
    _outline(views[-1], diary.boxes[frame], *(("#56b4e9", "-") if found else ("#f0e442", "--")))
    _outline(views[-1], diary.truth[frame], "white", "-", 1.0)
    scale = f"map {np.nanmin(spread):+.1f} to {np.nanmax(spread):+.1f}"
    outcome = f"score {diary.scores[frame]:+.1f}, IoU {diary.overlaps[frame]:.2f}"
    words = [f"{scale}\n{outcome}"] if image is None else [scale, outcome]
    rows, columns = np.nonzero(np.isfinite(spread))
    corners = [(columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)]
    for x, y, w, h in (diary.boxes[frame], diary.truth[frame]):
        corners += [(x, y), (x + w, y + h)]
    low, high = np.nanmin(corners, 0), np.nanmax(corners, 0)
    for axes, text in zip(views, words, strict=True):
        _close_up(axes, (*low, *(high - low)))
        axes.set_xlabel(text.replace("-", "−"), fontsize=9)
    for axes in panels:
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])


def _close_up(axes: Axes, area: ArrayLike, aspect: float = 1.35) -> None:
    """Zoom to an area (x, y, w, h) and a little round it, ``aspect`` times as wide as high."""
    x, y, w, h = np.asarray(area, float)
    high = 1.08 * max(h, w / aspect)
    wide = aspect * high
    axes.set_xlim(x + w / 2 - wide / 2, x + w / 2 + wide / 2)
    axes.set_ylim(y + h / 2 + high / 2, y + h / 2 - high / 2)
    axes.set_facecolor("0.27")  # beyond the frame


def best_candidates(image: Image, diary: Diary, frame: int, best: int) -> Figure:
    """A frame's candidates by their centres and scores; closer, the best ones, and the result.

    Args:
        image: (H, W, 3) uint8 RGB, the frame.
        diary: that has looked at it.
        frame: which.
        best: how many candidates are averaged.
    """
    at = diary.frames.tolist().index(frame)
    boxes, scores = diary.candidates[at], diary.candidate_scores[at]
    order = np.argsort(scores)
    figure = page(3.9)
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
    everything.set_title(f"{len(boxes)} candidates, by their centres", fontsize=10)
    low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
    _close_up(everything, (*low, *(high - low)), 1.0)

    mean = diary.chosen(best)[at]
    outlines = [
        *((boxes[index], "#009e73", "-", 1.0, f"the best {best}") for index in order[-best:]),
        (mean, "#e69f00", "--", 2.0, "their mean"),
        (diary.boxes[frame], "#56b4e9", "-", 2.0, "regressed"),
        (diary.truth[frame], "white", "-", 1.0, "truth"),
    ]
    for box, colour, line, thick, _ in outlines:
        _outline(chosen, box, colour, line, thick)
    styles: dict[str, dict[str, Any]] = {
        name: {"color": colour, "linestyle": line} for _, colour, line, _, name in outlines
    }
    named = {name: Line2D([], [], linewidth=2, **style) for name, style in styles.items()}
    chosen.legend(
        named.values(), named.keys(), loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2,
        fontsize=9, facecolor="0.25", labelcolor="white",
    )  # fmt: skip
    chosen.set_title("the best, and what they become", fontsize=10)
    _close_up(chosen, mean, 1.0)
    return figure


def _cut(image: Image, extent: Sequence[float]) -> Image:
    """The crop at an extent, (S, S, 3)."""
    frame = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
    crop = resampled(frame, torch.tensor([list(extent)]))[0]
    return np.asarray(crop.permute(1, 2, 0).numpy())


def _outline(axes: Axes, box: ArrayLike, colour: str, line: str, thick: float = 2.0) -> None:
    x, y, w, h = np.asarray(box, float)
    if not np.isfinite((x, y, w, h)).all():
        return
    for ink, wide in (("black", thick + 1.2), (colour, thick))[thick < 1 :]:  # no edge if thin
        axes.add_patch(
            Rectangle((x, y), w, h, fill=False, edgecolor=ink, linewidth=wide, linestyle=line)
        )
