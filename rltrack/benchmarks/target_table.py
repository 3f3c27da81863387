"""A table of trackers target by target: our runs, and trackers whose boxes were published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rltrack.benchmarks.report_tables import table
from rltrack.evaluation.run_files import runs_by_target

__all__ = ["Scores", "by_target", "mean_of", "target_table"]

Scores = dict[str, dict[str, list[Mapping[str, Any]]]]
"""By tracker and target, what has the keys ``os`` and ``dp20``: an item for each run."""


def by_target(
    runs: Iterable[Mapping[str, Any]], others: Iterable[Mapping[str, Any]] = ()
) -> Scores:
    """Group runs, and the scores of other trackers, by tracker and target.

    Args:
        runs: as `rltrack.evaluation.run_files.load` returns them.
        others: trackers in a report of `rltrack.evaluation.ranking.compare`, with one run of each
            target.
    """
    scores: Scores = runs_by_target(runs)
    for tracker in others:
        scores[tracker["name"]] = {name: [one] for name, one in tracker["scores"].items()}
    return scores


def mean_of(scores: Scores, tracker: str, targets: Iterable[str], metric: str = "os") -> float:
    """Return the mean over targets, each of which counts with the mean of its runs."""
    of = scores[tracker]
    return float(np.mean([np.mean([run[metric] for run in of[target]]) for target in targets]))


def target_table(scores: Scores, trackers: Sequence[str]) -> str:
    """Make a Markdown table of OS with a row for each target, and a last one with their mean.

    The number behind ± is the standard deviation over runs. A tracker that has not run every
    target has no mean.

    Args:
        scores: the result of `by_target`.
        trackers: the columns, which are among the scores.
    """
    every = sorted({target for name in trackers for target in scores[name]}, key=str.lower)

    def cell(runs: Sequence[Mapping[str, Any]]) -> str:
        values = np.array([run["os"] for run in runs])
        if not values.size:
            return "–"
        mean = f"{values.mean():.2f}"
        # In a narrow cell the line breaks before the sign: the space behind it does not break.
        return f"{mean} ±\N{NO-BREAK SPACE}{values.std(ddof=1):.2f}" if len(values) > 1 else mean

    def mean(name: str) -> str:
        whole = scores[name].keys() >= set(every)
        return f"{mean_of(scores, name, every):.3f}" if whole else "–"

    rows = [
        (target, *(cell(scores[name].get(target, [])) for name in trackers)) for target in every
    ]
    return table(("target", *trackers), [*rows, ("mean", *map(mean, trackers))])
