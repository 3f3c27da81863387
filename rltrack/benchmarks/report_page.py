"""The page of a sweep's report: means, differences, curves, and each target's overlap.

It is one HTML file; see `rltrack.pages.document.page`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rltrack.benchmarks.report import Report, curves
from rltrack.benchmarks.report_tables import HEADS, notes, numbers, on_differences, over_all
from rltrack.errors import counted
from rltrack.evaluation.run_files import short_names_of
from rltrack.pages.charts import Line, intervals, legend, line_chart
from rltrack.pages.document import write_page
from rltrack.pages.elements import facts, section, settings_table, table
from rltrack.pages.markup import Html, tag

__all__ = ["write_report_page"]

_TOP = 10
"""Trackers of which curves are drawn: those with the highest OS."""

_GLOSSARY = (
    "DP is the share of frames whose centre error is at most 20 px. OS is the area under the "
    "success curve, about the mean overlap (IoU). OS0.5 is the share of frames with an overlap "
    "above 0.5. CLE is the mean centre error. FPS is the speed after the first frame."
)


def write_report_page(
    file: Path, made: Report, results: Sequence[Mapping[str, Any]], name: str
) -> None:
    """Write the page of a report.

    Args:
        file: the page.
        made: the report.
        results: the runs that it was made from; see `rltrack.benchmarks.report.report`.
        name: of the sweep, as the user gave it.

    Raises:
        WriteError: it cannot be written.
    """
    targets, seeds = set(made.targets), set(made.seeds)
    shared = [r for r in results if r["target"] in targets and r["seed"] in seeds]
    versions = {f"{k} {v}" for r in shared for k, v in r.get("versions", {}).items()}
    about = {
        "sweep": name,
        "targets": ", ".join(made.targets),
        "seeds": ", ".join(map(str, made.seeds)),
        "hardware": "; ".join(made.devices),
        "versions": ", ".join(sorted(versions)),
        "commits": ", ".join(made.commits),
    }
    if made.left_out:
        about["not in the means"] = ", ".join(made.left_out)
    names, usual = short_names_of(shared)
    explained = [_GLOSSARY, *(on_differences(len(made.targets)) if len(made.rows) > 1 else [])]
    others = [tag("p", f"Where a name does not say otherwise: {usual}.", class_="quiet after")]
    heads, *means = _filled([HEADS, *((names[r.tracker], *numbers(r, "±")) for r in made.rows)])
    write_page(
        file,
        f"{name}: report",
        tag("h1", "Sweep report"),
        tag("p", name, class_="lead"),
        _facts(made, names, len(shared)),
        section(
            "Means",
            table(heads, means, caption=notes(made)[0]),
            *(others if usual else []),
            *(tag("p", line, class_="after") for line in over_all(made)),
            tag("p", " ".join(explained), class_="quiet after"),
        ),
        *_differences(made, names),
        _curves(made, names, shared),
        section("Targets", _by_target(made, names, shared)),
        section("Runs", settings_table(about, caption="What was run")),
    )


def _filled(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Leave out columns that have nothing below their head."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    return list(zip(*columns, strict=True))


def _facts(made: Report, names: Mapping[str, str], runs: int) -> Html:
    best = max(made.rows, key=lambda row: np.nan_to_num(row.mean["os"], nan=-1.0))
    count = len(made.rows)
    return facts(
        {
            "Trackers": (str(count), "configuration and backbone"),
            "Targets": (str(len(made.targets)), "that all trackers have run"),
            "Runs": (str(runs), f"with {counted(len(made.seeds), 'seed')} each"),
            "Highest OS" if count > 1 else "OS": (
                f"{best.mean['os']:.3f}",
                names[best.tracker],
            ),
        }
    )


def _differences(made: Report, names: Mapping[str, str]) -> list[Html]:
    """Return the section that compares all others with the first; nothing for one tracker."""
    rows = {}
    for row in made.rows:
        if row.pairs is not None:
            means, d = row.pairs.means, row.pairs.difference
            words = f"{means.mean():+.3f}" if d is None else str(d)
            interval = None if d is None else (d.low, d.high)
            rows[names[row.tracker]] = means, interval, words.replace("-", "−")
    if not rows:
        return []
    chart = intervals(
        rows,
        title=f"OS minus OS of: {names[made.rows[0].tracker]}.",
        about="Dots are targets, seeds averaged. The diamond is their mean, and the bar its 95% "
        "interval by bootstrap over targets, if there are enough of them.",
    )
    return [section("Differences", tag("div", chart, class_="charts"))]


def _curves(made: Report, names: Mapping[str, str], shared: Sequence[Mapping[str, Any]]) -> Html:
    means = {each["name"]: each["means"] for each in curves(shared, made.targets)["trackers"]}
    best = sorted(made.rows, key=lambda row: -np.nan_to_num(row.mean["os"], nan=-1.0))
    top = {row.tracker for row in best[:_TOP]}
    shown = [row for row in made.rows if row.tracker in top]
    lines = {
        kind: [
            Line(names[row.tracker], np.asarray(means[row.tracker][kind], np.float64), style)
            for style, row in enumerate(shown)
        ]
        for kind in ("precision", "success")
    }
    some = f" The {_TOP} trackers with the highest OS." if len(shown) < len(made.rows) else ""
    charts = [
        line_chart(
            np.arange(51),
            lines["precision"],
            title="Precision",
            about=f"Share of frames whose centre error is at most so many pixels.{some}",
            x_label="centre error of at most (px)",
            y_range=(0, 1),
            with_legend=False,
        ),
        line_chart(
            np.arange(21) / 20,
            lines["success"],
            title="Success",
            about=f"Share of frames whose overlap is above a threshold.{some}",
            x_label="overlap (IoU) above",
            y_range=(0, 1),
            with_legend=False,
        ),
    ]
    return section(
        "Precision and success",
        *([legend(lines["success"])] if len(shown) > 1 else []),
        tag("div", *charts, class_="charts pair"),
    )


def _by_target(made: Report, names: Mapping[str, str], shared: Sequence[Mapping[str, Any]]) -> Html:
    scores: dict[tuple[str, str], list[float]] = {}
    for result in shared:
        scores.setdefault((result["target"], result["tracker"]), []).append(float(result["os"]))
    rows = [
        (name, *(f"{np.mean(scores[name, row.tracker]):.3f}" for row in made.rows))
        for name in made.targets
    ]
    heads = ("target", *(names[row.tracker] for row in made.rows))
    return table(heads, rows, caption="OS of each target, seeds averaged")
