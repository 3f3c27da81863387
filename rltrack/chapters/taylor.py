"""Eq. 1 put to the test: the score on the way from one crop to another, and its tangent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rltrack.attention import (
    BACKGROUND,
    TARGET,
    Maps,
    at_features,
    attention_maps,
    through_jacobian,
)
from rltrack.config import TrackerConfig, preset
from rltrack.crops import crops as crops_of
from rltrack.fitting import gradient_at
from rltrack.jacobian import FeatureJacobian
from rltrack.memory import Samples
from rltrack.network import Classifier, FeatureExtractor
from rltrack.tracker import Tracker

__all__ = [
    "Expansion",
    "LearnedFrame",
    "blend",
    "expansion",
    "learned",
    "maps_at",
    "plain_loss",
    "resemblance",
]


class LearnedFrame(NamedTuple):
    """Crops of a frame, and the network that has learned it."""

    extractor: FeatureExtractor
    classifier: Classifier
    crops: Tensor
    """(N, 3, 107, 107) uint8."""


def plain_loss(fast: bool) -> TrackerConfig:
    """A first frame without the attention term: tiny, with steps that suffice, or the paper's."""
    if fast:
        return preset("tiny", attention_weight=0.0, first_iterations=30, first_learning_rate=1e-3)
    return preset("paper", attention_weight=0.0)


def learned(
    image: NDArray[np.uint8],
    box: NDArray[np.float64],
    shifts: Sequence[tuple[float, float]],
    config: TrackerConfig,
    *,
    backbone: str | FeatureExtractor = "embedded",
    device: str = "auto",
    seed: int = 0,
) -> LearnedFrame:
    """Learn a first frame as a tracker does, in double precision, and cut crops of it.

    Args:
        image: (H, W, 3) RGB.
        box: (x, y, w, h) of the target, 0-based pixels.
        shifts: (x, y) in pixels from the box to each crop's.
        config: of the tracker.
        backbone: see `rltrack.track`.
        device: see `rltrack.track`.
        seed: of all randomness.
    """
    tracker = Tracker(config, backbone=backbone, device=device, dtype=torch.float64, seed=seed)
    tracker.init(image, box.tolist())
    boxes = np.array([box + [x, y, 0, 0] for x, y in shifts])
    frame = torch.tensor(image, device=tracker.device).permute(2, 0, 1)
    crops = crops_of(frame, torch.tensor(boxes, device=tracker.device))
    return LearnedFrame(tracker.extractor, tracker.classifier, crops)


class Expansion(NamedTuple):
    """A score along a line, ``I(t) = I_0 + t (I_1 - I_0)``."""

    steps: NDArray[np.float64]
    """(S,) the t."""
    exact: NDArray[np.float64]
    """(S,) f_c(I(t)), logits."""
    linear: NDArray[np.float64]
    """(S,) f_c(I_0) + t A_c . (I_1 - I_0), Eq. 1."""

    def radius(self, tolerance: float = 0.1) -> float:
        """The last t up to which Eq. 1 is right about the change: all errors within tolerance.

        A share of the change so far; 0 if already the first step's error is larger.
        """
        change = np.abs(self.exact - self.exact[0])
        wrong = np.abs(self.linear - self.exact) > tolerance * change + 1e-12
        return float(self.steps[np.argmax(wrong) - 1] if wrong.any() else self.steps[-1])


@torch.no_grad()
def expansion(
    classifier: Classifier,
    extractor: FeatureExtractor,
    crops: Tensor,
    steps: Sequence[float],
    c: int = TARGET,
    at: Literal["conv1", "input"] = "conv1",
) -> Expansion:
    """Follow f_c from the first of two crops towards the second.

    Args:
        classifier: fc4-6; called without dropout.
        extractor: conv1-3.
        crops: (2, 3, 107, 107) uint8, I_0 and I_1.
        steps: the t, the first of them 0.
        c: which score.
        at: where the line is straight, and the derivative taken: conv1's output, or the crop.
    """
    pixels = extractor.pixels(crops)
    with torch.enable_grad():
        jacobian = FeatureJacobian(extractor, pixels[:1], at)
        slope = through_jacobian(classifier, jacobian)(c).detach()
    ends = pixels if at == "input" else extractor.stem(pixels)
    start, way = ends[:1], ends[1:] - ends[:1]
    t = torch.tensor(list(steps), device=way.device, dtype=way.dtype)
    line = start + t[:, None, None, None] * way
    features = extractor(line) if at == "input" else extractor.trunk(line)
    exact = classifier(features)[:, c]
    linear = exact[0] + t * (slope * way).sum()
    as_arrays = (x.double().cpu().numpy() for x in (t, exact, linear))
    return Expansion(*as_arrays)


def blend(crops: Tensor, t: float) -> Tensor:
    """(1, 3, S, S) uint8, on the line between the first two of ``crops``, rounded."""
    start, end = crops[:2].float()
    return torch.lerp(start, end, t).round().to(torch.uint8)[None]


def maps_at(
    classifier: Classifier,
    extractor: FeatureExtractor,
    crops: Tensor,
    config: TrackerConfig,
    at: Literal["conv1", "input", "conv3"] = "conv1",
) -> Maps:
    """A_p and A_n (N, h, w) of ``crops`` (N, 3, 107, 107) uint8, at a place of the network."""
    samples = Samples(extractor.features(crops), crops)
    there = replace(config, map_at=at, features_from="crops")
    return Maps(
        *(
            m.detach()
            for m in attention_maps(gradient_at(classifier, extractor, samples, there), there)
        )
    )


def resemblance(
    classifier: Classifier, extractor: FeatureExtractor, crops: Tensor, config: TrackerConfig
) -> tuple[Tensor, Tensor]:
    """How alike the two classes' attention is, of ``crops`` (N, 3, 107, 107) uint8.

    Returns:
        (N,) correlations of A_p and A_n at conv1; and (N,) cosines of the derivatives at conv3,
        from which the convolutions make them.
    """
    maps = maps_at(classifier, extractor, crops, config)
    pairs = zip(maps.target.flatten(1), maps.background.flatten(1), strict=True)
    alike = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in pairs])
    gradient = at_features(classifier, extractor.features(crops))
    target, background = (gradient(c).detach().flatten(1) for c in (TARGET, BACKGROUND))
    return alike, torch.nn.functional.cosine_similarity(target, background)
