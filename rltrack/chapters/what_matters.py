"""Chapter 6: its trackers, and what their runs say, as lines and tables."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from rltrack.benchmarks.ablations import ABLATIONS
from rltrack.benchmarks.report import Row, common, report
from rltrack.benchmarks.report_tables import table
from rltrack.errors import counted
from rltrack.evaluation.paper_values import ATTENTION, WEIGHTS
from rltrack.evaluation.statistics import FEWEST, Paired, paired, seed_ranges
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset

__all__ = [
    "Weights",
    "ablations_table",
    "answer",
    "chance",
    "power",
    "trackers",
    "variants_table",
    "weights_of",
    "weights_table",
    "with_any_weight",
]

_VARIANTS = {
    "baseline": "lambda 0",
    "attentive features": "attentive features",
    "attentive classifier": "lambda 5",
}
"""The trackers by what the paper's Table 2 calls them."""

_NO_SPREAD = "fewer than half of the targets have a second seed: too few to say what is chance"

_TARGETS, _SEEDS = (5, 18, 51, 100), (1, 3, 10)


def trackers(
    weights: Sequence[float], *, precision: str, rivals: bool = True, ablations: bool = True
) -> dict[str, TrackerConfig]:
    """Return the trackers of the chapter by their names.

    Args:
        weights: values of lambda. Their trackers are named "lambda 5".
        precision: of the fixed convolutions.
        rivals: whether the attentive features of Table 2 and the preset `released-code` are.
        ablations: whether the ablations are.
    """
    base = preset("paper", precision=precision)
    found = {f"lambda {weight:g}": replace(base, attention_weight=weight) for weight in weights}
    if rivals:
        found["attentive features"] = replace(
            base, variant="attentive-features", attention_weight=0.0
        )
        found["released code"] = preset("released-code", precision=precision)
    if ablations:
        found |= {row.point: replace(base, **row.changes) for row in ABLATIONS}
    return found


def answer(pairs: Paired, published: float, planned: int) -> str:
    """Say in Markdown what pairs of runs with and without the term say about the term.

    Args:
        pairs: what `rltrack.evaluation.statistics.paired` made of lambda 5 and lambda 0.
        published: the paper's difference in OS.
        planned: how many pairs the finished study has.
    """
    count = f"{counted(len(pairs.targets), 'target')} and {counted(pairs.runs, 'pair')} of runs"
    if pairs.runs < planned:
        count += f", of the {planned} pairs that are planned"
    if pairs.difference is None:
        return f"**Not yet known.** There are {count}; at least three targets are needed."
    mean, low, high = pairs.difference
    head = {
        1: "Yes, in these runs it helps.",
        0: "These runs do not show that it helps, or that it harms.",
        -1: "No, in these runs it harms.",
    }[pairs.sign]
    values = {"0 (no effect)": 0.0, f"the paper's {published:+.3f}": published}
    holds = [name for name, value in values.items() if low <= value <= high]
    lacks = [name for name in values if name not in holds]
    held = {
        0: f"holds neither {' nor '.join(lacks)}.",
        1: f"holds {''.join(holds)}, but not {''.join(lacks)}.",
        2: f"holds both {' and '.join(holds)}.",
    }[len(holds)]
    better = int((pairs.means > 0).sum())
    said = (
        f"**{head}** Over {count}, λ = 5 changes OS by {mean:+.3f} (p {pairs.p:.2f}). "
        f"The 95% interval, {low:+.3f} to {high:+.3f}, {held} "
        f"{better} of the {len(pairs.targets)} targets have a higher OS with the term, and the "
        f"median of the targets is {np.median(pairs.means):+.3f}."
    )
    if pairs.most:
        name, without = pairs.most
        said += f" {name} moves the mean most: without it, the change is {without:+.3f}."
    return said


def chance(results: Sequence[Mapping[str, Any]], pairs: Paired) -> str:
    """Say how far seeds are apart, and what interval to expect of more targets and seeds.

    Args:
        results: runs, as `rltrack.evaluation.run_files.load` returns them.
        pairs: what `rltrack.evaluation.statistics.paired` made of two trackers among them.
    """
    lines = []
    ranges = seed_ranges(results)
    if len(ranges):
        lines += [
            "OS of one tracker on one target, best seed minus worst:",
            f"  median {np.median(ranges):.3f}, at most {ranges.max():.3f}, {len(ranges)} cases",
        ]
    if not pairs.spread:
        return "\n".join([*lines, _NO_SPREAD])
    tau, sigma = pairs.spread
    again = sum(len(values) > 1 for values in pairs.targets.values())
    lines += [
        f"differences: from target to target {tau:.3f}, from seed to seed {sigma:.3f}",
        f"  ({again} of the {len(pairs.targets)} targets have a second seed)",
        "half of the interval to expect, by targets and by seeds of each",
        " " * 11 + "".join(f"{k:9}" for k in _SEEDS),
    ]
    for n in _TARGETS:
        lines.append(f"{n:11}" + "".join(f"{pairs.spread.margin(n, k):9.3f}" for k in _SEEDS))
    return "\n".join(lines)


