"""Pairs of runs: two trackers on the same targets with the same seeds, and what tells them apart.

Runs of one tracker on one target differ by their seed alone, by chance, and targets differ in what
a change does to them. Seeds of a target are therefore averaged, and targets are what the evidence
is counted in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rltrack.errors import InputError

__all__ = [
    "Difference",
    "Paired",
    "Spread",
    "counted",
    "coverage",
    "paired",
    "paired_difference",
    "seed_ranges",
]


class Difference(NamedTuple):
    """How far apart two trackers are that ran the same pairs of sequence and seed."""

    mean: float
    low: float
    high: float
    """The interval that holds the mean of further such pairs with the confidence asked for."""
    pairs: int

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ({self.low:+.3f} to {self.high:+.3f})"


def paired_difference(
    ours: ArrayLike, theirs: ArrayLike, *, confidence: float = 0.95, seed: int = 0
) -> Difference:
    """Mean of ``ours - theirs`` (N,) and its bootstrap interval over the pairs.

    Raises:
        InputError: the two have not the same length of at least 2.
    """
    from scipy.stats import bootstrap

    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape or ours.ndim != 1 or len(ours) < 2:
        raise InputError(f"results of shape {ours.shape} and {theirs.shape} are not pairs")
    difference = ours - theirs
    mean = float(difference.mean())
    if np.ptp(difference) == 0:
        return Difference(mean, mean, mean, len(difference))
    interval = bootstrap(
        (difference,), np.mean, confidence_level=confidence, method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Difference(mean, float(interval.low), float(interval.high), len(difference))


Array = NDArray[np.float64]


class Spread(NamedTuple):
    """What a mean of paired differences varies by, as standard deviations."""

    targets: float
    """From target to target, chance set aside; 0 if chance alone explains what is seen."""
    seeds: float
    """From seed to seed on one target."""

    def margin(self, targets: int, seeds: int) -> float:
        """Half the width of the 95% interval to expect of so many targets and seeds of each."""
        return 1.96 * math.sqrt((self.targets**2 + self.seeds**2 / seeds) / targets)


class Paired(NamedTuple):
    """One tracker minus another, over the targets and seeds that both ran."""

    targets: dict[str, Array]
    """Of each such target, the differences (seeds,)."""
    difference: Difference | None
    """Mean over targets, and its bootstrap interval over targets; None of fewer than three, whose
    interval would be the targets themselves."""
    p: float | None
    """Two-sided, of a sign-flip permutation test of that mean."""

    def __str__(self) -> str:
        count = f"{counted(len(self.targets), 'target')}, {counted(self.runs, 'pair')} of runs"
        if self.difference is None or self.p is None:
            mean = f"{self.means.mean():+.3f}, " if self.targets else ""
            return f"{mean}not to be judged by {count}"
        _, low, high, _ = self.difference
        told = low * high > 0 and self.p < 0.05
        sign = "not told from" if not told else "above" if low > 0 else "below"
        return f"{self.difference}, {sign} 0, p {self.p:.2f}; {count}"

    @property
    def means(self) -> Array:
        """(targets,) mean differences."""
        return np.array([values.mean() for values in self.targets.values()])

    @property
    def rows(self) -> dict[str, tuple[Array, Difference | None]]:
        """What `rltrack.plots.benchmarks.differences` draws: a row for each target, and their mean.

        A target's dots are its seeds. The mean's are the targets; it is there if it can be judged.
        """
        rows: dict[str, tuple[Array, Difference | None]] = {
            target: (values, None) for target, values in self.targets.items()
        }
        if self.difference is not None:
            rows[f"mean of {counted(len(rows), 'target')}"] = (self.means, self.difference)
        return rows

    @property
    def runs(self) -> int:
        """Number of pairs."""
        return sum(map(len, self.targets.values()))

    @property
    def spread(self) -> Spread | None:
        """By the analysis of variance; None without two targets and a second seed of one."""
        counts = np.array([len(values) for values in self.targets.values()])
        if len(counts) < 2 or counts.max() < 2:
            return None
        within = sum(((values - values.mean()) ** 2).sum() for values in self.targets.values())
        seeds = within / (counts - 1).sum()
        targets = self.means.var(ddof=1) - (seeds / counts).mean()
        return Spread(math.sqrt(max(targets, 0.0)), math.sqrt(seeds))


def paired(
    results: Iterable[Mapping[str, Any]], ours: str, theirs: str, metric: str = "os"
) -> Paired:
    """Subtract, run by run, what the tracker ``theirs`` scored from what ``ours`` did.

    Args:
        results: of a sweep, as `rltrack.evaluation.run_files.load` returns them; what only one of
            the two ran does not count.
        ours: a result's ``tracker``.
        theirs: another's.
        metric: ``os``, ``dp20``, ``os50`` or ``cle``; runs that have none do not count.
    """
    runs = {
        (r["tracker"], r["target"], r["seed"]): r[metric] for r in results if r[metric] is not None
    }
    found: dict[str, list[float]] = {}
    for tracker, target, seed in sorted(runs):
        if tracker == ours and (theirs, target, seed) in runs:
            difference = runs[ours, target, seed] - runs[theirs, target, seed]
            found.setdefault(target, []).append(difference)
    made = Paired({target: np.array(values) for target, values in found.items()}, None, None)
    if len(found) < 3:
        return made
    difference = paired_difference(made.means, np.zeros(len(found)))
    return made._replace(difference=difference, p=_sign_flip(made.means))


def counted(number: int, what: str) -> str:
    """A number of things in words: ``1 seed``, ``3 seeds``."""
    return f"{number} {what}{'s' * (number != 1)}"


def seed_ranges(results: Iterable[Mapping[str, Any]]) -> Array:
    """OS of the best seed minus that of the worst, of each tracker and target with more than one.

    Returns:
        (N,) float64, 0 or more.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for result in results:
        found.setdefault((result["tracker"], result["target"]), []).append(result["os"])
    return np.array([np.ptp(scores) for scores in found.values() if len(scores) > 1])


def coverage(targets: int, *, studies: int = 300, seed: int = 0) -> float:
    """How often the interval of so many targets holds the truth: the share 0..1 of studies.

    Differences are drawn from a normal distribution, of which only the number of them matters.
    """
    rng = np.random.default_rng(seed)
    found = [paired_difference(rng.normal(size=targets), np.zeros(targets)) for _ in range(studies)]
    return float(np.mean([each.low <= 0 <= each.high for each in found]))


def _sign_flip(differences: Array) -> float:
    """How often chance alone, flipping each target's sign, gives as large a mean difference."""
    from scipy.stats import permutation_test

    if not differences.any():
        return 1.0
    found = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=9999,
        random_state=np.random.default_rng(0),
    )
    return float(found.pvalue)
