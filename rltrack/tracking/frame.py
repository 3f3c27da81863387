"""A frame of the video, which turns boxes into samples: from crops, or from a region's map."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from rltrack.backbones.interface import Backbone
from rltrack.tracking.boxes import scaled
from rltrack.tracking.crops import crops
from rltrack.tracking.memory import Samples
from rltrack.tracking.region import Region, features_everywhere
from rltrack.tracking.rgb import ImageLike, to_rgb8

__all__ = ["PHASES", "Frame", "Stopwatch"]

PHASES = ("crop", "features", "score", "first_fit", "update")
"""Names of the phases that a tracker's time is divided into."""


class Stopwatch:
    """A stopwatch that measures the seconds spent in each of `PHASES`.

    On CUDA it marks the beginning and the end of a phase in the stream of work, and waits for these
    marks only when the seconds are asked for.
    """

    def __init__(self, device: torch.device) -> None:
        self._seconds = dict.fromkeys(PHASES, 0.0)
        self._device, self._running = device, False
        self._marks: deque[tuple[str, torch.cuda.Event, torch.cuda.Event]] = deque()

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds so far, by phase. It is a copy, which does not go on."""
        self._read(wait=True)
        return dict(self._seconds)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to the phase ``name``.

        If the block is inside another timed block, its time counts only for the outer block.
        """
        if self._running:
            yield
            return
        self._running = True
        timed = self._marked(name) if self._device.type == "cuda" else self._clocked(name)
        try:
            with timed:
                yield
        finally:
            self._running = False

    @contextmanager
    def _clocked(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += time.perf_counter() - start

    @contextmanager
    def _marked(self, name: str) -> Iterator[None]:
        self._read(wait=False)  # so that the marks of a long video do not pile up
        event = partial(torch.cuda.Event, enable_timing=True)
        start, end = event(), event()
        stream = torch.cuda.current_stream(self._device)
        start.record(stream)
        try:
            yield
        finally:
            end.record(stream)
            self._marks.append((name, start, end))

    def _read(self, wait: bool) -> None:
        """Add the time between marks that have passed. ``wait`` is for those that have not."""
        while self._marks:
            name, start, end = self._marks[0]
            if not end.query():  # type: ignore[no-untyped-call]
                if not wait:
                    break
                end.synchronize()
            self._marks.popleft()
            self._seconds[name] += start.elapsed_time(end) / 1000


class Frame:
    """One image, with the functions that turn boxes in it into samples.

    Args:
        image: (H, W, 3) uint8 RGB, or what `rltrack.tracking.rgb.to_rgb8` takes.
        extractor: the backbone.
        device: where the image is stored, and where crops and features are computed.
        dtype: the type of the boxes, which are on the CPU or on ``device``.
        stopwatch: measures how long crops and features take.
        around: a box (4,), or None. With a box, one feature map of its surroundings is computed,
            and the features of all other boxes are interpolated in this map. With None, each box
            gets a crop of its own.
        asked: how far around the box there will be other boxes; see `Region`.

    Attributes:
        image: (3, H, W) uint8, on ``device``. On a CPU it may share the memory of the image that
            was given.
        image_wh: (2,), the width and height of the image, on the CPU.

    Raises:
        InputError: the image is not understood.
    """

    def __init__(
        self,
        image: ImageLike,
        extractor: Backbone,
        device: torch.device,
        dtype: torch.dtype,
        stopwatch: Stopwatch,
        around: Tensor | None = None,
        asked: Iterable[tuple[float, float]] = (),
    ) -> None:
        array = to_rgb8(image)
        # On a CPU nothing is copied, whose time would grow with the image and with the targets. A
        # tensor of an array that must not be written to would be warned of.
        pixels = torch.from_numpy(array) if array.flags.writeable else torch.tensor(array)
        self.image = pixels.to(device).permute(2, 0, 1)
        self.image_wh = torch.tensor(array.shape[1::-1], dtype=dtype)
        self._extractor, self._stopwatch = extractor, stopwatch
        self._region: Region | None = None
        if around is not None:
            with stopwatch.phase("features"):
                self._region = Region(extractor, self.image, around, asked)

    def samples(self, boxes: Tensor) -> Samples:
        """Return the samples at ``boxes`` (N, 4).

        They have crops, unless their features are interpolated in a region's map.
        """
        if self._region is None:
            return self.cropped(boxes)
        with self._stopwatch.phase("features"):
            return Samples(self._region.features(boxes), None)

    def samples_everywhere(self, boxes: Tensor, like: Tensor, scale: float) -> Samples:
        """Return the samples at ``boxes`` (N, 4) all over the image.

        They are cropped, unless features are interpolated and regions side by side cost less.

        Args:
            boxes: (N, 4).
            like: (4,), a box of about their size.
            scale: the largest side of a box, in units of the sides of ``like``.
        """
        if self._region is not None:
            with self._stopwatch.phase("features"):
                seen = features_everywhere(self._extractor, self.image, boxes, like, scale)
            if seen is not None:
                return Samples(seen, None)
        return self.cropped(boxes)

    def regression_features(self, boxes: Tensor, known: Tensor | None = None) -> Tensor:
        """Return what box regression sees of ``boxes`` (N, 4): the features of each view (N, V D).

        The views are the boxes, enlarged as `Backbone.regression_views` says.

        Args:
            boxes: (N, 4).
            known: (N, D), the features of the boxes themselves if they were computed before.
        """
        if known is None:
            known = self.samples(boxes).features
        wider = [
            self.samples(scaled(boxes, view)).features
            for view in self._extractor.regression_views[1:]
        ]
        return torch.cat([known, *wider], dim=1) if wider else known

    def cropped(self, boxes: Tensor) -> Samples:
        """Return the samples at ``boxes`` (N, 4), each from a crop of its own."""
        with self._stopwatch.phase("crop"):
            cut = crops(self.image, boxes, self._extractor.crop)
        with self._stopwatch.phase("features"):
            return Samples(self._extractor.features(cut), cut)
