"""EfficientNet-Lite0 up to its sixth block: the default backbone, trained on ImageNet.

    layer     operation                                                   output for one crop
    stem      3x3, stride 2; ReLU6                                        32, 49, 49
    block 0   3x3 depthwise; 16 channels                                  16, 47, 47
    block 1   96 channels; 3x3 depthwise, stride 2; 24 channels           24, 23, 23
    block 2   144 channels; 3x3 depthwise; 24 channels; skip              24, 21, 21
    block 3   144 channels; 5x5 depthwise, stride 2; 40 channels          40, 9, 9
    block 4   240 channels; 5x5 depthwise; 40 channels; skip              40, 5, 5
    block 5   240 channels; ReLU6                                         240, 5, 5 = 6000 features

:mod:`rltrack.backbones.inverted_residual` describes a block. The features are the expanded
activations of block 5. As for VGG-M, the stem is the first convolution without its ReLU6, and
everything else is the trunk.

EfficientNet-Lite0 pads its convolutions. Here none is padded, so a feature never depends on where
the crop ends. A crop is as large as its features need: a feature sees 67 pixels, and neighbouring
features are 8 pixels apart. The map of a region therefore holds the exact features of all crops at
steps of 8 pixels. Batch normalisation is fixed, so it is a part of the convolutions' weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rltrack.backbones.convolution import Convolution, place_convolutions
from rltrack.backbones.interface import Backbone
from rltrack.backbones.inverted_residual import InvertedResidual, relu6_product
from rltrack.backbones.layout import CropLayout, DenseLayout, Heaviest, MultiplyAdds
from rltrack.backbones.linearised import LinearisedBackbone, Place

__all__ = [
    "STAGES",
    "EfficientNetLite0",
    "LinearisedEfficientNetLite0",
    "Stage",
    "inverted_residuals",
]


class Stage(NamedTuple):
    """Blocks of one kind, one after the other. The first has the stride, the others stride 1."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
"""All stages of EfficientNet-Lite0. The backbone has the first three."""

_STEM_CHANNELS = 32
_FIELD, _STEP = 67, 8  # pixels that a feature sees, and pixels between neighbouring features
_REGION_STEPS = 37
"""The region is 4.6 targets wide. In a frame, the samplers reach about as far around a target that
is at most twice as long as wide."""


