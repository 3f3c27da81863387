"""Figures of benchmark results: precision and success (Figure 4), and scores over lambda."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.transforms import blended_transform_factory

from rltrack.errors import counted
from rltrack.evaluation.paper_values import PAPER, WEIGHTS
from rltrack.plain_text import in_figure, on_terminal
from rltrack.plots.style import (
    BLUE,
    GREEN,
    LINE,
    ORANGE,
    PINK,
    SKY,
    TEXT,
    VERMILION,
    page,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from rltrack.benchmarks.report import Row

__all__ = ["over_weights", "precision_and_success"]

# Okabe and Ito's without the yellow, which white swallows. There are seven colours and four lines,
# so that 28 trackers come before a pair of them is used again.
_COLOURS = ("#000000", VERMILION, BLUE, GREEN, PINK, ORANGE, SKY)
_LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1)))

_OTB = {"precision": "dp20", "success": "os"}
"""The score that stands for each curve."""

_PANELS: dict[str, tuple[str, str, float]] = {
    "precision": ("Precision", "centre error of at most (px)", 50),
    "normalised_precision": ("Norm. precision", "centre error of at most (boxes)", 0.5),
    "success": ("Success", "overlap (IoU) above", 1),
}
"""Title, label and end of the axis of each curve."""

_PANEL, _LABELS = 2.3, 0.75
"""Inches: the height of a panel of curves, and of its title and labels."""

_ROOM = 34
"""Characters of a name in a legend or a title."""

_LEGENDS = {"dp20": "DP at 20 px", "np20": "at 0.2", "os": "OS, area under curve", "ao": "AO"}
_THRESHOLDS = {"dp20": 20, "np20": 0.2}


def precision_and_success(
    report: Mapping[str, Any],
    *,
    top: int = 10,
    always: Collection[str] = (),
    paper: str | None = None,
) -> Figure:
    """Draw precision over the allowed centre error, and success over the required overlap.

    Of a benchmark with other curves, these are drawn. A tracker has the same colour and line in all
    panels. Legends are ranked by the score that stands for the curve: by DP at 20 px, and by OS.
    They give the number of targets if it is not the number of all of them. If the paper's Figure 4
    has numbers for the set, they stand below. (The paper's curves are not published.)

    Args:
        report: a report of `rltrack.evaluation.ranking.compare` or
            `rltrack.benchmarks.report.curves`.
        top: how many of the best trackers each panel shows.
        always: names of trackers that are shown even if they are not among the best.
        paper: the set of the paper's values, ``otb2013`` or ``otb2015``. The default is the
            report's.
    """
    of = paper or report["dataset"]
    curves = report.get("curves", _OTB)
    shown = {}
    for curve, score in curves.items():
        # There is no curve of a tracker without a target, or without a frame that counts.
        scored = [t for t in report["trackers"] if t["means"].get(curve) is not None]
        ranked = sorted(scored, key=lambda tracker: -tracker["means"][score])
        shown[score] = [t for rank, t in enumerate(ranked) if rank < top or t["name"] in always]
    on = "" if of == report["dataset"] else f" on {of}"
    notes = {score: _note(_published(of, score), on) for score in curves.values()}
    below = [
        LINE * (len(ranked) + 1 + notes[score].count("\n") + 1) for score, ranked in shown.items()
    ]
    figure = page((_PANEL + _LABELS) * len(curves) + sum(below))
    heights = [height for words in below for height in (_PANEL, words)]
    grid = figure.add_gridspec(len(heights), height_ratios=heights)
    panels = [figure.add_subplot(grid[row]) for row in range(0, len(heights), 2)]
    dataset = report.get("benchmark") or _short(report)
    for row, (axes, (curve, score)) in enumerate(zip(panels, curves.items(), strict=True)):
        title, xlabel, end = _PANELS[curve]
        entries = _draw_curves(axes, report, curve, score, shown[score])
        over = "of all targets" if report.get("pooled") else "(mean of targets)"
        axes.set(xlabel=xlabel, ylabel=f"share of frames\n{over}", xlim=(0, end), ylim=(0, 1))
        axes.set_title(f"{title}, {dataset}", fontsize=TEXT)
        axes.grid(color="0.9")
        if score in _THRESHOLDS:
            axes.axvline(_THRESHOLDS[score], color="0.6", linewidth=0.8, zorder=0)
        place = figure.add_subplot(grid[2 * row + 1])  # of the words below the panel
        place.set_axis_off()
        _write_below(axes, place, entries, score, notes[score])
    return figure


def _draw_curves(
    axes: Axes,
    report: Mapping[str, Any],
    curve: str,
    score: str,
    ranked: Sequence[Mapping[str, Any]],
) -> dict[Line2D, str]:
    """Draw the curves of a panel; returns them with their entries in the legend."""
    styles = {
        tracker["name"]: {
            "color": _COLOURS[index % len(_COLOURS)],
            "linestyle": _LINES[index % len(_LINES)],
        }
        for index, tracker in enumerate(report["trackers"])
    }
    every, end = len(report["targets"]), _PANELS[curve][2]
    entries = {}
    for tracker in ranked:
        means = tracker["means"]
        of = "" if means["targets"] == every else f" ({means['targets']} of {every})"
        name = _fitting(on_terminal(tracker["name"]), _ROOM)
        x = np.arange(len(means[curve])) * end / (len(means[curve]) - 1)
        style = styles[tracker["name"]]
        (line,) = axes.plot(x, means[curve], label="tracker", linewidth=1.8, **style)
        entries[line] = in_figure(f"{name} [{means[score]:.3f}]{of}")
    return entries


def _write_below(
    axes: Axes, place: Axes, entries: Mapping[Line2D, str], score: str, note: str
) -> None:
    """Write the legend of a panel, and a note under it, from the left edge of the page."""
    edge = blended_transform_factory(place.figure.transFigure, place.transAxes)
    if entries:
        legend = axes.legend(
            loc="upper left",
            bbox_to_anchor=(0.01, 1),
            bbox_transform=edge,
            borderaxespad=0,
            borderpad=0,
            labelspacing=0.3,
            frameon=False,
            title=_LEGENDS.get(score, "area under curve"),
            alignment="left",
        )
        legend.set_in_layout(False)  # the layout keeps the place free
        # Only now: a legend leaves out lines whose label begins with an underscore.
        for text, (line, entry) in zip(legend.get_texts(), entries.items(), strict=True):
            line.set_label(entry)
            text.set_text(entry)
    if note:
        below = (0, -72 * LINE * (len(entries) + 1))
        words = axes.annotate(
            note, (0.01, 1), below, xycoords=edge, textcoords="offset points", va="top"
        )
        words.set_in_layout(False)


def _fitting(name: str, room: int) -> str:
    """Cut a name that would reach beyond the page."""
    return name if len(name) <= room else f"{name[: room - 1]}\u2026"


def _short(report: Mapping[str, Any]) -> str:
    """Return the dataset's name for a title, or the number of targets if the name is too long."""
    if len(report["dataset"]) <= _ROOM:
        return in_figure(report["dataset"])
    return counted(len(report["targets"]), "target")


def _note(published: Sequence[str], on: str) -> str:
    """Return the lines that give the paper's values; nothing if there are none."""
    if not published:
        return ""
    return wrapped(f"The paper's own values{on}, not computed here: {', '.join(published)}")


def _published(dataset: str, score: str) -> Sequence[str]:
    """The paper's trackers with their score, best first."""
    scores = {
        tracker: getattr(values, score)
        for tracker, values in PAPER.get(dataset, {}).items()
        if getattr(values, score) is not None
    }
    # No-break spaces: a name stays with its number.
    return [f"{name}\u00a0{scores[name]:.3f}" for name in sorted(scores, key=lambda n: -scores[n])]


def over_weights(rows: Mapping[float, Row], label: str) -> Figure:
    """Draw DP and OS over lambda: the paper's Table 1, and ours with deviations over seeds.

    The two are over different targets and with different features. Only their shapes can be
    compared.

    Args:
        rows: rows of `rltrack.benchmarks.report.report`, by lambda; may be empty.
        label: what our rows are over.
    """
    figure = page(5.2)
    panels = figure.subplots(2, sharex=True)
    for axes, metric, name in zip(panels, ("dp20", "os"), ("DP", "OS"), strict=True):
        published = [getattr(scores, metric) for scores in WEIGHTS.values()]
        axes.plot(list(WEIGHTS), published, "o-", color="0.45", label="the paper, OTB-2013")
        if rows:
            axes.errorbar(
                list(rows),
                [row.mean[metric] for row in rows.values()],
                [row.spread[metric] for row in rows.values()],  # of a single seed NaN: no bar
                fmt="s", color=VERMILION, capsize=4, label=label,
            )  # fmt: skip
        axes.set(ylabel=f"{name}, mean over targets", xticks=list(WEIGHTS))
        axes.grid(color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("λ")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", frameon=False)
    return figure
