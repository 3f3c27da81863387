"""Files of weights in the safetensors format, which are checked against their own digest.

A file without a digest, which another program or an older version wrote, is read unchecked. Files
are never read with pickle, so that reading a file cannot run code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from rltrack.backbones.cards import Card
from rltrack.backbones.vggm import SHAPES
from rltrack.cache import cache_dir
from rltrack.errors import InputError
from rltrack.files import write_bytes

__all__ = [
    "SUFFIX",
    "checked",
    "digest",
    "read_weights",
    "save_backbone",
    "vggm_file",
    "write_weights",
]

SUFFIX = ".safetensors"


def vggm_file() -> Path:
    """Return the file in which VGG-M's weights are kept after the download."""
    return cache_dir() / "weights" / "vggm.safetensors"


def save_backbone(weights: dict[str, Tensor], path: str | Path, card: Card) -> Path:
    """Write weights (as float16) and their card to a safetensors file.

    The file is either written completely or not at all.

    Returns:
        ``path``. It can be used wherever the name of a backbone is asked for.
    """
    half = {name: weights[name].detach().cpu().half().contiguous() for name in SHAPES}
    return write_weights(half, Path(path), {"card": json.dumps(asdict(card))})


def write_weights(weights: dict[str, Tensor], path: Path, about: dict[str, str]) -> Path:
    """Write weights and their digest to a safetensors file, either completely or not at all.

    Args:
        weights: those named in `rltrack.backbones.vggm.SHAPES`, on the CPU.
        path: the file.
        about: what else the file's metadata says.
    """
    from safetensors.torch import save

    weights = {name: weights[name] for name in SHAPES}  # the order of the digest
    write_bytes(path, save(weights, {**about, "sha256": digest(weights)}))
    return path


def read_weights(path: Path, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the weights (float32) in a safetensors file, and the file's metadata.

    Raises:
        InputError: the file is missing, has another format, lacks a weight of the right shape, or
            does not match its own digest. The message ends with ``remedy``, which says what to do.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise InputError(f"weights {path} are missing; {remedy}")
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, str] = file.metadata() or {}
            stored = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise InputError(f"weights {path} are corrupt ({error}); {remedy}") from error
    weights = checked(stored, path, remedy)
    if "sha256" in about and about["sha256"] != digest(weights):
        raise InputError(f"weights {path} do not match their digest; {remedy}")
    return {name: w.float() for name, w in weights.items()}, about


def checked(weights: dict[str, Tensor], source: Path, remedy: str) -> dict[str, Tensor]:
    """Return the tensors named in `rltrack.backbones.vggm.SHAPES` among ``weights``.

    Raises:
        InputError: a tensor is missing, has another shape or type, or is not finite. The message
            ends with ``remedy``, which says what to do.
    """
    for name, shape in SHAPES.items():
        got = tuple(weights[name].shape) if name in weights else "missing"
        if got != shape:
            raise InputError(f"weights {source}: {name} is {got}, expected {shape}; {remedy}")
        if not weights[name].is_floating_point():
            raise InputError(f"weights {source}: {name} has no floating-point numbers; {remedy}")
        if not torch.isfinite(weights[name].float()).all():
            raise InputError(f"weights {source}: {name} is not finite; {remedy}")
    return {name: weights[name] for name in SHAPES}


def digest(weights: dict[str, Tensor]) -> str:
    """Return the SHA-256 of all weights, in their order, as hexadecimal digits."""
    sha256 = hashlib.sha256()
    for weight in weights.values():
        # As bytes, because NumPy has no type for some of the formats of weights.
        sha256.update(weight.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha256.hexdigest()
