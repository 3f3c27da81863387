"""Chapter 8: what the kept measurements and runs of the fast trackers say, as lines of text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rltrack.evaluation.statistics import paired

__all__ = ["bench_lines", "earlier_scores", "repeated", "scored_against", "two_digits"]

_FILE = "speed_accuracy.json"


def bench_lines(report: Mapping[str, Any]) -> str:
    """Say how fast the trackers of a report of `rltrack.speed.bench.measure` are, line by line.

    The slowest, which is the last in the report, is the first line. Factors have two digits, as
    parts of the baseline were timed a few times only.
    Each is compared with the baseline, and in brackets with the baseline without the gradients of
    the fixed convolutions' weights, which only its clipping uses.
    """
    less = report["baseline"]["composed"]["without_fixed_gradients_ms"]
    lines = []
    for name, one in reversed(report["trackers"].items()):
        numbers = one["fps"], 1000 / one["lost_ms"], one["times_faster"], less / one["frame_ms"]
        fps, lost, faster, than_less = map(two_digits, numbers)
        lines.append(
            f"{name}: {fps} FPS, {lost} while lost; {faster} times the baseline ({than_less})"
        )
    return "\n".join(lines)


def two_digits(value: float) -> str:
    """Write a number with two significant digits, never with an exponent."""
    return f"{float(f'{value:.2g}'):g}"


def earlier_scores(kept: Path, tracker: str) -> list[dict[str, Any]]:
    """Return the scores of runs whose boxes were not kept, as runs with `target`, `seed`, `os`.

    Args:
        kept: the folder of kept results.
        tracker: ``float32``, ``bfloat16`` or ``realtime``; the runs have this name.
    """
    of = json.loads((kept / _FILE).read_text(encoding="utf-8"))["runs"][tracker]
    runs = []
    for pair, scores in of.items():
        target, seed = pair.split()
        runs.append({"tracker": tracker, "target": target, "seed": int(seed), **scores})
    return runs


def scored_against(runs: Sequence[Mapping[str, Any]], name: str, other: str) -> str:
    """Say in Markdown the mean OS of two trackers, and what the first is minus the second."""

    def mean(tracker: str) -> str:
        scores = [run["os"] for run in runs if run["tracker"] == tracker]
        return f"`{tracker}` has a mean OS of {np.mean(scores):.3f} over {len(scores)} runs"

    return f"{mean(name)}, {mean(other)}. The difference: {paired(runs, name, other)}."


def repeated(
    name: str, again: Iterable[Mapping[str, Any]], before: Iterable[Mapping[str, Any]]
) -> str:
    """Say in Markdown how far runs that were done twice are apart.

    Args:
        name: the tracker's.
        again: its later runs.
        before: its earlier runs, of the same targets and seeds or more.
    """
    now = {(run["target"], run["seed"]): run["os"] for run in again}
    then = {(run["target"], run["seed"]): run["os"] for run in before}
    apart = {pair: now[pair] - then[pair] for pair in now}
    target, seed = most = max(apart, key=lambda pair: abs(apart[pair]))
    first, second = np.mean([then[pair] for pair in now]), np.mean([*now.values()])
    changes = np.abs([*apart.values()])
    # Scores of the first time were kept to four digits.
    changed = changes[changes > 1e-4]
    others = [value for pair, value in apart.items() if pair != most]
    return (
        f"`{name}`: the mean OS of {len(apart)} runs was {first:.3f} the first time and "
        f"{second:.3f} the second time. {len(changed)} of them changed, by "
        f"{np.median(changed):.3f} in the median. The largest change is {apart[most]:+.3f}, in "
        f"{target} with seed {seed}; without this run, the mean changed by {np.mean(others):+.3f}."
    )
