"""How accurate trackers are, from runs that were kept, over the targets that all of them have run.

Accuracy costs hours of tracking. So a figure of speed and accuracy takes it from runs that were
made before, of the same configuration with the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rltrack.benchmarks.jobs import targets_of
from rltrack.benchmarks.published import SCORED, published
from rltrack.benchmarks.selection import named, stored
from rltrack.benchmarks.target_table import by_target, mean_of
from rltrack.errors import InputError
from rltrack.evaluation.intervals import bootstrap_mean
from rltrack.tracking.config import TrackerConfig

__all__ = ["Accuracy", "KeptAccuracy", "kept_accuracy"]


class Accuracy(NamedTuple):
    """OS of one tracker, 0 to 1. A target counts with the mean of its runs."""

    os: float
    """The mean over the targets."""
    low: float
    high: float
    """``low`` to ``high`` is the 95% bootstrap interval of the mean, over the targets. Both are
    ``os`` if there is only one.
    """
    runs: int
    """How many runs it is from."""


class KeptAccuracy(NamedTuple):
    """What :func:`kept_accuracy` returns."""

    targets: tuple[str, ...]
    """The targets that all numbers are over."""
    ours: dict[str, Accuracy]
    """Our trackers by name."""
    published: dict[str, float]
    """OS of other trackers by name, computed from boxes that were published."""


def kept_accuracy(trackers: Mapping[str, TrackerConfig], backbone: str, kept: Path) -> KeptAccuracy:
    """Read the accuracy of trackers on ``dev18``.

    Only targets count that all of those trackers have run of which runs are kept. A tracker without
    any is left out.

    Args:
        trackers: configurations by name.
        backbone: the backbone of all trackers.
        kept: a folder of files that `rltrack.evaluation.run_files.keep` wrote. If it also has
            the scores of `rltrack.benchmarks.published`, those trackers are the published ones.

    Raises:
        InputError: the runs cannot be read, or there are none of these trackers, or no target was
            run by all of them.
    """
    every = [target.name for target in targets_of(SCORED)]
    scores = by_target(named(stored(kept), trackers, backbone=backbone, targets=every))
    shared = tuple(t for t in every if scores and all(t in of for of in scores.values()))
    if not shared:
        raise InputError(
            f"{kept} has no runs of {' and of '.join(trackers)} on the same targets with the "
            f"backbone {backbone}: use another preset or backbone"
        )
    ours = {}
    for name in trackers:
        if of := scores.get(name):
            means = [mean_of(scores, name, [target]) for target in shared]
            low = high = means[0]
            if len(means) > 1:
                _, low, high = bootstrap_mean(means)
            runs = sum(len(of[target]) for target in shared)
            ours[name] = Accuracy(float(np.mean(means)), low, high, runs)
    others = {
        tracker["name"]: float(np.mean([tracker["scores"][t]["os"] for t in shared]))
        for tracker in published(kept)
        if tracker["scores"].keys() >= set(shared)
    }
    return KeptAccuracy(shared, ours, others)