def power(pairs: Paired, effect: float) -> str:
    """Say how many targets distinguish an effect from 0, nine times in ten.

    Args:
        pairs: what `rltrack.evaluation.statistics.paired` made of two trackers.
        effect: a difference in OS, not 0.
    """
    lines = []
    if (now := pairs.smallest_effect) is not None:
        lines.append(f"effect that these runs would find about nine times in ten: {now:.3f}")
    if not pairs.spread:
        return "\n".join([*lines, _NO_SPREAD])
    spread, n = pairs.spread, len(pairs.targets)
    needed = [
        f"{spread.targets_needed(effect, k)} with {counted(k, 'seed')} of each" for k in _SEEDS
    ]
    lines += [
        f"targets that distinguish {effect:+.3f} from 0 about nine times in ten:",
        f"  {', '.join(needed)}",
    ]
    if n < FEWEST:
        return "\n".join(
            [*lines, f"fewer than {FEWEST} targets cannot distinguish any effect from 0"]
        )
    smallest = [
        f"{spread.smallest_effect(n, k):.3f} with {counted(k, 'seed')} of each" for k in _SEEDS
    ]
    return "\n".join(
        [
            *lines,
            f"smallest effect that {counted(n, 'target')} distinguish from 0 as often:",
            f"  {', '.join(smallest)}",
        ]
    )


class Weights(NamedTuple):
    """What the runs over lambda that can be compared with each other say."""

    rows: dict[float, Row]
    """By lambda, rows of `rltrack.benchmarks.report.report`."""
    label: str
    """What they are over."""


def weights_of(results: Sequence[Mapping[str, Any]], weights: Sequence[float]) -> Weights:
    """Compare the trackers of these lambdas over the targets and seeds that all of them have."""
    names = {f"lambda {weight:g}": weight for weight in weights}
    compared = _common(results, names)
    if not compared:
        return Weights({}, "ours: none yet")
    made = report(compared)
    seeds = counted(len(made.seeds), "seed")
    label = f"ours, {counted(len(made.targets), 'target')}, {seeds}"
    return Weights({names[row.tracker]: row for row in made.rows}, label)


def _common(
    results: Sequence[Mapping[str, Any]], names: Collection[str]
) -> list[Mapping[str, Any]]:
    """Return the runs of some trackers that can be compared."""
    return common([result for result in results if result["tracker"] in names])


def with_any_weight(results: Sequence[Mapping[str, Any]], weights: Sequence[float]) -> Paired:
    """Pair the mean over all lambdas above 0 with lambda 0, over the runs of `weights_of`."""
    names = [f"lambda {weight:g}" for weight in weights]
    scores: dict[tuple[str, str, int], list[float]] = {}
    for run in _common(results, names):
        which = "without" if run["tracker"] == "lambda 0" else "with"
        scores.setdefault((which, run["target"], run["seed"]), []).append(run["os"])
    means = [
        {"tracker": which, "target": target, "seed": seed, "os": float(np.mean(values))}
        for (which, target, seed), values in scores.items()
    ]
    return paired(means, "with", "without")


def weights_table(rows: Mapping[float, Row]) -> str:
    """Make a Markdown table of the paper's Table 1 beside our scores, which may be of few lambdas.

    With one seed there is no spread over seeds, and no column of it.

    Args:
        rows: rows of `rltrack.benchmarks.report.report`, by lambda.
    """
    spread = any(math.isfinite(row.spread["os"]) for row in rows.values())
    heads = ["our DP", "our OS", *["± over seeds"] * spread, "our OS minus the first"]
    lines = []
    for weight, scores in WEIGHTS.items():
        cells = ["not run", *[""] * (len(heads) - 1)]
        if row := rows.get(weight):
            values = row.mean["dp20"], row.mean["os"], *[row.spread["os"]] * spread
            cells = [f"{value:.3f}".replace("nan", "") for value in values]
            cells.append(_judged(row.pairs))
        lines.append((str(weight), f"{scores.dp20:.3f}", f"{scores.os:.3f}", *cells))
    return table(("λ", "paper DP", "paper OS", *heads), lines)


def _judged(pairs: Paired | None) -> str:
    """Return the mean difference, its interval and its p-value; nothing if it has none."""
    if pairs is None or pairs.difference is None:
        return ""
    return f"{pairs.difference}, p {pairs.p:.2f}"


def variants_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Make a Markdown table of the paper's Table 2 beside our scores."""
    compared = _common(results, _VARIANTS.values())
    made = report(compared) if compared else None
    ours = {row.tracker: row.mean for row in made.rows} if made else {}
    over_ours = (
        f" ({counted(len(made.targets), 'target')}, {counted(len(made.seeds), 'seed')})"
        if made
        else ""
    )
    lines = []
    for name, scores in ATTENTION.items():
        mean = ours.get(_VARIANTS[name])
        cells = (f"{mean['dp20']:.3f}", f"{mean['os']:.3f}") if mean else ("not run", "")
        lines.append((name, f"{scores.dp20:.3f}", f"{scores.os:.3f}", *cells))
    return table(("", "paper DP", "paper OS", f"our DP{over_ours}", "our OS"), lines)


def ablations_table(changed: Mapping[str, Paired]) -> str:
    """Make a Markdown table of what paper and code do, and of what the code's way changes.

    Args:
        changed: the runs with a change paired with those without, by its point.
    """
    lines = [
        (row.point, row.paper, row.code, _difference(pairs))
        for row in ABLATIONS
        for pairs in [changed[row.point]]
    ]
    return table(("changed", "paper", "released code", "OS, changed minus `paper`"), lines)


def _difference(pairs: Paired) -> str:
    """Return the mean difference; its interval, too, if it can be judged."""
    if not pairs.targets:
        return "not run"
    return f"{pairs.means.mean():+.3f}" if pairs.difference is None else str(pairs)
