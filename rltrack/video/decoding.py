"""Decoding videos with OpenCV: frames in order, and which frames the decoder left out."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rltrack.limits import DEFAULT_LIMITS, Limits
from rltrack.video.images import check_pixels, to_rgb8
from rltrack.video.opencv_log import quiet

__all__ = [
    "PATIENCE",
    "Clock",
    "codec_name",
    "decode",
    "frame_count",
    "frame_rate",
    "open_capture",
]

Image = NDArray[np.uint8]

PATIENCE = 100  # broken frames in a row before a video counts as ended


# FFmpeg's names of the formats that may be read. All hold their frames themselves. A format that
# names other files, such as a playlist, is not among them, nor is one that shows text.
_CONTAINERS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "nut", "mxf", "gxf", "dv"),
    *("wtv", "rm", "swf", "ivf", "gif", "apng", "yuv4mpegpipe"),
    *("mpegvideo", "m4v", "h261", "h263", "h264", "hevc", "vvc", "av1", "obu", "mjpeg", "vc1"),
)

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_opening = threading.Lock()


def open_capture(source: Path | int) -> cv2.VideoCapture:
    """Open a video file, or the webcam with that index, with OpenCV.

    Of a file, nothing but FFmpeg's containers of frames is opened, and no other file than this one.
    """
    # FFmpeg writes what it thinks of each broken packet to stderr; it asks this once, at first use.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with quiet:
        if isinstance(source, int):
            return cv2.VideoCapture(source)
        # OpenCV's other readers take some names for patterns of many files. And FFmpeg takes
        # "concat:a" for an order, but not where a path is absolute.
        with _containers_alone():
            return cv2.VideoCapture(str(source.absolute()), cv2.CAP_FFMPEG)


@contextmanager
def _containers_alone() -> Iterator[None]:
    """Let OpenCV open `_CONTAINERS` alone. It takes FFmpeg's options from the environment only."""
    with _opening:
        given = os.environ.get(_OPTIONS)
        ours = f"format_whitelist;{','.join(_CONTAINERS)}"
        os.environ[_OPTIONS] = f"{given}|{ours}" if given else ours
        try:
            yield
        finally:
            if given is None:
                del os.environ[_OPTIONS]
            else:
                os.environ[_OPTIONS] = given


class Clock:
    """Finds from timestamps how many frames of a video a decoder has left out.

    A decoder silently leaves out all frames that need one it could not decode, up to the next
    keyframe, and it may give one of them too early. Gaps are filled only after a first failure, and
    only while all timestamps fit a constant frame rate. In other videos a gap is no loss, and each
    failure counts as one frame.
    """

    def __init__(self, fps: float | None = None, length: int | None = None) -> None:
        self._fps, self._length = fps or 0.0, length or 0
        self._regular = self._fps > 0 and self._length > 0
        self._broken = False
        self._place = -1.0  # of the latest frame, counted in frames by its timestamp
        self._hole = math.inf  # place of the frame before the last gap

    def missing(self, time: float, failures: int) -> int:
        """Return how many frames are missing before the one at `time` ms.

        -1 means that this frame was already counted as missing.
        """
        self._broken = self._broken or failures > 0
        place, before = time * self._fps / 1000, self._place
        gap = failures
        if self._regular:
            if self._hole < place < before:
                return -1
            step = round(place - before)
            self._regular = (
                abs(place - before - step) < 0.25  # some clocks tick in ms: 60 fps is 16, 17
                # 0: before OpenCV 4.13 a failure at the start gives the first two frames one time
                and (step == 1 or (self._broken and step >= 0 and place < self._length))
            )
            if self._regular:
                gap = max(step - 1, 0)
        if gap:
            self._hole = before
        self._place = place
        return gap

    def ran_out(self) -> bool:
        """Return whether the latest frame is near the end that the header gives."""
        # Sound may outlast the picture by a little.
        return self._length - self._place - 1 <= min(self._fps / 2, self._length / 10)


def decode(
    capture: cv2.VideoCapture,
    patience: int = 0,
    clock: Clock | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Image | None]:
    """Yield the frames of an open capture, and None where `clock` finds a frame missing.

    The video ends after more than `patience` failures in a row. InputError if its frames have more
    pixels than the limit.
    """
    # What the header claims, before the first frame is decoded.
    sides = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT
    check_pixels((capture.get(sides[0]), capture.get(sides[1])), limits)
    clock = clock or Clock()
    lost = 0
    while lost <= patience:
        try:
            with quiet:
                grabbed = capture.grab()
                image = capture.retrieve()[1] if grabbed else None
        except cv2.error:
            grabbed = False
        if not grabbed:
            lost += 1
            continue
        if image is not None:
            check_pixels(image.shape[:2], limits)
        missing, lost = clock.missing(capture.get(cv2.CAP_PROP_POS_MSEC), lost), 0
        if missing >= 0:
            yield from repeat(None, missing)
            yield None if image is None or image.size == 0 else to_rgb8(image[..., ::-1])


def frame_rate(capture: cv2.VideoCapture) -> float | None:
    """Return the frames per second; None if the header gives none."""
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    # Some headers hold the clock's ticks there (90000).
    return fps if math.isfinite(fps) and 0 < fps <= 1000 else None


def frame_count(capture: cv2.VideoCapture, path: Path) -> int | None:
    """Return the number of frames of an open file.

    None if its header gives none, or more than the file has bytes.
    """
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count <= path.stat().st_size else None


def codec_name(capture: cv2.VideoCapture) -> str:
    """Return the four letters of a video's codec, such as ``avc1``."""
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    return code.to_bytes(4, "little").decode("ascii", "ignore").strip("\0 ") or "unknown"
