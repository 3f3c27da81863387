"""The targets of one video: a tracker for each, and one backbone for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rltrack.backbones.interface import Backbone
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker

__all__ = ["Targets"]

Image = NDArray[np.uint8]


class Targets:
    """Follows K targets through one video, each as a `Tracker` alone would.

    On CUDA they are worked on side by side: one tracker's small steps leave most of a GPU idle.
    On a CPU, where each step uses all threads, it is one after the other. What comes out is the
    same.

    As a context manager it ends its threads on the way out of the block.

    Args:
        number: K, 1 or more.
        config: of all trackers.
        backbone: a name, a file, or fixed convolutions; see `Tracker`.
        device: see `rltrack.tracking.inputs.pick_device`.
        seed: of the first target; that of target k is ``seed + k``.
        side_by_side: whether each target has a thread; None chooses as said above.
    """

    def __init__(
        self,
        number: int,
        config: TrackerConfig,
        *,
        backbone: str | Path | Backbone = "embedded",
        device: str | torch.device = "auto",
        seed: int = 0,
        side_by_side: bool | None = None,
    ) -> None:
        first = Tracker(config, backbone=backbone, device=device, seed=seed)
        others = [
            Tracker(config, backbone=first.extractor, device=first.device, seed=seed + k)
            for k in range(1, number)
        ]
        self.trackers = (first, *others)
        self.backbone = first.backbone
        if side_by_side is None:
            side_by_side = number > 1 and first.device.type == "cuda"
        self._lanes = [_Lane(first.device) for _ in self.trackers] if side_by_side else []

    def init(self, image: Image, boxes: Sequence[Sequence[float]]) -> tuple[Result, ...]:
        """Learn the targets in ``boxes``, one for each; see `Tracker.init`."""
        pairs = zip(self.trackers, boxes, strict=True)
        return self._each([partial(tracker.init, image, box) for tracker, box in pairs])

    def update(self, image: Image | None) -> tuple[Result, ...]:
        """Find the targets in the next image; see `Tracker.update`."""
        return self._each([partial(tracker.update, image) for tracker in self.trackers])

    def __enter__(self) -> Targets:
        return self

    def __exit__(self, *_: object) -> None:
        for lane in self._lanes:
            lane.close()

    def _each(self, calls: Sequence[Callable[[], Result]]) -> tuple[Result, ...]:
        if not self._lanes:
            return tuple(call() for call in calls)
        waiting = [lane.submit(call) for lane, call in zip(self._lanes, calls, strict=True)]
        return tuple(future.result() for future in waiting)


class _Lane:
    """A thread, on CUDA with a stream: what is started in one lane waits for no other.

    A target stays in its lane. PyTorch hands memory out again within the stream that freed it.
    """

    def __init__(self, device: torch.device) -> None:
        self._thread = ThreadPoolExecutor(1, "rltrack-target")
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            self._stream.wait_stream(torch.cuda.current_stream(device))  # puts weights in place

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        return self._thread.submit(self._run, call)

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _run(self, call: Callable[[], Result]) -> Result:
        with torch.cuda.stream(self._stream):
            result = call()
        if self._stream is not None:
            self._stream.synchronize()  # for those who look inside the tracker from outside
        return result
