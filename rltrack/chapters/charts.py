"""Charts for the book: of measurements, of attention maps, of a score and its tangent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from rltrack.attention import Maps
from rltrack.boxes import center
from rltrack.chapters.ladder import Rung
from rltrack.chapters.retention import Retention
from rltrack.chapters.taylor import Expansion
from rltrack.chapters.toys import Opinion
from rltrack.crops import CROP, PADDING
from rltrack.figures import page, smoothed
from rltrack.region import CELLS, FIRST, SIZE, STEP, Region

__all__ = [
    "among_toys",
    "expansions",
    "frame_times",
    "ladders",
    "map_rows",
    "map_strip",
    "opinions",
    "region_map",
    "retained",
    "tangent",
    "target_maps",
    "widening",
]

# Okabe and Ito's, in an order whose lightness alternates: readable without colours, too.
_COLOURS = {
    "crop": "#cc79a7",
    "features": "#0072b2",
    "score": "#e69f00",
    "update": "#009e73",
}
_INK = {"features": "white"}  # of what is written on a colour, where black is hard to read


def frame_times(report: Mapping[str, Any]) -> Figure:
    """Where a frame's milliseconds go in each tracker of a report of `rltrack.bench.measure`.

    Shares, since the totals differ by two orders of magnitude; the milliseconds are written in, and
    how many times faster than the baseline it is, where that was measured.
    """
    names = [name for name in ("baseline", "faithful", "realtime") if report[f"{name}_ms"]]
    figure = page(0.75 * len(names) + 1.1)
    axes = figure.subplots()
    for row, name in enumerate(names):
        total, phases = report[f"{name}_ms"], report["phases"][name]
        times = {phase: phases[phase]["median_ms"] for phase in _COLOURS if phase in phases}
        times["update"] = max(total - sum(times.values()), 0)
        left = 0.0
        for phase, milliseconds in times.items():
            share = milliseconds / sum(times.values())
            axes.barh(row, share, left=left, color=_COLOURS[phase], edgecolor="white", height=0.62)
            if share > 0.07:
                axes.text(
                    left + share / 2, row, f"{phase}\n{milliseconds:.0f} ms",
                    ha="center", va="center", fontsize=9, color=_INK.get(phase, "black"),
                )  # fmt: skip
            left += share
    labels = [f"{name}\n{report[f'{name}_ms']:.0f} ms a frame" for name in names]
    for row, name in enumerate(names):
        if ratio := report.get(f"{name}_ratio"):
            labels[row] += f"\n{ratio:.1f} times faster"
    axes.set_yticks(range(len(names)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.set_xlabel("share of a frame's time, the update's part in it included")
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axes.tick_params(left=False)
    return figure


def ladders(rungs: Mapping[str, Sequence[Rung]]) -> Figure:
    """Milliseconds of each rung, and how many times faster than the first, a panel a ladder."""
    sizes = [len(ladder) for ladder in rungs.values()]
    figure = page(0.36 * sum(sizes) + 0.75 * len(sizes))
    panels = np.atleast_1d(figure.subplots(len(sizes), height_ratios=sizes))
    for axes, (title, ladder) in zip(panels, rungs.items(), strict=True):
        milliseconds = [rung.milliseconds for rung in ladder]
        axes.barh(range(len(ladder)), milliseconds, color="#0072b2", height=0.66)
        for row, rung in enumerate(ladder):
            text = (
                f" {rung.milliseconds:.0f} ms"
                if rung.milliseconds >= 10
                else (f" {rung.milliseconds:.1f} ms")
            )
            axes.text(rung.milliseconds, row, f"{text}, {rung.times_faster:.1f}x", va="center")
        axes.set_yticks(range(len(ladder)), [rung.name for rung in ladder])
        axes.set_xlim(0, 1.4 * max(milliseconds))
        axes.set_xticks([])
        axes.invert_yaxis()
        axes.set_title(title, loc="left", fontsize=11)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    return figure


def retained(runs: Mapping[str, Retention], ahead: Sequence[int]) -> Figure:
    """What backbones retain of one frame: a panel each, scores of target and background later.

    Args:
        runs: (T, A) arrays, by the backbone's name; means over targets are drawn.
        ahead: frames ahead, A of them.
    """
    figure = page(2.9)
    panels = figure.subplots(1, len(runs), squeeze=False, sharey=True)[0]
    for axes, (name, run) in zip(panels, runs.items(), strict=True):
        axes.axhline(0, color="0.6", linewidth=1)
        for label, scores, colour, marker in (
            ("target", run.target, "#d55e00", "o"),
            ("background", run.background, "#0072b2", "s"),
        ):
            axes.plot(ahead, scores.mean(0), color=colour, marker=marker, markersize=4, label=label)
        wrong = 1000 * (1 - run.ranked[:, -1].mean())
        axes.set_title(f"{name}\n{wrong:.0f} of 1000 wrong", fontsize=9)
        axes.set_xticks(ahead)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("mean score")
    panels[0].legend(frameon=False, fontsize=8, loc="lower center")
    figure.supxlabel("frames after the one that was learned", fontsize=10)
    return figure


def region_map(image: NDArray[np.uint8], region: Region, boxes: Any) -> Figure:
    """A frame, the cells of the region's map as dots, and the nine cells that each box reads.

    Args:
        image: (H, W, 3) uint8 RGB.
        region: in it.
        boxes: (N, 4) tensor, the first the target.
    """
    figure = page(7 * image.shape[0] / image.shape[1])
    axes = figure.subplots()
    axes.imshow(image)
    x, y, width, height = region.extent
    step = np.arange(CELLS) * STEP + FIRST
    columns, rows = x + step * width / SIZE, y + step * height / SIZE
    grid = np.meshgrid(columns, rows)
    axes.plot(*(g.ravel() for g in grid), ".", color="white", markersize=1.6, alpha=0.8)
    axes.add_patch(Rectangle((x, y), width, height, fill=False, color="white", linewidth=1.5))
    for index, box in enumerate(boxes):
        colour = "#56b4e9" if index == 0 else "#f0e442"
        line = "-" if index == 0 else "--"
        left, top, w, h = box.tolist()
        axes.add_patch(
            Rectangle((left, top), w, h, fill=False, color=colour, linewidth=2, linestyle=line)
        )
        cells = region.cells(box[None])[0].numpy()
        across, down = np.meshgrid(cells[:, 0], cells[:, 1])
        axes.plot(across.ravel(), down.ravel(), "o", color=colour, markersize=5, mec="black")
        middle = center(box).tolist()
        axes.plot(*middle, "+", color="black", markersize=6)
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    axes.set_axis_off()
    return figure


def expansions(
    lines: Mapping[str, Expansion], near: Mapping[str, Expansion], tolerance: float = 0.1
) -> Figure:
    """Scores along lines with their tangents, and the tangents' errors close to the start.

    Args:
        lines: by name, with even steps from 0 to 1.
        near: of the same names, with steps that begin with 0 and then grow by a factor.
        tolerance: the share of the change that is marked.
    """
    figure = page(3.2)
    scores, errors = figure.subplots(1, 2)
    for (name, line), colour in zip(lines.items(), _COLOURS.values(), strict=False):
        scores.plot(line.steps, line.exact, color=colour, label=name)
        scores.plot(line.steps, line.linear, color=colour, linestyle=":")
        first = near[name]
        change = np.abs(first.exact - first.exact[0])[1:]
        error = np.abs(first.linear - first.exact)[1:]
        share = np.divide(error, change, out=np.full(len(error), np.nan), where=change > 0)
        errors.plot(first.steps[1:], share, color=colour, marker="o", markersize=3)
    low, high = (reduce([reduce(line.exact) for line in lines.values()]) for reduce in (min, max))
    margin = 0.25 * (high - low)  # a tangent may leave the picture
    scores.set(ylim=(low - margin, high + margin), xlabel="t, from the crop (0) to another (1)")
    scores.set_ylabel("score $f_1$; dotted: its tangent")
    scores.legend(frameon=False, fontsize=9)
    errors.axhline(tolerance, color="0.4", linewidth=1, linestyle="--")
    errors.annotate(
        f"{tolerance:.0%} wrong", (0, tolerance), (4, 4),
        xycoords=("axes fraction", "data"), textcoords="offset points", color="0.3", fontsize=9,
    )  # fmt: skip
    errors.set(xscale="log", yscale="log", xlabel="t")
    errors.set_ylabel("error / change of the score")
    for axes in (scores, errors):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def tangent(
    line: Expansion, here: Expansion, t: float, crop: NDArray[np.uint8], attention: Any
) -> Figure:
    """A point of a line between two crops: what is there, its map, and the tangent from there on.

    Args:
        line: the whole way, with steps from 0 to 1.
        here: from the point to the line's end, with steps from 0 to 1.
        t: of the point, from 0 to below 1.
        crop: (S, S, 3) there.
        attention: (h, w), the crop's map.
    """
    figure = page(2.5)
    picture, overlay, scores = figure.subplots(1, 3, width_ratios=[1, 1, 1.7])
    picture.imshow(crop)
    picture.set_axis_off()
    picture.set_anchor("N")
    picture.set_title(f"$I(t)$, t = {t:.2f}", fontsize=9)
    _lay_over(overlay, crop, np.asarray(attention, float))
    overlay.set_axis_off()
    overlay.set_anchor("N")
    overlay.set_title("$A_p$ there", fontsize=9)
    scores.plot(line.steps, line.exact, color="#0072b2")
    scores.plot(t + here.steps * (1 - t), here.linear, ":", color="#d55e00", linewidth=2)
    scores.plot(t, here.exact[0], "o", color="#d55e00")
    reach = np.ptp(line.exact)
    scores.set(xlabel="t", ylim=(line.exact.min() - 1.4 * reach, line.exact.max() + 0.3 * reach))
    scores.set_title("score $f_1$; dotted: its tangent here", fontsize=9)
    scores.spines[["top", "right"]].set_visible(False)
    return figure


def map_rows(rows: Sequence[tuple[Any, Mapping[str, Any]]]) -> Figure:
    """Crops with their maps: of each row the crop (S, S, 3) uint8, and maps (h, w) by title.

    Each map is drawn by its own scale: what it says is where, not how much.
    """
    columns = 1 + max(len(maps) for _, maps in rows)
    figure = page((7 / columns + 0.2) * len(rows))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, (crop, maps) in zip(grid, rows, strict=True):
        for ax in axes:
            ax.set_axis_off()
        axes[0].imshow(crop)
        for ax, (title, values) in zip(axes[1:], maps.items(), strict=False):
            _lay_over(ax, np.asarray(crop), np.asarray(values, float))
            ax.set_title(title, fontsize=10)
    return figure


def _lay_over(axes: Axes, crop: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
    """Places of a map as they are, over their crop in grey; of a coarse map also its numbers."""
    width, height = crop.shape[1], crop.shape[0]
    extent = (0.0, float(width), float(height), 0.0)
    axes.imshow(crop.mean(2), cmap="gray", vmin=0, vmax=330, extent=extent)
    rows, columns = values.shape
    if rows < 10:
        values = values / values.max()
        axes.imshow(values, cmap="inferno", vmin=0, vmax=1.6, extent=extent, alpha=0.55)
        for (row, column), value in np.ndenumerate(values):
            x, y = (column + 0.5) * width / columns, (row + 0.5) * height / rows
            axes.text(x, y, f"{value:.2f}", color="white", fontsize=8, ha="center", va="center")
        return
    # The power brings out what the few largest places would leave in the dark.
    strength = np.clip(values / np.percentile(values, 99.5), 0, 1) ** 0.6
    axes.imshow(
        strength, cmap="inferno", vmin=-0.1, vmax=1, extent=extent, alpha=0.2 + 0.75 * strength
    )


def opinions(maps: Mapping[str, Any], found: Mapping[str, Opinion]) -> Figure:
    """Maps, and below each how its sigma / mu would have it changed: up is green, down purple."""
    figure = page(14 / len(maps) + 0.5)
    grid = figure.subplots(2, len(maps), squeeze=False)
    for column, (name, values) in enumerate(maps.items()):
        above, below = grid[:, column]
        above.imshow(np.asarray(values), cmap="magma", vmin=0)
        above.set_title(f"{name}\n$\\sigma/\\mu$ = {found[name].ratio:.2f}", fontsize=9)
        slope = -np.asarray(found[name].gradient)
        reach = max(float(np.abs(slope).max()), 1e-9)  # an even map wants no change
        below.imshow(slope, cmap="PRGn", vmin=-reach, vmax=reach)
        for axes in (above, below):
            axes.set(xticks=[], yticks=[])
    grid[0, 0].set_ylabel("map", fontsize=9)
    grid[1, 0].set_ylabel("wanted change", fontsize=9)
    return figure


def among_toys(toys: Mapping[str, Opinion], real: Mapping[str, tuple[Any, Maps]]) -> Figure:
    """Where sigma / mu of real maps lies among that of maps by hand.

    Filled is a map as it is, open the same map smoothed over the grid that max-pooling leaves.

    Args:
        toys: opinions of maps by hand, by name.
        real: by name, a crop (S, S, 3) uint8 RGB, and its maps (h, w).
    """
    figure = page(1.35 * len(real) + 0.9)
    grid = figure.add_gridspec(len(real), 4, width_ratios=[1, 1, 1, 3.2])
    scale = figure.add_subplot(grid[:, 3])
    places: list[str] = []
    for row, (name, (crop, maps)) in enumerate(real.items()):
        axes = figure.add_subplot(grid[row, 0])
        axes.imshow(np.asarray(crop))
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name, fontsize=9)
        for column, (what, values) in enumerate(
            zip(("$A_p$", "$A_n$"), map(np.asarray, maps), strict=True), start=1
        ):
            axes = figure.add_subplot(grid[row, column])
            _lay_over(axes, np.asarray(crop), values)
            axes.set(xticks=[], yticks=[])
            axes.set_title(what, fontsize=9)
            for drawn, face in ((values, "black"), (smoothed(values), "white")):
                ratio = drawn.std() / drawn.mean()
                scale.plot(ratio, len(places), "o", color="black", markerfacecolor=face)
            places.append(f"{name}, {what}")
    scale.set_yticks(range(len(places)), places, fontsize=9)
    scale.set(ylim=(len(places) - 0.5, -0.5), xlabel="$\\sigma/\\mu$; open: smoothed")
    scale.set_xscale("symlog", linthresh=1, linscale=1.5)
    scale.set_xlim(-0.05, 100)
    scale.set_xticks([0, 0.5, 1, 5, 50], ["0", "0.5", "1", "5", "50"])
    scale.minorticks_off()
    for name, seen in toys.items():
        scale.axvline(seen.ratio, color="0.6", linewidth=1)
        scale.text(
            seen.ratio, 1.01, f" {name}", rotation=60, ha="left", va="bottom", fontsize=9,
            color="0.3", transform=scale.get_xaxis_transform(), rotation_mode="anchor",
        )  # fmt: skip
    scale.spines[["top", "right"]].set_visible(False)
    return figure


def widening(spots: Mapping[float, Any], found: Mapping[float, Opinion], radius: float) -> Figure:
    """One of several spots, how sigma / mu would have it changed, and both quotients of them all.

    Args:
        spots: maps (h, w) of values up to 1, by radius.
        found: opinions of them.
        radius: of the one shown.
    """
    figure = page(2.4)
    above, wanted, quotients = figure.subplots(1, 3, width_ratios=[1, 1, 1.5])
    above.imshow(np.asarray(spots[radius]), cmap="magma", vmin=0, vmax=1)
    above.set_title("map", fontsize=10)
    slope = -np.asarray(found[radius].gradient)
    reach = float(np.abs(slope).max())
    wanted.imshow(slope, cmap="PRGn", vmin=-reach, vmax=reach)
    wanted.set_title("wanted change", fontsize=10)
    for axes in (above, wanted):
        axes.set(xticks=[], yticks=[])
        axes.set_anchor("N")
    radii, now = list(found), found[radius].ratio
    ratios = np.array([seen.ratio for seen in found.values()])
    quotients.loglog(radii, ratios, color="#d55e00", label="$\\sigma/\\mu$")
    quotients.loglog(radii, 1 / ratios, "--", color="#0072b2", label="$\\mu/\\sigma$")
    quotients.loglog(radius, now, "o", color="#d55e00")
    quotients.loglog(radius, 1 / now, "o", color="#0072b2")
    quotients.set_xlabel("radius, in half sides")
    quotients.legend(loc="upper center", frameon=False)
    quotients.spines[["top", "right"]].set_visible(False)
    return figure


def map_strip(rows: Mapping[str, Sequence[Any]], titles: Sequence[str]) -> Figure:
    """Rows of maps (h, w), each row on a scale of its own, such as A_p and A_n step by step.

    Args:
        rows: of maps, by name.
        titles: of the columns.
    """
    figure = page((6.6 / len(titles) + 0.1) * len(rows) + 0.3)
    grid = figure.subplots(len(rows), len(titles), squeeze=False)
    for axes, (name, maps) in zip(grid, rows.items(), strict=True):
        top = max(float(np.asarray(values).max()) for values in maps)
        for ax, values in zip(axes, maps, strict=True):
            ax.imshow(np.asarray(values), cmap="magma", vmin=0, vmax=top)
            ax.set(xticks=[], yticks=[])
        axes[0].set_ylabel(name, fontsize=10)
    for ax, title in zip(grid[0], titles, strict=True):
        ax.set_title(title, fontsize=9)
    return figure


def target_maps(
    crop: NDArray[np.uint8] | None,
    rows: Mapping[str, Sequence[Any]],
    titles: Sequence[str],
    one_scale: Literal["row", "column"] = "column",
) -> Figure:
    """Maps of a target's crop, and the crop beside them, with the target's box in each.

    Maps are smoothed for the eye, and black at 0; below each stands its sigma / mu as it is.

    Args:
        crop: (S, S, 3) uint8 RGB; None leaves it out.
        rows: of maps (h, w) >= 0, by name; as many in each.
        titles: of the columns.
        one_scale: what has one; a column, if its rows are to be compared.
    """
    smooth = np.array([[smoothed(values) for values in maps] for maps in rows.values()])
    tops = smooth.max((2, 3))
    tops[:] = tops.max(1 if one_scale == "row" else 0, keepdims=True)
    beside = crop is not None
    columns = len(titles) + beside
    figure = page((6.6 / columns + 0.25) * len(rows) + 0.25)
    grid = figure.add_gridspec(len(rows), columns)
    for row, (name, maps) in enumerate(rows.items()):
        for column, values in enumerate(np.asarray(value) for value in maps):
            axes = figure.add_subplot(grid[row, column + beside])
            _show_crop(axes, smooth[row, column], cmap="magma", vmin=0, vmax=tops[row, column])
            axes.set_xlabel(f"$\\sigma/\\mu$ {values.std() / values.mean():.2f}", fontsize=9)
            if column == 0:
                axes.set_ylabel(name, fontsize=10)
            if row == 0:
                axes.set_title(titles[column], fontsize=9)
    if crop is not None:
        axes = figure.add_subplot(grid[:, 0])
        _show_crop(axes, crop)
        axes.set_title("the crop", fontsize=9)
    return figure


def _show_crop(axes: Axes, picture: NDArray[Any], **style: Any) -> None:
    """What a target's crop shows, or a map of it, with the target's box; the crop's side is 1."""
    axes.imshow(picture, extent=(0, 1, 1, 0), **style)
    axes.set(xticks=[], yticks=[])
    side = CROP / (CROP + 2 * PADDING)
    for colour, width in (("black", 2.4), ("white", 1.2)):
        corner = ((1 - side) / 2, (1 - side) / 2)
        axes.add_patch(Rectangle(corner, side, side, fill=False, color=colour, linewidth=width))
