"""A run of a tracker over the frames of a video, in which each frame is timed.

Times are those of the tracker's calls alone, without reading the images. T is the tracker's
``update_interval``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rltrack.speed.timing import Times, finish, spread
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker

__all__ = ["PHASES", "Follower", "TimedRun", "timed_peer", "timed_run"]

Image = NDArray[np.uint8]

PHASES = ("crop", "features", "score", "iteration")
"""What a frame's time is divided into. An iteration is one gradient step of an update."""

ENOUGH = 5.0
"""Seconds of frames after which no other interval of T frames is timed."""

LOST = 3
"""The number of frames that are timed without the target."""

_OUT_OF_REACH = 1e9
"""A score that no candidate has."""


class Follower(Protocol):
    """A tracker of whatever kind."""

    def init(self, image: Image, box: Sequence[float]) -> Result:
        """Learn the target."""
        ...

    def update(self, image: Image) -> Result:
        """Find the target."""
        ...


@dataclass(frozen=True)
class TimedRun:
    """The times of one tracker, in milliseconds if not said otherwise.

    Attributes:
        frame_ms: the mean time of a frame in which the target is found, with all updates in it. It
            is over whole intervals of T frames, and the first interval is not counted: an update
            may be spread over the frames after it.
        slowest_ms: the largest time of one of these frames.
        lost_ms: the mean time of a frame in which the target is not found, with the update that
            follows. None for trackers that have no update.
        first_frame_s: the seconds of the first frame, on which the tracker learns the target.
        timed: the number of frames that ``frame_ms`` is over.
        found: in how many frames after the first the tracker found the target by its own measure.
        frames: how many frames after the first it was given for that.
        phases: the spread of the times of each of `PHASES`, by name. An iteration's are over the
            intervals: the time of all updates in one, divided by their number of iterations.
    """

    frame_ms: float
    slowest_ms: float
    lost_ms: float | None
    first_frame_s: float
    timed: int
    found: int
    frames: int
    phases: dict[str, Times]

    @property
    def fps(self) -> float:
        """Frames a second, while the target is found."""
        return 1000 / self.frame_ms


def timed_run(tracker: Tracker, images: Sequence[Image], box: Sequence[float]) -> TimedRun:
    """Time a tracker that was not used before.

    Whether the target is found decides what a frame costs, and it should not depend on the video.
    So in the frames for ``frame_ms`` the target counts as found whatever its score is, and in the
    frames for ``lost_ms``, which come after them, it counts as not found. Interval after interval
    is timed until there are no frames left or they took `ENOUGH`.

    Args:
        tracker: the tracker, whose configuration is changed.
        images: (H, W, 3) uint8 RGB each, at least 2 T + 1.
        box: the target's box (x, y, w, h) in the first image.
    """
    config, every = tracker.config, tracker.config.update_interval
    tracker.config = replace(config, success_threshold=-_OUT_OF_REACH)
    first = _timed(partial(tracker.init, images[0], box), tracker.device)[0]
    seconds: list[float] = []
    spent: list[dict[str, float]] = []
    found = 0
    for index, image in enumerate(images[1:], 1):
        before = tracker.timings
        took, result = _timed(partial(tracker.update, image), tracker.device)
        seconds.append(took)
        spent.append({name: total - before[name] for name, total in tracker.timings.items()})
        found += result.score > config.success_threshold
        if index % every == 0 and sum(seconds[every:]) >= ENOUGH:
            break
    frames = len(seconds)
    whole = slice(every, frames - frames % every)
    parts = spent[whole]
    phases = {name: [part[name] for part in parts] for name in PHASES if name in parts[0]}
    updates = np.array([part["update"] for part in parts]).reshape(-1, every).sum(1)
    phases["iteration"] = (updates / config.update_iterations).tolist()

    tracker.config = replace(config, success_threshold=_OUT_OF_REACH)
    lost = [_timed(partial(tracker.update, image), tracker.device)[0] for image in images[-LOST:]]
    return TimedRun(
        frame_ms=1000 * float(np.mean(seconds[whole])),
        slowest_ms=1000 * max(seconds[whole]),
        lost_ms=1000 * float(np.mean(lost)),
        first_frame_s=first,
        timed=len(parts),
        found=found,
        frames=frames,
        phases={name: spread(times) for name, times in phases.items() if any(times)},
    )


def timed_peer(peer: Follower, images: Sequence[Image], box: Sequence[float]) -> TimedRun:
    """Time a tracker that computes on the CPU and of which no parts are known.

    All frames after the first count, whether it finds the target or not.

    Args:
        peer: the tracker, which was not used before.
        images: as in :func:`timed_run`, at least two.
        box: as in :func:`timed_run`.
    """
    cpu = torch.device("cpu")
    first = _timed(partial(peer.init, images[0], box), cpu)[0]
    done = [_timed(partial(peer.update, image), cpu) for image in images[1:]]
    seconds = [took for took, _ in done]
    return TimedRun(
        frame_ms=1000 * float(np.mean(seconds)),
        slowest_ms=1000 * max(seconds),
        lost_ms=None,
        first_frame_s=first,
        timed=len(seconds),
        found=sum(result.found for _, result in done),
        frames=len(seconds),
        phases={},
    )


def _timed(work: Callable[[], Result], device: torch.device) -> tuple[float, Result]:
    """Return how many seconds the work takes, and what it returns."""
    start = time.perf_counter()
    result = work()
    finish(device)
    return time.perf_counter() - start, result
