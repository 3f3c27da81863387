"""VGG-M's first three convolutions: the paper's backbone (section 5), with MDNet's crop.

    layer   operation                                            output
    conv1   7x7, stride 2; ReLU; LRN; max-pool 3, stride 2       96, 51, 51 -> 96, 25, 25
    conv2   5x5, stride 2; ReLU; LRN; max-pool 3, stride 2       256, 11, 11 -> 256, 5, 5
    conv3   3x3; ReLU                                            512, 3, 3 = 4608 features

The stem is conv1 without its ReLU. Everything else is the trunk.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from rltrack.backbones.convolution import Convolution, place_convolutions
from rltrack.backbones.interface import Backbone
from rltrack.backbones.layout import MDNET_CROP, DenseLayout, Heaviest, MultiplyAdds
from rltrack.backbones.linearised import LinearisedBackbone, Place, Reduction, positive_sum
from rltrack.backbones.lrn_stage import linearised_stage, pooled

__all__ = ["SHAPES", "VGGM", "LinearisedVGGM"]

SHAPES: dict[str, tuple[int, ...]] = {
    "conv1.weight": (96, 3, 7, 7),
    "conv1.bias": (96,),
    "conv2.weight": (256, 96, 5, 5),
    "conv2.bias": (256,),
    "conv3.weight": (512, 256, 3, 3),
    "conv3.bias": (512,),
}
"""Names and shapes of the weights."""

# The multiply-adds of each layer for one crop: the places of its output, times its weights.
_CONV1, _CONV2, _CONV3 = (
    side * side * math.prod(SHAPES[f"{name}.weight"])
    for name, side in (("conv1", 51), ("conv2", 11), ("conv3", 3))
)
_STEP = 8  # pixels between neighbouring cells of the dense map
_REGION_STEPS = 32


class VGGM(Backbone):
    """The fixed layers conv1-3, which map the input (N, 3, 107, 107) to features (N, 4608).

    Args:
        weights: tensors with the names and shapes of `rltrack.backbones.vggm.SHAPES`.
        device: where to compute.
        dtype: the type of pixels, responses and features.
        precision: the precision of the convolutions; see :class:`rltrack.TrackerConfig`.
    """

    crop = MDNET_CROP
    feature_shape = (512, 3, 3)
    # The region is 363 pixels wide, which is about 4.5 targets. The samplers reach as far as this
    # in a frame.
    dense_layout = DenseLayout(
        size=MDNET_CROP.size + _REGION_STEPS * _STEP,
        cells=_REGION_STEPS + 5,
        first=37.5,
        step=_STEP,
        spacing=16,
    )
    multiply_adds = MultiplyAdds(stem=_CONV1, trunk=_CONV2 + _CONV3)

    def __init__(
        self,
        weights: dict[str, Tensor],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.conv1 = Convolution(3, 96, 7, stride=2, device="meta")
        self.conv2 = Convolution(96, 256, 5, stride=2, device="meta")
        self.conv3 = Convolution(256, 512, 3, device="meta")
        self.load_state_dict({k: v.clone() for k, v in weights.items()}, assign=True)
        self.requires_grad_(False)
        self.place(device, dtype, precision)

    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Move the weights to ``device``, and compute there in ``dtype`` and ``precision``."""
        super().place(device, dtype, precision)
        place_convolutions(self, device, dtype, precision)

    def pixels(self, crops: Tensor) -> Tensor:
        """Turn uint8 crops (N, 3, 107, 107) into the network's input, -128..127."""
        return crops.to(self.dtype, memory_format=torch.channels_last).sub_(self.crop.fill)

    def stem(self, x: Tensor) -> Tensor:
        """Map the input (N, 3, 107, 107) to conv1's output before its ReLU, (N, 96, 51, 51)."""
        return cast(Tensor, self.conv1(x))

    def trunk(self, z1: Tensor) -> Tensor:
        """Map conv1's output (N, 96, 51, 51) to features (N, 4608)."""
        return F.relu(self.conv3(pooled(self.conv2(pooled(z1))))).flatten(1)

    @torch.no_grad()
    def dense(self, x: Tensor) -> Tensor:
        """Map an input (N, 3, S, S) to the features of its 107x107 windows at steps of 8 pixels.

        The second pooling is computed at every pixel, and conv3 is dilated to match.

        Returns:
            (N, 512, M, M), M = (S - 107) // 8 + 5. The features of the window at (8 j, 8 i) are the
            3x3 cells (i, j), (i, j + 2), ... (i + 4, j + 4).
        """
        z2 = self.conv2(pooled(self.stem(x)))
        return F.relu(self.conv3.dilated(pooled(z2, stride=1)))

    def linearised(self, pixels: Tensor, at: Place) -> LinearisedVGGM:
        """Return the linear approximation at the input ``pixels`` (n, 3, 107, 107)."""
        return LinearisedVGGM(self, pixels, at)

    def heaviest(self) -> Heaviest:
        """Return conv2, and the shape (96, 25, 25) of its input."""
        return Heaviest(self.conv2, (96, 25, 25), _CONV2)


