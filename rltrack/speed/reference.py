"""The plain arithmetic of the method, as one would first write it. All else is compared with it.

It uses PyTorch's own layers in contiguous memory, and automatic differentiation through the whole
network: once for the maps, and once more through that. Nothing is fused, split up or shared. As in
the released code, each class's maps have a pass of their own through the convolutions. Only the
reductions from derivatives to the loss are the tracker's (:mod:`rltrack.tracking.attention`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor, nn

from rltrack.backbones.interface import MDNET_CROP
from rltrack.backbones.vggm import VGGM
from rltrack.parallel import batches
from rltrack.tracking.attention import (
    BACKGROUND,
    TARGET,
    Loss,
    Maps,
    attention_map,
    reciprocative_loss,
)
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.crops import crop_extents
from rltrack.tracking.memory import Samples

__all__ = ["BATCH", "Iteration", "ReferenceExtractor", "attention", "crops", "iteration"]

BATCH = 256
"""Crops in one pass through the convolutions, as in the released code."""


# PyTorch divides alpha by the number of channels that are summed.
_STAGE = nn.Sequential(
    nn.ReLU(), nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0), nn.MaxPool2d(3, stride=2)
)


class ReferenceExtractor(VGGM):
    """conv1-3 in plain form. It has the interface of `rltrack.backbones.vggm.VGGM`.

    As a `rltrack.Tracker`'s ``backbone`` it makes the features. With ``clip_scope="all"`` it also
    makes the attention, because training then differentiates through ``stem`` and ``trunk``.
    """

    @classmethod
    def of(cls, extractor: VGGM) -> ReferenceExtractor:
        """Return a plain backbone with the same weights, on the same device."""
        device = extractor.conv1.weight.device
        return cls(extractor.state_dict(), device=device, dtype=extractor.dtype)

    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Do what `rltrack.backbones.vggm.VGGM` does, with contiguous weights."""
        super().place(device, dtype, precision)
        for convolution in (self.conv1, self.conv2, self.conv3):
            convolution.weight.data = convolution.weight.data.contiguous()

    def pixels(self, crops: Tensor) -> Tensor:
        """Turn uint8 crops (N, 3, 107, 107) into the network's input, -128..127."""
        return crops.to(self.dtype).contiguous() - self.crop.fill

    def trunk(self, z1: Tensor) -> Tensor:
        """Map conv1's output (N, 96, 51, 51) to features (N, 4608)."""
        z2 = self.conv2(_STAGE(z1))
        z3 = self.conv3(_STAGE(z2))
        return F.relu(z3).flatten(1)

    @torch.no_grad()
    def features(self, crops: Tensor) -> Tensor:
        """Map uint8 crops (N, 3, 107, 107) to features (N, 4608), :data:`BATCH` at a time."""
        parts = batches(len(crops), BATCH)
        return torch.cat([self(self.pixels(crops[part])) for part in parts])


def crops(image: NDArray[np.uint8], boxes: Tensor) -> Tensor:
    """Cut crops (N, 3, 107, 107) one by one with an image library."""
    picture = Image.fromarray(image)
    parts = []
    size, _, fill = MDNET_CROP
    for x, y, w, h in crop_extents(boxes.cpu()).long().tolist():
        region = Image.new("RGB", (w, h), (fill, fill, fill))
        region.paste(picture, (-x, -y))
        parts.append(np.asarray(region.resize((size, size), Image.Resampling.BILINEAR)))
    return torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).to(boxes.device)


class Iteration(NamedTuple):
    """What one iteration of reciprocative learning computes before it takes its step."""

    loss: Loss
    scores: Tensor
    """(N, 2) logits, positives first."""
    maps: tuple[Maps, Maps] | None
    """The maps of the positives and of the negatives. None at lambda 0."""
    gradients: dict[str, Tensor]
    """The loss's gradients with respect to the classifier's parameters, by their names, before
    clipping.
    """
    norm: Tensor
    """The norm that is clipped, a scalar: of these gradients, and with ``clip_scope="all"`` also of
    the convolutions' gradients.
    """


def attention(
    extractor: VGGM,
    classifier: Classifier,
    crops: Tensor,
    config: TrackerConfig,
    dropout: Generator | None = None,
) -> Maps:
    """Compute Eq. 2: the maps A_p and A_n of uint8 ``crops``, differentiable in fc4-6."""
    maps = []
    for c in (TARGET, BACKGROUND):
        x = extractor.pixels(crops).requires_grad_()
        z1 = extractor.stem(x)
        features = extractor.trunk(z1)
        scores = classifier(features, dropout)
        (derivatives,) = torch.autograd.grad(
            config.score_seed * scores[:, c].sum(),
            {"input": x, "conv1": z1, "conv3": features}[config.map_at],
            create_graph=config.second_order,  # without it the maps are constants to what follows
        )
        if config.map_at == "conv3":
            derivatives = derivatives.view(-1, *extractor.feature_shape)
        maps.append(attention_map(derivatives, config.map_part, config.map_channels))
    return Maps(*maps)


def iteration(
    extractor: VGGM,
    classifier: Classifier,
    positives: Samples,
    negatives: Samples,
    config: TrackerConfig,
    dropout: Generator | None = None,
) -> Iteration:
    """Compute Eq. 5 and its gradient at one batch. Nothing is learned yet.

    Args:
        extractor: the fixed convolutions. This function sets whether their weights require
            gradients.
        classifier: fc4-6.
        positives: samples of the target.
        negatives: samples of the background. Both need crops unless lambda is 0.
        config: lambda, how attention is read, whose gradients are clipped.
        dropout: draws the classifier's dropout, for training. The maps are computed without
            dropout, unless ``config`` says otherwise.
    """
    extractor.requires_grad_(config.clip_scope == "all")
    scores = classifier(torch.cat([positives.features, negatives.features]), dropout)
    maps = None
    if config.attention_weight > 0:
        if positives.crops is None or negatives.crops is None:
            raise ValueError("attention_weight > 0 needs samples with crops")
        through = dropout if config.attention_dropout else None
        maps = (
            attention(extractor, classifier, positives.crops, config, through),
            attention(extractor, classifier, negatives.crops, config, through),
        )
    loss = reciprocative_loss(scores, len(positives.features), maps, config)

    learned = dict(classifier.named_parameters())
    counted = [p for p in extractor.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(
        loss.total, [*learned.values(), *counted], allow_unused=bool(counted)
    )
    norm = torch.stack([g.norm() for g in gradients if g is not None]).norm()
    return Iteration(
        loss=Loss(*(part.detach() for part in loss)),
        scores=scores.detach(),
        maps=None if maps is None else (_detached(maps[0]), _detached(maps[1])),
        gradients=dict(zip(learned, gradients, strict=False)),
        norm=norm,
    )


def _detached(maps: Maps) -> Maps:
    return Maps(*(m.detach() for m in maps))
