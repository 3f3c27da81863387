"""Intervals of a mean: by bootstrap and by Student's t, and how often they hold the truth."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rltrack.errors import InputError

__all__ = ["Difference", "bootstrap_mean", "coverage", "student_interval"]

Array = NDArray[np.float64]


class Difference(NamedTuple):
    """A mean, such as that of a difference of two trackers over targets, and its 95% interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ({self.low:+.3f} to {self.high:+.3f})"


def bootstrap_mean(values: ArrayLike, *, seed: int = 0) -> Difference:
    """Compute the mean of values and its 95% interval by bootstrap.

    Args:
        values: (N,), such as differences of pairs.
        seed: of the draws.

    Raises:
        InputError: there are fewer than two values.
    """
    from scipy.stats import bootstrap

    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise InputError(f"values of shape {values.shape} have no interval; wanted (N,), N >= 2")
    mean = float(values.mean())
    if np.ptp(values) == 0:
        return Difference(mean, mean, mean)
    interval = bootstrap(
        (values,), np.mean, confidence_level=0.95, method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Difference(mean, float(interval.low), float(interval.high))


def student_interval(values: Array) -> tuple[float, float]:
    """Return the 95% interval of a mean by Student's t, which takes the values to be normal.

    Args:
        values: (N,), N >= 2.
    """
    from scipy.stats import t

    n, mean = len(values), float(np.mean(values))
    half = float(t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean - half, mean + half


def coverage(
    targets: int,
    differences: Array | None = None,
    *,
    student: bool = False,
    studies: int = 300,
    seed: int = 0,
) -> float:
    """Return in what share of studies, 0..1, the interval over so many targets holds the truth.

    Args:
        targets: of a study.
        differences: (N,), what the studies draw from, with repeats; the truth is its mean. None is
            a normal distribution, of which the scale does not matter.
        student: take `student_interval`; else the bootstrap's.
        studies: how many are made up.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    truth = 0.0 if differences is None else float(np.mean(differences))
    held = 0
    for _ in range(studies):
        drawn = (
            rng.normal(size=targets) if differences is None else rng.choice(differences, targets)
        )
        low, high = student_interval(drawn) if student else bootstrap_mean(drawn)[1:]
        held += low <= truth <= high
    return held / studies
