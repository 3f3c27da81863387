"""The timestamps of a video: which frames a decoder has left out, and when frames are shown."""

from __future__ import annotations

import math

__all__ = ["Clock", "Timeline"]


class Clock:
    """Finds from timestamps how many frames of a video a decoder has left out.

    A decoder silently leaves out all frames that need one it could not decode, up to the next
    keyframe, and it may give one of them too early. Gaps are filled only after a first failure, and
    only while all timestamps fit a constant frame rate. In other videos a gap is no loss, and each
    failure counts as one frame.

    Args:
        fps: frames per second by the header; None if it gives none.
        length: number of frames by the header; None if it gives none.
    """

    def __init__(self, fps: float | None = None, length: int | None = None) -> None:
        self._fps, self._length = fps or 0.0, length or 0
        self._regular = self._fps > 0 and self._length > 0
        self._broken = False
        # Of the latest frame, counted in frames by its timestamp. None takes any for the next.
        self._place: float | None = -1.0
        self._hole = math.inf  # place of the frame before the last gap

    def missing(self, time: float, failures: int) -> int:
        """Return how many frames are missing before the one at ``time``, in seconds.

        -1 means that this frame was already counted as missing. ``failures`` is the number of
        packets that could not be decoded since the frame before.
        """
        self._broken = self._broken or failures > 0
        place = time * self._fps
        before = place - 1 - failures if self._place is None else self._place
        self._regular = self._regular and math.isfinite(place)
        gap = failures
        if self._regular:
            if self._hole < place < before:
                return -1
            step = round(place - before)
            self._regular = (
                abs(place - before - step) < 0.25  # some clocks tick in ms: 60 fps is 16, 17
                and (step == 1 or (self._broken and step > 0 and place < self._length))
            )
            if self._regular:
                gap = step - 1
        if gap:
            self._hole = before
        self._place = place
        return gap

    def jump(self) -> None:
        """Take the next frame for the one after the latest, whatever its time."""
        self._place = None

    def ran_out(self) -> bool:
        """Return whether the latest frame is near the end that the header gives."""
        if not self._length:
            return True
        # Sound may outlast the picture by a little.
        return self._length - (self._place or 0.0) - 1 <= min(self._fps / 2, self._length / 10)


class Timeline:
    """The times at which a video's frames are shown, which only increase.

    Timestamps may be absent, or start again within a file, as where recordings were joined. There
    a frame is shown one step after the one before it.

    Args:
        fps: frames per second by the header; 25 if it gives none.

    Attributes:
        last: seconds at which the latest frame is shown; before the first frame a step before 0.
    """

    def __init__(self, fps: float | None = None) -> None:
        self._step = 1 / (fps or 25)
        self._shift = 0.0
        self.last = -self._step

    def shown(self, time: float, missing: int = 0) -> float:
        """Return when the next frame is shown.

        Args:
            time: its timestamp in seconds; NaN if it has none.
            missing: number of frames that are missing before it.
        """
        following = self.last + self._step * (missing + 1)
        if math.isnan(time):
            time = following
        elif time + self._shift > self.last:
            time += self._shift
        else:
            self._shift, time = following - time, following
        self.last = time
        return time
