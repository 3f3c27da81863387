"""The stage after conv1 and conv2: ReLU, local response normalisation (LRN), max-pooling.

Pooling is over 3x3 with stride 2.

Let z be a convolution's output, x = relu(z), and B the band matrix of ones that sums five
neighbouring channels. The normalisation is ``y = x s^-0.75`` with ``s = 2 + 1e-4 B x^2``. This is
MatConvNet's form; PyTorch's divides alpha by the number of channels. Its Jacobian is

    diag(f) - diag(r) B diag(x),    f = s^-0.75,    r = 1.5e-4 x s^-1.75.

The stage is written twice: as tensor operations, which run on any device and which autograd
differentiates, and as fused loops for the CPU (:mod:`rltrack.backbones.vggm_kernels`), which are
several times faster.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from rltrack.backbones import vggm_kernels as kernels
from rltrack.backbones.linearised import positive_sum

__all__ = [
    "LinearisedStage",
    "linearised_stage",
    "local_response_norm",
    "pooled",
    "pooled_once",
]

LRN_K, LRN_ALPHA, LRN_BETA, LRN_SIZE = 2.0, 1e-4, 0.75, 5


def pooled(z: Tensor, stride: int = 2) -> Tensor:
    """Apply ReLU, LRN and max-pooling to ``z`` (N, C, H, W), differentiably."""
    if _fused(z) and not (z.requires_grad and torch.is_grad_enabled()):
        out = _pooled_like(z, stride)
        _run(kernels.relu_lrn_pool, z, stride, out)
        return out
    return F.max_pool2d(local_response_norm(F.relu(z)), 3, stride)


def pooled_once(z: Tensor) -> Tensor:
    """Do what :func:`pooled` does, but so that it can be differentiated only once.

    The derivative is a product with the transposed Jacobian.
    """
    return _PooledOnce.apply(z)  # type: ignore[no-any-return, no-untyped-call]


def local_response_norm(x: Tensor) -> Tensor:
    """Normalise the channels of ``x`` (N, C, H, W): y = x / s^0.75."""
    return x * _factor(_scale(x))


class LinearisedStage(Protocol):
    """The stage near a pre-activation ``z`` (N, C, H, W): its value there, and its Jacobian J."""

    output: Tensor
    """The stage's value (N, C, P, Q)."""

    def product(self, a: Tensor) -> Tensor:
        """Return J a: (N, C, H, W) becomes (N, C, P, Q)."""
        ...

    def transpose_product(self, g: Tensor) -> Tensor:
        """Return J^T g: (N, C, P, Q) becomes (N, C, H, W)."""
        ...

    def map_of_transpose_product(self, g: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``positive_sum(J^T g)`` (N, H, W), and where J^T g is positive (uint8 or bool)."""
        ...

    def product_of_map(self, where: Tensor, d: Tensor) -> Tensor:
        """Return J (where * d), which leads back from the derivatives ``d`` (N, H, W) of a map."""
        ...


def linearised_stage(z: Tensor) -> LinearisedStage:
    """Return the stage's linear approximation at ``z`` (N, C, H, W).

    It is a constant to autograd.
    """
    return _FusedStage(z) if _fused(z) else _TensorStage(z)


class _PooledOnce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.stage = stage = linearised_stage(z)
        # Return another tensor than the one that the stage keeps. Otherwise the stage's tensor
        # would refer back to this function. Such a circle of references would hold the memory of a
        # batch until the garbage collector runs.
        return stage.output.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        stage: LinearisedStage = ctx.stage
        return stage.transpose_product(gradients[0])


# --- As tensor operations -----------------------------------------------------------------------


def _channel_sum(x: Tensor) -> Tensor:
    """Return B x. It is a sum of shifted views, which are contiguous in channels-last memory."""
    rows = F.pad(x.permute(0, 2, 3, 1), (LRN_SIZE // 2, LRN_SIZE // 2))
    pairs = rows[..., :-1] + rows[..., 1:]
    total = (pairs[..., :-3] + pairs[..., 2:-1]).add_(rows[..., 4:])
    return total.permute(0, 3, 1, 2)


def _scale(x: Tensor) -> Tensor:
    """Return the scale s of ``x``."""
    return _channel_sum(x.square()).mul_(LRN_ALPHA).add_(LRN_K)


def _factor(s: Tensor) -> Tensor:
    """Return the factor s^-0.75. Square roots are several times faster than a power."""
    root = s.rsqrt()
    return root * root.sqrt()


class _TensorStage:
    @torch.no_grad()
    def __init__(self, z: Tensor) -> None:
        x = F.relu(z)
        s = _scale(x)
        factor = _factor(s)
        y = x * factor
        self.output, self.index = F.max_pool2d(y, 3, 2, return_indices=True)
        self.x = x
        self.ratio = y.div_(s).mul_(2 * LRN_ALPHA * LRN_BETA)
        # This term needs the ReLU's derivative, which is 0 or 1. The other term contains x, which
        # is already 0 where that derivative is 0.
        self.factor = factor.mul_(z > 0)

    @torch.no_grad()
    def product(self, a: Tensor) -> Tensor:
        y = _channel_sum(a * self.x).mul_(self.ratio)
        y = torch.addcmul(y.neg_(), a, self.factor)
        # Pooling takes the change at the place of each window's maximum. Rows of channels stay
        # contiguous.
        n, c, h, w = y.shape
        rows = y.permute(0, 2, 3, 1).reshape(n, h * w, c)
        index = self.index.permute(0, 2, 3, 1)
        picked = rows.gather(1, index.reshape(n, -1, c))
        return picked.view(index.shape).permute(0, 3, 1, 2)

    @torch.no_grad()
    def transpose_product(self, g: Tensor) -> Tensor:
        # Each window's value goes to the place of its maximum. This is max-pooling's own backward.
        shape = [3, 3], [2, 2], [0, 0], [1, 1]  # kernel, stride, padding, dilation
        unpool = torch.ops.aten.max_pool2d_with_indices_backward
        g = unpool(g, self.x, *shape, False, self.index)
        y = _channel_sum(g * self.ratio).mul_(self.x)
        return torch.addcmul(y.neg_(), g, self.factor)

    @torch.no_grad()
    def map_of_transpose_product(self, g: Tensor) -> tuple[Tensor, Tensor]:
        g = self.transpose_product(g)
        return positive_sum(g), g > 0

    @torch.no_grad()
    def product_of_map(self, where: Tensor, d: Tensor) -> Tensor:
        return self.product(where * d[:, None])


# --- As fused loops -----------------------------------------------------------------------------


def _fused(z: Tensor) -> bool:
    return z.device.type == "cpu" and z.dtype in (torch.float32, torch.float64)


class _FusedStage:
    def __init__(self, z: Tensor) -> None:
        self.z = z.detach()
        self.output = _pooled_like(z)
        self.index = torch.empty_like(self.output, dtype=torch.uint8)
        _run(kernels.relu_lrn_pool_argmax, self.z, self.output, self.index)

    def product(self, a: Tensor) -> Tensor:
        out = torch.empty_like(self.output)
        _run(kernels.relu_lrn_pool_product, self.z, self.index, a, out)
        return out

    def transpose_product(self, g: Tensor) -> Tensor:
        out = torch.empty_like(self.z, memory_format=torch.channels_last)
        _run(kernels.relu_lrn_pool_transpose, self.z, self.index, g, out)
        return out

    def map_of_transpose_product(self, g: Tensor) -> tuple[Tensor, Tensor]:
        where = torch.empty_like(self.z, dtype=torch.uint8, memory_format=torch.channels_last)
        out = torch.empty_like(self.z[:, :1], memory_format=torch.contiguous_format)
        _run(kernels.relu_lrn_pool_transpose_to_map, self.z, self.index, g, where, out)
        return out[:, 0], where

    def product_of_map(self, where: Tensor, d: Tensor) -> Tensor:
        out = torch.empty_like(self.output)
        _run(kernels.relu_lrn_pool_product_of_map, self.z, self.index, where, d[:, None], out)
        return out


def _pooled_like(z: Tensor, stride: int = 2) -> Tensor:
    n, c, h, w = z.shape
    shape = n, c, (h - 3) // stride + 1, (w - 3) // stride + 1
    return torch.empty(shape, dtype=z.dtype, memory_format=torch.channels_last)


def _run(kernel: Any, z: Tensor, *others: Tensor | int) -> None:
    """Call a kernel with tensors (N, C, H, W). Tensors that it writes to must be channels-last."""
    scalar = np.float64 if z.dtype == torch.float64 else np.float32
    arrays = [value if isinstance(value, int) else _array(value) for value in others]
    kernel(_array(z), scalar(LRN_K), scalar(LRN_ALPHA), *arrays)


def _array(x: Tensor) -> NDArray[Any]:
    """Return ``x`` as an array (N, H, W, C), without a copy if it is channels-last."""
    rows = x.detach().contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    array: NDArray[Any] = rows.numpy()
    return array
