"""Backbones: weights for conv1-3, by name, and where they come from.

``embedded``   the default, needs nothing; today the analytic bank.
``analytic``   a seeded filter bank: oriented and colour-opponent filters, then random ones.
``random``     white noise; for tests and as a floor for comparisons.
``vggm``       VGG-M's ImageNet filters, as in the paper; fetched, then converted once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack.errors import InputError
from rltrack.network import SHAPES, FeatureExtractor
from rltrack.stage import pooled

__all__ = ["BACKBONES", "Card", "backbone_card", "convert_vggm", "load_backbone"]

BACKBONES = ("embedded", "analytic", "random", "vggm")

VGGM_FILE = "vggm.safetensors"

DEVIATIONS = 60.0, 60.0, 2.0
"""Of the analytic bank's responses, conv1 to conv3. The first two are large enough for the LRN to
even out contrast (with responses near 1 it does nothing); the last sets the learning's pace."""


@dataclass(frozen=True)
class Card:
    """What a backbone is, in words."""

    name: str
    recipe: str
    licence: str


_CARDS = {
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
_CARDS["embedded"] = Card(
    "embedded", f"today the analytic bank. {_CARDS['analytic'].recipe}", _CARDS["analytic"].licence
)


def backbone_card(name: str) -> Card:
    """The card of the backbone called ``name``."""
    _check(name)
    return _CARDS[name]


def load_backbone(
    name: str = "embedded",
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    precision: str = "float32",
) -> FeatureExtractor:
    """The fixed convolutions with the weights called ``name``; see :class:`FeatureExtractor`.

    Raises:
        InputError: unknown name, or weights missing, corrupt or of the wrong shape; the message
            names the file and the command that fetches it.
    """
    _check(name)
    if name == "vggm":
        weights = _read(weights_dir() / VGGM_FILE)
    elif name == "random":
        weights = _random_bank()
    else:
        weights = analytic_bank()
    return FeatureExtractor(weights, device=device, dtype=dtype, precision=precision)


def _check(name: str) -> None:
    if name not in BACKBONES:
        raise InputError(f"unknown backbone {name!r}; there are {', '.join(BACKBONES)}")


# --- Files --------------------------------------------------------------------------------


def weights_dir() -> Path:
    """Where fetched weights are kept."""
    from rltrack.fetch import cache_dir

    return cache_dir() / "weights"


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    remedy = "run `rltrack fetch vggm`"
    if not path.exists():
        raise InputError(f"weights {path} are missing; {remedy}")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"weights {path} are corrupt ({error}); delete the file and {remedy}"
        ) from error
    return _checked(weights, path, remedy)


def _checked(weights: dict[str, Tensor], path: Path, remedy: str) -> dict[str, Tensor]:
    for name, shape in SHAPES.items():
        got = tuple(weights[name].shape) if name in weights else "nothing"
        if got != shape:
            raise InputError(f"weights {path}: {name} is {got}, expected {shape}; {remedy}")
        if not torch.isfinite(weights[name]).all():
            raise InputError(f"weights {path}: {name} is not finite; {remedy}")
    return {name: weights[name] for name in SHAPES}


def convert_vggm(mat: Path, out: Path | None = None) -> Path:
    """Convert MatConvNet's VGG-M (conv1-3 alone or the full model) to safetensors, once.

    Args:
        mat: ``imagenet-vgg-m-conv1-3.mat`` or ``imagenet-vgg-m.mat``.
        out: the file to write; by default where :func:`load_backbone` looks.

    Returns:
        The file written.

    Raises:
        InputError: the file is no MATLAB file or lacks a layer of the right shape.
    """
    from safetensors.torch import save_file
    from scipy.io import loadmat

    out = out or weights_dir() / VGGM_FILE
    remedy = "fetch it again with `rltrack fetch vggm`"
    if not mat.exists():
        raise InputError(f"{mat} is missing; {remedy}")
    try:
        layers = loadmat(mat, squeeze_me=False)["layers"][0]
        weights = {}
        for i in range(3):
            filters, bias = _matconvnet_layer(layers[i * 4])
            weights[f"conv{i + 1}.weight"] = filters
            weights[f"conv{i + 1}.bias"] = bias
    except Exception as error:  # scipy raises nearly anything on a damaged file
        raise InputError(f"{mat} is not MatConvNet's VGG-M ({error}); {remedy}") from error
    weights = _checked(weights, mat, remedy)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    save_file(weights, part, metadata={"source": mat.name})
    part.replace(out)
    return out


