"""Attention maps by Taylor expansion, and the loss that uses them: the paper's Eq. 1 to 5.

Near a sample I_0, the score f_c of class c is approximately linear in the input I:

    ``f_c(I) ~ A_c^T I + B`` (Eq. 1),

    ``A_c = d f_c / d I`` at ``I = I_0`` (Eq. 2).

A_c says how much each place of the sample moves the score of class c. Only its positive values are
kept, and their sum over the channels is the attention map. (The paper takes the output of the first
layer in back-propagation. By default, the code differentiates with respect to conv1's output.) A_p
is the map of the target's score f_1, and A_n is the map of the background's score f_0. Let mu and
sigma be the mean and the standard deviation over the pixels of a map. The regulariser R depends on
the label y of the sample:

    ``R(y=1) = sigma(A_p) / mu(A_p) + mu(A_n) / sigma(A_n)`` for a target (Eq. 3),

    ``R(y=0) = mu(A_p) / sigma(A_p) + sigma(A_n) / mu(A_n)`` for background (Eq. 4).

On a target, a small R means that A_p is even and that A_n is uneven. On background, it means the
opposite. (The paper wants A_p to be large as well. But a map that is multiplied by any number has
the same R.) The loss adds R to the cross-entropy L_CE:

    ``L = L_CE + lambda (y R(y=1) + (1 - y) R(y=0))`` (Eq. 5).

A gradient step on Eq. 5 differentiates the maps with respect to the classifier's weights. The maps
are derivatives themselves, so this is a second derivative of the network. The graph of the first
derivative has to be kept for it. Without that graph, the classifier learns nothing from the maps.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack.backbones.interface import Backbone
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.backbones.linearised import Reduction, positive_sum
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig

__all__ = [
    "BACKGROUND",
    "TARGET",
    "Gradient",
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

BACKGROUND, TARGET = 0, 1  # the classes c, which are also the columns of the scores


class Maps(NamedTuple):
    """The two attention maps of N samples. Each tensor is (N, h, w), >= 0."""

    target: Tensor
    """A_p, the map of the target's score f_1."""
    background: Tensor
    """A_n, the map of the background's score f_0."""

    def split(self, n: int) -> tuple[Maps, Maps]:
        """Return the maps of the first ``n`` samples, and the maps of the others."""
        first, others = zip(*((m[:n], m[n:]) for m in self), strict=True)
        return Maps(*first), Maps(*others)


class Gradient(Protocol):
    """A function that returns the derivatives of Eq. 2 at N samples.

    What it returns can be differentiated with respect to the weights of fc4-6. z is the activation
    where the map lives.
    """

    def __call__(self, c: int, reduce: Reduction | None = None) -> Tensor:
        """Return ``d f_c / d z`` (N, C, H, W), or its reduction by ``reduce``, for each sample."""
        ...


def through_jacobian(
    classifier: Classifier,
    jacobian: FeatureJacobian,
    dropout: Generator | None = None,
    seed: float = 1.0,
) -> Gradient:
    """Compute Eq. 2 as ``J^T (d f_c / d features)``, with the Jacobian J of the backbone.

    This is what the tracker uses. It needs no second derivative of the backbone.

    Args:
        classifier: fc4-6.
        jacobian: the backbone's Jacobian J at the samples.
        dropout: if given, dropout is active in the classifier, and this generator draws it.
        seed: the gradient of the score with which back-propagation starts.
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
    """Compute Eq. 2 at the features themselves, as ``d f_c / d features`` (N, C, k, k).

    Args:
        classifier: fc4-6.
        features: (N, C k k), the backbone's features of the samples.
        dropout: if given, dropout is active in the classifier, and this generator draws it.
        seed: the gradient of the score with which back-propagation starts.
    """
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
    """Compute Eq. 2 by automatic differentiation of the whole network.

    This is the most direct way to write Eq. 2. It gives the same values as :func:`through_jacobian`
    and is slower. It is the only one of the three whose second derivative also reaches the weights
    of the backbone.

    Args:
        classifier: fc4-6.
        extractor: the backbone.
        pixels: (N, 3, S, S), the backbone's input.
        at: the activation z. ``conv1`` is the output of the stem, ``input`` is the input itself.
        dropout: if given, dropout is active in the classifier, and this generator draws it.
        seed: the gradient of the score with which back-propagation starts.
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
    """Return ``seed * d f_c / d at`` for every sample, with the graph for a second derivative."""
    return torch.autograd.grad(seed * scores[:, c].sum(), at, create_graph=True)[0]


def attention_map(gradient: Tensor, part: str = "positive", channels: str = "sum") -> Tensor:
    """Reduce the derivatives (N, C, h, w) of Eq. 2 to one map (N, h, w) >= 0 for each sample.

    By default, the positive derivatives (paper 3.1) are summed over the channels. ``part`` and
    ``channels`` are the fields ``map_part`` and ``map_channels`` of :class:`rltrack.TrackerConfig`.
    """
    if channels == "sum" and part == "positive":
        return positive_sum(gradient)
    if part == "positive":
        gradient = F.relu(gradient)
    return gradient.sum(1) if channels == "sum" else gradient.square().sum(1)


def attention_maps(gradient: Gradient, config: TrackerConfig) -> Maps:
    """Return both attention maps of every sample (Eq. 2), reduced as ``config`` says."""
    reduce: Reduction = positive_sum  # the Jacobian has a faster way to compute this one
    if (config.map_part, config.map_channels) != ("positive", "sum"):
        reduce = partial(attention_map, part=config.map_part, channels=config.map_channels)
    return Maps(gradient(TARGET, reduce), gradient(BACKGROUND, reduce))


def mean_and_deviation(maps: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Return the mean mu and standard deviation sigma over the pixels of ``maps`` (N, h, w).

    Each is (N,) and at least ``eps``. The variance is clamped before the square root is taken, so
    that the gradient of a constant map is zero and not NaN.
    """
    mean = maps.mean((-2, -1))
    variance = (maps - mean[:, None, None]).square().mean((-2, -1))
    return mean.clamp(min=eps), variance.clamp(min=eps * eps).sqrt()


def regulariser(maps: Maps, positive: bool, config: TrackerConfig) -> Tensor:
    """Return the regulariser R of samples that all have the same label.

    Args:
        maps: both attention maps of each sample.
        positive: True for samples of the target, which have Eq. 3. False for samples of the
            background, which have Eq. 4.
        config: the fields ``map_statistics`` and ``attention_eps`` are used.

    Returns:
        (N,), one value for each sample. With ``map_statistics="batch"``, it is one value (1,) for
        all samples, because means and deviations are summed over the batch before the ratios.
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
    """The loss of Eq. 5 and its parts. Each is a scalar."""

    total: Tensor
    """L of Eq. 5."""
    cross_entropy: Tensor
    """L_CE, summed over the batch."""
    attention: Tensor
    """The regulariser, before it is multiplied by lambda."""


def reciprocative_loss(
    scores: Tensor, positives: int, maps: tuple[Maps, Maps] | None, config: TrackerConfig
) -> Loss:
    """Compute the loss of Eq. 5 over a batch.

    The first ``positives`` samples of the batch are targets (y = 1). The others are background
    (y = 0). The cross-entropy is summed over the batch. The regulariser is reduced over the
    positives and over the negatives separately (``config.reduction``), and the two values are
    added.

    Args:
        scores: (N, 2) logits.
        positives: the number of samples that are targets.
        maps: the maps of the positives and the maps of the negatives. With None, the loss is the
            cross-entropy alone.
        config: lambda (``attention_weight``), the statistics of maps, and the reduction.
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
