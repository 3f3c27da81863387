"""Backbones made of others without a step of training: another scale, or half way between two."""

from __future__ import annotations

from torch import Tensor

__all__ = ["between", "scaled"]


def scaled(weights: dict[str, Tensor], factor: float) -> dict[str, Tensor]:
    """``weights`` whose features are ``factor`` times as large, and no different otherwise.

    The tracker is not indifferent to it: its learning rates and its ridge's strength are absolute.
    """
    return {
        name: w * factor if name.startswith("conv3") else w.clone() for name, w in weights.items()
    }


def between(start: dict[str, Tensor], end: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """The weights at ``share`` 0..1 of the straight way from one backbone to another.

    Between where a training began and where it ended, it is a training that went less far.
    """
    return {name: w.lerp(end[name], share) for name, w in start.items()}
