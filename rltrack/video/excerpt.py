"""A part of a video, as a source of frames."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rltrack.data.sequences import Sequence
from rltrack.errors import InputError
from rltrack.outputs import inputs_of
from rltrack.video.moments import BEGINNING, Moment, TimedFrame
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.times import TimedSource, timed_frames
from rltrack.video.video_file import VideoFile

__all__ = ["Excerpt", "Span", "span_of"]

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

Image = NDArray[np.uint8]


class Span:
    """Consecutive frames of a source, as a source. Their times are those in the whole source.

    A warning says so if the source ends before ``end``.

    Args:
        whole: the source.
        start: the first frame, or a time: the first frame that is shown then or later.
        end: the first frame that is left out, or a time, likewise. None goes to the end.

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
        # Ground truth is by frame, and frames that have it are regular.
        if not isinstance(whole, TimedSource) or whole.ground_truth is not None:
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
            until = "" if end is None else f" and before the end, {end}"
            raise InputError(f"start is {start}; {whole.name} has no frame from there on{until}")
        self.name, self.fps, self.inputs = whole.name, whole.fps, inputs_of(whole)
        self.sound: Path | None = getattr(whole, "sound", None)
        self.start = first or 0
        self._whole, self._from, self._end = whole, start, end
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
        count, following = 0, math.nan
        for frame in timed_frames(self._whole, self._from):
            following = frame.time + 1 / (self.fps or math.inf)
            if self._end is not None and self._end.reached(self.start + count, frame.time):
                self.length = count
                return
            count += 1
            if start.reached(count - 1, frame.time):
                yield frame
        cut = self.length is not None and count < self.length  # of that a run warns itself
        if self._end and not cut and not self._end.reached(self.start + count, following):
            log.warning("the end is %s; %s ends before it", self._end, self.name)

    def first_number(self, time: float) -> int:
        """Return the number of the first frame in the file or folder.

        Args:
            time: when it is shown. Where a video was entered at a time, that may be later than the
                time that was asked for, and all frames before it are decoded to count them.
        """
        number, entered, source = 0, False, cast("FrameSource", self)
        while isinstance(source, Span):
            number += source._from.frame or 0
            entered = entered or source._from.frame is None
            source = source._whole
        if not entered:
            return number
        if isinstance(source, VideoFile):
            return source.number_at(Moment(seconds=time))
        return _as_frame(Moment(seconds=time), source).frame or 0 if source.fps else 0


class Excerpt(Span):
    """Consecutive frames of a source with ground truth: from ``start`` up to before ``stop``.

    Args:
        source: what `rltrack.open_source` takes, with ground truth.
        start: the frame that becomes frame 0.
        stop: the first frame that is left out. None goes to the end.

    Raises:
        InputError: there is no ground truth, or none at ``start``, or ``start`` is below 0.
    """

    def __init__(
        self, source: str | Path | FrameSource, start: int = 0, stop: int | None = None
    ) -> None:
        whole = open_source(source)
        truth = whole.ground_truth
        if truth is None:
            raise InputError(f"{whole.name} has no ground truth")
        if start < 0 or not len(truth[start:stop]) or np.isnan(truth[start]).any():
            raise InputError(f"start is {start}; {whole.name} has no box there")
        stop = None if stop is None else min(stop, len(truth))
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
    # 0.28 * 25 is 7.000000000000001
    return Moment(frame=math.ceil(round(moment.seconds * source.fps, 6)))
