"""A fixed convolution, and the products with its Jacobian and its transpose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rltrack.backbones import vggm_kernels as kernels

__all__ = ["Convolution"]


class Convolution(nn.Conv2d):
    """A fixed convolution. What comes in goes out in the same type, whatever it computes in."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) to the convolution with bias."""
        return self._computed(F.conv2d, input, self.bias)

    def dilated(self, input: Tensor) -> Tensor:
        """The convolution with twice the distance between its taps."""
        return self._computed(partial(F.conv2d, dilation=2), input, self.bias)

    def product(self, a: Tensor) -> Tensor:
        """Its Jacobian's product with a change ``a`` of the input: no bias."""
        return self._computed(F.conv2d, a, None)

    def transpose_product(self, g: Tensor) -> Tensor:
        """The transposed Jacobian's product with ``g``, which is like the output."""
        return self.by_matrix_product(g) if g.device.type == "cpu" else self.by_library(g)

    def by_library(self, g: Tensor) -> Tensor:
        """That product as PyTorch's transposed convolution."""
        return self._computed(F.conv_transpose2d, g, None)

    def by_matrix_product(self, g: Tensor) -> Tensor:
        """That product as what each output sends back to the patch under it, added up.

        All patches are one matrix product, on a CPU faster than the transposed convolution.
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
