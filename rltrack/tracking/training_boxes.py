"""Boxes that become training samples, for the classifier and for box regression.

Each function draws ``n`` boxes (n, 4) for a ``target`` (4,) in an image of width and height
``image_wh`` (2,). It uses the samplers of :mod:`rltrack.tracking.sampling`. The configuration gives
the spreads and the allowed overlaps (IoU) with the target. The ``generator`` has to be on the
device of the target.
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
    """Draw the boxes of positive samples, for the first frame and for updates."""
    return sampling.labelled(
        lambda m: sampling.gaussian(
            target,
            m,
            image_wh,
            translation=config.positive_translation,
            scale=config.positive_scale,
            generator=generator,
            border=config.sample_border,
        ),
        n,
        target,
        iou_range=config.positive_iou,
    )


def first_negatives_nearby(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw the boxes of negative samples near the target, for the first frame."""
    return _around(
        target,
        image_wh,
        n,
        config,
        generator,
        translation=config.first_negative_translation,
        scale=config.first_negative_scale,
        aspect=config.aspect,
        iou_range=config.first_negative_iou,
    )


def first_negatives_anywhere(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw the boxes of negative samples over the whole image, for the first frame."""
    return sampling.labelled(
        lambda m: sampling.whole_image(
            target,
            m,
            image_wh,
            scale=config.whole_image_scale,
            aspect=config.aspect,
            generator=generator,
            border=config.sample_border,
        ),
        n,
        target,
        iou_range=config.first_negative_iou,
    )


def update_negatives(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw the boxes of negative samples around the target, for updates."""
    return _around(
        target,
        image_wh,
        n,
        config,
        generator,
        translation=config.update_negative_translation,
        scale=config.update_negative_scale,
        iou_range=config.update_negative_iou,
    )


def for_regression(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> Tensor:
    """Draw the boxes that the box regression is fitted to, in the first frame."""
    return _around(
        target,
        image_wh,
        n,
        config,
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
    config: TrackerConfig,
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
            border=config.sample_border,
        ),
        n,
        target,
        iou_range=iou_range,
        area_range=area_range,
    )
