"""An excerpt: a part of a video, as a source of frames."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.outputs import inputs_of
from rltrack.video.sources import FrameSource, open_source

__all__ = ["Excerpt"]

Image = NDArray[np.uint8]


class Excerpt:
    """Consecutive frames of a source, as a source: from ``start`` up to before ``stop``.

    Args:
        source: what `rltrack.open_source` takes, with ground truth.
        start: the frame that becomes frame 0.
        stop: the first frame that is left out. None goes to the end.

    Raises:
        InputError: there is no ground truth, or none at ``start``.
    """

    def __init__(
        self, source: str | Path | FrameSource, start: int = 0, stop: int | None = None
    ) -> None:
        whole = open_source(source)
        if whole.ground_truth is None:
            raise InputError(f"{whole.name} has no ground truth")
        self.name, self.fps, self.inputs = whole.name, whole.fps, inputs_of(whole)
        self.start, self._stop, self._whole = start, stop, whole
        self.ground_truth = whole.ground_truth[start:stop]
        self.length = len(self.ground_truth)
        if not self.length or np.isnan(self.ground_truth[0]).any():
            raise InputError(f"start is {start}; {whole.name} has no box there")

    def __iter__(self) -> Iterator[Image | None]:
        """Yield the frames in order."""
        return islice(self._whole, self.start, self._stop)
