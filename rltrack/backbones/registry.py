"""Backbones: weights for conv1-3, by name or file, and where they come from.

``embedded``   the default, needs nothing: another name for ``analytic``.
``analytic``   a seeded filter bank: oriented and colour-opponent filters, then random ones.
``rendered``   shipped with the package: trained on rendered scenes, without a photograph.
``random``     white noise; for tests and as a floor for comparisons.
``vggm``       VGG-M's ImageNet filters, as in the paper; fetched, then converted once.
``*.safetensors``   a file of weights; see `rltrack.backbones.weights.save_backbone`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import torch

from rltrack.backbones.cards import CARDS, Card
from rltrack.backbones.vggm import VGGM
from rltrack.backbones.weights import SUFFIX, digest, read_weights, vggm_file
from rltrack.errors import InputError

__all__ = ["BACKBONES", "backbone_card", "backbone_identity", "load_backbone"]

BACKBONES = ("embedded", "analytic", "rendered", "random", "vggm")

EMBEDDED = "analytic"
"""What ``embedded`` stands for."""


def backbone_card(name: str | Path) -> Card:
    """The card of the backbone called ``name``, or of a file.

    Raises:
        InputError: as :func:`rltrack.load_backbone`; a file without a card is one too.
    """
    name = _meant(name)
    if name in CARDS:
        return CARDS[name]
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
    if name in CARDS:
        return name
    path, remedy = _file(name)
    return _identity(path, remedy, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache
def _identity(path: Path, remedy: str, changed: int) -> str:
    weights, _ = read_weights(path, remedy)
    return digest({key: weight.half() for key, weight in weights.items()})[:12]


def load_backbone(
    name: str | Path = "embedded",
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    precision: str = "float32",
) -> VGGM:
    """The backbone called ``name``, or the one whose weights a file holds.

    Raises:
        InputError: unknown name, or weights missing, corrupt or of the wrong shape; the message
            names the file and what to do.
    """
    from rltrack.backbones.filter_banks import analytic_bank, random_bank

    name = _meant(name)
    if name == "analytic":
        weights = analytic_bank()
    elif name == "random":
        weights = random_bank()
    else:
        weights, _ = read_weights(*_file(name))
    return VGGM(weights, device=device, dtype=dtype, precision=precision)


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


_REMEDY = "make it with data_scripts/train_backbone.py"

_RENDERED = Path(__file__).parent / "rendered.safetensors"


def _file(name: str) -> tuple[Path, str]:
    """Where the weights called ``name`` are kept, and what helps if they are not there."""
    if name == "vggm":
        return vggm_file(), "run `rltrack fetch vggm`"
    if name == "rendered":
        return _RENDERED, "install rltrack again"
    return Path(name), _REMEDY
