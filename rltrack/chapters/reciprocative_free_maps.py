"""Chapter 4: how far the regulariser changes a crop's maps if no classifier holds them back.

A map is ``A_c = J^T u_c``. The convolutions fix J. A classifier has only one set of weights from
which to make the u_c of all samples. Here the u_c of one crop are free, or the classifier serves
one crop only. This module also compares what each of several crops asks of the weights that they
share.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from rltrack.backbones.interface import Backbone
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.backbones.linearised import positive_sum
from rltrack.tracking.attention import (
    BACKGROUND,
    TARGET,
    Maps,
    at_features,
    attention_maps,
    regulariser,
    through_jacobian,
)
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig

__all__ = ["free_maps", "gradient_cosines", "taught_by_one_crop"]


def free_maps(
    classifier: Classifier,
    extractor: Backbone,
    crop: Tensor,
    config: TrackerConfig,
    *,
    steps: int,
    rate: float = 0.02,
) -> list[tuple[float, Maps]]:
    """Descend R of Eq. 3 in ``u_p`` and ``u_n`` of one target's crop, by Adam.

    Args:
        classifier: where they start.
        extractor: the backbone.
        crop: (1, 3, S, S) uint8.
        config: how R is computed.
        steps: of descent.
        rate: Adam's, in standard deviations of the first ``u_p``.

    Returns:
        R and the maps (1, h, w), before each step and after the last, ``steps + 1`` pairs.
    """
    jacobian = FeatureJacobian(extractor, extractor.pixels(crop))
    gradient = at_features(classifier, jacobian.features)
    free = [gradient(c).detach().flatten(1).requires_grad_() for c in (TARGET, BACKGROUND)]
    optimizer = torch.optim.Adam(free, lr=rate * free[0].std().item())
    path = []
    for step in range(steps + 1):
        maps = Maps(*(jacobian.pull_back(u, positive_sum) for u in free))
        loss = regulariser(maps, True, config).sum()
        path.append((loss.item(), Maps(*(m.detach() for m in maps))))
        if step < steps:
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return path


def taught_by_one_crop(
    classifier: Classifier,
    extractor: Backbone,
    crops: Tensor,
    config: TrackerConfig,
    *,
    steps: int,
    rate: float = 1e-4,
) -> tuple[list[float], list[float]]:
    """Descend R of Eq. 3 of the first crop in a copy of fc4-6, by Adam.

    Args:
        classifier: where it starts; without dropout.
        extractor: the backbone.
        crops: (N, 3, S, S) uint8, of the target.
        config: how R is computed.
        steps: of descent.
        rate: Adam's.

    Returns:
        R of each crop, before the first step and after the last.
    """
    taught = copy.deepcopy(classifier)
    optimizer = torch.optim.Adam(taught.parameters(), lr=rate)
    jacobians = [FeatureJacobian(extractor, extractor.pixels(crop[None])) for crop in crops]

    def r(jacobian: FeatureJacobian) -> Tensor:
        maps = attention_maps(through_jacobian(taught, jacobian), config)
        return regulariser(maps, True, config).sum()

    before = [r(jacobian).item() for jacobian in jacobians]
    for _ in range(steps):
        optimizer.zero_grad()
        r(jacobians[0]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return before, [r(jacobian).item() for jacobian in jacobians]


def gradient_cosines(
    classifier: Classifier,
    extractor: Backbone,
    crops: Tensor,
    positives: int,
    config: TrackerConfig,
) -> tuple[Tensor, Tensor]:
    """Whether what helps one crop helps another: cosines of their gradients in fc4-6.

    Args:
        classifier: without dropout.
        extractor: the backbone.
        crops: (N, 3, S, S) uint8, those of the target first.
        positives: how many of them are of the target.
        config: how R is computed.

    Returns:
        (N, N) cosines of the gradients of R, by Eq. 3 or 4 as each crop's label has it; and (N, N)
        of those of the cross-entropy.
    """
    learned = list(classifier.parameters())
    directions: tuple[list[Tensor], list[Tensor]] = [], []
    for i, crop in enumerate(crops):
        target = i < positives
        jacobian = FeatureJacobian(extractor, extractor.pixels(crop[None]))
        maps = attention_maps(through_jacobian(classifier, jacobian), config)
        scores = classifier(jacobian.features)
        label = torch.tensor(
            [TARGET if target else BACKGROUND], dtype=torch.long, device=scores.device
        )
        r = regulariser(maps, target, config).sum()
        for found, loss in zip(directions, (r, F.cross_entropy(scores, label)), strict=True):
            parts = torch.autograd.grad(loss, learned, retain_graph=True, materialize_grads=True)
            found.append(F.normalize(torch.cat([part.flatten() for part in parts]), dim=0))
    attention, cross_entropy = (torch.stack(found) for found in directions)
    return attention @ attention.T, cross_entropy @ cross_entropy.T
