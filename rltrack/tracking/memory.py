"""The tracker's memory, which keeps the training samples of recent frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["SampleMemory", "Samples"]


class Samples(NamedTuple):
    """Training samples that all have the same label."""

    features: Tensor
    """(N, C k k). Features are computed only once, because the backbone is fixed."""
    crops: Tensor | None
    """(N, 3, S, S) uint8, from which attention is computed. None if attention needs no crops."""

    def take(self, index: Tensor | slice) -> Samples:
        """Return the samples at ``index``, which may be on any device."""
        if isinstance(index, Tensor):
            index = index.to(self.features.device, non_blocking=True)
        return Samples(self.features[index], None if self.crops is None else self.crops[index])

    def cycled(self, n: int) -> Samples:
        """Return the first ``n`` samples. If there are fewer than ``n``, they are repeated."""
        return self.take(torch.arange(n) % len(self.features))

    @staticmethod
    def join(parts: Iterable[Samples]) -> Samples:
        """Concatenate the samples of ``parts``. Either all parts have crops, or none has."""
        features, crops = zip(*parts, strict=True)
        return Samples(torch.cat(features), None if crops[0] is None else torch.cat(crops))


class _Frames:
    """The samples of the last ``capacity`` frames. A new frame replaces the oldest one."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.added = capacity, 0

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, samples: Samples) -> None:
        features, crops = samples
        if self.added == 0:
            self.each = len(features)
            rows = self.capacity * self.each
            kept = None if crops is None else _room(crops, rows)
            self.room = Samples(_room(features, rows), kept)
        place = self._place(self.added)
        self.room.features[place] = features
        if self.room.crops is not None and crops is not None:
            self.room.crops[place] = crops
        self.added += 1

    def last(self, frames: int) -> Samples:
        """Return the samples of the last ``frames`` frames.

        They are a copy only if their rows begin at the end of the storage and go on at its start.
        """
        frames = min(frames, len(self))
        if frames == self.capacity:
            return self.room
        first = self._place(self.added - frames).start
        stop, end = first + frames * self.each, self.capacity * self.each
        if stop <= end:
            return self.room.take(slice(first, stop))
        return Samples.join([self.room.take(slice(first, end)), self.room.take(slice(stop - end))])

    def _place(self, frame: int) -> slice:
        first = frame % self.capacity * self.each
        return slice(first, first + self.each)


def _room(like: Tensor, rows: int) -> Tensor:
    """Reserve memory for ``rows`` rows like those of ``like``.

    On a CPU, the memory is occupied only when it is first written.
    """
    layout = torch.channels_last if like.dim() == 4 else torch.contiguous_format
    shape = rows, *like.shape[1:]
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)


class SampleMemory:
    """Positives of the last ``long`` frames, and negatives of the last ``short`` frames.

    The tracker adds the first frame, and then every frame in which it finds the target. Every frame
    must add the same number of positives, and the same number of negatives. The samples that the
    memory returns are valid until the next frame is added.
    """

    def __init__(self, long: int, short: int) -> None:
        self.short = short
        self._positives, self._negatives = _Frames(long), _Frames(short)

    def __len__(self) -> int:
        """Return the number of frames in memory."""
        return len(self._positives)

    def add(self, positives: Samples, negatives: Samples) -> None:
        """Store one frame's samples. If the memory is full, they replace those of the oldest."""
        self._positives.add(positives)
        self._negatives.add(negatives)

    def long_term(self) -> tuple[Samples, Samples]:
        """Return all positives and all negatives in memory, for a long-term update."""
        return self._positives.last(len(self)), self._negatives.last(self.short)

    def short_term(self) -> tuple[Samples, Samples]:
        """Return the samples of the last ``short`` frames, for a short-term update."""
        return self._positives.last(self.short), self._negatives.last(self.short)
