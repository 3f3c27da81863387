"""Attention by Taylor expansion, and the loss that trains it: the paper's Eq. 1 to 5.

Near a sample I_0 the score of class c is ``f_c(I) ~ A_c^T I + B`` (Eq. 1) with ``A_c = d f_c / d I
at I_0`` (Eq. 2). A_c says how much each place of the sample moves the score. A_p is the map of the
target's score f_1, and A_n is the map of the background's score f_0. On a target, the regulariser
wants A_p to be large and even, and A_n to be small and uneven (Eq. 3). On background it wants the
opposite (Eq. 4). Eq. 5 adds it to the cross-entropy. A gradient step on Eq. 5 differentiates the
maps with respect to the classifier, which is a second derivative of the network. The graph of the
first derivative has to be kept, or nothing is learned from the maps.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack.backbones.interface import Backbone, positive_sum
from rltrack.backbones.jacobian import FeatureJacobian, Reduction
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig

__all__ = [
    "BACKGROUND",
    "TARGET",
    "Loss",
    "Maps",
    "at_features",
    "attention_map",
    "attention_maps",
    "double_backward",
    "mean_and_deviation",
    "reciprocative_loss",
    "regulariser",
    "through_jacobian",
]

BACKGROUND, TARGET = 0, 1


class Maps(NamedTuple):
    """Attention maps of N samples, each (N, h, w), >= 0."""

    target: Tensor
    """A_p, the map of the target's score f_1."""
    background: Tensor
    """A_n, the map of the background's score f_0."""

    def split(self, n: int) -> tuple[Maps, Maps]:
        """Return the maps of the first ``n`` samples, and the maps of the others."""
        first, others = zip(*((m[:n], m[n:]) for m in self), strict=True)
        return Maps(*first), Maps(*others)


class Gradient(Protocol):
    """Eq. 2 at N samples, differentiable with respect to fc4-6."""

    def __call__(self, c: int, reduce: Reduction | None = None) -> Tensor:
        """Return ``d f_c / d z`` (N, C, H, W), or what ``reduce`` makes of it, sample by sample."""
        ...


def through_jacobian(
    classifier: Classifier,
    jacobian: FeatureJacobian,
    dropout: Generator | None = None,
    seed: float = 1.0,
) -> Gradient:
    """Eq. 2 as ``J^T (d f_c / d features)``, without a second derivative of the backbone.

    This is the way that the tracker takes.

    Args:
        classifier: fc4-6.
        jacobian: the backbone's Jacobian J at the samples.
        dropout: if given, attention is taken through the classifier's dropout.
        seed: the value that is fed back from the score.
    """
    features = jacobian.features.requires_grad_()
    scores = classifier(features, dropout)

    def gradient(c: int, reduce: Reduction | None = None) -> Tensor:
        return jacobian.pull_back(_derivative(scores, c, features, seed), reduce)

    return gradient


def at_features(
    classifier: Classifier,
    features: Tensor,
    dropout: Generator | None = None,
    seed: float = 1.0,
) -> Gradient:
    """Eq. 2 for maps that live at the features themselves: ``d f_c / d features`` (N, C, k, k)."""
    features = features.detach().requires_grad_()
    scores = classifier(features, dropout)

    def gradient(c: int, reduce: Reduction | None = None) -> Tensor:
        g = _derivative(scores, c, features, seed).view(-1, *classifier.feature_shape)
        return reduce(g) if reduce else g

    return gradient


def double_backward(
    classifier: Classifier,
    extractor: Backbone,
    pixels: Tensor,
    at: str = "conv1",
    dropout: Generator | None = None,
    seed: float = 1.0,
) -> Gradient:
    """Eq. 2 by automatic differentiation of the whole network, as one would first write it.

    It equals :func:`through_jacobian` and is slower. It is the only one whose second derivative
    also reaches the backbone's weights.
    """
    z = pixels if at == "input" else extractor.stem(pixels)
    if not z.requires_grad:
        z = z.detach().requires_grad_()
    features = extractor(z) if at == "input" else extractor.trunk(z)
    scores = classifier(features, dropout)

    def gradient(c: int, reduce: Reduction | None = None) -> Tensor:
        g = _derivative(scores, c, z, seed)
        return reduce(g) if reduce else g

    return gradient


