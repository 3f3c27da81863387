"""Altered sequences: a real one that is cropped, or whose target is hidden for a while.

They are made to measure how a tracker behaves at the border of the image and after an occlusion,
where the true boxes are known.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rltrack.video.sources import FrameSource

__all__ = ["Cropped", "Occluded"]

Image = NDArray[np.uint8]


class Cropped:
    """A window of every frame of a source, as a source.

    Its true boxes are those of the source, seen from the window. They are not cut, and so they hang
    over the window's border where the target does.

    Args:
        source: the frames, all of one size, with ground truth.
        left: the first column of the window.
        right: the first column to the right of the window. None is the width of the frames.
    """

    fps = None

    def __init__(self, source: FrameSource, left: int = 0, right: int | None = None) -> None:
        assert source.ground_truth is not None, "the source has no ground truth"
        self.name, self.length = source.name, source.length
        self.ground_truth = source.ground_truth - [left, 0, 0, 0]
        self._source, self._columns = source, slice(left, right)

    def __iter__(self) -> Iterator[Image | None]:
        """Yield the frames in order."""
        for image in self._source:
            yield None if image is None else image[:, self._columns]


class Occluded:
    """A source whose target is hidden in some frames, as a source.

    The target's box, enlarged by a fifth, is covered with another part of the same frame, the one
    that is farthest to the left or to the right of the target.

    Args:
        source: the frames, with ground truth.
        start: the first frame in which the target is hidden.
        stop: the first frame after ``start`` in which it is seen again.
    """

    fps = None

    def __init__(self, source: FrameSource, start: int, stop: int) -> None:
        assert source.ground_truth is not None, "the source has no ground truth"
        self.name, self.length = source.name, source.length
        self.ground_truth = source.ground_truth
        self._source, self._hidden = source, range(start, stop)

    def __iter__(self) -> Iterator[Image | None]:
        """Yield the frames in order."""
        for index, image in enumerate(self._source):
            if image is not None and index in self._hidden:
                image = covered(image, self.ground_truth[index])
            yield image


def covered(image: Image, box: NDArray[np.float64]) -> Image:
    """Return a copy of an image (H, W, 3) in which a part of it covers ``box`` (4,)."""
    height, width = image.shape[:2]
    x, y, w, h = box
    left, right = max(0, int(x - 0.1 * w)), min(width, int(x + 1.1 * w))
    top, bottom = max(0, int(y - 0.1 * h)), min(height, int(y + 1.1 * h))
    wide = right - left
    # From the farther side of the frame.
    start = width - wide if (left + right) / 2 < width / 2 else 0
    out = image.copy()
    out[top:bottom, left:right] = image[top:bottom, start : start + wide]
    return out
