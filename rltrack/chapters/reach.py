"""The reach of the regulariser: how far a crop's maps go if no classifier holds them back.

A map is ``A_c = J^T u_c``. The convolutions fix J; a classifier has one set of weights to make the
u_c of all samples from. Here the u_c of one crop are free.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rltrack.attention import BACKGROUND, TARGET, Maps, at_features, regulariser
from rltrack.config import TrackerConfig
from rltrack.jacobian import FeatureJacobian
from rltrack.network import Classifier, FeatureExtractor
from rltrack.stage import positive_sum

__all__ = ["reach"]


def reach(
    classifier: Classifier,
    extractor: FeatureExtractor,
    crop: Tensor,
    config: TrackerConfig,
    *,
    steps: int,
    rate: float = 0.02,
) -> list[tuple[float, Maps]]:
    """Descend R of Eq. 3 in ``u_p`` and ``u_n`` of one target's crop, by Adam.

    Args:
        classifier: where they start.
        extractor: conv1-3.
        crop: (1, 3, 107, 107) uint8.
        config: how R is computed.
        steps: of descent.
        rate: Adam's, in standard deviations of the first ``u_p``.

    Returns:
        R and the maps (1, 51, 51), before each step and after the last, ``steps + 1`` pairs.
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