def _derivative(scores: Tensor, c: int, at: Tensor, seed: float) -> Tensor:
    """Return ``seed * d f_c / d at`` of every sample, with its graph for a loss to use."""
    return torch.autograd.grad(seed * scores[:, c].sum(), at, create_graph=True)[0]


def attention_map(gradient: Tensor, part: str = "positive", channels: str = "sum") -> Tensor:
    """Reduce derivatives (N, C, h, w) to one map (N, h, w) >= 0 for each sample.

    By default the positive derivatives (paper 3.1) are summed over channels. ``part`` and
    ``channels`` are the fields ``map_part`` and ``map_channels`` of :class:`rltrack.TrackerConfig`.
    """
    if channels == "sum" and part == "positive":
        return positive_sum(gradient)
    if part == "positive":
        gradient = F.relu(gradient)
    return gradient.sum(1) if channels == "sum" else gradient.square().sum(1)


def attention_maps(gradient: Gradient, config: TrackerConfig) -> Maps:
    """Return both maps of every sample (Eq. 2), read as ``config`` says."""
    reduce: Reduction = positive_sum  # which the Jacobian knows a shorter way to
    if (config.map_part, config.map_channels) != ("positive", "sum"):
        reduce = partial(attention_map, part=config.map_part, channels=config.map_channels)
    return Maps(gradient(TARGET, reduce), gradient(BACKGROUND, reduce))


def mean_and_deviation(maps: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Return mean mu and deviation sigma, (N,) each, over the pixels of ``maps`` (N, h, w).

    Both are at least ``eps``. The clamp is inside the square root, so that the gradient of a
    constant map is zero and not NaN.
    """
    mean = maps.mean((-2, -1))
    variance = (maps - mean[:, None, None]).square().mean((-2, -1))
    return mean.clamp(min=eps), variance.clamp(min=eps * eps).sqrt()


def regulariser(maps: Maps, positive: bool, config: TrackerConfig) -> Tensor:
    """Return R of Eq. 3 (``positive``) or Eq. 4 for samples that all have this label.

    Returns:
        (N,), one value for each sample. With ``map_statistics="batch"`` (1,), because means and
        deviations are then summed over the batch before the ratios.
    """
    target, background = (mean_and_deviation(m, config.attention_eps) for m in maps)
    if config.map_statistics == "batch":
        target, background = (
            (m.sum(0, keepdim=True), s.sum(0, keepdim=True)) for m, s in (target, background)
        )
    (mu_p, sigma_p), (mu_n, sigma_n) = target, background
    if positive:
        return sigma_p / mu_p + mu_n / sigma_n  # Eq. 3
    return mu_p / sigma_p + sigma_n / mu_n  # Eq. 4


class Loss(NamedTuple):
    """Eq. 5 and its parts, scalars."""

    total: Tensor
    cross_entropy: Tensor
    attention: Tensor
    """The regulariser, before it is multiplied by lambda."""


def reciprocative_loss(
    scores: Tensor, positives: int, maps: tuple[Maps, Maps] | None, config: TrackerConfig
) -> Loss:
    """Compute Eq. 5 over a batch of which the first ``positives`` samples are targets.

    The other samples are background. The cross-entropy is summed over the batch. The regulariser is
    reduced over the positives and over the negatives (``config.reduction``), and both values are
    added.

    Args:
        scores: (N, 2) logits.
        positives: how many of the samples are targets.
        config: lambda, the statistics and their reduction.
        maps: the maps of the positives and of the negatives. None gives the plain loss.
    """
    labels = (torch.arange(len(scores), device=scores.device) < positives).long()
    cross_entropy = F.cross_entropy(scores, labels, reduction="sum")
    if maps is None:
        return Loss(cross_entropy, cross_entropy, scores.new_zeros(()))
    reduce = torch.sum if config.reduction == "sum" else torch.mean
    on_targets = regulariser(maps[0], True, config)
    on_background = regulariser(maps[1], False, config)
    attention = reduce(on_targets) + reduce(on_background)
    return Loss(cross_entropy + config.attention_weight * attention, cross_entropy, attention)
