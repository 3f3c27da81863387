"""Panels of what the tracker looks at: boxes on a frame, and rows of crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

__all__ = ["boxes_on", "crop_rows"]

# Okabe and Ito's; each with a line of its own.
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#56b4e9", "linestyle": "-"},
    {"color": "#e69f00", "linestyle": "--"},
    {"color": "#ffffff", "linestyle": ":"},
    {"color": "#cc79a7", "linestyle": "-."},
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
