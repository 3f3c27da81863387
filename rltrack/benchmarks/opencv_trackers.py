"""OpenCV's own trackers, with the interface of `rltrack.tracking.tracker.Tracker`.

They run with OpenCV's default settings, and they are not the reference implementations of a
benchmark. OpenCV's KCF and MOSSE, for example, give a target up where their authors' programs go on
searching. All of them except MIL are only in the wheel opencv-contrib-python, which must not be
installed beside opencv-python. `make peers` makes an environment that has it.

MIL and TLD draw random numbers from OpenCV's global generator. In a new process they give the same
boxes every time. A second run in the same process gives other boxes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.tracking.inputs import checked_box
from rltrack.tracking.result import Result
from rltrack.tracking.rgb import to_rgb8

__all__ = ["PEERS", "Peer", "installed"]

Image = NDArray[np.uint8]

PEERS = {
    "csrt": "TrackerCSRT_create",
    "kcf": "TrackerKCF_create",
    "mosse": "legacy.TrackerMOSSE_create",
    "tld": "legacy.TrackerTLD_create",
    "mil": "TrackerMIL_create",
    "boosting": "legacy.TrackerBoosting_create",
}
"""The trackers by name, and what creates them in OpenCV. ``csrt`` is CSR-DCF."""

_SMALLEST = 5  # pixels a side: with less, MIL, TLD and Boosting never return


class Peer:
    """One of OpenCV's trackers, which follows one target through a video.

    >>> peer = Peer("mil")                                  # doctest: +SKIP
    >>> peer.init(first_image, (x, y, w, h))                # doctest: +SKIP
    >>> box, score, found = peer.update(next_image)         # doctest: +SKIP

    Images are (H, W, 3) uint8 RGB, all of one size. OpenCV gives no scores, so the score is NaN.

    Args:
        name: one of `PEERS`.

    Raises:
        InputError: no tracker has that name, or the OpenCV that is installed lacks it.
    """

    def __init__(self, name: str) -> None:
        if name not in PEERS:
            raise InputError(f"unknown peer {name!r}; there are {', '.join(PEERS)}")
        try:
            self._create = attrgetter(PEERS[name])(cv2)
        except AttributeError:
            raise InputError(
                f"the OpenCV {cv2.__version__} installed here has no {name}: put "
                "opencv-contrib-python in the place of opencv-python (in a copy of the project, "
                "`make peers` does so in .venv-peers); mil is here, too"
            ) from None
        self.name = name
        self._tracker: Any = None

    def init(self, image: Image, box: Sequence[float]) -> Result:
        """Learn the target in ``box`` (x, y, w, h), 0-based pixels, of the first image.

        OpenCV is given the part of the box inside the image, in whole pixels.

        Returns:
            The box as given, found.

        Raises:
            InputError: the image or the box cannot be used, or a side of the part inside the image
                is shorter than 5 pixels.
        """
        pixels = _bgr(image)
        x, y, w, h = checked_box(box, pixels)
        height, width = pixels.shape[:2]
        left, top = max(0, round(x)), max(0, round(y))
        w_inside, h_inside = min(width, round(x + w)) - left, min(height, round(y + h)) - top
        place = f"the part {left},{top},{w_inside},{h_inside} of the box inside the image"
        if min(w_inside, h_inside) < _SMALLEST:
            raise InputError(
                f"{self.name} cannot learn {place}: its sides must be {_SMALLEST} pixels or more"
            )
        self._tracker = self._create()
        try:
            self._tracker.init(pixels, (left, top, w_inside, h_inside))
        except cv2.error as error:
            raise InputError(f"{self.name} cannot learn {place}: {error}") from error
        self._shape, self._box = pixels.shape, (x, y, w, h)
        return Result(self._box, math.nan, True)

    def update(self, image: Image) -> Result:
        """Find the target in the next image.

        Returns:
            The box, and whether the tracker says that it found the target. If not, the last box.

        Raises:
            InputError: the image cannot be used, its size differs from the first image's, or
                :meth:`init` was not called.
            RuntimeError: the tracker failed inside OpenCV.
        """
        if self._tracker is None:
            raise InputError("update() before init(): give the first image and box to init()")
        pixels = _bgr(image)
        if pixels.shape != self._shape:
            (height, width), (first_height, first_width) = pixels.shape[:2], self._shape[:2]
            raise InputError(
                f"{self.name} needs images of one size: the first was {first_width}x{first_height},"
                f" this one is {width}x{height}"
            )
        try:
            found, (x, y, w, h) = self._tracker.update(pixels)
        except cv2.error as error:
            raise RuntimeError(f"{self.name} failed within OpenCV: {error}") from error
        if found:
            self._box = float(x), float(y), float(w), float(h)
        return Result(self._box, math.nan, bool(found))


def installed(names: Iterable[str]) -> tuple[dict[str, Peer], dict[str, str]]:
    """Return those of the trackers that the installed OpenCV has, and why there is no other.

    Raises:
        InputError: no tracker has one of the names.
    """
    there: dict[str, Peer] = {}
    absent: dict[str, str] = {}
    for name in names:
        try:
            there[name] = Peer(name)
        except InputError as error:
            if name not in PEERS:
                raise
            absent[name] = str(error)
    return there, absent


def _bgr(image: Image) -> Image:
    """Return the image in OpenCV's order of channels."""
    return np.asarray(cv2.cvtColor(to_rgb8(image), cv2.COLOR_RGB2BGR), np.uint8)
