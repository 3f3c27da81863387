"""Altered sequences: a real one that is cropped, or whose target is hidden for a while.

They are made to measure how a tracker behaves at the border of the image and after an occlusion,
where the true boxes are known.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.video.sources import FrameSource

__all__ = ["Cropped", "Occluded"]

Image = NDArray[np.uint8]


class _Altered:
    """What an altered source has in common with the source that it is made of."""

    def __init__(self, source: FrameSource) -> None:
        if source.ground_truth is None:
            raise InputError(f"{source.name} has no ground truth")
        self.name, self.fps, self.length = source.name, source.fps, source.length
        self.ground_truth = source.ground_truth
        self._source = source


class Cropped(_Altered):
    """A window of every frame of a source, as a source.

    Its true boxes are those of the source, seen from the window. They are not cut, and so they hang
    over the window's border where the target does.

    Args:
        source: the frames, all of one size, with ground truth.
        left: the first column of the window.
        right: the first column to the right of the window. None is the width of the frames.

    Raises:
        InputError: the source has no ground truth.
    """

    def __init__(self, source: FrameSource, left: int = 0, right: int | None = None) -> None:
        super().__init__(source)
        self.ground_truth = self.ground_truth - [left, 0, 0, 0]
        self._columns = slice(left, right)

    def __iter__(self) -> Iterator[Image | None]:
        """Yield the frames in order."""
        for image in self._source:
            yield None if image is None else image[:, self._columns]


class Occluded(_Altered):
    """A source whose target is hidden in some frames, as a source.

    The target's box, enlarged by a fifth, is covered with another part of the same frame, the one
    that is farthest to the left or to the right of the target. A frame without a true box stays as
    it is.

    Args:
        source: the frames, with ground truth.
        start: the first frame in which the target is hidden.
        stop: the first frame after ``start`` in which it is seen again.

    Raises:
        InputError: the source has no ground truth.
    """

    def __init__(self, source: FrameSource, start: int, stop: int) -> None:
        super().__init__(source)
        self._hidden = range(start, stop)

    def __iter__(self) -> Iterator[Image | None]:
        """Yield the frames in order."""
        for index, image in enumerate(self._source):
            if image is not None and index in self._hidden:
                image = covered(image, self.ground_truth[index])
            yield image


def covered(image: Image, box: NDArray[np.float64]) -> Image:
    """Return a copy of an image (H, W, 3) in which a part of it covers ``box`` (4,).

    Where the box is NaN or outside of the image, nothing is covered.
    """
    height, width = image.shape[:2]
    x, y, w, h = box if np.isfinite(box).all() else np.zeros(4)
    left, right = np.clip([x - 0.1 * w, x + 1.1 * w], 0, width).astype(int)
    top, bottom = np.clip([y - 0.1 * h, y + 1.1 * h], 0, height).astype(int)
    wide = right - left
    # From the farther side of the frame.
    start = width - wide if (left + right) / 2 < width / 2 else 0
    out = image.copy()
    out[top:bottom, left:right] = image[top:bottom, start : start + wide]
    return out
