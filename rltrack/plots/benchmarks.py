"""Figures of benchmark results: precision and success (Figure 4), OS over lambda, differences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.evaluation.paper_values import PAPER, WEIGHTS
from rltrack.evaluation.statistics import Difference
from rltrack.plain_text import in_figure, on_terminal
from rltrack.plots.style import (
    BLUE,
    GREEN,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    missing_glyphs_as_boxes,
    page,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rltrack.benchmarks.report import Report, Row

__all__ = [
    "checked_plot",
    "differences",
    "differences_from_first",
    "over_weights",
    "precision_and_success",
    "write_plot",
]

_FORMATS = (".pdf", ".png", ".svg")

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
    scored = [tracker for tracker in report["trackers"] if tracker["means"]["targets"]]
    curves = report.get("curves", _OTB)
    shown = {}
    for score in curves.values():
        ranked = sorted(scored, key=lambda tracker: -(tracker["means"][score] or 0))
        shown[score] = [t for rank, t in enumerate(ranked) if rank < top or t["name"] in always]
    rows = max(map(len, shown.values()))
    below = 0.2 * (rows + 2) + (0.9 if of in PAPER else 0)  # inches for the legends
    figure = page(3.5 + below)
    figure.set_layout_engine("constrained", rect=(0, below / (3.5 + below), 1, 3.5 / (3.5 + below)))
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    legends = []
    dataset = report.get("benchmark") or in_figure(report["dataset"])
    for axes, (curve, score) in zip(panels, curves.items(), strict=True):
        legends += _panel(axes, report, curve, score, shown[score], of)
        title, xlabel, _ = _PANELS[curve]
        axes.set(title=f"{title}, {dataset}", xlabel=xlabel)
        if score in _THRESHOLDS:
            axes.axvline(_THRESHOLDS[score], color="0.6", linewidth=0.8, zorder=0)
    # The panels are laid out without what stands below them, and a page shows it with them.
    for artist in legends:
        artist.set_in_layout(False)
    with missing_glyphs_as_boxes():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for artist in legends:
        artist.set_in_layout(True)
    return figure


def _panel(
    axes: Axes,
    report: Mapping[str, Any],
    curve: str,
    score: str,
    ranked: Sequence[Mapping[str, Any]],
    paper: str,
) -> list[Artist]:
    """Draw one; returns what stands below it."""
    below: list[Artist] = []
    styles = {
        tracker["name"]: {
            "color": _COLOURS[index % len(_COLOURS)],
            "linestyle": _LINES[index % len(_LINES)],
        }
        for index, tracker in enumerate(report["trackers"])
    }
    every, end = len(report["targets"]), _PANELS[curve][2]
    room = (80, 40, 18)[len(report.get("curves", _OTB)) - 1]  # characters
    entries = {}
    for tracker in ranked:
        means = tracker["means"]
        of = "" if means["targets"] == every else f" ({means['targets']} of {every})"
        name = _fitting(on_terminal(tracker["name"]), room)
        x = np.arange(len(means[curve])) * end / (len(means[curve]) - 1)
        style = styles[tracker["name"]]
        (line,) = axes.plot(x, means[curve], label="tracker", linewidth=1.8, **style)
        entries[line] = in_figure(f"{name} [{means[score]:.3f}]{of}")
    over = " of all targets" if report.get("pooled") else ", mean over targets"
    axes.set(xlim=(0, end), ylim=(0, 1), ylabel=f"share of frames{over}")
    axes.grid(color="0.9")
    if ranked:
        legend = axes.legend(
            loc="upper left",  # below the curves, which it would hide
            bbox_to_anchor=(-0.1, -0.2),
            borderaxespad=0,
            frameon=False,
            title=_LEGENDS.get(score, "area under curve"),
            fontsize=9,
            title_fontsize=9,
            alignment="left",
        )
        # Only now: a legend leaves out lines whose label begins with an underscore.
        for text, (line, entry) in zip(legend.get_texts(), entries.items(), strict=True):
            line.set_label(entry)
            text.set_text(entry)
        below.append(legend)
    published = _published(paper, score)
    if published:
        on = "" if paper == report["dataset"] else f" on {paper}"
        words = f"The paper's own values{on}, not computed here: " + ", ".join(published)
        note = axes.annotate(
            fill(words, 44, break_on_hyphens=False),
            (-0.1, -0.2),
            (0, -14.3 * (len(ranked) + 1) - 6),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=9,
        )
        below.append(note)
    return below


def _fitting(name: str, room: int) -> str:
    """Cut a name that would reach into another panel's legend."""
    return name if len(name) <= room else f"{name[: room - 1]}\u2026"


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
    figure = page(3.3)
    for axes, metric, name in zip(figure.subplots(1, 2), ("dp20", "os"), ("DP", "OS"), strict=True):
        published = [getattr(scores, metric) for scores in WEIGHTS.values()]
        axes.plot(list(WEIGHTS), published, "o-", color="0.45", label="the paper, OTB-2013")
        if rows:
            axes.errorbar(
                list(rows),
                [row.mean[metric] for row in rows.values()],
                [row.spread[metric] for row in rows.values()],  # of a single seed NaN: no bar
                fmt="s", color=VERMILION, capsize=4, label=label,
            )  # fmt: skip
        axes.set(xlabel="λ", ylabel=f"{name}, mean over targets", xticks=list(WEIGHTS))
        axes.grid(color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def differences_from_first(made: Report, results: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw each tracker's OS minus that of the report's first row.

    Dots are targets, averaged over seeds.

    Args:
        made: a report of at least two trackers.
        results: the runs that it was made from.

    Raises:
        InputError: there is only one tracker.
    """
    from rltrack.evaluation.statistics import paired

    first, *others = made.rows
    if not others:
        raise InputError(f"{first.name} is the only tracker; there is no other to compare it with")
    shared = [r for r in results if r["target"] in made.targets and r["seed"] in made.seeds]
    rows = {
        row.name: (paired(shared, row.tracker, first.tracker).means, row.difference)
        for row in others
    }
    return differences(rows, title=f"OS minus OS of {first.name}")


def checked_plot(file: Path) -> Path:
    """Return a plot's file, if its suffix is one of the formats that can be written.

    Raises:
        InputError: it is not.
    """
    if file.suffix.lower() not in _FORMATS:
        raise InputError(f"plot is {str(file)!r}; its name must end in {', '.join(_FORMATS)}")
    return file


def write_plot(figure: Figure, file: Path) -> None:
    """Write a plot, complete or not at all."""
    from rltrack.files import whole

    with whole(file) as part, missing_glyphs_as_boxes():
        figure.savefig(part, format=file.suffix.lower()[1:], dpi=150)


def differences(
    rows: Mapping[str, tuple[NDArray[np.float64], Difference | None]],
    *,
    title: str,
    published: float | None = None,
) -> Figure:
    """Draw paired differences of OS, one row each: single ones as dots, their mean in black.

    Args:
        rows: by name, the differences (n,) and, if there is one, their mean with its interval,
            which is drawn as a bar. A mean without an interval is drawn as a tick.
        title: what is subtracted from what.
        published: the paper's difference, drawn as a dotted line.
    """
    figure = page(0.32 * len(rows) + 1.2)
    axes = figure.subplots()
    axes.axvline(0, color="0.6", linewidth=1)
    if published is not None:
        axes.axvline(published, color="0.3", linestyle=":")
        title += f"; dotted: the paper, {published:+.3f}"
    texts = []
    for place, (dots, mean) in enumerate(rows.values()):
        axes.plot(dots, np.full(len(dots), place), "o", color=BLUE, alpha=0.55, markersize=6)
        if mean is None:
            texts.append(f"{dots.mean():+.3f}")
            axes.plot(dots.mean(), place, "|", color="black", markersize=13, markeredgewidth=1.8)
        else:
            texts.append(str(mean))
            axes.plot([mean.low, mean.high], [place, place], "-", color="black", linewidth=2.2)
            axes.plot(mean.mean, place, "D", color="black", markersize=7)
    axes.set_yticks(range(len(rows)), [in_figure(name) for name in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(rows)), texts, fontsize=9)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    axes.tick_params(left=False)
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel("difference in OS")
    axes.set_title(in_figure(title), loc="left", fontsize=10)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure
