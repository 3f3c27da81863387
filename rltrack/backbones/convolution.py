"""A fixed convolution, and the products with its Jacobian and with the transposed Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rltrack.backbones import vggm_kernels as kernels

__all__ = ["Convolution"]


class Convolution(nn.Conv2d):
    """A fixed convolution. Its output has the type of its input, whatever type it computes in."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, C, H, W) and add the bias."""
        return self._computed(F.conv2d, input, self.bias)

    def dilated(self, input: Tensor) -> Tensor:
        """Convolve with twice the distance between the taps."""
        return self._computed(partial(F.conv2d, dilation=2), input, self.bias)

    def product(self, a: Tensor) -> Tensor:
        """Multiply a change ``a`` of the input by the Jacobian. The bias plays no part in it."""
        return self._computed(F.conv2d, a, None)

    def transpose_product(self, g: Tensor) -> Tensor:
        """Multiply ``g``, which has the shape of the output, by the transposed Jacobian."""
        return self.by_matrix_product(g) if g.device.type == "cpu" else self.by_library(g)

    def by_library(self, g: Tensor) -> Tensor:
        """Compute :meth:`transpose_product` as PyTorch's transposed convolution."""
        return self._computed(F.conv_transpose2d, g, None)

    def by_matrix_product(self, g: Tensor) -> Tensor:
        """Compute :meth:`transpose_product` as one matrix product and a sum of overlapping patches.

        Each output sends back a patch, and overlapping patches are added up. All patches together
        are one matrix product. On a CPU this is faster than the transposed convolution.
        """
        (n, outputs, p, q), (channels, side) = g.shape, self.weight.shape[1:3]
        rows = g.to(self.weight.dtype).permute(0, 2, 3, 1).reshape(-1, outputs)
        filters = self.weight.permute(0, 2, 3, 1).reshape(outputs, -1)
        patches = (rows @ filters).to(g.dtype).view(n, p, q, side, side * channels)
        height, width = ((at - 1) * self.stride[0] + side for at in (p, q))
        out = torch.empty(n, height, width * channels, dtype=g.dtype)
        kernels.overlap_add(patches.numpy(), self.stride[0], channels, out.numpy())
        return out.view(n, height, width, channels).permute(0, 3, 1, 2)

    def _computed(self, operation: Callable[..., Tensor], x: Tensor, bias: Tensor | None) -> Tensor:
        return operation(x.to(self.weight.dtype), self.weight, bias, self.stride).to(x.dtype)
