"""Samplers, which draw boxes: Gaussian, uniform, or spread over the whole image.

These are the three samplers of the released code. They run on the device of the target's box and
draw from a generator that is passed in.

``translation`` is the largest shift of a box's centre along each axis, in units of the target's
mean side, ``(w + h) / 2``. ``scale`` is the largest factor of a box's size: ``scale=1.2`` means
factors from 1/1.2 to 1.2. ``aspect`` is the largest factor by which the width is multiplied while
the height is divided by it, or the reverse.

The sides of a sample are kept within [10, image side - 10] pixels. If a side of the target is
shorter than 10 pixels, that side of a sample may be as short as half of the target's. ``border``
says how far a sample may hang over the image's border. With ``center``, its centre is kept within
the image. With ``box``, so is the whole box. With ``target``, its centre is kept within the image
or no further outside than the target's own centre, and its sides may be as long as the target's.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from rltrack.tracking.boxes import area, center, from_center, iou
from rltrack.tracking.config import Border

__all__ = ["gaussian", "labelled", "uniform", "whole_image"]

log = logging.getLogger(__name__)

SMALLEST_SIDE = 10.0

_ROUNDS = 4  # of draws for enough boxes; the last one draws 16 times as many as are wanted


def gaussian(
    box: Tensor,
    n: int,
    image_wh: Tensor,
    *,
    translation: float,
    scale: float,
    generator: Generator,
    border: Border = "center",
) -> Tensor:
    """Draw ``n`` boxes ``(n, 4)`` whose centres and log-scales are normally distributed.

    ``translation`` and ``log(scale)`` are the spreads. The standard deviations are half the
    spreads, and the values are clipped at the spreads.
    """
    noise = torch.randn(n, 3, generator=generator, device=box.device, dtype=box.dtype)
    noise = (0.5 * noise).clamp(-1, 1)
    centers = center(box) + translation * box[2:].mean() * noise[:, :2]
    return _fitted(box, centers, box[2:] * scale ** noise[:, 2:], image_wh, border)


def uniform(
    box: Tensor,
    n: int,
    image_wh: Tensor,
    *,
    translation: float,
    scale: float,
    aspect: float = 1.0,
    generator: Generator,
    border: Border = "center",
) -> Tensor:
    """Draw ``n`` boxes ``(n, 4)`` whose centre, log-scale and log-aspect are uniform."""
    noise = _symmetric(n, 4, box, generator)
    centers = center(box) + translation * box[2:].mean() * noise[:, :2]
    return _fitted(box, centers, _sides(box, noise[:, 2:], scale, aspect), image_wh, border)


def whole_image(
    box: Tensor,
    n: int,
    image_wh: Tensor,
    *,
    scale: float,
    aspect: float = 1.0,
    generator: Generator,
    border: Border = "center",
) -> Tensor:
    """Draw ``n`` boxes ``(n, 4)`` of about the target's size, spread over the whole image.

    Their centres are different places of a regular grid, which has about ``4 n`` places.
    """
    side = int(2 * math.sqrt(n)) + 1
    picked = torch.randperm(side * side, generator=generator, device=box.device)[:n]
    grid = torch.stack([picked % side, picked // side], dim=-1).to(box.dtype) / (side - 1)
    centers = box[2:] / 2 + grid * (image_wh - box[2:] / 2 - 1)
    sides = _sides(box, _symmetric(n, 2, box, generator), scale, aspect)
    return _fitted(box, centers, sides, image_wh, border)


def labelled(
    draw: Callable[[int], Tensor],
    n: int,
    box: Tensor,
    *,
    iou_range: tuple[float, float],
    area_range: tuple[float, float] = (0.0, math.inf),
) -> Tensor:
    """Return exactly ``n`` boxes from ``draw`` whose IoU with ``box`` lies in ``iou_range``.

    Boxes are drawn until ``n`` of them fit, in at most four rounds. The first round draws
    ``2 n`` boxes, and each further round draws twice as many as the one before. Some targets allow
    too few boxes. For example, there are few negatives around a target that fills the image. In
    that case, the boxes that fit are repeated. If none fits, the boxes whose IoU is nearest to the
    range are taken. Both cases are logged. The function never returns fewer than ``n`` boxes.

    Args:
        draw: the sampler: ``draw(m)`` returns ``m`` boxes ``(m, 4)``.
        n: how many boxes to return.
        box: (4,), the box that the samples are compared with.
        iou_range: allowed range of a sample's IoU with ``box``.
        area_range: allowed range of a sample's area divided by the area of ``box``.
    """
    kept = drawn = box.new_empty(0, 4)
    for attempt in range(1, _ROUNDS + 1):
        drawn = draw(n * 2**attempt)
        overlap, ratio = iou(drawn, box), area(drawn) / area(box)
        fits = (overlap >= iou_range[0]) & (overlap <= iou_range[1])
        fits &= (ratio >= area_range[0]) & (ratio <= area_range[1])
        kept = torch.cat([kept, drawn[fits]])
        if len(kept) >= n:
            return kept[:n]
    if len(kept):
        log.warning(
            "only %d of %d boxes have the IoU and area wanted; repeating them", len(kept), n
        )
    else:
        log.warning("none of the boxes has the IoU and area wanted; taking those nearest in IoU")
        overlap = iou(drawn, box)
        miss = (iou_range[0] - overlap).clamp(min=0) + (overlap - iou_range[1]).clamp(min=0)
        kept = drawn[miss.argsort()[:n]]
    return kept.repeat(math.ceil(n / len(kept)), 1)[:n]


def _symmetric(n: int, columns: int, like: Tensor, generator: Generator) -> Tensor:
    noise = torch.rand(n, columns, generator=generator, device=like.device, dtype=like.dtype)
    return 2 * noise - 1


def _sides(box: Tensor, noise: Tensor, scale: float, aspect: float) -> Tensor:
    stretch = torch.stack([noise[:, 1], -noise[:, 1]], dim=-1)
    return box[2:] * scale ** noise[:, :1] * aspect**stretch


def _fitted(
    box: Tensor, centers: Tensor, sides: Tensor, image_wh: Tensor, border: Border
) -> Tensor:
    small = (box[2:] / 2).clamp(min=1)
    smallest = torch.where(box[2:] < SMALLEST_SIDE, small, SMALLEST_SIDE).minimum(image_wh)
    largest = torch.maximum(image_wh - SMALLEST_SIDE, image_wh.clamp(max=SMALLEST_SIDE))
    low, high = torch.zeros_like(image_wh), image_wh
    if border == "target":
        largest = torch.maximum(largest, box[2:])
        low, high = low.minimum(center(box)), high.maximum(center(box))
    sides = torch.maximum(sides, smallest)
    sides = torch.minimum(sides, largest)
    margin = sides / 2 if border == "box" else torch.zeros_like(sides)
    centers = torch.minimum(torch.maximum(centers, low + margin), high - margin)
    return from_center(centers, sides)
