"""A part of a video, as a source of frames."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rltrack.data.sequences import Sequence
from rltrack.errors import InputError
from rltrack.outputs import inputs_of
from rltrack.video.moments import BEGINNING, Moment, TimedFrame
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.times import TimedSource, timed_frames

__all__ = ["Excerpt", "Span", "span_of"]

Array = NDArray[np.float64]

Image = NDArray[np.uint8]


class Span:
    """Consecutive frames of a source, as a source. Their times are those in the whole source.

    Args:
        whole: the source.
        start: the first frame, or a time: the first frame that is shown then or later.
        end: the first frame that is left out, or a time, likewise. None goes to the end.

    Attributes:
        first: the number that the first frame has in the file or folder. Where a time was given, it
            is the one by the rate.

    Raises:
        InputError: the source has no clock and a time is given; one of the moments is a frame and
            the other a time; or there are no frames between them.
    """

    def __init__(
        self, whole: FrameSource, start: Moment = BEGINNING, end: Moment | None = None
    ) -> None:
        given = [moment for moment in (start, end) if moment not in (None, BEGINNING)]
        if len({moment.frame is None for moment in given if moment is not None}) > 1:
            raise InputError("start and end: give two frames or two times")
        if not isinstance(whole, TimedSource):
            start = _as_frame(start, whole)
            end = None if end is None else _as_frame(end, whole)
        first, stop = start.frame, None if end is None else end.frame
        last = whole.length if stop is None else min(stop, whole.length or stop)
        self.length = None if first is None or last is None else last - first
        if end is not None and end.seconds is not None:
            self.length = None
            if start.seconds is not None and end.seconds <= start.seconds:
                self.length = 0
        if self.length is not None and self.length <= 0:
            until = "" if end is None else f" and before {end}"
            raise InputError(f"{whole.name} has no frame from {start} on{until}")
        self.name, self.fps, self.inputs = whole.name, whole.fps, inputs_of(whole)
        self.sound: Path | None = getattr(whole, "sound", None)
        self.start = first or 0
        self._whole, self._from, self._end = whole, start, end
        before = _frame_at(start.seconds or 0.0, whole.fps or 0.0)
        self.first: int = self.start + before + (whole.first if isinstance(whole, Span) else 0)
        truth, sequence = whole.ground_truth, getattr(whole, "sequence", None)
        self.ground_truth = None if truth is None else truth[self.start : stop]
        self.sequence: Sequence | None = sequence and sequence._replace(
            ground_truth=self.ground_truth,
            others=tuple(other[self.start : stop] for other in sequence.others),
        )

    def __iter__(self) -> Iterator[Image | None]:
        """Yield the frames in order."""
        return (image for image, _ in self.timed())

    def timed(self, start: Moment = BEGINNING) -> Iterator[TimedFrame]:
        """Yield the frames with their times, see `rltrack.video.times.timed_frames`."""
        count = 0
        for frame in timed_frames(self._whole, self._from):
            if self._end is not None and self._end.reached(self.start + count, frame.time):
                self.length = count
                return
            count += 1
            if start.reached(count - 1, frame.time):
                yield frame


class Excerpt(Span):
    """Consecutive frames of a source with ground truth: from ``start`` up to before ``stop``.

    Args:
        source: what `rltrack.open_source` takes, with ground truth.
        start: the frame that becomes frame 0.
        stop: the first frame that is left out. None goes to the end.

    Raises:
        InputError: there is no ground truth, or none at ``start``.
    """

    def __init__(
        self, source: str | Path | FrameSource, start: int = 0, stop: int | None = None
    ) -> None:
        whole = open_source(source)
        truth = whole.ground_truth
        if truth is None:
            raise InputError(f"{whole.name} has no ground truth")
        if not len(truth[start:stop]) or np.isnan(truth[start]).any():
            raise InputError(f"start is {start}; {whole.name} has no box there")
        super().__init__(whole, Moment(frame=start), None if stop is None else Moment(frame=stop))
        self.ground_truth: Array = truth[start:stop]
        self.length: int = len(self.ground_truth)


def span_of(source: FrameSource, start: str | float | None, end: str | float | None) -> FrameSource:
    """Return the part of a source between two moments, or all of it if both are None.

    Raises:
        InputError: see `rltrack.video.moments.Moment.parsed` and `Span`.
    """
    if start is None and end is None:
        return source
    first = BEGINNING if start is None else Moment.parsed(start, "start")
    return Span(source, first, None if end is None else Moment.parsed(end, "end"))


def _as_frame(moment: Moment, source: FrameSource) -> Moment:
    if moment.seconds is None:
        return moment
    if not source.fps:
        raise InputError(f"{source.name} has no clock: give frames, such as 300, and no times")
    return Moment(frame=_frame_at(moment.seconds, source.fps))


def _frame_at(seconds: float, fps: float) -> int:
    """Return the number of the first frame that is shown at a time or later, at a constant rate."""
    return math.ceil(round(seconds * fps, 6))  # 0.28 * 25 is 7.000000000000001
