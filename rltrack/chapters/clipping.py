"""What clipping leaves of Eq. 5's two gradients: the step's length is shared between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from rltrack import draws
from rltrack.attention import attention_maps, reciprocative_loss
from rltrack.config import TrackerConfig
from rltrack.crops import crops
from rltrack.fitting import gradient_at
from rltrack.memory import Samples
from rltrack.network import Classifier, FeatureExtractor

__all__ = ["Clipping", "clipping", "gradients"]


class Clipping(NamedTuple):
    """Norms of both parts of Eq. 5's gradient, and how far their sum is shortened."""

    cross_entropy: float
    """Norm of the cross-entropy's gradient."""
    attention: float
    """Norm of the attention term's, lambda included."""
    cosine: float
    """Of the two."""
    alone: float
    """What clipping multiplies the cross-entropy's gradient by if it is alone; at most 1."""
    together: float
    """And if the other one is added; at most 1."""


def clipping(
    cross_entropy: Mapping[str, Tensor], total: Mapping[str, Tensor], clip_norm: float
) -> Clipping:
    """Compare the parts of a gradient that is clipped by its one norm over all parameters.

    Args:
        cross_entropy: gradients of the cross-entropy, by parameter.
        total: of the whole loss of Eq. 5, of the same parameters.
        clip_norm: the norm that a longer gradient is shortened to.
    """
    alone, both = (
        torch.cat([gradient.flatten() for gradient in part.values()])
        for part in (cross_entropy, total)
    )
    term = both - alone
    return Clipping(
        alone.norm().item(),
        term.norm().item(),
        torch.nn.functional.cosine_similarity(alone, term, dim=0).item(),
        *(min(1.0, clip_norm / whole.norm().item()) for whole in (alone, both)),
    )


def gradients(
    classifier: Classifier,
    extractor: FeatureExtractor,
    image: NDArray[np.uint8],
    box: Tensor,
    n: int,
    config: TrackerConfig,
    generator: Generator,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of a batch of ``n`` targets and ``n`` pieces of background beside the target.

    Args:
        classifier: fc4-6; called without dropout.
        extractor: conv1-3.
        image: (H, W, 3) uint8 RGB.
        box: (4,) of the target, in 0-based pixels.
        n: of each.
        config: lambda, how attention is read and samples are drawn.
        generator: of the samples.

    Returns:
        Of the cross-entropy, and of the whole loss of Eq. 5, by parameter.
    """
    sides = torch.tensor(image.shape[1::-1], device=box.device, dtype=box.dtype)
    kinds = draws.targets, draws.update_background
    boxes = torch.cat([draw(box, sides, n, config, generator) for draw in kinds])
    cut = crops(torch.from_numpy(image).to(box.device).permute(2, 0, 1), boxes)
    samples = Samples(extractor.features(cut), cut)
    gradient = gradient_at(classifier, extractor, samples, config)
    maps = attention_maps(gradient, config).split(n)
    loss = reciprocative_loss(classifier(samples.features), n, maps, config)
    names, learned = zip(*classifier.named_parameters(), strict=True)
    cross_entropy, total = (
        torch.autograd.grad(part, learned, retain_graph=True)
        for part in (loss.cross_entropy, loss.total)
    )
    return dict(zip(names, cross_entropy, strict=True)), dict(zip(names, total, strict=True))
