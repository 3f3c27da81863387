"""OpenCV's own log, kept off stderr where rltrack says the same in its own words."""

from __future__ import annotations

import threading

import cv2

__all__ = ["quiet"]


class _Quiet:
    """Keeps OpenCV's own warnings off stderr, because rltrack says what they are about.

    The log level belongs to the whole process. The first thread that enters lowers it, and the last
    one that leaves restores it.
    """

    def __init__(self) -> None:
        self._logs = getattr(cv2.utils, "logging", cv2)  # OpenCV 5, OpenCV 4
        self._lock = threading.Lock()
        self._inside, self._level = 0, 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._level = self._logs.getLogLevel()
                self._logs.setLogLevel(0)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._logs.setLogLevel(self._level)


quiet = _Quiet()
"""The only context of this kind in the process."""
