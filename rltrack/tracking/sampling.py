"""Candidate boxes around a target: Gaussian, uniform, and spread over the whole image.

Released code's three samplers, drawn on the device from a generator that is passed in. Lengths
are in mean target sides, ``(w + h) / 2``; scales are factors, so ``scale=1.2`` spans 1/1.2 to 1.2.
Sides are kept within [10, image side - 10] px, and centres within the image. A target's side that
is below 10 px itself may be halved.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from rltrack.tracking.boxes import area, center, from_center, iou

__all__ = ["gaussian", "labelled", "uniform", "whole_image"]

log = logging.getLogger(__name__)

SMALLEST_SIDE = 10.0


def gaussian(
    box: Tensor,
    n: int,
    image_wh: Tensor,
    *,
    translation: float,
    scale: float,
    generator: Generator,
    inside: bool = False,
) -> Tensor:
    """``n`` boxes ``(n, 4)``, centre and log-scale normal.

    The normals have half the given spread as deviation and are clipped at the spread. ``inside``
    keeps whole boxes in the image, not only their centres.
    """
    noise = torch.randn(n, 3, generator=generator, device=box.device, dtype=box.dtype)
    noise = (0.5 * noise).clamp(-1, 1)
    centers = center(box) + translation * box[2:].mean() * noise[:, :2]
    return _fitted(box, centers, box[2:] * scale ** noise[:, 2:], image_wh, inside)


def uniform(
    box: Tensor,
    n: int,
    image_wh: Tensor,
    *,
    translation: float,
    scale: float,
    aspect: float = 1.0,
    generator: Generator,
) -> Tensor:
    """``n`` boxes ``(n, 4)``: centre, log-scale and log-aspect uniform within the spreads."""
    noise = _symmetric(n, 4, box, generator)
    centers = center(box) + translation * box[2:].mean() * noise[:, :2]
    return _fitted(box, centers, _sides(box, noise[:, 2:], scale, aspect), image_wh)


def whole_image(
    box: Tensor,
    n: int,
    image_wh: Tensor,
    *,
    scale: float,
    aspect: float = 1.0,
    generator: Generator,
) -> Tensor:
    """``n`` boxes ``(n, 4)`` of about the target's size, all over the image.

    Their centres are distinct places of a regular grid of about ``4 n``.
    """
    side = int(2 * math.sqrt(n)) + 1
    picked = torch.randperm(side * side, generator=generator, device=box.device)[:n]
    grid = torch.stack([picked % side, picked // side], dim=-1).to(box.dtype) / (side - 1)
    centers = box[2:] / 2 + grid * (image_wh - box[2:] / 2 - 1)
    sides = _sides(box, _symmetric(n, 2, box, generator), scale, aspect)
    return _fitted(box, centers, sides, image_wh)


def labelled(
    draw: Callable[[int], Tensor],
    n: int,
    box: Tensor,
    *,
    iou_range: tuple[float, float],
    area_range: tuple[float, float] = (0.0, math.inf),
    rounds: int = 4,
) -> Tensor:
    """Exactly ``n`` boxes from ``draw`` whose IoU with ``box`` lies in ``iou_range``.

    ``draw(m)`` returns ``m`` boxes ``(m, 4)``. Twice as many are drawn in each round, up to
    ``rounds``. Some targets allow too few, say negatives around one that fills the image: then
    those that fit are repeated, and if none fits, the boxes nearest to the range are taken; both
    are logged. Never fewer than ``n``.

    Args:
        draw: the sampler.
        n: how many boxes to return.
        box: (4,) what the samples are compared with.
        iou_range: allowed IoU with it.
        area_range: allowed ratio of a sample's area to the box's.
        rounds: draws before giving up on finding enough.
    """
    kept = drawn = box.new_empty(0, 4)
    for attempt in range(1, rounds + 1):
        drawn = draw(n * 2**attempt)
        overlap, ratio = iou(drawn, box), area(drawn) / area(box)
        fits = (overlap >= iou_range[0]) & (overlap <= iou_range[1])
        fits &= (ratio >= area_range[0]) & (ratio <= area_range[1])
        kept = torch.cat([kept, drawn[fits]])
        if len(kept) >= n:
            return kept[:n]
    log.warning("only %d of %d samples with IoU in %s; repeating", len(kept), n, iou_range)
    if len(kept) == 0:
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
    box: Tensor, centers: Tensor, sides: Tensor, image_wh: Tensor, inside: bool = False
) -> Tensor:
    small = (box[2:] / 2).clamp(min=1)
    smallest = torch.where(box[2:] < SMALLEST_SIDE, small, SMALLEST_SIDE).minimum(image_wh)
    largest = torch.maximum(image_wh - SMALLEST_SIDE, image_wh.clamp(max=SMALLEST_SIDE))
    sides = torch.maximum(sides, smallest)
    sides = torch.minimum(sides, largest)
    margin = sides / 2 if inside else torch.zeros_like(sides)
    centers = torch.minimum(torch.maximum(centers, margin), image_wh - margin)
    return from_center(centers, sides)
