"""Backbones: weights for conv1-3, by name or file, and where they come from.

``embedded``   the default, needs nothing: another name for ``analytic``.
``analytic``   a seeded filter bank: oriented and colour-opponent filters, then random ones.
``rendered``   shipped with the package: trained on rendered scenes, without a photograph.
``random``     white noise; for tests and as a floor for comparisons.
``vggm``       VGG-M's ImageNet filters, as in the paper; fetched, then converted once.
``*.safetensors``   a file that :func:`save_backbone` wrote, such as a training's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from rltrack.errors import InputError
from rltrack.files import write_bytes
from rltrack.network import SHAPES, FeatureExtractor

__all__ = [
    "BACKBONES",
    "Card",
    "backbone_card",
    "backbone_identity",
    "load_backbone",
    "save_backbone",
]

BACKBONES = ("embedded", "analytic", "rendered", "random", "vggm")
EMBEDDED = "analytic"
"""What ``embedded`` stands for."""

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Card:
    """What a backbone is, in words."""

    name: str
    recipe: str
    licence: str
    facts: dict[str, str] = field(default_factory=dict)
    """Of its making: steps, seed, time and the like."""


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


def backbone_card(name: str | Path) -> Card:
    """The card of the backbone called ``name``, or of a file.

    Raises:
        InputError: as :func:`rltrack.load_backbone`; a file without a card is one too.
    """
    name = _meant(name)
    if name in _CARDS:
        return _CARDS[name]
    _, about = read_weights(*_file(name))
    if "card" not in about:
        raise InputError(f"weights {name} have no card; {_REMEDY}")
    return Card(**json.loads(about["card"]))


def backbone_identity(name: str | Path) -> str:
    """What stands for the weights called ``name`` in results.

    A name that always means the same; of a training, the first twelve hexadecimal digits of its
    weights' SHA-256, so that a path says nothing and another training is another tracker.

    Raises:
        InputError: as :func:`rltrack.load_backbone`.
    """
    name = _meant(name)
    if name in _CARDS:
        return name
    path, remedy = _file(name)
    return _identity(path, remedy, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache
def _identity(path: Path, remedy: str, changed: int) -> str:
    weights, _ = read_weights(path, remedy)
    return _digest({key: weight.half() for key, weight in weights.items()})[:12]


def load_backbone(
    name: str | Path = "embedded",
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    precision: str = "float32",
) -> FeatureExtractor:
    """The fixed convolutions, `rltrack.network.FeatureExtractor`, with the weights called ``name``.

    Raises:
        InputError: unknown name, or weights missing, corrupt or of the wrong shape; the message
            names the file and what to do.
    """
    from rltrack.banks import analytic_bank, random_bank

    name = _meant(name)
    if name == "analytic":
        weights = analytic_bank()
    elif name == "random":
        weights = random_bank()
    else:
        weights, _ = read_weights(*_file(name))
    return FeatureExtractor(weights, device=device, dtype=dtype, precision=precision)


def _meant(name: str | Path) -> str:
    """A name that stands for itself.

    Raises:
        InputError: there is no such backbone.
    """
    name = str(name)
    if name not in BACKBONES and not name.endswith(SUFFIX):
        raise InputError(
            f"unknown backbone {name!r}; there are {', '.join(BACKBONES)}, and {SUFFIX} files"
        )
    return EMBEDDED if name == "embedded" else name


# --- Files --------------------------------------------------------------------------------

_REMEDY = "make it with data_scripts/train_backbone.py"
_RENDERED = Path(__file__).parent / "weights" / "rendered.safetensors"


def _file(name: str) -> tuple[Path, str]:
    """Where the weights called ``name`` are kept, and what helps if they are not there."""
    if name == "vggm":
        return vggm_file(), "run `rltrack fetch vggm`"
    if name == "rendered":
        return _RENDERED, "install rltrack again"
    return Path(name), _REMEDY


def vggm_file() -> Path:
    """Where VGG-M's weights are kept once they are fetched."""
    from rltrack.fetch import cache_dir

    return cache_dir() / "weights" / "vggm.safetensors"


def save_backbone(weights: dict[str, Tensor], path: str | Path, card: Card) -> Path:
    """Write weights, as float16, and their card to a safetensors file; whole or not at all.

    Returns:
        ``path``, which is the backbone's name from now on.
    """
    half = {name: weights[name].detach().cpu().half().contiguous() for name in SHAPES}
    about = {"card": json.dumps(asdict(card)), "sha256": _digest(half)}
    return write_weights(half, Path(path), about)


def write_weights(weights: dict[str, Tensor], path: Path, about: dict[str, str]) -> Path:
    """Write a safetensors file, whole or not at all."""
    from safetensors.torch import save

    write_bytes(path, save(weights, about))
    return path


def read_weights(path: Path, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights (float32) of a safetensors file, and what it says about them.

    Raises:
        InputError: it is missing, no such file, or not what its own digest says; with ``remedy``.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise InputError(f"weights {path} are missing; {remedy}")
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, str] = file.metadata() or {}
            stored = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"weights {path} are corrupt ({error}); delete the file and {remedy}"
        ) from error
    weights = checked(stored, path, remedy)
    if "sha256" in about and about["sha256"] != _digest(weights):
        raise InputError(f"weights {path} are not what they were; delete the file and {remedy}")
    return {name: w.float() for name, w in weights.items()}, about


def checked(weights: dict[str, Tensor], source: Path, remedy: str) -> dict[str, Tensor]:
    """Those of `rltrack.network.SHAPES` among ``weights``.

    Raises:
        InputError: one is missing, of another shape, or not finite; with ``remedy``.
    """
    for name, shape in SHAPES.items():
        got = tuple(weights[name].shape) if name in weights else "nothing"
        if got != shape:
            raise InputError(f"weights {source}: {name} is {got}, expected {shape}; {remedy}")
        if not torch.isfinite(weights[name]).all():
            raise InputError(f"weights {source}: {name} is not finite; {remedy}")
    return {name: weights[name] for name in SHAPES}


def _digest(weights: dict[str, Tensor]) -> str:
    """SHA-256 of the numbers, layer by layer."""
    digest = hashlib.sha256()
    for name in SHAPES:
        digest.update(weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
