"""Chapter 4: the training on one frame, traced. Attention is looked at as the classifier learns.

The looks are at probes: samples drawn apart from those that the classifier learns from, without
dropout. They draw nothing from the training's generator, so tracing does not change the training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from rltrack.backbones.interface import Backbone
from rltrack.backbones.layout import MDNET_CROP, CropLayout
from rltrack.chapters.first_frame import maps_at
from rltrack.chapters.pupil import Pupil
from rltrack.errors import InputError
from rltrack.plots.style import PAGE_WIDTH, RUN_LINES, TEXT, page
from rltrack.tracking.attention import Loss, Maps, mean_and_deviation, regulariser
from rltrack.tracking.config import TrackerConfig
from rltrack.video.heat_maps import smoothed

__all__ = [
    "TrainingTrace",
    "learning_curves",
    "share_inside",
    "target_maps",
    "trace_training",
    "training_maps",
]

Array = NDArray[np.float64]

Image = NDArray[np.uint8]

PROBES = 8
"""Of each label."""


class TrainingTrace(NamedTuple):
    """What was seen at K steps of a lesson, with maps at S of them; arrays only, for storage."""

    steps: NDArray[np.int64]
    """(K,) gradient steps taken before the look; the first is 0."""
    cross_entropy: Array
    """(K,) mean over all probes."""
    on_targets: Array
    """(K,) R of Eq. 3, mean over the target probes; also where lambda is 0."""
    on_background: Array
    """(K,) R of Eq. 4, mean over the background probes."""
    unevenness: Array
    """(K,) sigma / mu of A_p, mean over the target probes."""
    inside: Array
    """(K,) share of the target crop's A_p that lies in the box."""
    shown: NDArray[np.int64]
    """(S,) the steps whose maps are kept."""
    target_maps: NDArray[np.float32]
    """(S, h, w) A_p of the target's crop."""
    background_maps: NDArray[np.float32]
    """(S, h, w) A_n of the target's crop."""


def trace_training(
    image: Image,
    box: Sequence[float],
    config: TrackerConfig,
    *,
    steps: int = 200,
    every: int = 10,
    shown: Sequence[int] = (50, 100, 150, 200),
    backbone: str | Backbone = "lite0",
    device: str = "auto",
    seed: int = 0,
) -> TrainingTrace:
    """Learn the target in ``box`` as the tracker learns its first frame, and look meanwhile.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (x, y, w, h) in 0-based pixels.
        config: of the tracker; ``steps`` takes the place of its ``first_iterations``.
        steps: of gradient descent.
        every: steps from one look to the next.
        shown: the steps whose maps are kept: multiples of ``every``, at most ``steps``.
        backbone: see `rltrack.track`.
        device: see `rltrack.track`.
        seed: of all randomness.

    Raises:
        InputError: a step that is to be shown is not looked at.
    """
    if unseen := sorted(set(shown) - set(range(0, steps + 1, every))):
        raise InputError(f"shown has {unseen[0]}; wanted multiples of {every} up to {steps}")
    config = replace(config, first_iterations=steps)
    pupil = Pupil(config, backbone=backbone, device=device, seed=seed)
    probes = pupil.probes(image, box, PROBES)
    features = pupil.extractor.features(probes)
    labels = (torch.arange(2 * PROBES, device=probes.device) < PROBES).long()
    rows: list[tuple[float, ...]] = []
    kept: list[Maps] = []

    def look(step: int, _: Loss | None = None) -> None:
        if step % every:
            return
        with torch.no_grad():
            cross_entropy = F.cross_entropy(pupil.classifier(features), labels)
        maps = maps_at(pupil.classifier, pupil.extractor, probes, config, config.map_at)
        targets, background = maps.split(PROBES)
        mean, deviation = mean_and_deviation(targets.target, config.attention_eps)
        seen = (
            cross_entropy,
            regulariser(targets, True, config).mean(),
            regulariser(background, False, config).mean(),
            (deviation / mean).mean(),
        )
        attention = targets.target[0].cpu().numpy()
        inside = share_inside(attention, pupil.crop_extent(box), box)
        rows.append((*(value.item() for value in seen), inside))
        if step in shown:
            kept.append(Maps(targets.target[0], targets.background[0]))

    pupil.learn(image, box, look)
    target_maps, background_maps = (
        torch.stack(maps).float().cpu().numpy() for maps in zip(*kept, strict=True)
    )
    cross_entropy, on_targets, on_background, unevenness, inside = np.array(rows).T
    return TrainingTrace(
        np.arange(0, steps + 1, every),
        cross_entropy,
        on_targets,
        on_background,
        unevenness,
        inside,
        np.array(sorted(shown)),
        target_maps,
        background_maps,
    )


