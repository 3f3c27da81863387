"""Chapters 2 to 4: a first frame, learned as the tracker learns it, and its attention maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rltrack.backbones.interface import Backbone
from rltrack.tracking.attention import (
    BACKGROUND,
    TARGET,
    Maps,
    at_features,
    attention_maps,
)
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.crops import crops as crops_of
from rltrack.tracking.memory import Samples
from rltrack.tracking.presets import preset
from rltrack.tracking.tracker import Tracker
from rltrack.tracking.training import gradient_at

__all__ = ["LearnedFrame", "learned", "maps_at", "plain_loss", "resemblance"]


class LearnedFrame(NamedTuple):
    """Crops of a frame, and the network that has learned the frame."""

    extractor: Backbone
    classifier: Classifier
    crops: Tensor
    """(N, 3, S, S) uint8."""


def plain_loss(fast: bool) -> TrackerConfig:
    """Return a configuration without the attention term: a tiny one, or the paper's."""
    if fast:
        return preset("tiny", attention_weight=0.0, first_iterations=30, first_learning_rate=1e-3)
    return preset("paper", attention_weight=0.0)


def learned(
    image: NDArray[np.uint8],
    box: NDArray[np.float64],
    shifts: Sequence[tuple[float, float]],
    config: TrackerConfig,
    *,
    backbone: str | Backbone = "lite0",
    device: str = "auto",
    seed: int = 0,
) -> LearnedFrame:
    """Learn a first frame as a tracker does, in double precision, and cut crops of it.

    Args:
        image: (H, W, 3) RGB.
        box: (x, y, w, h) of the target, 0-based pixels.
        shifts: (x, y) in pixels from the box to each crop's box.
        config: the tracker's configuration.
        backbone: see `rltrack.track`.
        device: see `rltrack.track`.
        seed: the seed of all random numbers.
    """
    tracker = Tracker(config, backbone=backbone, device=device, dtype=torch.float64, seed=seed)
    tracker.init(image, box.tolist())
    boxes = np.array([box + [x, y, 0, 0] for x, y in shifts])
    frame = torch.tensor(image, device=tracker.device).permute(2, 0, 1)
    cut = torch.tensor(boxes, device=tracker.device)
    crops = crops_of(frame, cut, tracker.extractor.crop)
    return LearnedFrame(tracker.extractor, tracker.classifier, crops)


def maps_at(
    classifier: Classifier,
    extractor: Backbone,
    crops: Tensor,
    config: TrackerConfig,
    at: Literal["conv1", "input", "conv3"] = "conv1",
) -> Maps:
    """Return A_p and A_n (N, h, w) of uint8 ``crops`` (N, 3, S, S), at a place in the net."""
    samples = Samples(extractor.features(crops), crops)
    there = replace(config, map_at=at, features_from="crops")
    return Maps(
        *(
            m.detach()
            for m in attention_maps(gradient_at(classifier, extractor, samples, there), there)
        )
    )


def resemblance(
    classifier: Classifier, extractor: Backbone, crops: Tensor, config: TrackerConfig
) -> tuple[Tensor, Tensor]:
    """Measure how similar the attention of the two classes is, on ``crops`` (N, 3, S, S) uint8.

    Returns:
        (N,) correlations of A_p and A_n at the stem, and (N,) cosines of the derivatives at the
        features, from which the backbone makes the maps.
    """
    maps = maps_at(classifier, extractor, crops, config)
    pairs = zip(maps.target.flatten(1), maps.background.flatten(1), strict=True)
    alike = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in pairs])
    gradient = at_features(classifier, extractor.features(crops))
    target, background = (gradient(c).detach().flatten(1) for c in (TARGET, BACKGROUND))
    return alike, torch.nn.functional.cosine_similarity(target, background)
