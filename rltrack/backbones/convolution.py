"""A fixed convolution, and the products with its Jacobian and with the transposed Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rltrack.backbones import vggm_kernels as kernels

__all__ = ["Convolution", "place_convolutions"]


class Convolution(nn.Conv2d):
    """A fixed convolution.

    It computes in the dtype of its weights. Its output has the dtype of its input.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, C, H, W) and add the bias."""
        return self._computed(F.conv2d, input, self.bias)

    def dilated(self, input: Tensor) -> Tensor:
        """Convolve with dilation 2: neighbouring taps of a filter are two places apart."""
        return self._computed(partial(F.conv2d, dilation=2), input, self.bias)

    def product(self, a: Tensor) -> Tensor:
        """Multiply a change ``a`` of the input by the Jacobian. The bias plays no part in it."""
        return self._computed(F.conv2d, a, None)

    def transpose_product(self, g: Tensor) -> Tensor:
        """Multiply ``g``, which has the shape of the output, by the transposed Jacobian.

        The result has the smallest shape of an input that has this output.
        """
        if self.kernel_size == (1, 1) and self.stride == (1, 1):  # a convolution as well
            return F.conv2d(g.to(self.weight.dtype), self.weight.transpose(0, 1)).to(g.dtype)
        if g.device.type == "cpu" and self.groups == 1:
            return self.by_matrix_product(g)
        return self.by_library(g)

    def by_library(self, g: Tensor) -> Tensor:
        """Compute :meth:`transpose_product` as PyTorch's transposed convolution."""
        return self._computed(F.conv_transpose2d, g, None)

    def by_matrix_product(self, g: Tensor) -> Tensor:
        """Compute :meth:`transpose_product` as one matrix product and a sum of overlapping patches.

        Each place of ``g`` contributes a patch to the result, and overlapping patches are added up.
        One matrix product computes all patches. On a CPU this is faster than the transposed
        convolution.
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
        y = operation(x.to(self.weight.dtype), self.weight, bias, self.stride, groups=self.groups)
        return y.to(x.dtype)


def place_convolutions(
    module: nn.Module, device: torch.device | str, dtype: torch.dtype, precision: str
) -> None:
    """Move the weights of the convolutions in ``module``, in the types that ``precision`` asks for.

    Args:
        module: a backbone.
        device: where to compute.
        dtype: the type of the weights, unless ``precision`` is ``bfloat16``.
        precision: see :class:`rltrack.TrackerConfig`.
    """
    computed = torch.bfloat16 if precision == "bfloat16" else dtype
    for convolution in module.modules():
        if isinstance(convolution, Convolution):
            convolution.to(torch.device(device), computed)
            weight = convolution.weight
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