class EfficientNetLite0(Backbone):
    """The fixed layers up to block 5, which map crops (N, 3, 99, 99) to features (N, 6000).

    Args:
        weights: the convolutions' weights and biases, batch normalisation included; see
            `rltrack.backbones.lite0_weights.lite0_weights`.
        cells: side of a crop's feature map.
        spacing: pixels between neighbouring features of a crop, a multiple of 8.
        padding: the margin around the target; see `rltrack.backbones.layout.CropLayout`.
        scale: what the features are multiplied by. Learning rates and the strength of the ridge
            have to suit it. With 1, a vector of features is about 100 long.
        regression_views: see `rltrack.backbones.interface.Backbone`.
        device: where to compute.
        dtype: the type of pixels, responses and features.
        precision: the precision of the convolutions; see :class:`rltrack.TrackerConfig`. With
            ``bfloat16``, the activations between them have this precision too.
    """

    def __init__(
        self,
        weights: dict[str, Tensor],
        *,
        cells: int = 5,
        spacing: int = _STEP,
        padding: float = 12.0,
        scale: float = 1.0,
        regression_views: tuple[float, ...] = (1.0, 2.0),
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.first = Convolution(3, _STEM_CHANNELS, 3, 2, device="meta")
        self.blocks = inverted_residuals(STAGES[:3])
        out = STAGES[2].channels
        self.last = Convolution(out, out * STAGES[3].expansion, 1, device="meta")
        wanted = {name: weights[name].clone() for name in self.state_dict()}
        self.load_state_dict(wanted, assign=True)
        self.requires_grad_(False)

        self._every, self._scale = spacing // _STEP, scale
        side = _FIELD + spacing * (cells - 1)
        self.crop = CropLayout(side, padding, fill=127)
        self.feature_shape = (self.last.out_channels, cells, cells)
        self.regression_views = regression_views
        self.dense_layout = DenseLayout(
            _FIELD + _STEP * _REGION_STEPS,
            cells=_REGION_STEPS + 1,
            first=_FIELD / 2,
            step=_STEP,
            spacing=spacing,
        )
        stem, *trunk = (layer.multiply_adds for layer in self._layers())
        self.multiply_adds = MultiplyAdds(stem, sum(trunk))
        self.place(device, dtype, precision)

    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Move the weights to ``device``, and compute there in ``dtype`` and ``precision``."""
        super().place(device, dtype, precision)
        place_convolutions(self, device, dtype, precision)

    def pixels(self, crops: Tensor) -> Tensor:
        """Turn uint8 crops (N, 3, 99, 99) into the network's input, about -1..1."""
        x = crops.to(self.dtype, memory_format=torch.channels_last)
        return x.sub_(self.crop.fill).div_(128)

    def stem(self, x: Tensor) -> Tensor:
        """Map the input (N, 3, 99, 99) to the first convolution's output (N, 32, 49, 49)."""
        return cast(Tensor, self.first(x))

    def trunk(self, z: Tensor) -> Tensor:
        """Map the first convolution's output (N, 32, 49, 49) to features (N, 6000)."""
        return self._thinned(self._feature_map(z)).flatten(1)

    @torch.no_grad()
    def dense(self, x: Tensor) -> Tensor:
        """Map a region (N, 3, R, R) to the features (N, 240, M, M), M = (R - 67) // 8 + 1."""
        return self._feature_map(self.stem(x))

    def linearised(self, pixels: Tensor, at: Place) -> LinearisedEfficientNetLite0:
        """Return the linear approximation at the input ``pixels`` (n, 3, 99, 99)."""
        return LinearisedEfficientNetLite0(self, pixels, at)

    def heaviest(self) -> Heaviest:
        """Return the expansion of block 1, and the shape of its input."""
        return max(self._layers(), key=lambda layer: layer.multiply_adds)

    def _feature_map(self, z: Tensor) -> Tensor:
        x = F.relu6(z.to(self.first.weight.dtype))
        for block in self.blocks:
            x = block(x)
        return self._scale * F.relu6(self.last(x), inplace=True).to(self.dtype)

    def _thinned(self, cells: Tensor) -> Tensor:
        """Return the cells (n, C, k, k) of a crop's map, out of cells that are 8 pixels apart."""
        return cells[:, :, :: self._every, :: self._every]

    def _layers(self) -> Iterator[Heaviest]:
        """Yield the convolutions, each with the shape of its input and its cost for one crop."""
        side = self.crop.size
        for layer in self.modules():
            if isinstance(layer, Convolution):
                after = (side - layer.kernel_size[0]) // layer.stride[0] + 1
                cost = after * after * layer.weight.numel()
                yield Heaviest(layer, (layer.in_channels, side, side), cost)
                side = after


def inverted_residuals(stages: Iterable[Stage], channels: int = _STEM_CHANNELS) -> nn.Sequential:
    """Return the blocks of ``stages``, one after the other.

    Args:
        stages: of the network, the first one first.
        channels: of the input.

    Returns:
        A module that takes (N, channels, H, W) to the channels and the stride of the last stage.
    """
    blocks = []
    for stage in stages:
        for index in range(stage.blocks):
            stride = stage.stride if index == 0 else 1
            block = InvertedResidual(
                channels, stage.expansion, stage.kernel, stride, stage.channels
            )
            blocks.append(block)
            channels = stage.channels
    return nn.Sequential(*blocks)


class LinearisedEfficientNetLite0(LinearisedBackbone):
    """The linear approximation of EfficientNet-Lite0 at a few crops, block by block.

    See `rltrack.backbones.linearised.LinearisedBackbone`.
    """

    @torch.no_grad()
    def __init__(self, backbone: EfficientNetLite0, pixels: Tensor, at: Place) -> None:
        self._net, self._at = backbone, at
        self._first = x = F.relu6(backbone.stem(pixels).to(backbone.first.weight.dtype))
        self._blocks = []
        for block in backbone.blocks:
            x, linearised = cast(InvertedResidual, block).linearised(x)
            self._blocks.append(linearised)
        self._last = F.relu6(backbone.last(x), inplace=True)
        self.features = self._outcome(self._last)

    @torch.no_grad()
    def product(self, a: Tensor) -> Tensor:
        """Return J a: ``a`` (n, C, H, W) is a change at the place, the result is (n, 6000)."""
        if self._at == "input":
            a = self._net.first.product(a)
        a = relu6_product(a.to(self._first.dtype), self._first)
        for block in self._blocks:
            a = block.product(a)
        return self._outcome(relu6_product(self._net.last.product(a), self._last))

    @torch.no_grad()
    def transpose_product(self, u: Tensor) -> Tensor:
        """Return J^T u: ``u`` is (n, 6000), the result is (n, C, H, W) at the place."""
        g = torch.zeros_like(self._last)
        net = self._net
        net._thinned(g).copy_(net._scale * u.view(-1, *net.feature_shape))
        g = net.last.transpose_product(relu6_product(g, self._last))
        for block in reversed(self._blocks):
            g = block.transpose_product(g)
        g = relu6_product(g, self._first).to(net.dtype)
        return net.first.transpose_product(g) if self._at == "input" else g

    def _outcome(self, cells: Tensor) -> Tensor:
        net = self._net
        return net._scale * net._thinned(cells.to(net.dtype)).flatten(1)
