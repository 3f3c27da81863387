"""The frames of a run that its page shows: chosen as the run goes, each with its attention maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rltrack.pages.elements import image_data, shrunk
from rltrack.pages.markup import Html
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.video.heat_maps import attention_panel, smoothed

__all__ = ["AttentionPicture", "KeyFrame", "KeyFrames"]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_SPACED = 12
"""Key frames of a whole run, evenly spaced."""

_EVENTS = 8
"""Key frames more, in which a target was lost or found again."""

_MAPS = 4
"""Attention maps of a key frame: those of the first targets."""

_SIDE, _MAP_SIDE = 640, 240
"""Pixels of the longer side of a frame's picture, and of a map's."""

_BYTES, _MAP_BYTES = 90_000, 16_000
"""Most bytes of a frame's picture and of a map's."""


@dataclass(frozen=True)
class AttentionPicture:
    """The attention map A_p of one target, over the grey crop at its box."""

    data: Html
    """The picture as an address; see `rltrack.pages.elements.image_data`."""
    size: tuple[int, int]
    """Width and height in pixels."""
    unevenness: float
    """The map's deviation over its mean, which Eq. 3 makes small; NaN of an empty map."""


@dataclass(frozen=True)
class KeyFrame:
    """One frame that the page shows."""

    index: int
    data: Html
    """The picture as an address; see `rltrack.pages.elements.image_data`."""
    size: tuple[int, int]
    """Width and height of the frame in pixels, in which boxes are."""
    results: tuple[Result, ...]
    """Of each target."""
    truth: Array | None
    """The true box (4,), of a single target."""
    maps: tuple[AttentionPicture, ...]
    """Of the first targets; none if they were not computed."""
    reason: str
    """Why it was chosen: ``spaced``, ``early``, ``event`` or ``last``."""


class KeyFrames:
    """Chooses key frames while a run goes, whose end nobody knows for certain.

    About twelve are evenly spaced. While no spacing is known, each frame is taken, and every other
    one is given up as soon as there are too many. If it is known, a run that ends early still has
    the frames 4, 8, 16 and so on of the first stretch. Up to eight more are those in which a target
    was lost or found again. Attention maps are computed for these frames alone.

    Args:
        length: the number of frames that the source says it has; None if it does not say.
    """

    def __init__(self, length: int | None = None) -> None:
        self._stride = max(1, math.ceil((length or 0) / _SPACED))
        self._known = bool(length)
        self._taken: list[KeyFrame] = []
        self._found: tuple[bool, ...] = ()
        self._last_event = -math.inf

    def add(
        self,
        index: int,
        image: Image,
        results: Sequence[Result],
        trackers: Sequence[Tracker],
        truth: Array | None,
    ) -> None:
        """Take a frame, if it is one to be shown.

        Args:
            index: of the frame, from 0.
            image: (H, W, 3) uint8 RGB.
            results: of each target in this frame.
            trackers: that gave them, as this frame left them.
            truth: the true box (4,), of a single target.
        """
        reason = self._reason(index, tuple(bool(result.found) for result in results))
        if reason:
            self._taken.append(_key_frame(index, image, results, trackers, truth, reason))
        spaced = [each for each in self._taken if each.reason == "spaced"]
        if len(spaced) > 4 * _SPACED // 3:
            self._stride *= 2
            self._taken = [
                each
                for each in self._taken
                if each.reason != "spaced" or each.index % self._stride == 0
            ]

    def close(
        self,
        index: int,
        image: Image,
        results: Sequence[Result],
        trackers: Sequence[Tracker],
        truth: Array | None,
    ) -> list[KeyFrame]:
        """Take the last frame too, and return all key frames in their order.

        Args are as in `add`. Without ``trackers`` there are no attention maps of the last frame.
        """
        taken = list(self._taken)
        if len(taken) > _SPACED // 2:
            taken = [each for each in taken if each.reason != "early"]
        if not any(each.index == index for each in taken):
            taken.append(_key_frame(index, image, results, trackers, truth, "last"))
        return sorted(taken, key=lambda each: each.index)

    def _reason(self, index: int, found: tuple[bool, ...]) -> str:
        """Say why a frame is to be shown; nothing if it is not."""
        before, self._found = self._found, found
        changed = bool(before) and before != found
        if index % self._stride == 0:
            return "spaced"
        events = sum(each.reason == "event" for each in self._taken)
        if changed and events < _EVENTS and index - self._last_event > self._stride / 4:
            self._last_event = index
            return "event"
        early = self._known and 4 <= index < self._stride and index & (index - 1) == 0
        return "early" if early else ""


def _key_frame(
    index: int,
    image: Image,
    results: Sequence[Result],
    trackers: Sequence[Tracker],
    truth: Array | None,
    reason: str,
) -> KeyFrame:
    pairs = list(zip(results, trackers, strict=False))[:_MAPS]
    maps = tuple(_attention(image, result, tracker) for result, tracker in pairs)
    data = image_data(shrunk(image, _SIDE), _BYTES)
    size = image.shape[1], image.shape[0]
    return KeyFrame(index, data, size, tuple(results), truth, maps, reason)


def _attention(image: Image, result: Result, tracker: Tracker) -> AttentionPicture:
    attention, _ = tracker.attention(image, result.box)
    extent = tracker.crop_extent(result.box)
    scale = _MAP_SIDE / max(extent[2:])
    size = max(1, round(extent[2] * scale)), max(1, round(extent[3] * scale))
    mean = float(attention.mean())
    # From its lowest place on: of an even map, which is bright everywhere, nothing could be seen.
    seen = smoothed(attention)
    data = image_data(attention_panel(image, seen - seen.min(), extent, size), _MAP_BYTES)
    return AttentionPicture(data, size, float(attention.std()) / mean if mean > 0 else math.nan)
