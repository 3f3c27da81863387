"""What the tracker remembers: the training samples of recent frames, and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["SampleMemory", "Samples"]


class Samples(NamedTuple):
    """Training samples of one label."""

    features: Tensor
    """(N, 4608), computed once: conv1-3 are fixed."""
    crops: Tensor | None
    """(N, 3, 107, 107) uint8, for attention; None where the loss has no attention term."""

    def take(self, index: Tensor | slice) -> Samples:
        """The samples at ``index``."""
        return Samples(self.features[index], None if self.crops is None else self.crops[index])

    def clone(self) -> Samples:
        """The same samples in memory of their own."""
        return Samples(self.features.clone(), None if self.crops is None else self.crops.clone())

    @staticmethod
    def join(parts: Iterable[Samples]) -> Samples:
        """All samples of ``parts``, which must all have crops or all have none."""
        features, crops = zip(*parts, strict=True)
        return Samples(torch.cat(features), None if crops[0] is None else torch.cat(crops))


class SampleMemory:
    """Positives of the last ``long`` successful frames, negatives of the last ``short``."""

    def __init__(self, long: int, short: int) -> None:
        self.short = short
        self._positives: deque[Samples] = deque(maxlen=long)
        self._negatives: deque[Samples] = deque(maxlen=short)

    def __len__(self) -> int:
        """Frames remembered."""
        return len(self._positives)

    def add(self, positives: Samples, negatives: Samples) -> None:
        """Remember one frame's samples, forgetting the oldest frame's when full."""
        # A view would keep alive all the samples that it was cut from.
        self._positives.append(positives.clone())
        self._negatives.append(negatives.clone())

    def long_term(self) -> tuple[Samples, Samples]:
        """All positives, and all (short-lived) negatives."""
        return Samples.join(self._positives), Samples.join(self._negatives)

    def short_term(self) -> tuple[Samples, Samples]:
        """Positives and negatives of the last ``short`` frames."""
        recent = list(self._positives)[-self.short :]
        return Samples.join(recent), Samples.join(self._negatives)
