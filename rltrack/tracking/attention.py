"""Attention by Taylor expansion, and the loss that trains it: the paper's Eq. 1 to 5.

Near a sample I_0 the score of class c is ``f_c(I) ~ A_c^T I + B`` (Eq. 1) with
``A_c = d f_c / d I at I_0`` (Eq. 2): how much each place moves the score. A_p is the map of the
target's score f_1, A_n of the background's f_0. The regulariser wants, on a target, A_p large and
even and A_n small and uneven (Eq. 3), and the opposite on background (Eq. 4); Eq. 5 adds it to
the cross-entropy. A gradient step on it differentiates the maps with respect to the classifier,
a second derivative of the network: keep the graph of the first, or nothing is learned from it.
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
    """A_p, of the target's score f_1."""
    background: Tensor
    """A_n, of the background's score f_0."""

    def split(self, n: int) -> tuple[Maps, Maps]:
        """Those of the first ``n`` samples, and those of the others."""
        first, others = zip(*((m[:n], m[n:]) for m in self), strict=True)
        return Maps(*first), Maps(*others)


class Gradient(Protocol):
    """Eq. 2 at N samples, differentiable in fc4-6."""

    def __call__(self, c: int, reduce: Reduction | None = None) -> Tensor:
        """``d f_c / d z`` (N, C, H, W), or ``reduce`` of it, which works sample by sample."""
        ...


def through_jacobian(
    classifier: Classifier,
    jacobian: FeatureJacobian,
    dropout: Generator | None = None,
    seed: float = 1.0,
) -> Gradient:
    """Eq. 2 as ``J^T (d f_c / d features)``: the tracker's way, no second derivative of conv1-3.

    Args:
        classifier: fc4-6.
        jacobian: of conv1-3 at the samples.
        dropout: when given, attention is taken through the classifier's dropout.
        seed: the value fed back from the score.
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
    """Eq. 2 by automatic differentiation of the whole network, as one first writes it.

    Slower than :func:`through_jacobian` and equal to it; the only one whose second derivative
    also reaches the convolutions' weights.
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
    """``seed * d f_c / d at`` of every sample, with its graph, so that a loss can reach it."""
    return torch.autograd.grad(seed * scores[:, c].sum(), at, create_graph=True)[0]


def attention_map(gradient: Tensor, part: str = "positive", channels: str = "sum") -> Tensor:
    """One map (N, h, w) >= 0 from derivatives (N, C, h, w).

    The positive ones (paper 3.1), summed over channels; ``part`` and ``channels`` as
    :class:`rltrack.TrackerConfig` has them.
    """
    if channels == "sum" and part == "positive":
        return positive_sum(gradient)
    if part == "positive":
        gradient = F.relu(gradient)
    return gradient.sum(1) if channels == "sum" else gradient.square().sum(1)


def attention_maps(gradient: Gradient, config: TrackerConfig) -> Maps:
    """Both maps of every sample (Eq. 2), as ``config`` reads the paper."""
    reduce: Reduction = positive_sum  # which the Jacobian knows a shorter way to
    if (config.map_part, config.map_channels) != ("positive", "sum"):
        reduce = partial(attention_map, part=config.map_part, channels=config.map_channels)
    return Maps(gradient(TARGET, reduce), gradient(BACKGROUND, reduce))


def mean_and_deviation(maps: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean mu and deviation sigma, (N,) each, over the pixels of ``maps`` (N, h, w).

    Both are at least ``eps``. Clamping inside the square root keeps the gradient of a constant
    map zero, not NaN.
    """
    mean = maps.mean((-2, -1))
    variance = (maps - mean[:, None, None]).square().mean((-2, -1))
    return mean.clamp(min=eps), variance.clamp(min=eps * eps).sqrt()


def regulariser(maps: Maps, positive: bool, config: TrackerConfig) -> Tensor:
    """R of Eq. 3 (``positive``) or Eq. 4, for samples that all have this label.

    Returns:
        (N,) per sample; (1,) with ``map_statistics="batch"``, whose ratios are of batch sums.
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
    """The regulariser, before lambda."""


def reciprocative_loss(
    scores: Tensor, positives: int, maps: tuple[Maps, Maps] | None, config: TrackerConfig
) -> Loss:
    """Eq. 5 over a batch whose first ``positives`` samples are targets, the rest background.

    The cross-entropy is summed over the batch. The regulariser is reduced over positives and
    over negatives, and added (``config.reduction``).

    Args:
        scores: (N, 2) logits.
        positives: how many of them are targets.
        config: lambda, the statistics and their reduction.
        maps: of the positives and of the negatives; None leaves the plain loss.
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