def _matconvnet_layer(layer: Any) -> tuple[Tensor, Tensor]:
    """Filters (O, I, H, W) and biases (O,) of one MATLAB struct, stored (H, W, I, O)."""
    filters, bias = layer["weights"][0, 0][0]
    filters = np.ascontiguousarray(np.transpose(filters, (3, 2, 0, 1)), dtype=np.float32)
    return torch.from_numpy(filters), torch.from_numpy(bias.astype(np.float32).reshape(-1).copy())


# --- Weights from a formula -----------------------------------------------------------------


def _random_bank(seed: int = 0) -> dict[str, Tensor]:
    generator = Generator().manual_seed(seed)
    weights = {}
    for name, shape in SHAPES.items():
        scale = math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.0
        weights[name] = scale * torch.randn(shape, generator=generator)
    weights["conv1.weight"] /= 32  # pixels span -128..127
    return weights


@lru_cache
def analytic_bank(seed: int = 0) -> dict[str, Tensor]:
    """The seeded filter bank, each layer scaled to :data:`DEVIATIONS` on 1/f noise."""
    generator = Generator().manual_seed(seed)
    weights = {
        "conv1.weight": _first_layer(),
        "conv2.weight": _orthogonal(SHAPES["conv2.weight"], generator),
        "conv3.weight": _orthogonal(SHAPES["conv3.weight"], generator),
        **{name: torch.zeros(shape) for name, shape in SHAPES.items() if len(shape) == 1},
    }
    return _calibrated(weights, generator)


def _first_layer() -> Tensor:
    """96 filters (3, 7, 7), unit norm: see the card."""
    y, x = torch.meshgrid(torch.arange(-3.0, 4.0), torch.arange(-3.0, 4.0), indexing="ij")
    grey = torch.tensor([1.0, 1.0, 1.0])
    red_green = torch.tensor([1.0, -1.0, 0.0])
    blue_yellow = torch.tensor([-0.5, -0.5, 1.0])

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
    noise = torch.randn(math.prod(shape[1:]), shape[0], generator=generator)
    basis, _ = torch.linalg.qr(noise)
    return torch.reshape(basis.T, shape)


def _calibrated(weights: dict[str, Tensor], generator: Generator) -> dict[str, Tensor]:
    """Scale each layer's responses on 1/f noise, first to last; channels keep their proportions."""
    x = _natural_noise(32, generator)
    for i, deviation in enumerate(DEVIATIONS, 1):
        net = FeatureExtractor(weights)
        z = net.stem(x)
        for layer in (net.conv2, net.conv3)[: i - 1]:
            z = layer(pooled(z))
        weights[f"conv{i}.weight"] = weights[f"conv{i}.weight"] * (deviation / z.std())
    return weights


def _natural_noise(n: int, generator: Generator) -> Tensor:
    """``n`` images (3, 107, 107) in -128..127 with the amplitude spectrum of photographs, 1/f."""
    size = 107
    fy, fx = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None]
    amplitude = 1 / (fx**2 + fy**2).sqrt().clamp(min=1 / size)
    noise = torch.randn(n, 3, size, size, generator=generator)
    noise = 0.8 * noise[:, :1] + 0.4 * noise  # mostly grey, as photographs are
    image = torch.fft.irfft2(torch.fft.rfft2(noise) * amplitude, s=(size, size))
    image *= 50 / image.std((1, 2, 3), keepdim=True)
    return torch.clamp(image, -128, 127)
