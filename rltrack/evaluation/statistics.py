"""Comparing two trackers by pairs of runs: the same targets with the same seeds.

Runs of one tracker on one target differ only by their seed, that is, by chance. Targets differ in
how they respond to a change. Therefore the seeds of a target are averaged, and the evidence is
counted in targets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import counted
from rltrack.evaluation.intervals import Difference, bootstrap_mean, student_interval

__all__ = [
    "FEWEST",
    "FEWEST_FOR_INTERVAL",
    "Paired",
    "Spread",
    "paired",
    "seed_ranges",
    "standard_errors",
]

Array = NDArray[np.float64]


FEWEST_FOR_INTERVAL = 3
"""With fewer targets a difference has no interval, because it would be the targets themselves."""

FEWEST = 6
"""With fewer targets no effect can be distinguished from 0: random signs of five targets agree once
in 16 times, so p is never below 0.05.
"""


_NORMAL = 1.960 + 1.282  # what `standard_errors` goes to


class Spread(NamedTuple):
    """How much paired differences vary, as standard deviations."""

    targets: float
    """From target to target, without chance. It is 0 if chance alone explains what is seen."""
    seeds: float
    """From seed to seed on one target."""

    def margin(self, targets: int, seeds: int) -> float:
        """Return half the width of the 95% interval to expect with so many targets and seeds."""
        return 1.96 * self._error(targets, seeds)

    def smallest_effect(self, targets: int, seeds: int) -> float:
        """Return about what effect such a study distinguishes from 0 nine times in ten.

        Args:
            targets: `FEWEST` or more.
            seeds: of each target.
        """
        return standard_errors(targets) * self._error(targets, seeds)

    def targets_needed(self, effect: float, seeds: int) -> int:
        """Return about how many targets distinguish ``effect`` from 0 nine times in ten."""
        targets = FEWEST
        if (error := self._error(1, seeds)) > 0:
            # The normal distribution gives a lower bound, from which few steps are left.
            targets = max(targets, math.floor((_NORMAL * error / effect) ** 2))
        while self.smallest_effect(targets, seeds) > effect:
            targets += 1
        return targets

    def _error(self, targets: int, seeds: int) -> float:
        """Return the standard error of the mean over so many targets and seeds."""
        return math.sqrt((self.targets**2 + self.seeds**2 / seeds) / targets)


def standard_errors(targets: int) -> float:
    """Return how many standard errors an effect must measure to be distinguished from 0.

    It is the sum of two quantiles of Student's t: that of a two-sided test at 5%, and that of a
    power of 90%. For many targets it goes to 1.960 + 1.282.
    """
    from scipy.stats import t

    return float(t.ppf([0.975, 0.9], targets - 1).sum())


class Paired(NamedTuple):
    """One tracker minus another, over the targets and seeds that both ran."""

    targets: dict[str, Array]
    """The differences (seeds,) on each target."""
    difference: Difference | None
    """The mean over targets, and its bootstrap interval over targets. None for fewer than three
    targets, because their interval would be the targets themselves.
    """
    p: float | None
    """The p-value of a two-sided sign-flip permutation test of that mean."""

    def __str__(self) -> str:
        count = f"{counted(len(self.targets), 'target')}, {counted(self.runs, 'pair')} of runs"
        if self.difference is None or self.p is None:
            mean = f"{self.means.mean():+.3f}, " if self.targets else ""
            return f"{mean}not to be judged by {count}"
        sign = {-1: "below", 0: "not distinguished from", 1: "above"}[self.sign]
        return f"{self.difference}, {sign} 0, p {self.p:.2f}; {count}"

    @property
    def sign(self) -> int:
        """1 or -1 if the mean is distinguished from 0 by its interval and by p < 0.05, else 0."""
        if self.difference is None or self.p is None:
            return 0
        _, low, high = self.difference
        if low * high <= 0 or self.p >= 0.05:
            return 0
        return 1 if low > 0 else -1

    @property
    def means(self) -> Array:
        """The mean differences (targets,)."""
        return np.array([values.mean() for values in self.targets.values()])

    @property
    def smallest_effect(self) -> float | None:
        """About the smallest effect that such a study distinguishes from 0 nine times in ten.

        It follows from how much the targets' means vary. None for fewer targets than `FEWEST`.
        """
        n = len(self.targets)
        if n < FEWEST:
            return None
        return standard_errors(n) * self._error()

    @property
    def student(self) -> tuple[float, float] | None:
        """The 95% interval of the mean by Student's t, which takes the targets' means to be normal.

        None for fewer than three targets.
        """
        return student_interval(self.means) if len(self.targets) >= FEWEST_FOR_INTERVAL else None

    def _error(self) -> float:
        """Return the standard error of the mean over the targets."""
        return float(self.means.std(ddof=1)) / math.sqrt(len(self.targets))

    @property
    def most(self) -> tuple[str, float] | None:
        """The target that moves the mean most, and the mean without it. None for one target."""
        means = self.means
        if len(means) < 2:
            return None
        others = (means.sum() - means) / (len(means) - 1)
        most = int(np.abs(others - means.mean()).argmax())
        return [*self.targets][most], float(others[most])

    @property
    def rows(self) -> dict[str, tuple[Array, Difference | None]]:
        """Rows of `rltrack.plots.paired_differences.differences`: each target, and the mean.

        The dots of a target are its seeds, and the dots of the mean are the targets. The mean is
        there if it can be judged.
        """
        rows: dict[str, tuple[Array, Difference | None]] = {
            target: (values, None) for target, values in self.targets.items()
        }
        if self.difference is not None:
            rows[f"mean of {counted(len(rows), 'target')}"] = (self.means, self.difference)
        return rows

    @property
    def runs(self) -> int:
        """The number of pairs."""
        return sum(map(len, self.targets.values()))

    @property
    def spread(self) -> Spread | None:
        """The spread by analysis of variance.

        None for one target, and if fewer than half of the targets have a second seed: a few targets
        do not tell how far seeds are apart on the others.
        """
        counts = np.array([len(values) for values in self.targets.values()])
        if len(counts) < 2 or (counts > 1).mean() < 0.5:
            return None
        within = sum(((values - values.mean()) ** 2).sum() for values in self.targets.values())
        seeds = within / (counts - 1).sum()
        targets = self.means.var(ddof=1) - (seeds / counts).mean()
        return Spread(math.sqrt(max(targets, 0.0)), math.sqrt(seeds))


def paired(
    results: Iterable[Mapping[str, Any]], ours: str, theirs: str, metric: str = "os"
) -> Paired:
    """Subtract, run by run, the scores of the tracker ``theirs`` from those of ``ours``.

    Args:
        results: the runs of a sweep, as `rltrack.evaluation.run_files.load` returns them. Runs of
            only one of the two do not count.
        ours: the ``tracker`` of a run.
        theirs: the ``tracker`` of another run.
        metric: ``os``, ``dp20``, ``os50`` or ``cle``. Runs without a value do not count.
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
    if len(found) < FEWEST_FOR_INTERVAL:
        return made
    return made._replace(difference=bootstrap_mean(made.means), p=_sign_flip(made.means))


def seed_ranges(results: Iterable[Mapping[str, Any]]) -> Array:
    """Return the best seed's OS minus the worst seed's, for each tracker and target with several.

    Returns:
        (N,) float64, 0 or more.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for result in results:
        found.setdefault((result["tracker"], result["target"]), []).append(result["os"])
    return np.array([np.ptp(scores) for scores in found.values() if len(scores) > 1])


def _sign_flip(differences: Array) -> float:
    """Return how often random signs of the targets give a mean difference as large as this."""
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
