"""A video file as a source of frames."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.limits import DEFAULT_LIMITS, Limits
from rltrack.video.decoding import Decoder
from rltrack.video.moments import BEGINNING, Moment, TimedFrame
from rltrack.video.reader import read_ahead

__all__ = ["VideoFile"]

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]

_LONG = 60.0  # seconds of video that take seconds to decode


class VideoFile:
    """A video file as a source of frames, see `rltrack.video.sources.FrameSource`.

    A file whose frames have two fields (interlaced video) is read as it is stored, with a warning:
    the even and the odd rows of a frame show two instants. The decoder guesses parts of a damaged
    frame. It is read as the decoder gives it, and a warning names the first.

    Args:
        path: the file.
        limits: how large its frames may be.

    Attributes:
        sound: the file, if there is sound in it; None if there is none.

    Raises:
        InputError: the file cannot be read, is not a video, no frame can be decoded, or its frames
            are larger than the limit.
    """

    ground_truth: None = None

    def __init__(self, path: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        try:
            path.open("rb").close()
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        self.path, self.limits = path, limits
        self.name, self.inputs = path.stem, (path,)
        with Decoder(path, limits) as decoder:
            self.fps, self.length = decoder.fps, decoder.length
            decoder.check_first()
            self._interlaced = decoder.interlaced
            self.sound = path if decoder.has_sound else None

    def __iter__(self) -> Iterator[Image | None]:
        """Start again from the first frame."""
        return (image for image, _ in self.timed())

    def timed(self, start: Moment = BEGINNING) -> Iterator[TimedFrame]:
        """Yield the frames with their times, see `rltrack.video.times.timed_frames`.

        Frames before ``start`` are skipped or only decoded, which is faster than making images of
        them.
        """
        return read_ahead(partial(self._frames, start))

    def _frames(self, start: Moment) -> Iterator[TimedFrame]:
        if self._interlaced:
            logger.warning(
                "%s is interlaced: its frames are read as they are stored, and the even and odd "
                "rows of a frame show two instants",
                self.path,
            )
        count = unseen = damaged = 0
        with self._opened(start) as decoder:
            for frame, time in decoder.frames():
                if count == 0 and frame is None:  # no viewer shows it, no target is marked in it
                    unseen += 1
                    continue
                count += 1
                if not start.reached(count - 1, time):
                    continue
                if unseen:
                    logger.warning(
                        "the first frames of %s cannot be read, %d are left out", self.path, unseen
                    )
                    unseen = 0
                if frame is not None and frame.is_corrupt:
                    damaged += 1
                    if damaged == 1:
                        logger.warning(
                            "%s is damaged: the decoder guesses parts of the picture at %.2f s, "
                            "and perhaps of others after it",
                            *(self.path, time),
                        )
                yield TimedFrame(None if frame is None else decoder.image(frame), time)
            if damaged > 1:
                logger.warning("%d pictures of %s are damaged", damaged, self.path)
            if decoder.clock.ran_out() and not start.seconds:
                self.length = count

    def number_at(self, start: Moment) -> int:
        """Return the number of the first frame at a moment, which takes decoding all before it.

        After the last frame it is the number of frames.
        """
        if (start.seconds or 0) > _LONG:
            logger.warning(
                "counting the frames of %s before %s, for their numbers", *(self.path, start)
            )
        count = 0
        with self._opened(BEGINNING) as decoder:
            for frame, time in decoder.frames():
                if count == 0 and frame is None:
                    continue
                if start.reached(count, time):
                    break
                count += 1
        return count

    def _opened(self, start: Moment) -> Decoder:
        decoder = Decoder(self.path, self.limits)
        if start.seconds and not decoder.seek(start.seconds):
            decoder.close()
            decoder = Decoder(self.path, self.limits)
        return decoder
