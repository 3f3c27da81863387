"""Functions that time a piece of work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

__all__ = ["Times", "finish", "spread", "timed"]

Times = dict[str, float]
"""What :func:`spread` returns."""


def timed(work: Callable[[], object], repeats: int, device: torch.device) -> list[float]:
    """Run ``work`` several times, and return the seconds that each run took.

    There are ``repeats`` runs, after a first run that is not counted.
    """
    seconds = []
    for _ in range(repeats + 1):
        finish(device)
        start = time.perf_counter()
        work()
        finish(device)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def finish(device: torch.device) -> None:
    """Wait until ``device`` has finished all the work that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def spread(seconds: Sequence[float]) -> Times:
    """Return the median and interquartile range of times, in milliseconds, and their number n."""
    low, middle, high = (1000 * np.percentile(seconds, (25, 50, 75))).tolist()
    return {"median_ms": middle, "iqr_ms": high - low, "n": len(seconds)}
