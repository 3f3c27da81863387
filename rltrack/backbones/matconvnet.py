"""VGG-M's conv1-3, the paper's weights, read from MatConvNet's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rltrack.backbones.weights import checked, vggm_file, write_weights
from rltrack.errors import InputError

__all__ = ["convert_vggm"]


def convert_vggm(mat: Path, out: Path | None = None) -> Path:
    """Convert MatConvNet's VGG-M (conv1-3 alone or the full model) to safetensors.

    Args:
        mat: ``imagenet-vgg-m-conv1-3.mat`` or ``imagenet-vgg-m.mat``.
        out: the file to write. By default it is where :func:`rltrack.load_backbone` looks.

    Returns:
        The file that was written.

    Raises:
        InputError: the file is missing, is not a MATLAB file, or lacks a layer of the right shape.
    """
    from scipy.io import loadmat

    out = out or vggm_file()
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
    weights = checked(weights, mat, remedy)
    return write_weights(weights, out, {"source": mat.name})


def _matconvnet_layer(layer: Any) -> tuple[Tensor, Tensor]:
    """Return the filters (O, I, H, W) and biases (O,) of one MATLAB struct, stored (H, W, I, O)."""
    filters, bias = layer["weights"][0, 0][0]
    filters = np.ascontiguousarray(np.transpose(filters, (3, 2, 0, 1)), dtype=np.float32)
    return torch.from_numpy(filters), torch.from_numpy(bias.astype(np.float32).reshape(-1).copy())