def share_inside(attention: ArrayLike, extent: Sequence[float], box: Sequence[float]) -> float:
    """Share 0..1 of a map (h, w) whose places have their middles in ``box``.

    Args:
        attention: the map, >= 0.
        extent: the image region (x, y, w, h) that it covers, evenly.
        box: (x, y, w, h), as ``extent`` in the image's pixels.
    """
    values = np.asarray(attention, float)
    x, y, w, h = extent
    rows, columns = values.shape
    across = x + (np.arange(columns) + 0.5) * w / columns
    down = y + (np.arange(rows) + 0.5) * h / rows
    in_columns = (across >= box[0]) & (across <= box[0] + box[2])
    in_rows = (down >= box[1]) & (down <= box[1] + box[3])
    return float(values[np.ix_(in_rows, in_columns)].sum() / values.sum())


def learning_curves(lessons: Mapping[str, TrainingTrace]) -> Figure:
    """Draw four quantities of lessons over their steps, with a line for each lesson."""
    panels = {
        "cross_entropy": "cross-entropy",
        "unevenness": "$\\sigma/\\mu$ of $A_p$, targets",
        "on_targets": "$R_{(y=1)}$, targets",
        "on_background": "$R_{(y=0)}$, background",
    }
    figure = page(4.4)
    for axes, (field, title) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        for (name, seen), (colour, line) in zip(lessons.items(), RUN_LINES, strict=False):
            axes.plot(seen.steps, getattr(seen, field), line, color=colour, label=name)
        axes.set_title(title, fontsize=TEXT)
        axes.set_xlabel("gradient steps")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False)
    return figure


def training_maps(
    lessons: Mapping[str, TrainingTrace], crop: Image | None = None, layout: CropLayout = MDNET_CROP
) -> Figure:
    """Draw the target's A_p at the steps that lessons kept, with a row for each lesson.

    All maps of a step have one colour scale.

    Args:
        lessons: by name.
        crop: (S, S, 3) uint8 RGB, the target's; None leaves it out, where it is not ours to show.
        layout: of the backbone's crops, which says where the target's box is in a map.
    """
    shown = next(iter(lessons.values())).shown
    rows = {name: list(seen.target_maps) for name, seen in lessons.items()}
    return target_maps(crop, rows, [f"step {step}" for step in shown], layout=layout)


def target_maps(
    crop: NDArray[np.uint8] | None,
    rows: Mapping[str, Sequence[Any]],
    titles: Sequence[str],
    one_scale: Literal["row", "column"] = "column",
    layout: CropLayout = MDNET_CROP,
) -> Figure:
    """Draw maps of a target's crop, and the crop beside them, with the target's box in each.

    Maps are smoothed for the eye, and black at 0. Below each stands the sigma / mu of the map as it
    is.

    Args:
        crop: (S, S, 3) uint8 RGB; None leaves it out.
        rows: of maps (h, w) >= 0, by name; as many in each.
        titles: of the columns.
        one_scale: what has one; a column, if its rows are to be compared.
        layout: as in `training_maps`.
    """
    smooth = np.array([[smoothed(values) for values in maps] for maps in rows.values()])
    tops = smooth.max((2, 3))
    tops[:] = tops.max(1 if one_scale == "row" else 0, keepdims=True)
    beside = crop is not None
    columns = len(titles) + beside
    figure = page((PAGE_WIDTH / columns + 0.3) * len(rows) + 0.3)
    grid = figure.add_gridspec(len(rows), columns)
    for row, (name, maps) in enumerate(rows.items()):
        for column, values in enumerate(np.asarray(value) for value in maps):
            axes = figure.add_subplot(grid[row, column + beside])
            _show_crop(
                axes, layout, smooth[row, column], cmap="magma", vmin=0, vmax=tops[row, column]
            )
            axes.set_xlabel(f"$\\sigma/\\mu$ {values.std() / values.mean():.2f}")
            if column == 0:
                axes.set_ylabel(name)
            if row == 0:
                axes.set_title(titles[column], fontsize=TEXT)
    if crop is not None:
        axes = figure.add_subplot(grid[:, 0])
        _show_crop(axes, layout, crop)
        axes.set_title("crop", fontsize=TEXT)
    return figure


def _show_crop(axes: Axes, layout: CropLayout, picture: NDArray[Any], **style: Any) -> None:
    """Draw a target's crop or a map of it, with the target's box. The crop's side is 1."""
    axes.imshow(picture, extent=(0, 1, 1, 0), **style)
    axes.set(xticks=[], yticks=[])
    side = 1 / layout.enlargement
    for colour, width in (("black", 2.4), ("white", 1.2)):
        corner = ((1 - side) / 2, (1 - side) / 2)
        axes.add_patch(Rectangle(corner, side, side, fill=False, color=colour, linewidth=width))
