"""Boxes that become training samples: positives and negatives, and what box regression learns from.

Each function draws ``n`` boxes (n, 4) around a ``target`` (4,) in an image with the sides
``image_wh`` (2,). It takes the spreads and the allowed overlaps from the configuration, and draws
from a ``generator`` on the boxes' device with the samplers of :mod:`rltrack.tracking.sampling`.
"""

from __future__ import annotations

import math

from torch import Generator, Tensor

from rltrack.tracking import sampling
from rltrack.tracking.config import TrackerConfig

__all__ = [
    "first_negatives_anywhere",
    "first_negatives_nearby",
    "for_regression",
    "positives",
    "update_negatives",
]


def positives(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw boxes that count as the target, in the first frame and in updates."""
    return sampling.labelled(
        lambda m: sampling.gaussian(
            target,
            m,
            image_wh,
            translation=config.positive_translation,
            scale=config.positive_scale,
            generator=generator,
        ),
        n,
        target,
        iou_range=config.positive_iou,
    )


def first_negatives_nearby(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw background boxes near the target, in the first frame."""
    return _around(
        target,
        image_wh,
        n,
        generator,
        translation=config.first_negative_translation,
        scale=config.first_negative_scale,
        aspect=config.aspect,
        iou_range=config.first_negative_iou,
    )


def first_negatives_anywhere(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw background boxes all over the image, in the first frame."""
    return sampling.labelled(
        lambda m: sampling.whole_image(
            target,
            m,
            image_wh,
            scale=config.whole_image_scale,
            aspect=config.aspect,
            generator=generator,
        ),
        n,
        target,
        iou_range=config.first_negative_iou,
    )


def update_negatives(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw background boxes around the target, for updates."""
    return _around(
        target,
        image_wh,
        n,
        generator,
        translation=config.update_negative_translation,
        scale=config.update_negative_scale,
        iou_range=config.update_negative_iou,
    )


def for_regression(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw the boxes that the box regressor learns from, in the first frame."""
    return _around(
        target,
        image_wh,
        n,
        generator,
        translation=config.regression_translation,
        scale=config.regression_scale,
        aspect=config.aspect,
        iou_range=config.regression_iou,
        area_range=config.regression_area,
    )


def _around(
    target: Tensor,
    image_wh: Tensor,
    n: int,
    generator: Generator,
    *,
    translation: float,
    scale: float,
    aspect: float = 1.0,
    iou_range: tuple[float, float],
    area_range: tuple[float, float] = (0.0, math.inf),
) -> Tensor:
    return sampling.labelled(
        lambda m: sampling.uniform(
            target,
            m,
            image_wh,
            translation=translation,
            scale=scale,
            aspect=aspect,
            generator=generator,
        ),
        n,
        target,
        iou_range=iou_range,
        area_range=area_range,
    )
