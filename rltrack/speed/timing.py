"""Timing: of one piece of work several times, and of a frame from its parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from rltrack.tracking.config import TrackerConfig

__all__ = ["Times", "finish", "frame_ms", "spread", "timed"]

Times = dict[str, float]


def timed(work: Callable[[], object], repeats: int, device: torch.device) -> list[float]:
    """Return the times of ``work``, run ``repeats`` times after one run that is not counted."""
    seconds = []
    for _ in range(repeats + 1):
        finish(device)
        start = time.perf_counter()
        work()
        finish(device)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def finish(device: torch.device) -> None:
    """Wait until ``device`` has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def frame_ms(without: float, with_update: float, config: TrackerConfig) -> float:
    """Return the milliseconds of a frame from seconds without and with an update.

    `rltrack.speed.bench` has the formula.
    """
    interval = config.update_interval
    return 1000 * ((interval - 1) * without + with_update) / interval


def spread(seconds: Sequence[float]) -> Times:
    """Median of times and their interquartile range, in milliseconds; and how many they are."""
    low, middle, high = (1000 * np.percentile(seconds, (25, 50, 75))).tolist()
    return {"median_ms": middle, "iqr_ms": high - low, "n": len(seconds)}
