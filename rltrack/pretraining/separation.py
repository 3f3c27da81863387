"""How well features tell a target from its surroundings, on scenes that nothing was trained on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from rltrack.backbones.interface import chunks
from rltrack.backbones.vggm import VGGM
from rltrack.parallel import each
from rltrack.pretraining.crop_batches import POSITIVES, draw_batch
from rltrack.pretraining.objectives import ridge_scores

__all__ = ["HELD_OUT", "Separation", "held_out", "separation"]

HELD_OUT = 2**40
"""The first seed of held-out scenes. Training uses smaller ones; see `Recipe`."""


class Separation(NamedTuple):
    """How well a ridge that learned from a scene's earlier samples scores the later ones.

    All are shares, 0..1.
    """

    ranked: float
    """The share of pairs, a target and a background sample of the same scene, in which the target
    has the higher score."""
    kept: float
    """The share of targets with a score above zero."""
    refused: float
    """The share of background samples with a score below zero."""


@torch.no_grad()
def separation(net: VGGM, scenes: int = 64, seed: int = 0) -> Separation:
    """Judge features on scenes that are never trained on, eight at a time."""
    device = net.conv1.weight.device
    generator = Generator(device).manual_seed(HELD_OUT + seed)
    batches = [ridge_scores(held_out(net, generator)) for _ in range(0, scenes, 8)]
    scores = torch.cat(batches)[:scenes]
    targets = scores[..., :POSITIVES].flatten(1)
    background = scores[..., POSITIVES:].flatten(1)
    ranked = (targets[:, :, None] > background[:, None]).float().mean()
    return Separation(
        float(ranked), float((targets > 0).float().mean()), float((background < 0).float().mean())
    )


def held_out(net: VGGM, generator: Generator) -> Tensor:
    """Return the features (n, T, K, 4608) of the samples of eight scenes."""
    lesson = draw_batch(8, 4, generator)
    shape = lesson.crops.shape[:3]
    pixels = lesson.crops.flatten(0, 2).contiguous(memory_format=torch.channels_last)
    parts = chunks(len(pixels), pixels.device)
    return torch.cat(each(lambda part: _features(net, pixels[part]), parts, pixels.device)).view(
        *shape, -1
    )


@torch.no_grad()
def _features(net: VGGM, pixels: Tensor) -> Tensor:
    features: Tensor = net(pixels.to(net.dtype))
    return features
