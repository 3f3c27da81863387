"""The samples that the tracker learns from: those of the first frame, and of each frame after it.

Each function draws boxes for a ``target`` (4,) in a frame and returns the samples there. The
``generator`` and the frame's ``image_wh`` have to be on the device of the target, which is the CPU
in the tracker. The samples are on the device of the frame.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from rltrack.tracking import training_boxes
from rltrack.tracking.box_regression import BoxRegressor
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.frame import Frame
from rltrack.tracking.memory import Samples

__all__ = ["first_samples", "fitted_regressor", "update_samples"]


def fitted_regressor(
    frame: Frame, target: Tensor, config: TrackerConfig, generator: Generator
) -> BoxRegressor:
    """Return the box regression, fitted to boxes around the target in the first frame."""
    n = config.regression_samples
    boxes = training_boxes.for_regression(target, frame.image_wh, n, config, generator)
    return BoxRegressor(
        frame.regression_features(boxes),
        boxes,
        target,
        alpha=config.regression_alpha,
        iou_range=config.regression_iou,
        area_range=config.regression_area,
    )


def first_samples(
    frame: Frame, target: Tensor, config: TrackerConfig, generator: Generator
) -> tuple[Samples, Samples]:
    """Return the positives and the negatives of the first frame. The negatives are shuffled."""
    drawn = target, frame.image_wh
    n, half = config.first_negatives, config.first_negatives // 2
    positives = training_boxes.positives(*drawn, config.first_positives, config, generator)
    around = training_boxes.first_negatives_nearby(*drawn, half, config, generator)
    everywhere = training_boxes.first_negatives_anywhere(*drawn, n - half, config, generator)
    shuffle = torch.randperm(n, generator=generator, device=target.device)
    if config.features_from == "crops":  # Shuffled boxes need no second copy of all samples.
        negatives = frame.cropped(torch.cat([around, everywhere])[shuffle])
    else:
        largest = config.whole_image_scale * config.aspect
        far = frame.samples_everywhere(everywhere, target, largest)
        both = frame.samples(around), far._replace(crops=None)
        negatives = Samples.join(both).take(shuffle)
    return _to_learn_from(frame.samples(positives), config), _to_learn_from(negatives, config)


def update_samples(
    frame: Frame, target: Tensor, config: TrackerConfig, generator: Generator
) -> tuple[Samples, Samples]:
    """Return the positives and the negatives around a target that was just found."""
    drawn = target, frame.image_wh
    positives = training_boxes.positives(*drawn, config.update_positives, config, generator)
    negatives = training_boxes.update_negatives(*drawn, config.update_negatives, config, generator)
    samples = _to_learn_from(frame.samples(torch.cat([positives, negatives])), config)
    split = len(positives)
    return samples.take(slice(split)), samples.take(slice(split, None))


def _to_learn_from(samples: Samples, config: TrackerConfig) -> Samples:
    """Return the samples, without their crops if attention does not need them."""
    needed = config.attention_weight > 0 and config.map_at != "conv3"
    return samples if needed else samples._replace(crops=None)
