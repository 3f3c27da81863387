"""Batches of crops that a tracker would cut from a scene, with their labels and overlaps."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack.backbones.layout import MDNET_CROP
from rltrack.pretraining.scenes import GENTLE, SIZE, Change, Scenes, render
from rltrack.pretraining.textures import uniform
from rltrack.tracking.boxes import center, from_center, iou

__all__ = ["NEGATIVES", "POSITIVES", "CropBatch", "cut", "draw_batch"]

POSITIVES = 3
"""Samples of the target at each moment: IoU of 0.5 and more."""
NEGATIVES = 6
"""Samples beside it, of a part of it, or of far more than it: IoU below 0.5."""


class CropBatch(NamedTuple):
    """Of ``n`` scenes at T moments, K = POSITIVES + NEGATIVES crops each."""

    crops: Tensor
    """(n, T, K, 3, 107, 107) float32, -128..127; the positives first."""
    overlaps: Tensor
    """(n, T, K) float32, each crop's IoU with the target."""
    kinds: Tensor
    """(n,) of the targets."""


def draw_batch(n: int, moments: int, generator: Generator, change: Change = GENTLE) -> CropBatch:
    """Render ``n`` scenes and cut their samples."""
    scenes = render(n, moments, generator, change)
    boxes = torch.cat([_positives(scenes, generator), _negatives(scenes, generator)], 2)
    overlaps = iou(boxes, scenes.boxes[:, :, :1])
    return CropBatch(cut(scenes.frames, boxes), overlaps, scenes.kinds)


def _positives(scenes: Scenes, generator: Generator) -> Tensor:
    target = scenes.boxes[:, :, :1]
    drawn = _jittered(target.expand(-1, -1, 8 * POSITIVES, -1), 0.12, 0.4, generator)
    return _best(drawn, iou(drawn, target).clamp(max=0.5), POSITIVES, generator)


def _negatives(scenes: Scenes, generator: Generator) -> Tensor:
    """A third beside the target, a third too large or small, a third on others, if any is seen.

    A tracker's first frame has next to none of a wrong size alone, so the known moments have more
    beside the target instead.
    """
    target, count = scenes.boxes[:, :, :1], NEGATIVES // 3
    moments = target.shape[1]
    many = target.expand(-1, -1, 8 * count, -1)
    beside = _jittered(many, 1.5, 0.4, generator)
    known = _jittered(many, 1.5, 0.4, generator)[:, : moments // 2]
    resized = _jittered(many, 0.25, 1.5, generator)[:, moments // 2 :]
    resized = torch.cat([known, resized], 1)
    others = scenes.boxes[:, :, 1:].repeat(1, 1, 4 * count, 1)
    seen = others[..., 2:].amin(-1, keepdim=True) >= 8
    others = torch.where(seen, _jittered(others, 0.1, 0.2, generator), beside)
    return torch.cat(
        [
            _best(boxes, -iou(boxes, target).clamp(min=0.4), count, generator)
            for boxes in (beside, resized, others)
        ],
        2,
    )


def _jittered(boxes: Tensor, shift: float, scale: float, generator: Generator) -> Tensor:
    """Move ``boxes`` by up to ``shift`` of their sides, each way, and scale by up to 2^scale."""
    middle, sides = center(boxes), boxes[..., 2:]
    moved = middle + uniform(tuple(middle.shape), -shift, shift, generator) * sides
    sides = sides * 2 ** uniform((*boxes.shape[:-1], 1), -scale, scale, generator)
    return from_center(moved, sides)


def _best(boxes: Tensor, fitness: Tensor, count: int, generator: Generator) -> Tensor:
    """Return the ``count`` boxes of the highest fitness (n, T, M). Chance chooses among equals."""
    tie = uniform(tuple(fitness.shape), 0, 1e-3, generator)
    index = (fitness + tie).topk(count, dim=2).indices
    return boxes.gather(2, index[..., None].expand(-1, -1, -1, 4))


def cut(frames: Tensor, boxes: Tensor) -> Tensor:
    """Return crops (n, T, K, 3, 107, 107) of ``frames`` (n, T, 3, S, S).

    They are cut at ``boxes`` (n, T, K, 4) as :mod:`rltrack.tracking.crops` cuts them, with grey
    outside the frame, but nothing is rounded to whole pixels and levels. Targets are smaller than a
    crop, so nothing has to be averaged.
    """
    n, moments, count = boxes.shape[:3]
    middle = center(boxes)
    sides = MDNET_CROP.enlargement * boxes[..., 2:]
    size = MDNET_CROP.size
    at = (torch.arange(size, device=boxes.device, dtype=torch.float32) + 0.5) / size - 0.5
    x, y = (middle[..., i, None] + at * sides[..., i, None] for i in (0, 1))
    x, y = (2 * value / SIZE - 1 for value in (x, y))
    every = n, moments, count, size, size
    grid = torch.stack([x[..., None, :].expand(every), y[..., None].expand(every)], -1)
    # The crops of a frame are sampled as one tall image.
    tall = grid.view(n * moments, count * size, size, 2)
    crops = F.grid_sample(frames.flatten(0, 1), tall, align_corners=False)
    crops = crops.view(n, moments, 3, count, size, size)
    return crops.permute(0, 1, 3, 2, 4, 5)
