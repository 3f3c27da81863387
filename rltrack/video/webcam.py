"""Webcams, read with OpenCV."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.tracking.rgb import to_rgb8
from rltrack.video.moments import BEGINNING, Moment, TimedFrame
from rltrack.video.opencv_log import quiet

__all__ = ["Webcam"]

Image = NDArray[np.uint8]


class Webcam:
    """A webcam as a source of frames, see `rltrack.video.sources.FrameSource`.

    Iterating continues where it is, and ends when the camera gives no picture any more.

    Args:
        index: the number of the camera, 0 to 99.

    Raises:
        InputError: there is no such camera, or it gives no pictures.
    """

    length: None = None
    ground_truth: None = None

    def __init__(self, index: int) -> None:
        # OpenCV 5.0 crashes at a negative index and takes 100 and more for the choice of a driver.
        if not 0 <= index < 100:
            raise InputError(f"no such source: got webcam index {index}, wanted 0 to 99")
        self.name = f"webcam{index}"
        # FFmpeg is one of OpenCV's drivers; it asks for its log level once, at first use.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        with quiet:
            self._capture = cv2.VideoCapture(index)
        # Tracking is slower than the camera: without a queue the newest frame is next.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if next(iter(self), None) is None:
            raise InputError(f"no such source: no webcam with index {index} gives pictures")
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if math.isfinite(fps) and 0 < fps <= 1000 else None

    def timed(self, start: Moment = BEGINNING) -> Iterator[TimedFrame]:
        """Yield the pictures with the times at which they came, from the first one on."""
        began = math.nan
        for number, image in enumerate(self):
            now = time.monotonic()
            began = now if math.isnan(began) else began
            if start.reached(number, now - began):
                yield TimedFrame(image, now - began)

    def __iter__(self) -> Iterator[Image | None]:
        """Yield the pictures from now on, and None for one that cannot be converted."""
        while True:
            image: Any = None
            try:
                with quiet:
                    grabbed = self._capture.grab()
                    converted, image = self._capture.retrieve() if grabbed else (False, None)
            except cv2.error:
                return
            if not grabbed:
                return
            usable = converted and image is not None and image.size
            yield to_rgb8(image[..., ::-1]) if usable else None
