"""Backbones by name or by file.

``embedded``   The default. It is another name for ``analytic``.
``analytic``   A seeded filter bank: oriented and colour-opponent filters, then random ones.
``rendered``   Shipped with the package; trained on rendered scenes, without a photograph.
``random``     White noise, for tests and as a lower bound for comparisons.
``vggm``       VGG-M's ImageNet filters, as in the paper. They are downloaded and converted.
``*.safetensors``   A file of weights; see `rltrack.backbones.weights.save_backbone`.
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
"""The backbone that ``embedded`` stands for."""


def backbone_card(name: str | Path) -> Card:
    """Return the card of the backbone called ``name``, or of a file.

    Raises:
        InputError: the same errors as :func:`rltrack.load_backbone`, or the file has no card.
    """
    name = _meant(name)
    if name in CARDS:
        return CARDS[name]
    _, about = read_weights(*_file(name))
    if "card" not in about:
        raise InputError(f"weights {name} have no card; {_REMEDY}")
    return Card(**json.loads(about["card"]))


def backbone_identity(name: str | Path) -> str:
    """Return the name under which results record the weights called ``name``.

    A built-in name always means the same weights and stands for itself. A file is identified by the
    first twelve hexadecimal digits of its weights' SHA-256. Its path then makes no difference, and
    other weights in the same place count as another tracker.

    Raises:
        InputError: the same errors as :func:`rltrack.load_backbone`.
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
    """Load the backbone called ``name``, or the one whose weights are in a file.

    Raises:
        InputError: the name is unknown, or the weights are missing, corrupt or of the wrong shape.
            The message names the file and what to do.
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
    """Return ``name``, with ``embedded`` replaced by the backbone that it stands for.

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
    """Return the file of the weights called ``name``, and what to do if it is missing."""
    if name == "vggm":
        return vggm_file(), "run `rltrack fetch vggm`"
    if name == "rendered":
        return _RENDERED, "install rltrack again"
    return Path(name), _REMEDY
