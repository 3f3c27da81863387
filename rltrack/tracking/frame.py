"""A frame as the tracker sees it: boxes in it become samples, by crops or from a region's map."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rltrack.backbones.interface import Backbone
from rltrack.tracking.crops import crops
from rltrack.tracking.inputs import checked_image
from rltrack.tracking.memory import Samples
from rltrack.tracking.region import Region

__all__ = ["PHASES", "Frame", "Stopwatch"]

PHASES = ("crop", "features", "score", "first_fit", "update")
"""The phases that a tracker's time is divided into."""


class Stopwatch:
    """Measures the seconds spent in each of `PHASES`.

    Attributes:
        seconds: the seconds so far, by phase.
    """

    def __init__(self, device: torch.device) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self._device, self._running = device, False

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time of the block to the phase ``name``.

        Inside another timed block the time counts for the outer block.
        """
        if self._running:
            yield
            return
        self._running = True
        start = time.perf_counter()
        try:
            yield
        finally:
            if self._device.type == "cuda":
                torch.cuda.current_stream(self._device).synchronize()
            self.seconds[name] += time.perf_counter() - start
            self._running = False


class Frame:
    """One image, and how boxes in it become samples.

    Args:
        image: (H, W, 3) uint8 RGB.
        extractor: the backbone.
        device: where the image and everything made of it is stored and computed.
        dtype: the type of boxes in the image.
        stopwatch: measures how long crops and features take.
        around: a box (4,). If it is given, the features of all boxes are interpolated from one map
            of its surroundings. If it is None, each box gets a crop of its own.

    Attributes:
        image: (3, H, W) uint8, on ``device``.
        image_wh: (2,) its width and height.

    Raises:
        InputError: the image is of another shape or type.
    """

    def __init__(
        self,
        image: NDArray[np.uint8],
        extractor: Backbone,
        device: torch.device,
        dtype: torch.dtype,
        stopwatch: Stopwatch,
        around: Tensor | None = None,
    ) -> None:
        array = checked_image(image)
        pixels = torch.tensor(np.ascontiguousarray(array), device=device)
        self.image = pixels.permute(2, 0, 1)
        self.image_wh = torch.tensor(array.shape[1::-1], device=device, dtype=dtype)
        self._extractor, self._stopwatch = extractor, stopwatch
        self._region: Region | None = None
        if around is not None:
            with stopwatch.phase("features"):
                self._region = Region(extractor, self.image, around)

    def samples(self, boxes: Tensor) -> Samples:
        """Return the samples at ``boxes`` (N, 4).

        They have crops unless they come from a region's map.
        """
        if self._region is None:
            return self.cropped(boxes)
        with self._stopwatch.phase("features"):
            return Samples(self._region.features(boxes), None)

    def cropped(self, boxes: Tensor) -> Samples:
        """Return the samples at ``boxes`` (N, 4), each from a crop of its own."""
        with self._stopwatch.phase("crop"):
            cut = crops(self.image, boxes, self._extractor.crop)
        with self._stopwatch.phase("features"):
            return Samples(self._extractor.features(cut), cut)
