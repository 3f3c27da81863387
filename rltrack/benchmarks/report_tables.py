"""A sweep's report as a table in Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rltrack.benchmarks.report import Report, Row
from rltrack.errors import counted
from rltrack.evaluation.statistics import FEWEST, FEWEST_FOR_INTERVAL
from rltrack.plain_text import in_latex, in_markdown, on_terminal

__all__ = ["HEADS", "latex", "markdown", "notes", "numbers", "on_differences", "over_all", "table"]

HEADS = (
    "tracker", "DP", "OS", "OS0.5", "CLE px", "FPS",
    "OS minus first", "95% interval", "p", "could tell",
)  # fmt: skip


def on_differences(targets: int) -> tuple[str, ...]:
    """Return lines that say what the columns of differences are, and why one is empty."""
    if targets < FEWEST_FOR_INTERVAL:
        few = f"fewer than {FEWEST_FOR_INTERVAL} targets give no interval"
        return (f"Differences pair targets, seeds averaged; {few}.",)
    return (
        "Differences pair targets, seeds averaged; interval by bootstrap, p by sign flips.",
        "Of differences as large as in the last column, about 9 in 10 are distinguished from 0."
        if targets >= FEWEST
        else f"With fewer than {FEWEST} targets, no difference can be distinguished from 0.",
    )


def markdown(made: Report) -> str:
    """Return the report as a Markdown table, and lines below it that say what the table covers."""
    rows = [(row.name, *numbers(row, "±")) for row in made.rows]
    return "\n".join([table(HEADS, rows), "", *map(in_markdown, notes(made))])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    Args:
        heads: Markdown.
        rows: plain texts, which are shown as they are.
    """
    shown = (map(in_markdown, row) for row in rows)
    lines = [f"| {' | '.join(row)} |" for row in (heads, *shown)]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


def latex(made: Report) -> str:
    """Return the report as a LaTeX ``tabular`` with booktabs' rules."""
    heads = " & ".join(head.replace("%", r"\%") for head in HEADS)
    rows = [" & ".join([in_latex(row.name), *numbers(row, r"$\pm$")]) + r" \\" for row in made.rows]
    columns = "l" + "r" * (len(HEADS) - 1)
    comments = [f"% {on_terminal(note)}" for note in notes(made)]
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", heads + r" \\", r"\midrule", *rows]
    return "\n".join([*comments, *body, r"\bottomrule", r"\end{tabular}"])


def numbers(row: Row, plus_minus: str) -> list[str]:
    """Return a row's cells after the first, in the order of `HEADS`.

    Args:
        row: of a report.
        plus_minus: what is between a mean and its deviation.
    """

    def value(metric: str, digits: int) -> str:
        spread = row.spread[metric]
        tail = "" if np.isnan(spread) else f" {plus_minus} {spread:.{digits}f}"
        return f"{row.mean[metric]:.{digits}f}{tail}"

    scores = [value("dp20", 3), value("os", 3), value("os50", 3), value("cle", 1)]
    compared = ["", "", "", ""]
    pairs = row.pairs
    if pairs is not None:
        compared[0] = f"{pairs.means.mean():+.3f}"
        if (d := pairs.difference) is not None:
            smallest = pairs.smallest_effect
            judged = f"{pairs.p:.3f}", "" if smallest is None else f"{smallest:.3f}"
            compared[1:] = f"{d.low:+.3f} to {d.high:+.3f}", *judged
    return [*scores, f"{row.fps:.2f}", *compared]


def notes(made: Report) -> list[str]:
    """Return lines that say what a report covers."""
    seeds = ", ".join(map(str, made.seeds))
    over = "seeds" if len(made.seeds) > 1 else "seed"
    spread = "mean ± its standard deviation over seeds" if len(made.seeds) > 1 else "means"
    lines = [
        f"{counted(len(made.targets), 'target')}, {over} {seeds}: {spread}.",
        *on_differences(len(made.targets)),
        *over_all(made),
        f"On {', '.join(made.devices)}; code {', '.join(made.commits)}.",
    ]
    if made.left_out:
        lines.append(f"Not in the means, as not all have such runs: {', '.join(made.left_out)}.")
    return lines


def over_all(made: Report) -> list[str]:
    """Say how each row differs from the first one over all runs that these two have in common."""
    lines = []
    for row in made.rows:
        pairs = row.every_pair
        if pairs is not None and pairs.difference is not None and pairs.most is not None:
            name, without = pairs.most
            lines.append(
                f"{row.name}, all pairs with the first: {pairs}. {name} moves this most: without "
                f"it, {without:+.3f}."
            )
    return lines
