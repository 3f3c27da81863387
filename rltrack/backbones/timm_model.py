"""Backbones from the models of timm, the PyTorch library of image classifiers.

``timm:NAME`` is timm's model NAME with the weights that timm downloads. ``timm:NAME=FILE`` has the
weights in a file: a ``.safetensors`` file, or a file of ``torch.save`` with nothing but tensors.
The features are the activations of the model at a stride of 8 pixels, without the cells near the
border of the crop, where padding takes part. The model has to begin with a convolution, which is
the stem.

timm is not installed with rltrack: ``pip install 'rltrack[timm]'``.
"""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from rltrack.backbones.interface import Backbone
from rltrack.backbones.layout import CropLayout, DenseLayout, Heaviest, MultiplyAdds
from rltrack.errors import InputError
from rltrack.paths import given_path

__all__ = ["PREFIX", "TimmModel", "load_timm_model", "parts"]

PREFIX = "timm:"
"""How the name of such a backbone starts."""

_STEP = 8  # pixels between neighbouring cells
_CELLS, _BORDER = 5, 4  # cells of a crop that are features, and those on each side that are not
_SIZE = _STEP * (_CELLS + 2 * _BORDER)
_PADDING = 12.6  # The target fills as large a part of the crop as with lite0.
_REGION_STEPS = 46
_LENGTH = 100.0  # The length of a feature vector. Learning rates and the ridge suit it.


