"""What conv1-3 are asked to be good for, four ways.

Features come as (n, T, K, 4608): of ``n`` scenes at T moments, K crops, the first
:data:`~rltrack.pretraining.crop_batches.POSITIVES` of which show the target. The first half of the
moments is what a tracker has seen, the second what it meets.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from rltrack.backbones.vggm import VGGM
from rltrack.pretraining.crop_batches import POSITIVES, CropBatch
from rltrack.pretraining.scenes import KINDS
from rltrack.pretraining.textures import uniform

__all__ = ["OBJECTIVES", "Instances", "Kinds", "Neighbours", "Ranking", "ridge_scores"]


def ridge_scores(features: Tensor, strength: float = 0.1) -> Tensor:
    """Scores (n, T - T // 2, K) of the new samples, by what the known ones teach.

    In each scene ridge regression to +1 and -1, in its dual form, which is a system as large as
    the number of known samples. Features count relative to their mean square, so their scale
    does not matter; there is no intercept, as features are not centred for the tracker either.
    """
    known, new = features.tensor_split([features.shape[1] // 2], dim=1)
    seen, met = known.flatten(1, 2), new.flatten(1, 2)
    size = seen.square().sum(-1).mean(-1)[:, None, None]
    gram, cross = seen @ seen.mT / size, met @ seen.mT / size
    labels = _labels(known).expand(len(known), known.shape[1], -1).flatten(1, 2)
    ridge = strength * torch.eye(gram.shape[-1], device=gram.device, dtype=gram.dtype)
    solved: Tensor = torch.linalg.solve(gram + ridge, labels[..., None])
    return (cross @ solved)[..., 0].view(new.shape[:3])


class Neighbours(nn.Module):
    """Tell the target from what is beside it, later, having learned it before: logistic loss."""

    def __init__(self, generator: Generator, sharpness: float = 4.0) -> None:
        super().__init__()
        self.sharpness = sharpness

    def forward(self, features: Tensor, lesson: CropBatch) -> Tensor:
        """The loss, targets and background weighing the same."""
        losses = F.softplus(-self.sharpness * _labels(features) * ridge_scores(features))
        return 0.5 * (losses[..., :POSITIVES].mean() + losses[..., POSITIVES:].mean())


class Ranking(nn.Module):
    """Score a sample higher, later, the more it overlaps the target: logistic loss of pairs."""

    def __init__(self, generator: Generator, sharpness: float = 4.0) -> None:
        super().__init__()
        self.sharpness = sharpness

    def forward(self, features: Tensor, lesson: CropBatch) -> Tensor:
        """The loss, a pair weighing as much as its overlaps differ."""
        scores = ridge_scores(features)
        overlaps = lesson.overlaps[:, -scores.shape[1] :]
        better = (overlaps[..., :, None] - overlaps[..., None, :]).clamp(min=0)
        ahead = scores[..., :, None] - scores[..., None, :]
        return (better * F.softplus(-self.sharpness * ahead)).sum() / better.sum()


class Instances(nn.Module):
    """Recognise the target among the other scenes' targets and its own background."""

    def __init__(self, generator: Generator, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, features: Tensor, lesson: CropBatch) -> Tensor:
        """Cross-entropy: which target, or background, is most like what was seen before."""
        n, moments = features.shape[:2]
        half = moments // 2
        unit = F.normalize(features, dim=-1)
        anchors = F.normalize(unit[:, :half, :POSITIVES].mean((1, 2)), dim=-1)
        targets = unit[:, half:, :POSITIVES].flatten(1, 2)
        background = unit[:, half:, POSITIVES:].flatten(1, 2)
        own = torch.einsum("nf,nmf->nm", anchors, targets)
        beside = torch.einsum("nf,nmf->nm", anchors, background)
        across = torch.einsum("if,nmf->inm", anchors, targets)
        same = torch.eye(n, dtype=torch.bool, device=features.device)[..., None]
        others = across.masked_fill(same, -torch.inf).flatten(1)
        wrong = torch.cat([beside, others], 1).div(self.temperature).logsumexp(1, keepdim=True)
        return F.softplus(wrong - own / self.temperature).mean()


_FEATURES = math.prod(VGGM.feature_shape)


class Kinds(nn.Module):
    """Name the target's texture and shape: a linear classifier over the generated categories."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        bound = _FEATURES**-0.5
        self.weight = nn.Parameter(uniform((KINDS, _FEATURES), -bound, bound, generator))

    def forward(self, features: Tensor, lesson: CropBatch) -> Tensor:
        """Cross-entropy over the target's samples."""
        seen = F.normalize(features[:, :, :POSITIVES], dim=-1) * _FEATURES**0.5
        scores = F.linear(seen, self.weight)
        wanted = lesson.kinds[:, None, None].expand(scores.shape[:3])
        return F.cross_entropy(scores.flatten(0, 2), wanted.flatten())


OBJECTIVES: dict[str, Callable[[Generator], nn.Module]] = {
    "neighbours": Neighbours,
    "ranking": Ranking,
    "instances": Instances,
    "kinds": Kinds,
}


def _labels(features: Tensor) -> Tensor:
    """Return the labels (K,) of a moment's samples: 1 for a target, -1 for background."""
    labels = features.new_full(features.shape[2:3], -1.0)
    labels[:POSITIVES] = 1
    return labels
