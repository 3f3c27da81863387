"""Chapter 7: its example, and tables of the paper, published raw results, and our runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rltrack.benchmarks.jobs import missing, targets_of
from rltrack.benchmarks.published import SCORED, published
from rltrack.benchmarks.report_tables import table
from rltrack.data.otb import targets
from rltrack.errors import counted, few
from rltrack.evaluation.ground_truth import load
from rltrack.evaluation.metrics import center_error, overlap
from rltrack.evaluation.paper_values import PAPER, VOT2016
from rltrack.evaluation.ranking import compare
from rltrack.paths import given_path
from rltrack.plots.frames import outline, show
from rltrack.plots.style import ORANGE, PAGE_WIDTH, SKY, page
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset

__all__ = [
    "Raw",
    "comparison_table",
    "drift_sheet",
    "drifting",
    "paper_table",
    "raw_results",
    "run_lines",
    "trackers",
    "vot_table",
]

_TITLES = {"otb2013": "OTB-2013", "otb2015": "OTB-2015"}

_SCORES = {"dp20": ("DP", 3), "os": ("OS", 3), "os50": ("OS0.5", 3), "cle": ("CLE px", 2)}

_HEADS = tuple(head for head, _ in _SCORES.values())

_ROWS = ("Ours", "MDNet")
"""Of the paper's, what it is about: its tracker and its baseline."""


def trackers(precision: str = "float32") -> dict[str, TrackerConfig]:
    """Return our trackers of the chapter by their names.

    Args:
        precision: of the fixed convolutions of the preset `paper`.
    """
    return {
        "ours, lambda 5": preset("paper", precision=precision),
        "ours, lambda 0": preset("paper", precision=precision, attention_weight=0.0),
        "ours, realtime": preset("realtime"),
    }


def drifting(truth: NDArray[np.float64], *, pixels: float, growth: float) -> NDArray[np.float64]:
    """Return boxes (N, 4) that drift away from the true ones (N, 4), the first of which they equal.

    Args:
        truth: x, y, w, h of each frame.
        pixels: how far a box drifts to the right from one frame to the next.
        growth: how many times larger than the last its sides are, beside the target's own.
    """
    step = np.arange(len(truth))[:, None]
    size = truth[:, 2:] * growth**step
    center = truth[:, :2] + truth[:, 2:] / 2 + [pixels, 0] * step
    return np.hstack([center - size / 2, size])


def drift_sheet(
    images: Sequence[NDArray[np.uint8]], truth: NDArray[np.float64], boxes: NDArray[np.float64]
) -> Figure:
    """Draw frames, two in a row, with the true boxes and others; above each how well they agree.

    Args:
        images: (H, W, 3) uint8 RGB each, N of them.
        truth: x, y, w, h of each frame, (N, 4).
        boxes: those that drift, (N, 4).
    """
    rows = -(-len(images) // 2)
    height, width = images[0].shape[:2]
    figure = page((PAGE_WIDTH / 2 * height / width + 0.3) * rows + 0.35)
    agree = zip(overlap(boxes, truth), center_error(boxes, truth), strict=True)
    for place, (image, true, box, (iou, apart)) in enumerate(
        zip(images, truth, boxes, agree, strict=True), 1
    ):
        axes = figure.add_subplot(rows, 2, place)
        show(axes, image, image.shape[:2], f"IoU {iou:.2f}, {apart:.0f} px apart")
        outline(axes, true, edgecolor=SKY, linewidth=3, label="truth")
        outline(axes, box, edgecolor=ORANGE, linewidth=1.6, linestyle="--", label="drifting")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=2, frameon=False)
    return figure


class Raw(NamedTuple):
    """Published raw results and their scores."""

    trackers: list[dict[str, Any]]
    """As in a report of `rltrack.evaluation.ranking.compare`, best first."""
    notes: list[str]
    """What is missing and what was left out, one short line each."""


def raw_results(dataset: str, data: str | Path | None, kept: Path | None = None) -> Raw:
    """Score what trackers' authors published, on those targets of a dataset that are at hand.

    Args:
        dataset: as in `rltrack.benchmarks.jobs.targets_of`.
        data: the folder that holds ``otb/``, with the ground truth, and
            ``results/otb100/<Tracker>.json.gz``. With None, the scores are those of
            `rltrack.benchmarks.published`, which are for ``dev18``.
        kept: the folder of kept runs.

    Raises:
        InputError: there is no such dataset, or what is there cannot be used.
    """
    every = targets_of(dataset)
    if data is None:
        scored = published(kept) if kept and dataset == SCORED else []
        lacking = "no published raw results here: the parameter data says where they are"
        return Raw(scored, [] if scored else [lacking])
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
    found = compare(load(",".join(there), data=place), files)["trackers"]
    for tracker in found:
        if left := [*tracker["missing"], *tracker["wrong_length"]]:
            notes.append(f"{tracker['name']}: left out, missing or of another length: {few(left)}")
    return Raw(found, notes)


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
                str(n) if n == every else f"{n} of {every}",
                str(means.get("runs", n)),
                *_cells(means),
            )
            for tracker in of
            for means in [tracker["means"]]
            for n in [means["targets"]]
        ]

    reported = [
        (name, f"the paper, {title}", str(len(targets(of))), "–", *_cells(values._asdict()))
        for of, title in _TITLES.items()
        for name, values in ((name, PAPER[of][name]) for name in _ROWS)
    ]
    rows = [*reported, *counted(raw, "raw results"), *counted(ours["trackers"], "our runs")]
    return table(("tracker", "whose", "targets", "runs", *_HEADS), rows)


def run_lines(ours: Mapping[str, Any], asked: Iterable[str]) -> list[str]:
    """Say what our runs are over and how they score, a line for each tracker.

    Args:
        ours: the result of `rltrack.benchmarks.report.curves`.
        asked: names of all trackers that were asked for. Those that have no run are named.
    """
    every = len(ours["targets"])
    lines = [
        f"{tracker['name']}: {means['targets']} of {every} targets, "
        f"{counted(means['runs'], 'run')}, DP {means['dp20']:.3f}, OS {means['os']:.3f}"
        for tracker in ours["trackers"]
        for means in [tracker["means"]]
    ]
    if absent := {*asked} - {tracker["name"] for tracker in ours["trackers"]}:
        lines.append(f"not run: {', '.join(sorted(absent))}")
    return lines


def vot_table() -> str:
    """Make a Markdown table of the paper's Table 4, on VOT-2016. All numbers are the paper's."""
    ranked = sorted(VOT2016.items(), key=lambda item: -item[1].eao)
    rows = [
        (name, f"{row.eao:.3f}", f"{row.accuracy_rank:.2f}", f"{row.robustness_rank:.2f}")
        for name, row in ranked
    ]
    return table(("tracker", "EAO", "rank by A", "rank by R"), rows)


def _cells(values: Mapping[str, float | None]) -> list[str]:
    return [
        "–" if values[key] is None else f"{values[key]:.{digits}f}"
        for key, (_, digits) in _SCORES.items()
    ]
