"""Moments of a video, by frame or by time, as users give them."""

from __future__ import annotations

import math
import re
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError

__all__ = ["BEGINNING", "Moment", "TimedFrame"]

Image = NDArray[np.uint8]


class TimedFrame(NamedTuple):
    """A frame and when it is shown.

    Attributes:
        image: (H, W, 3) uint8 RGB; None if it could not be read.
        time: seconds from the beginning of the source; NaN if the source has no clock.
    """

    image: Image | None
    time: float


class Moment(NamedTuple):
    """A frame's number or a time: exactly one of them is given.

    Attributes:
        frame: the number of a frame, from 0.
        seconds: from the beginning of the video, 0 or more.
    """

    frame: int | None = None
    seconds: float | None = None

    @classmethod
    def parsed(cls, given: str | float, what: str) -> Moment:
        """Return the moment that a user gave.

        >>> Moment.parsed("300", "start"), Moment.parsed("1:02.5", "start")
        (Moment(frame=300, seconds=None), Moment(frame=None, seconds=62.5))

        Args:
            given: a whole number, or its text, is a frame. A number with a fraction, a text like
                ``12.5s``, ``1:02.5`` or ``1:00:00``, is a time.
            what: a name for the message.

        Raises:
            InputError: it is neither, or below 0.
        """
        text = str(given).strip()
        if re.fullmatch(r"\d{1,9}", text):
            return cls(frame=int(text))
        number = r"\d{1,9}(?:\.\d*)?"
        if (
            isinstance(given, Real)
            and not isinstance(given, bool)
            and math.isfinite(given)
            and given >= 0
        ):
            return cls(seconds=float(given))
        if re.fullmatch(rf"{number}\s*s", text):
            return cls(seconds=float(text[:-1]))
        if re.fullmatch(rf"(?:\d{{1,9}}:){{1,2}}{number}", text):
            seconds = 0.0
            for part in text.split(":"):
                seconds = 60 * seconds + float(part)
            return cls(seconds=seconds)
        raise InputError(
            f"{what} is {text!r}; wanted a frame, such as 300, or a time, such as 12.5s or 1:02.5"
        )

    def reached(self, frame: int, time: float) -> bool:
        """Return whether the frame of this number and time is there already, or later."""
        if self.frame is not None:
            return frame >= self.frame
        # Times are rounded, in some files to milliseconds: 0.033 is frame 1 of 30 in a second.
        return time >= (self.seconds or 0.0) - 0.0005

    def __str__(self) -> str:
        return f"frame {self.frame}" if self.seconds is None else f"{self.seconds:g} s"


BEGINNING = Moment(frame=0)
"""The first frame."""
