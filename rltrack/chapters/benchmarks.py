"""Chapter 7: tables that compare the paper, published raw results, and our runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rltrack.benchmarks.jobs import dataset as targets_of
from rltrack.benchmarks.jobs import missing
from rltrack.benchmarks.report_tables import table
from rltrack.data.otb import targets
from rltrack.errors import few
from rltrack.evaluation.ground_truth import load
from rltrack.evaluation.paper_values import PAPER
from rltrack.evaluation.ranking import compare
from rltrack.paths import given_path

__all__ = ["Raw", "comparison_table", "paper_table", "raw_results"]

_TITLES = {"otb2013": "OTB-2013", "otb2015": "OTB-2015"}

_SCORES = {"dp20": ("DP", 3), "os": ("OS", 3), "os50": ("OS0.5", 3), "cle": ("CLE px", 2)}

_HEADS = tuple(head for head, _ in _SCORES.values())

_ROWS = ("Ours", "MDNet")
"""Of the paper's, what it is about: its tracker and its baseline."""


class Raw(NamedTuple):
    """Published raw results and their scores."""

    trackers: list[dict[str, Any]]
    """As in a report of `rltrack.evaluation.ranking.compare`, best first."""
    notes: list[str]
    """What is missing and what was left out, one short line each."""


def raw_results(dataset: str, data: str | Path | None) -> Raw:
    """Score what trackers' authors published, on those targets of a dataset that are at hand.

    Args:
        dataset: as in `rltrack.benchmarks.jobs.dataset`.
        data: the folder that holds ``otb/``, with the ground truth, and
            ``results/otb100/<Tracker>.json.gz``; None for none.

    Raises:
        InputError: there is no such dataset, or what is there cannot be used.
    """
    every = targets_of(dataset)
    if data is None:
        return Raw([], ["no published raw results here: the parameter data says where they are"])
    place = given_path(data, "the folder of sequences")
    files = sorted((place / "results" / "otb100").glob("*.json.gz"))
    if not files:
        return Raw([], ["no published raw results in the data folder's results/otb100"])
    absent = missing(every, place)
    notes = []
    if absent:
        notes.append(
            f"{len(absent)} of {len(every)} targets are not in the data folder: {few(absent)}"
        )
    there = [target.name for target in every if target.name not in absent]
    if not there:
        return Raw([], notes)
    trackers = compare(load(",".join(there), data=place), files)["trackers"]
    for tracker in trackers:
        if left := [*tracker["missing"], *tracker["wrong_length"]]:
            notes.append(f"{tracker['name']}: left out, missing or of another length: {few(left)}")
    return Raw(trackers, notes)


def paper_table(of: str) -> str:
    """Make a Markdown table of the paper's Figure 4 and Table 3 on one set.

    All numbers are the paper's.

    Args:
        of: ``otb2013`` or ``otb2015``.
    """
    rows = [(name, *_cells(values._asdict())) for name, values in PAPER[of].items()]
    return table((f"the paper, {_TITLES[of]}", *_HEADS), rows)


def comparison_table(ours: Mapping[str, Any], raw: Sequence[Mapping[str, Any]]) -> str:
    """Make a Markdown table of the paper's tracker and baseline, raw results, and our runs.

    Each row says whose its numbers are, and over how many targets and runs they are means.

    Args:
        ours: the result of `rltrack.benchmarks.report.curves`.
        raw: the result of :func:`raw_results`; one run on each target.
    """
    every = len(ours["targets"])

    def counted(of: Iterable[Mapping[str, Any]], whose: str) -> list[Sequence[str]]:
        return [
            (
                tracker["name"],
                whose,
                f"{means['targets']} of {every}",
                str(means.get("runs", means["targets"])),
                *_cells(means),
            )
            for tracker in of
            for means in [tracker["means"]]
        ]

    reported = [
        (name, f"the paper, {title}", str(len(targets(of))), "–", *_cells(values._asdict()))
        for of, title in _TITLES.items()
        for name, values in ((name, PAPER[of][name]) for name in _ROWS)
    ]
    rows = [*reported, *counted(raw, "raw results"), *counted(ours["trackers"], "our runs")]
    return table(("tracker", "whose", "targets", "runs", *_HEADS), rows)


def _cells(values: Mapping[str, float | None]) -> list[str]:
    return [
        "–" if values[key] is None else f"{values[key]:.{digits}f}"
        for key, (_, digits) in _SCORES.items()
    ]
