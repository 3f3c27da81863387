"""Chapter 1: the first frame's boxes as the tracker draws them, by kind, and figures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Generator, Tensor

from rltrack.plots.style import ORANGE, PINK, SKY
from rltrack.tracking import sampling, training_boxes
from rltrack.tracking.config import TrackerConfig

__all__ = ["KINDS", "boxes_on", "crop_rows", "first_frame_boxes"]

KINDS = ("target", "background beside it", "background anywhere", "candidate")
"""The first three are learned from; the last are those of the next frame, if it is found there."""


def first_frame_boxes(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> dict[str, Tensor]:
    """Draw ``n`` boxes of each of `KINDS` around a target.

    Args:
        target: (4,) float box.
        image_wh: (2,) sides of the image, of the same type.
        n: of each kind; the tracker's own numbers are fields of ``config``.
        config: spreads and ranges of overlap.
        generator: on the target's device.

    Returns:
        By kind, (n, 4).
    """
    candidates = sampling.gaussian(
        target,
        n,
        image_wh,
        translation=config.search_translation,
        scale=config.search_scale,
        border=config.candidate_border,
        generator=generator,
    )
    kinds = (
        training_boxes.positives,
        training_boxes.first_negatives_nearby,
        training_boxes.first_negatives_anywhere,
    )
    drawn = (kind(target, image_wh, n, config, generator) for kind in kinds)
    return dict(zip(KINDS, (*drawn, candidates), strict=True))


# Okabe and Ito's; each with a line of its own.
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": SKY, "linestyle": "-"},
    {"color": ORANGE, "linestyle": "--"},
    {"color": "#ffffff", "linestyle": ":"},
    {"color": PINK, "linestyle": "-."},
)


def boxes_on(
    image: NDArray[Any], groups: Sequence[Mapping[str, Sequence[Sequence[float]]]]
) -> Figure:
    """A frame several times side by side, each with the outlines of some kinds of boxes.

    Args:
        image: (H, W, 3) uint8 RGB.
        groups: of each panel, by kind, boxes (n, 4), (x, y, w, h) in pixels; up to four kinds.
    """
    height, width = image.shape[:2]
    figure = Figure(
        figsize=(7, 7 / len(groups) * height / width + 0.3 * max(map(len, groups))),
        layout="constrained",
    )
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    styles = iter(_STYLES)
    for axes, kinds in zip(panels, groups, strict=True):
        axes.imshow(image, extent=(0, width, height, 0))
        axes.set_axis_off()
        lines = []
        for (kind, boxes), style in zip(kinds.items(), styles, strict=False):
            for x, y, w, h in boxes:
                axes.add_patch(Rectangle((x, y), w, h, fill=False, linewidth=1.3, **style))
            lines.append(Line2D([], [], linewidth=2, label=kind, **style))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.legend(
            handles=lines,
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            fontsize=9,
            facecolor="0.25",
            labelcolor="white",
        )
    return figure


def crop_rows(rows: Mapping[str, tuple[Any, Sequence[str]]]) -> Figure:
    """Rows of crops, each with a few words above it.

    Args:
        rows: by name, crops (n, 3, S, S) uint8 tensor and their n titles; as many in each row.
    """
    count = max(len(titles) for _, titles in rows.values())
    figure = Figure(figsize=(7, (7 / count + 0.3) * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), count, squeeze=False)
    for line, (name, (crops, titles)) in zip(grid, rows.items(), strict=True):
        for axes, crop, title in zip(line, crops, titles, strict=True):
            axes.imshow(crop.permute(1, 2, 0).cpu().numpy())
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=9)
        line[0].set_ylabel(name, fontsize=9)
    return figure
