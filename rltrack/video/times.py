"""When the frames of a source are shown."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from typing import Protocol, runtime_checkable

from rltrack.tracking.rgb import to_rgb8
from rltrack.video.moments import BEGINNING, Moment, TimedFrame
from rltrack.video.sources import FrameSource

__all__ = ["TimedSource", "timed_frames", "waited_for"]


@runtime_checkable
class TimedSource(FrameSource, Protocol):
    """A source of frames that knows when each of them is shown."""

    def timed(self, start: Moment = BEGINNING) -> Iterator[TimedFrame]:
        """Yield the frames from a moment on, see `timed_frames`."""


def timed_frames(source: FrameSource, start: Moment = BEGINNING) -> Iterator[TimedFrame]:
    """Yield the frames of a source from a moment on, each with the time at which it is shown.

    Times are in seconds from the beginning of the source, also where ``start`` is later. Those of a
    video file are its own timestamps, those of a webcam are when the pictures came. Other sources
    show a frame every ``1 / fps`` seconds, or have no clock.
    """
    if isinstance(source, TimedSource):
        yield from source.timed(start)
        return
    step = 1 / source.fps if source.fps else math.nan
    for number, image in enumerate(source):
        if start.reached(number, number * step):
            yield TimedFrame(image, number * step)


def waited_for(source: FrameSource, timings: dict[str, float]) -> Generator[TimedFrame, None, None]:
    """Yield `timed_frames`. The time spent waiting for them is added to ``timings["decode"]``."""
    frames = timed_frames(source)
    while True:
        began = time.perf_counter()
        try:
            frame = next(frames)
        except StopIteration:
            return
        finally:
            timings["decode"] += time.perf_counter() - began
        image, shown = frame  # a source may be the user's own
        yield TimedFrame(None if image is None else to_rgb8(image), shown)
