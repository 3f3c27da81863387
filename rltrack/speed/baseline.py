"""The time that the plain tracker takes for a frame, composed from measured parts.

The plain tracker (:mod:`rltrack.speed.reference`) is too slow to be run over a film. Therefore only
its parts are measured: the crops and features of a frame's candidates and update samples, the
candidates' scores, and the iterations of an update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from rltrack.backbones.registry import load_backbone
from rltrack.speed import reference
from rltrack.speed.cost import frame_samples
from rltrack.speed.reference import iteration, plain
from rltrack.speed.timing import Times, spread, timed
from rltrack.tracking import sampling
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.memory import Samples
from rltrack.tracking.training import hard_negatives

__all__ = ["Composed", "measure_baseline"]

Image = NDArray[np.uint8]


class Composed(NamedTuple):
    """The time of a frame, and the parts that it is composed of."""

    frame_ms: float
    """Milliseconds for a frame, with its share of an update."""
    phases: dict[str, Times]
    """The times of each part, by the part's name."""
    composed: dict[str, Any]
    """How ``frame_ms`` is composed, and each number in it."""


def measure_baseline(
    config: TrackerConfig,
    backbone: str,
    device: torch.device,
    seed: int,
    image: Image,
    box: Sequence[float],
    repeats: int,
) -> Composed:
    """Time the parts of the plain tracker, and compose the time of a frame from them.

    The crops and features that are timed are those of candidates around ``box`` in ``image``. Some
    of these samples are also what the training iterations are timed with.

    Args:
        config: the numbers of samples and of iterations, and how the tracker learns.
        backbone: a name in `rltrack.backbones.registry.BACKBONES`, or a file.
        device: where to compute.
        seed: for all random numbers.
        image: (H, W, 3) uint8 RGB.
        box: the target's bounding box (x, y, w, h) in the image.
        repeats: how often each part is timed.
    """
    extractor = plain(load_backbone(backbone, device=device))
    extractor.place(device, torch.float32, config.precision)
    generator = Generator(device).manual_seed(seed)
    classifier = Classifier(
        extractor.feature_shape,
        generator,
        units=config.hidden_units,
        attentive_features=config.variant == "attentive-features",
        dropout=config.dropout,
        device=device,
    )
    boxes = sampling.gaussian(
        torch.tensor(box, device=device, dtype=torch.float32),
        max(config.candidates, config.batch_positives),
        torch.tensor(image.shape[1::-1], device=device, dtype=torch.float32),
        translation=config.search_translation,
        scale=config.search_scale,
        generator=generator,
    )
    pixels = reference.crops(image, boxes, extractor.crop)
    drawn = Samples(extractor.features(pixels), pixels)
    mined = torch.arange(config.scored_negatives, device=device) % len(pixels)
    positives, pool = drawn.take(slice(config.batch_positives)), drawn.take(mined)

    def iterate(scope: Literal["fc", "all"]) -> Callable[[], object]:
        counted = replace(config, clip_scope=scope)

        def step() -> None:
            hard = hard_negatives(classifier, pool.features, config.batch_negatives)
            iteration(extractor, classifier, positives, pool.take(hard), counted, generator)

        return step

    share = frame_samples(config) / len(pixels)
    batches = timed(lambda: extractor.features(pixels), repeats, device)
    features = spread([share * seconds for seconds in batches])
    cut = timed(lambda: reference.crops(image, boxes, extractor.crop), repeats, device)
    crop = spread([share * seconds for seconds in cut])

    @torch.no_grad()
    def scored() -> None:
        classifier(drawn.features[: config.candidates])

    score = spread(timed(scored, repeats, device))
    without = spread(timed(iterate("fc"), repeats, device))
    iterations = spread(timed(iterate("all"), repeats, device))

    usual = sum(part["median_ms"] for part in (crop, features, score))
    steps = config.update_iterations / config.update_interval

    return Composed(
        frame_ms=usual + steps * iterations["median_ms"],
        phases={"crop": crop, "features": features, "score": score, "iteration": iterations},
        composed={
            "how": "crop_ms + features_ms + score_ms + iteration_ms * iterations_a_frame",
            "crop_ms": crop["median_ms"],
            "features_ms": features["median_ms"],
            "score_ms": score["median_ms"],
            "crops_a_frame": frame_samples(config),
            "crops_timed": len(pixels),
            "iteration_ms": iterations["median_ms"],
            "without_fixed_gradients_ms": usual + steps * without["median_ms"],
            "iterations_a_frame": steps,
        },
    )
