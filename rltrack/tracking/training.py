"""Training the classifier by reciprocative learning (paper 3.3, 5).

Each gradient step chooses hard negatives, computes attention maps with the current classifier, and
updates the classifier with the loss of Eq. 5, which contains these maps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from rltrack.backbones.interface import Backbone
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.tracking.attention import (
    TARGET,
    Gradient,
    Loss,
    at_features,
    attention_maps,
    double_backward,
    reciprocative_loss,
    through_jacobian,
)
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.memory import Samples

__all__ = ["fit", "gradient_at", "hard_negatives", "optimizer"]


def optimizer(
    classifier: Classifier, learning_rate: float, config: TrackerConfig
) -> torch.optim.SGD:
    """Make an SGD optimiser with momentum, weight decay and a larger learning rate for fc6."""
    named = list(classifier.named_parameters())
    last = [p for name, p in named if name.startswith("fc6.")]
    rest = [p for name, p in named if not name.startswith("fc6.")]
    groups: list[dict[str, Any]] = [
        {"params": rest},
        {"params": last, "lr": config.fc6_rate_factor * learning_rate},
    ]
    return torch.optim.SGD(
        groups,
        lr=learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        fused=True,  # one pass over the weights in place of four: the same digits, sooner
    )


@torch.no_grad()
def hard_negatives(classifier: Classifier, candidates: Tensor, n: int) -> Tensor:
    """Return the indices (n,) of the ``n`` negatives (M, C k k) with the highest target scores."""
    scores: Tensor = classifier(candidates)[:, TARGET]
    return scores.topk(min(n, len(candidates))).indices


def fit(
    classifier: Classifier,
    extractor: Backbone,
    optimizer: torch.optim.SGD,
    positives: Samples,
    negatives: Samples,
    iterations: int,
    config: TrackerConfig,
    generator: Generator,
    dropout: Generator | None = None,
    report: Callable[[int, Loss], None] | None = None,
) -> None:
    """Train ``classifier`` in place with ``iterations`` gradient steps on Eq. 5.

    Samples are taken in random order, and in a new random order after all have been taken. The
    mini-batch of each step consists of the next ``config.batch_positives`` positives and of hard
    negatives. These are the ``config.batch_negatives`` samples with the highest target scores among
    the next ``config.scored_negatives`` negatives. The samples need crops if
    ``config.attention_weight > 0``, unless ``config.map_at`` is ``conv3``.

    Args:
        classifier: the classifier, which is changed.
        extractor: the backbone, which attention is computed through.
        optimizer: the classifier's optimiser; see :func:`optimizer`.
        positives: samples of the target.
        negatives: samples of the background.
        iterations: the number of gradient steps.
        config: batch sizes, lambda, how attention is computed, and gradient clipping.
        generator: draws the order of samples, on its own device.
        dropout: draws dropout, and has to be on the samples' device. None is ``generator``.
        report: called after each step with the number of the step, from 1, and its loss.
    """
    next_positives = _shuffled(len(positives.features), config.batch_positives, generator)
    next_negatives = _shuffled(len(negatives.features), config.scored_negatives, generator)
    device = negatives.features.device
    for step in range(1, iterations + 1):
        candidates = next(next_negatives).to(device, non_blocking=True)
        hard = hard_negatives(classifier, negatives.features[candidates], config.batch_negatives)
        loss = _step(
            classifier,
            extractor,
            optimizer,
            positives.take(next(next_positives)),
            negatives.take(candidates[hard]),
            config,
            dropout or generator,
        )
        if report:
            report(step, loss)


def _step(
    classifier: Classifier,
    extractor: Backbone,
    optimizer: torch.optim.SGD,
    positives: Samples,
    negatives: Samples,
    config: TrackerConfig,
    dropout: Generator,
) -> Loss:
    """Take one gradient step on Eq. 5, and return the loss before the step."""
    features = torch.cat([positives.features, negatives.features])
    scores = classifier(features, dropout)
    maps = None
    if config.attention_weight > 0:
        together = Samples.join([positives, negatives])
        gradient = gradient_at(classifier, extractor, together, config, dropout)
        maps = attention_maps(gradient, config).split(len(positives.features))
    loss = reciprocative_loss(scores, len(positives.features), maps, config)
    descended = loss.total if config.second_order else loss.cross_entropy

    learned = list(classifier.parameters())
    # The released code also counts the gradients of the fixed layers in the norm that it clips.
    counted = list(extractor.parameters()) if _counts_fixed_layers(config) else []
    gradients = torch.autograd.grad(descended, learned + counted, allow_unused=bool(counted))
    norm = torch.stack([g.norm() for g in gradients if g is not None]).norm()
    shrink = (config.clip_norm / (norm + 1e-6)).clamp(max=1)
    for parameter, gradient_of in zip(learned, gradients, strict=False):
        parameter.grad = gradient_of.mul_(shrink)
    optimizer.step()
    optimizer.zero_grad()
    return Loss(*(part.detach() for part in loss))


def gradient_at(
    classifier: Classifier,
    extractor: Backbone,
    samples: Samples,
    config: TrackerConfig,
    generator: Generator | None = None,
) -> Gradient:
    """Return the derivatives of Eq. 2 at ``samples``, as a function of the class.

    ``config.map_at`` says which activation they are taken with respect to. ``generator`` draws the
    classifier's dropout if ``config.attention_dropout`` is True.

    Raises:
        ValueError: the samples have no crops, and ``config.map_at`` is not ``conv3``.
    """
    dropout = generator if config.attention_dropout else None
    at, seed = config.map_at, config.score_seed
    if at == "conv3":
        return at_features(classifier, samples.features, dropout, seed)
    if samples.crops is None:
        raise ValueError("attention_weight > 0 needs samples with crops; these have features only")
    pixels = extractor.pixels(samples.crops)
    if _counts_fixed_layers(config):
        return double_backward(classifier, extractor, pixels, at, dropout, seed)
    return through_jacobian(classifier, FeatureJacobian(extractor, pixels, at), dropout, seed)


def _counts_fixed_layers(config: TrackerConfig) -> bool:
    """Return whether the clipped norm also counts the gradients of the fixed layers."""
    return config.clip_scope == "all" and config.attention_weight > 0 and config.second_order


def _shuffled(n: int, batch: int, generator: Generator) -> Iterator[Tensor]:
    """Yield batches of ``batch`` indices below ``n``, without end.

    The indices are a random permutation, then another random permutation, and so on.
    """
    queue = torch.empty(0, dtype=torch.long, device=generator.device)
    while True:
        while len(queue) < batch:
            more = torch.randperm(n, generator=generator, device=generator.device)
            queue = torch.cat([queue, more])
        yield queue[:batch]
        queue = queue[batch:]
