"""Backbones by name or by file.

``embedded``   The default. It is another name for ``lite0``.
``lite0``      EfficientNet-Lite0, trained on ImageNet. Its weights are installed with rltrack.
``analytic``   A seeded filter bank: oriented and colour-opponent filters, then random ones.
``rendered``   Weights trained on rendered scenes, without a photograph. The package has them.
``random``     Weights of white noise, for tests and as a lower bound in comparisons.
``vggm``       VGG-M's ImageNet filters, as in the paper. They are downloaded and converted.
``*.safetensors``   A file of weights for VGG-M; see `rltrack.backbones.weights.save_backbone`.
``timm:NAME``  A model of the library timm; see `rltrack.backbones.timm_model`.

The backbones from ``analytic`` to the files have VGG-M's layers, as in the paper.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch

from rltrack.backbones.cards import CARDS, Card
from rltrack.backbones.efficientnet_lite import EfficientNetLite0
from rltrack.backbones.interface import Backbone
from rltrack.backbones.lite0_weights import lite0_weights
from rltrack.backbones.timm_model import PREFIX as TIMM
from rltrack.backbones.timm_model import load_timm_model, parts
from rltrack.backbones.vggm import VGGM
from rltrack.backbones.weights import SUFFIX, digest, read_weights, vggm_file
from rltrack.errors import InputError
from rltrack.paths import given_path

__all__ = [
    "BACKBONES",
    "backbone_card",
    "backbone_files",
    "backbone_identity",
    "check_backbone",
    "load_backbone",
    "load_vggm",
    "with_path",
]

BACKBONES = ("embedded", "lite0", "analytic", "rendered", "random", "vggm")

EMBEDDED = "lite0"
"""The backbone that ``embedded`` stands for."""

_OF_VGGM = ("analytic", "rendered", "random", "vggm")
"""Those that have VGG-M's layers, as every file of weights has."""


def backbone_card(name: str | Path) -> Card:
    """Return the card of the backbone called ``name``, or the card in a file of weights.

    Raises:
        InputError: the same errors as :func:`rltrack.load_backbone`, or the file has no card.
    """
    name = _meant(name)
    if name in CARDS:
        return CARDS[name]
    if name.startswith(TIMM):
        return Card(name, "a model of the library timm", "the model's own")
    _, about = read_weights(*_file(name))
    try:
        return Card(**json.loads(about["card"]))
    except (KeyError, ValueError, TypeError, RecursionError):
        raise InputError(f"weights {name} have no card; {_REMEDY}") from None


def backbone_identity(name: str | Path) -> str:
    """Return the name under which results record the weights called ``name``.

    A built-in name in `rltrack.backbones.cards.CARDS` always means the same weights (those that are
    computed when they are loaded differ by rounding from machine to machine), so it is recorded as
    it is. The weights in a file are recorded as the first twelve hexadecimal digits of
    their SHA-256. The path of the file then makes no difference, and other weights under the same
    path count as another tracker.

    Raises:
        InputError: the same errors as :func:`rltrack.load_backbone`.
    """
    name = _meant(name)
    if name in CARDS:
        return name
    if name.startswith(TIMM):
        model, file = parts(name)
        changed = 0 if file is None else _changed(file)
        return f"{TIMM}{model}@{_timm_identity(name, changed)}"
    path, remedy = _file(name)
    return _identity(path, remedy, _changed(path))


def check_backbone(name: str | Path) -> None:
    """Find out that the backbone called ``name`` can be loaded, before work that needs it.

    Weights that may have to be downloaded are loaded once: for their identity, which is kept.

    Raises:
        InputError: the same errors as :func:`rltrack.load_backbone`.
    """
    if backbone_identity(name) in CARDS:  # known without a look at the weights
        load_backbone(name)


def backbone_files(name: str | Path) -> tuple[Path, ...]:
    """Return the file of weights that the backbone called ``name`` is read from, if there is one.

    Raises:
        InputError: the name is unknown, or no file can have the path in it.
    """
    name = _meant(name)
    if name.startswith(TIMM):
        _, file = parts(name)
        return () if file is None else (file,)
    return () if name in CARDS and name != "vggm" else (_file(name)[0],)


def with_path(name: str, change: Callable[[Path], str | Path]) -> str:
    """Return ``name`` with ``change`` made to the path of a file in it; without a path, ``name``.

    >>> with_path("timm:resnet18=weights/w.pth", lambda path: path.name)
    'timm:resnet18=w.pth'

    Raises:
        InputError: no file can have this path.
    """
    if name.startswith(TIMM):
        model, file = parts(name)
        return name if file is None else f"{TIMM}{model}={change(file)}"
    return str(change(given_path(name, "the backbone"))) if name.endswith(SUFFIX) else name


def _changed(path: Path) -> int:
    """Return when a file was changed, so that what was made from it is made again after that."""
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache
def _timm_identity(name: str, changed: int) -> str:
    return digest(load_timm_model(name).state_dict())[:12]


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
) -> Backbone:
    """Load the backbone called ``name``, or the one whose weights are in a file.

    Raises:
        InputError: the name is unknown, or the weights are missing, corrupt or of the wrong shape.
            The message names the file and what to do.
    """
    name = _meant(name)
    if name == "lite0":
        return EfficientNetLite0(lite0_weights(), device=device, dtype=dtype, precision=precision)
    if name.startswith(TIMM):
        return load_timm_model(name, device=device, dtype=dtype, precision=precision)
    return load_vggm(name, device=device, dtype=dtype, precision=precision)


def load_vggm(
    name: str | Path = "analytic",
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    precision: str = "float32",
) -> VGGM:
    """Load a backbone that has VGG-M's layers: a bank of filters, or a file of weights.

    Raises:
        InputError: the same errors as :func:`load_backbone`, or the backbone has other layers.
    """
    from rltrack.backbones.filter_banks import analytic_bank, random_bank

    name = _meant(name)
    is_file = name.endswith(SUFFIX) and not name.startswith(TIMM)
    if name not in _OF_VGGM and not is_file:
        raise InputError(
            f"backbone {name} has other layers than VGG-M; choose another, such as analytic"
        )
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
    if name not in BACKBONES and not name.endswith(SUFFIX) and not name.startswith(TIMM):
        raise InputError(
            f"unknown backbone {name!r}; choose {', '.join(BACKBONES)}, a {SUFFIX} file, or "
            f"{TIMM}NAME with a model of timm"
        )
    return EMBEDDED if name == "embedded" else name


_REMEDY = "give another file of weights, or a name that `rltrack info` lists"

_RENDERED = Path(__file__).parent / "rendered.safetensors"


def _file(name: str) -> tuple[Path, str]:
    """Return the file of the weights called ``name``, and what to do if it is missing."""
    if name == "vggm":
        return vggm_file(), "run `rltrack fetch vggm`"
    if name == "rendered":
        return _RENDERED, "install rltrack again"
    return given_path(name, "the backbone"), _REMEDY
