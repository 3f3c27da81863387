"""The method as one would first write it, in plain operations.

All faster code is compared with this module. It uses PyTorch's own layers in contiguous memory, and
automatic differentiation through the whole network: once to compute the maps, and once more to
differentiate through them. No operations are fused, divided into parts, or shared between the
classes. As in the released code, the maps of each class need a separate pass through the
convolutions. Only the reductions from derivatives to the loss are the tracker's own
(:mod:`rltrack.tracking.attention`).
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor, nn

from rltrack.backbones.interface import Backbone
from rltrack.backbones.layout import MDNET_CROP, CropLayout, Heaviest
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

__all__ = [
    "BATCH",
    "Iteration",
    "PlainBackbone",
    "ReferenceExtractor",
    "attention",
    "crops",
    "iteration",
    "plain",
]

BATCH = 256
"""The number of crops in one pass through the convolutions, as in the released code."""


# PyTorch divides alpha by the number of channels that are summed, so alpha is multiplied by 5 here.
_STAGE = nn.Sequential(
    nn.ReLU(), nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0), nn.MaxPool2d(3, stride=2)
)


class ReferenceExtractor(VGGM):
    """The layers conv1-3 in plain form, with the interface of `rltrack.backbones.vggm.VGGM`.

    If it is the ``backbone`` of a `rltrack.Tracker`, the tracker's features are computed plainly.
    With ``clip_scope="all"`` the attention maps are computed plainly too, because training then
    differentiates through ``stem`` and ``trunk``.
    """

    @classmethod
    def of(cls, extractor: VGGM) -> ReferenceExtractor:
        """Return a plain backbone with the same weights, on the same device."""
        device = extractor.conv1.weight.device
        return cls(extractor.state_dict(), device=device, dtype=extractor.dtype)

    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Do what `rltrack.backbones.vggm.VGGM.place` does, and make the weights contiguous."""
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

    def features(self, crops: Tensor) -> Tensor:
        """Map uint8 crops (N, 3, 107, 107) to features (N, 4608), :data:`BATCH` at a time."""
        return _in_batches(self, crops)


class PlainBackbone(Backbone):
    """Any other backbone in plain form: contiguous weights, and no way of its own to derivatives.

    Args:
        extractor: the backbone, which is copied.
    """

    def __init__(self, extractor: Backbone) -> None:
        super().__init__()
        self.net = copy.deepcopy(extractor)
        self.crop, self.feature_shape = extractor.crop, extractor.feature_shape
        self.regression_views = extractor.regression_views
        self.dense_layout, self.multiply_adds = extractor.dense_layout, extractor.multiply_adds
        self.place(*extractor._placement)

    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Do what the backbone's own ``place`` does, and make the weights contiguous."""
        super().place(device, dtype, precision)
        self.net.place(device, dtype, precision)
        for parameter in self.net.parameters():
            parameter.data = parameter.data.contiguous()

    def pixels(self, crops: Tensor) -> Tensor:
        """Turn uint8 crops (N, 3, S, S) into the backbone's input."""
        return self.net.pixels(crops).contiguous()

    def stem(self, x: Tensor) -> Tensor:
        """Map the input to the activation where attention maps live."""
        return self.net.stem(x)

    def trunk(self, z: Tensor) -> Tensor:
        """Map that activation to features (N, C k k)."""
        return self.net.trunk(z)

    def dense(self, x: Tensor) -> Tensor:
        """Map a region to its dense feature map."""
        return self.net.dense(x)

    def heaviest(self) -> Heaviest:
        """Return the layer that costs the most."""
        return self.net.heaviest()

    def features(self, crops: Tensor) -> Tensor:
        """Map uint8 crops (N, 3, S, S) to features (N, C k k), :data:`BATCH` at a time."""
        return _in_batches(self, crops)


def plain(extractor: Backbone) -> Backbone:
    """Return ``extractor`` in plain form, on the same device."""
    if isinstance(extractor, VGGM):
        return ReferenceExtractor.of(extractor)
    return PlainBackbone(extractor)


@torch.no_grad()
def _in_batches(extractor: Backbone, crops: Tensor) -> Tensor:
    parts = batches(len(crops), BATCH)
    return torch.cat([extractor(extractor.pixels(crops[part])) for part in parts])


def crops(image: NDArray[np.uint8], boxes: Tensor, layout: CropLayout = MDNET_CROP) -> Tensor:
    """Cut the crops (N, 3, S, S) of ``boxes`` (N, 4) one by one with an image library."""
    picture = Image.fromarray(image)
    parts = []
    size, _, fill = layout
    for x, y, w, h in crop_extents(boxes.cpu(), layout).long().tolist():
        region = Image.new("RGB", (w, h), (fill, fill, fill))
        region.paste(picture, (-x, -y))
        parts.append(np.asarray(region.resize((size, size), Image.Resampling.BILINEAR)))
    return torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).to(boxes.device)


class Iteration(NamedTuple):
    """What one iteration of reciprocative learning computes before its gradient step."""

    loss: Loss
    scores: Tensor
    """(N, 2) logits, positives first."""
    maps: tuple[Maps, Maps] | None
    """The maps of the positives, and the maps of the negatives. None if lambda is 0."""
    gradients: dict[str, Tensor]
    """The gradients of the loss with respect to the classifier's parameters, by the names of the
    parameters. They are not clipped yet.
    """
    norm: Tensor
    """The norm that clipping limits, a scalar. It is the norm of all these gradients together. With
    ``clip_scope="all"``, it also counts the gradients of the convolutions.
    """


def attention(
    extractor: Backbone,
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
            create_graph=config.second_order,  # without a graph, the loss sees maps as constants
        )
        if config.map_at == "conv3":
            derivatives = derivatives.view(-1, *extractor.feature_shape)
        maps.append(attention_map(derivatives, config.map_part, config.map_channels))
    return Maps(*maps)


def iteration(
    extractor: Backbone,
    classifier: Classifier,
    positives: Samples,
    negatives: Samples,
    config: TrackerConfig,
    dropout: Generator | None = None,
) -> Iteration:
    """Compute the loss of Eq. 5 and its gradients for one mini-batch, without changing a weight.

    Args:
        extractor: the fixed convolutions. This function sets whether their weights require
            gradients.
        classifier: fc4-6.
        positives: samples of the target.
        negatives: samples of the background. Positives and negatives need crops, unless lambda is
            0.
        config: lambda, how attention is computed, and which gradients the clipped norm counts.
        dropout: draws the classifier's dropout, for training. The maps are computed without
            dropout, unless ``config.attention_dropout`` is True.

    Raises:
        ValueError: lambda is above 0, and the samples have no crops.
    """
    extractor.requires_grad_(config.clip_scope == "all")
    scores = classifier(torch.cat([positives.features, negatives.features]), dropout)
    maps = None
    if config.attention_weight > 0:
        if positives.crops is None or negatives.crops is None:
            raise ValueError("attention_weight > 0 needs samples with crops; some have none")
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
