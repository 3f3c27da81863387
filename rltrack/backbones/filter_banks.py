"""Weights of conv1-3 that come from a formula: a filter bank, and white noise."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack.backbones.lrn_stage import pooled
from rltrack.backbones.vggm import SHAPES, VGGM

__all__ = ["DEVIATIONS", "analytic_bank", "random_bank"]

DEVIATIONS = 60.0, 60.0, 2.0
"""Standard deviations of the analytic bank's responses, conv1 to conv3. The first two are large
enough for the LRN to even out contrast, which it does not do with responses near 1. The last one
sets how fast the classifier learns.
"""


def random_bank(seed: int = 0) -> dict[str, Tensor]:
    """Return weights that are independent Gaussian noise (white noise), and biases of 0."""
    generator = Generator().manual_seed(seed)
    weights = {}
    for name, shape in SHAPES.items():
        scale = math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.0
        weights[name] = scale * torch.randn(shape, generator=generator, dtype=torch.float32)
    weights["conv1.weight"] /= 32  # pixels span -128..127
    return weights


@lru_cache
def analytic_bank(seed: int = 0) -> dict[str, Tensor]:
    """Return the seeded filter bank, with each layer scaled to :data:`DEVIATIONS` on 1/f noise."""
    generator = Generator().manual_seed(seed)
    weights = {
        "conv1.weight": _first_layer(),
        "conv2.weight": _orthogonal(SHAPES["conv2.weight"], generator),
        "conv3.weight": _orthogonal(SHAPES["conv3.weight"], generator),
        **{
            name: torch.zeros(shape, dtype=torch.float32)
            for name, shape in SHAPES.items()
            if len(shape) == 1
        },
    }
    return _calibrated(weights, generator)


def _first_layer() -> Tensor:
    """Return the 96 filters (3, 7, 7) of conv1, of unit norm. The backbone's card lists them."""
    at = torch.arange(-3, 4, dtype=torch.float32)
    y, x = torch.meshgrid(at, at, indexing="ij")
    grey, red_green, blue_yellow = torch.tensor(
        [[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [-0.5, -0.5, 1.0]], dtype=torch.float32
    )

    def window(sigma: float) -> Tensor:
        return torch.exp(-(x**2 + y**2) / (2 * sigma**2))

    def gabor(colour: Tensor, angle: float, wavelength: float, phase: float) -> Tensor:
        along = x * math.cos(angle) + y * math.sin(angle)
        w = window(0.42 * wavelength)
        wave = w * torch.cos(2 * math.pi * along / wavelength + phase)
        flat = wave - w * wave.sum() / w.sum()  # no response to flat grey
        return colour[:, None, None].mul(flat)

    def blob(colour: Tensor, sigma: float) -> Tensor:
        return colour[:, None, None].mul(window(sigma))

    filters = [
        gabor(grey, math.pi * k / 8, wavelength, math.pi * phase / 2)
        for wavelength in (4.0, 7.0)
        for k in range(8)
        for phase in range(4)
    ]
    filters += [
        gabor(colour, math.pi * k / 4, 7.0, math.pi * phase)
        for colour in (red_green, blue_yellow)
        for k in range(4)
        for phase in (0.5, 1.5)
    ]
    for sign in (1, -1):
        filters += [
            blob(sign * colour, sigma)
            for colour in (red_green, blue_yellow, grey)
            for sigma in (1.2, 2.5)
        ]
        filters += [
            sign * (blob(grey, s) / window(s).sum() - blob(grey, 3.0) / window(3.0).sum())
            for s in (0.8, 1.5)
        ]
    bank = torch.stack(filters)
    return F.normalize(bank.flatten(1)).view_as(bank)


def _orthogonal(shape: tuple[int, ...], generator: Generator) -> Tensor:
    noise = torch.randn(math.prod(shape[1:]), shape[0], generator=generator, dtype=torch.float32)
    basis, _ = torch.linalg.qr(noise)
    return torch.reshape(basis.T, shape)


def _calibrated(weights: dict[str, Tensor], generator: Generator) -> dict[str, Tensor]:
    """Scale the weights of each layer, from conv1 to conv3, by its responses to 1/f noise.

    Afterwards these responses have the standard deviations :data:`DEVIATIONS`. All channels of a
    layer are scaled by the same factor.
    """
    x = _natural_noise(32, generator)
    for i, deviation in enumerate(DEVIATIONS, 1):
        net = VGGM(weights)
        z = net.stem(x)
        for layer in (net.conv2, net.conv3)[: i - 1]:
            z = layer(pooled(z))
        weights[f"conv{i}.weight"] = weights[f"conv{i}.weight"] * (deviation / z.std())
    return weights


def _natural_noise(n: int, generator: Generator) -> Tensor:
    """Return ``n`` images (3, 107, 107) in -128..127, with the 1/f amplitudes of photographs."""
    size = 107
    fy = torch.fft.fftfreq(size, dtype=torch.float32)[:, None]
    fx = torch.fft.rfftfreq(size, dtype=torch.float32)[None]
    amplitude = 1 / (fx**2 + fy**2).sqrt().clamp(min=1 / size)
    noise = torch.randn(n, 3, size, size, generator=generator, dtype=torch.float32)
    noise = 0.8 * noise[:, :1] + 0.4 * noise  # mostly grey, as photographs are
    image = torch.fft.irfft2(torch.fft.rfft2(noise) * amplitude, s=(size, size))
    image *= 50 / image.std((1, 2, 3), keepdim=True)
    return torch.clamp(image, -128, 127)
