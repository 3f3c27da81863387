"""The blocks of EfficientNet-Lite, called inverted residuals, and their linear approximation.

A block expands its input to more channels with a 1x1 convolution, filters each channel by itself (a
depthwise convolution), and projects the result to fewer channels with another 1x1 convolution. The
first two are followed by ReLU6, which is ``min(max(z, 0), 6)``. If the output of a block has as
many channels as its input, and the same stride, the input is added to it (a skip).

Everything in a block is linear but ReLU6, whose derivative is 1 where its output lies strictly
between 0 and 6, and 0 elsewhere. Therefore the Jacobian of a block is the block itself, without
biases and with these zeros and ones in the place of ReLU6.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rltrack.backbones.convolution import Convolution

__all__ = ["InvertedResidual", "LinearisedBlock", "relu6_product"]


def relu6_product(a: Tensor, output: Tensor) -> Tensor:
    """Multiply ``a`` by the Jacobian of ReLU6, which is diagonal, where ReLU6 gave ``output``."""
    product: Tensor = torch.ops.aten.hardtanh_backward(a, output, 0.0, 6.0)
    return product


class InvertedResidual(nn.Module):
    """An inverted residual block with fixed weights, whose convolutions are not padded.

    An unpadded output is smaller than the input, so a skip adds the middle of the input.

    Args:
        channels: the channels of the input.
        expansion: how many times as many channels the expansion makes. With 1, there is no
            expansion.
        kernel: side of the depthwise convolution's filters.
        stride: stride of the depthwise convolution.
        out: the channels of the output.
    """

    def __init__(self, channels: int, expansion: int, kernel: int, stride: int, out: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.expand = Convolution(channels, hidden, 1, device="meta") if expansion > 1 else None
        self.depthwise = Convolution(hidden, hidden, kernel, stride, groups=hidden, device="meta")
        self.project = Convolution(hidden, out, 1, device="meta")
        self.skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to (N, out, H', W'), with H' = (H - kernel) // stride + 1."""
        hidden = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        return self._projected(F.relu6(self.depthwise(hidden), inplace=True), x)

    def linearised(self, x: Tensor) -> tuple[Tensor, LinearisedBlock]:
        """Return the output for the input ``x``, and the linear approximation there."""
        hidden = None if self.expand is None else F.relu6(self.expand(x), inplace=True)
        filtered = F.relu6(self.depthwise(x if hidden is None else hidden), inplace=True)
        return self._projected(filtered, x), LinearisedBlock(self, hidden, filtered)

    def margin(self) -> int:
        """Return by how many cells the output is narrower than the input on each side."""
        return self.depthwise.kernel_size[0] // 2

    def _projected(self, filtered: Tensor, x: Tensor) -> Tensor:
        y = cast(Tensor, self.project(filtered))
        return y.add_(_middle(x, self.margin())) if self.skip else y


class LinearisedBlock:
    """The Jacobian of a block at given inputs, which is applied but never formed.

    Args:
        block: the block.
        hidden: the output (n, C, H, W) of the expansion's ReLU6, or None without an expansion.
        filtered: the output (n, C, H', W') of the depthwise convolution's ReLU6.
    """

    def __init__(self, block: InvertedResidual, hidden: Tensor | None, filtered: Tensor) -> None:
        self._block, self._hidden, self._filtered = block, hidden, filtered

    def product(self, a: Tensor) -> Tensor:
        """Multiply a change ``a`` (n, channels, H, W) of the input by the Jacobian."""
        block, x = self._block, a
        if self._hidden is not None and block.expand is not None:
            a = relu6_product(block.expand.product(a), self._hidden)
        a = block.project.product(relu6_product(block.depthwise.product(a), self._filtered))
        return a.add_(_middle(x, block.margin())) if block.skip else a

    def transpose_product(self, g: Tensor) -> Tensor:
        """Multiply ``g`` (n, out, H', W') by the transposed Jacobian."""
        block = self._block
        u = relu6_product(block.project.transpose_product(g), self._filtered)
        u = block.depthwise.transpose_product(u)
        if self._hidden is not None and block.expand is not None:
            u = block.expand.transpose_product(relu6_product(u, self._hidden))
        if block.skip:
            _middle(u, block.margin()).add_(g)
        return u


def _middle(x: Tensor, margin: int) -> Tensor:
    """Return a view of ``x`` (N, C, H, W) without ``margin`` cells on each side."""
    return x[:, :, margin:-margin, margin:-margin]