class TimmModel(Backbone):
    """A convolutional network up to its last features at a stride of 8 pixels.

    Args:
        network: maps images (N, 3, S, S) to a list, whose last element is the feature map
            (N, C, S / 8, S / 8). It begins with a convolution, and is copied.
        mean: what is subtracted from each channel of an image with values 0..1.
        std: what each channel is divided by then.
        device: where to compute.
        dtype: the type of pixels, responses and features.
        precision: the precision of the whole model; see :class:`rltrack.TrackerConfig`.
    """

    crop = CropLayout(_SIZE, _PADDING, fill=128)
    dense_layout = DenseLayout(
        size=_STEP * _REGION_STEPS,
        cells=_REGION_STEPS - 2 * _BORDER,
        first=_STEP * (_BORDER + 0.5),
        step=_STEP,
        spacing=_STEP,
    )

    def __init__(
        self,
        network: nn.Module,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        network = copy.deepcopy(network).eval().requires_grad_(False).float()
        self._mean = [255 * value for value in mean]
        self._std = [255 * value for value in std]
        self._scale = 1.0
        self.place("cpu", torch.float32, "float32")
        grey = Generator().manual_seed(0)
        noise = torch.randint(0, 256, (1, 3, _SIZE, _SIZE), dtype=torch.uint8, generator=grey)
        pixels = self.pixels(noise)
        whole = F.relu(network(pixels)[-1])
        self.first, self.rest = _split(network)
        self._layers: list[Heaviest] = []
        features = self._measured(pixels)
        if not torch.allclose(features, _inner(whole), rtol=1e-3, atol=1e-4):
            raise InputError("the network does not begin with its first convolution")
        self.feature_shape = (features.shape[1], _CELLS, _CELLS)
        self._scale = _LENGTH / max(float(features.norm()), 1e-12)
        stem, *trunk = (layer.multiply_adds for layer in self._layers)
        self.multiply_adds = MultiplyAdds(stem, sum(trunk))
        self.place(device, dtype, precision)

    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Move the model to ``device``, and compute there in ``dtype`` and ``precision``."""
        super().place(device, dtype, precision)
        self._computed = torch.bfloat16 if precision == "bfloat16" else dtype
        self.to(torch.device(device), self._computed)

    def pixels(self, crops: Tensor) -> Tensor:
        """Turn uint8 crops (N, 3, S, S) into the model's input."""
        x = crops.to(self.dtype, memory_format=torch.channels_last)
        return (x - x.new_tensor(self._mean)[:, None, None]) / x.new_tensor(self._std)[
            :, None, None
        ]

    def stem(self, x: Tensor) -> Tensor:
        """Map the input (N, 3, S, S) to the first convolution's output."""
        return cast(Tensor, self.first(x.to(self._computed))).to(self.dtype)

    def trunk(self, z: Tensor) -> Tensor:
        """Map the first convolution's output to features (N, C k k)."""
        return self._feature_map(z).flatten(1)

    @torch.no_grad()
    def dense(self, x: Tensor) -> Tensor:
        """Map a region (N, 3, R, R) to its feature map (N, C, R / 8 - 8, R / 8 - 8)."""
        return self._feature_map(self.stem(x))

    def heaviest(self) -> Heaviest:
        """Return the convolution that costs the most."""
        return max(self._layers, key=lambda layer: layer.multiply_adds)

    def _feature_map(self, z: Tensor) -> Tensor:
        x = F.relu(self.rest(z.to(self._computed))[-1]).to(self.dtype)
        return self._scale * _inner(x)

    @torch.no_grad()
    def _measured(self, x: Tensor) -> Tensor:
        """Return the feature map of ``x``, and note every convolution's cost on the way."""

        def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            (channels, height, width), weight = inputs[0].shape[1:], cast(Tensor, layer.weight)
            cost = math.prod(output.shape[-2:]) * weight.numel()
            self._layers.append(Heaviest(layer, (channels, height, width), cost))

        layers = [m for m in self.modules() if isinstance(m, nn.Conv2d)]
        hooks = [layer.register_forward_hook(note) for layer in layers]
        features = self.dense(x)
        for hook in hooks:
            hook.remove()
        return features


def _split(network: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Take the first convolution out of ``network``, and return it and what remains."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    if not names:
        raise InputError("the network has no convolution")
    parent, _, name = names[0].rpartition(".")
    convolution = network.get_submodule(names[0])
    setattr(network.get_submodule(parent), name, nn.Identity())
    return convolution, network


def _inner(x: Tensor) -> Tensor:
    return x[:, :, _BORDER:-_BORDER, _BORDER:-_BORDER]


def parts(name: str) -> tuple[str, Path | None]:
    """Return NAME of ``timm:NAME`` or ``timm:NAME=FILE``, and the file's path if there is one.

    Raises:
        InputError: no file can have this path.
    """
    model, given, file = name.removeprefix(PREFIX).partition("=")
    return model, given_path(file, "the backbone's file") if given else None


def load_timm_model(name: str, **where: Any) -> TimmModel:
    """Load ``timm:NAME`` or ``timm:NAME=FILE``.

    Args:
        name: the name.
        where: device, dtype and precision.

    Raises:
        InputError: timm is not installed, has no such model, or cannot give its weights; or the
            model has no features at a stride of 8 pixels; or the file does not fit the model.
    """
    try:
        import timm
    except ImportError as error:
        raise InputError(f"backbone {name} needs timm: pip install 'rltrack[timm]'") from error
    model, file = parts(name)
    try:
        whole = timm.create_model(model, pretrained=file is None)
        levels = timm.create_model(model, features_only=True).feature_info.reduction()
    except Exception as error:  # timm raises whatever its models and its downloads raise
        raise InputError(f"backbone {name} cannot be made by timm: {_line(error)}") from error
    if _STEP not in levels:
        raise InputError(f"backbone {name} has no features at a stride of {_STEP} pixels")
    if file is not None:
        _load(whole, file, name)
    net = timm.create_model(model, features_only=True, out_indices=(levels.index(_STEP),))
    # A network of features may have other names: an underscore instead of a dot.
    given = {key.replace(".", "_"): weight for key, weight in whole.state_dict().items()}
    try:
        net.load_state_dict({key: given[key.replace(".", "_")] for key in net.state_dict()})
    except KeyError as error:
        raise InputError(
            f"backbone {name}: the model has no {error} outside its features"
        ) from error
    about = whole.pretrained_cfg
    try:
        return TimmModel(net, about["mean"], about["std"], **where)
    except InputError as error:
        raise InputError(f"backbone {name} cannot be used: {error}") from error


def _load(model: nn.Module, path: Path, name: str) -> None:
    """Load the weights in a file into ``model``. Objects in a pickle are never made."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(weights)
    except OSError as error:
        raise InputError(f"weights {path} cannot be read: {_line(error)}") from error
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"weights {path} do not fit {name}: {_line(error)}") from error
    except (pickle.UnpicklingError, EOFError, AttributeError, TypeError, KeyError) as error:
        raise InputError(f"weights {path} are not a file of tensors alone") from error


def _line(error: Exception) -> str:
    """Return the first line of an error's message that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