class LinearisedVGGM(LinearisedBackbone):
    """VGG-M's linear approximation at a few crops: fixed convolutions and linearised stages.

    See `rltrack.backbones.linearised.LinearisedBackbone`.
    """

    @torch.no_grad()
    def __init__(self, backbone: VGGM, pixels: Tensor, at: Place) -> None:
        self.net, self.at = backbone, at
        self.stage1 = linearised_stage(backbone.stem(pixels))
        self.stage2 = linearised_stage(backbone.conv2(self.stage1.output))
        z3: Tensor = backbone.conv3(self.stage2.output)
        self.active = (z3 > 0).to(z3.dtype)
        self.features = (z3 * self.active).flatten(1)

    @torch.no_grad()
    def product(self, a: Tensor) -> Tensor:
        """Return J a: ``a`` (n, C, H, W) is a change at the place, the result is (n, 4608)."""
        if self.at == "input":
            a = self.net.conv1.product(a)
        return self._onwards(self.stage1.product(a))

    @torch.no_grad()
    def transpose_product(self, u: Tensor) -> Tensor:
        """Return J^T u: ``u`` is (n, 4608), the result is (n, C, H, W) at the place."""
        g = self.stage1.transpose_product(self._backwards(u))
        return self.net.conv1.transpose_product(g) if self.at == "input" else g

    def reduced(self, u: Tensor, reduce: Reduction) -> tuple[Tensor, Reduction]:
        """Return ``reduce(J^T u)``, and a function from the map's derivative to that of ``u``.

        The function takes the derivative of a loss with respect to the map, and returns the
        derivative of the loss with respect to ``u``.
        """
        if reduce is positive_sum and self.at == "conv1":
            return self._positive_sum(u)
        return super().reduced(u, reduce)

    @torch.no_grad()
    def _positive_sum(self, u: Tensor) -> tuple[Tensor, Reduction]:
        """Reduce with `positive_sum`, which needs only the derivatives' signs for the way back."""
        total, where = self.stage1.map_of_transpose_product(self._backwards(u))

        @torch.no_grad()
        def back(d: Tensor) -> Tensor:
            return self._onwards(self.stage1.product_of_map(where, d))

        return total, back

    def _onwards(self, a: Tensor) -> Tensor:
        a = self.net.conv2.product(a)
        a = self.net.conv3.product(self.stage2.product(a))
        return (a * self.active).flatten(1)

    def _backwards(self, u: Tensor) -> Tensor:
        g = u.view(-1, *self.net.feature_shape) * self.active
        g = g.contiguous(memory_format=torch.channels_last)
        g = self.stage2.transpose_product(self.net.conv3.transpose_product(g))
        return self.net.conv2.transpose_product(g)
