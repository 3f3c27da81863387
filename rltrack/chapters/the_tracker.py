"""Chapter 1: the first frame's boxes as the tracker draws them, by kind, and figures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from torch import Generator, Tensor

from rltrack.plots.frames import outline, show
from rltrack.plots.style import ORANGE, PAGE_WIDTH, PINK, SKY, TEXT, page
from rltrack.tracking import sampling, training_boxes
from rltrack.tracking.config import TrackerConfig

__all__ = ["KINDS", "boxes_on", "crop_rows", "first_frame_boxes", "responses"]

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
    """Draw a frame several times side by side, each with the outlines of some kinds of boxes.

    Args:
        image: (H, W, 3) uint8 RGB.
        groups: of each panel, by kind, boxes (n, 4), (x, y, w, h) in pixels; up to four kinds.
    """
    height, width = image.shape[:2]
    panel = PAGE_WIDTH / len(groups)
    figure = page(panel * height / width + 0.3 * max(map(len, groups)))
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    styles = iter(_STYLES)
    for axes, kinds in zip(panels, groups, strict=True):
        show(axes, image, (height, width), "")
        lines = []
        for (kind, boxes), style in zip(kinds.items(), styles, strict=False):
            for box in boxes:
                ink = {"edgecolor": style["color"], "linestyle": style["linestyle"]}
                outline(axes, box, linewidth=1.3, **ink)
            lines.append(Line2D([], [], linewidth=2, label=kind, **style))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.legend(
            handles=lines,
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            handlelength=1.5,
            facecolor="0.25",
            labelcolor="white",
        )
    return figure


def crop_rows(rows: Mapping[str, tuple[Any, Sequence[str]]]) -> Figure:
    """Draw rows of crops. Each crop has a few words above it.

    Args:
        rows: by name, crops (n, 3, S, S) uint8 tensor and their n titles; as many in each row. The
            name is written above its row.
    """
    count = max(len(titles) for _, titles in rows.values())
    figure = page((PAGE_WIDTH / count + 0.55) * len(rows))
    for strip, (name, (crops, titles)) in zip(
        figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows.items(), strict=True
    ):
        strip.suptitle(name, fontsize=TEXT, fontweight="bold")
        line = strip.subplots(1, count, squeeze=False)[0]
        for axes, crop, title in zip(line, crops, titles, strict=True):
            axes.imshow(crop.permute(1, 2, 0).cpu().numpy())
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=TEXT)
    return figure


def responses(crop: NDArray[np.uint8], stages: Mapping[str, Sequence[Any]]) -> Figure:
    """Draw a crop, and in a row for each stage of the network the responses of some channels.

    Args:
        crop: (S, S, 3) uint8 RGB.
        stages: by name, responses (h, w) of a few channels; as many in each row. Each has a grey
            scale of its own, from 0, black, to its largest value.
    """
    count = max(map(len, stages.values()))
    figure = page((PAGE_WIDTH / (count + 1) + 0.3) * len(stages))
    rows = figure.subplots(len(stages), count + 1, squeeze=False)
    for row, (name, channels) in zip(rows, stages.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        row[0].imshow(crop)
        row[0].set_title("crop", fontsize=TEXT)
        row[1 + (count - 1) // 2].set_title(name, fontsize=TEXT)
        for axes, response in zip(row[1:], channels, strict=True):
            values = np.asarray(response, float)
            axes.imshow(values, cmap="gray", vmin=0, vmax=max(values.max(), 1e-9))
    return figure
