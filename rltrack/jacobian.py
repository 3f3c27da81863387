"""The Jacobian of the fixed convolutions, applied but never formed.

Attention is a derivative through conv1-3, and the regulariser needs that derivative's own
derivative. Because conv1-3 are fixed, the second differentiation is not one: with
``J = d conv3 / d z`` at a sample, ``z`` the place where the map lives, and
``u_c = d f_c / d conv3`` from the classifier,

    A_c = J^T u_c                         Eq. 2,
    dR/du_c = J (dR/dA_c)                 the chain rule, since A_c is linear in u_c.

So one evaluation of the convolutions serves both classes and both directions: a product with
``J^T`` (as back-propagation) and later one with ``J`` (as forward differentiation).
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from rltrack.network import (
    LRN_ALPHA,
    LRN_BETA,
    MAP,
    FeatureExtractor,
    channel_sum,
    lrn_factor,
    lrn_scale,
)

__all__ = ["FeatureJacobian"]

Place = Literal["conv1", "input"]


class _Stage:
    """ReLU, LRN and max-pooling, linearised at a pre-activation ``z`` (N, C, H, W).

    With x = relu(z), s the LRN scale and B the band of ones, the LRN has the Jacobian
    ``diag(s^-b) - diag(r) B diag(x)``, ``r = 2 alpha b x s^(-b-1)``. The ReLU's 0/1 diagonal goes
    into the first factor; in the second, x is already 0 where it is.
    """

    def __init__(self, z: Tensor) -> None:
        x = F.relu(z)
        s = lrn_scale(x)
        factor = lrn_factor(s)
        y = x * factor
        self.output, self.index = F.max_pool2d(y, 3, 2, return_indices=True)
        self.x = x
        self.ratio = y.div_(s).mul_(2 * LRN_ALPHA * LRN_BETA)
        self.factor = factor.mul_(z > 0)

    def product(self, a: Tensor) -> Tensor:
        """J a: (N, C, H, W) to the pooled size."""
        y = channel_sum(a * self.x).mul_(self.ratio)
        y = torch.addcmul(y.neg_(), a, self.factor)
        # Pooling passes on the value at each window's maximum. Rows of channels stay contiguous.
        n, c, h, w = y.shape
        rows = y.permute(0, 2, 3, 1).reshape(n, h * w, c)
        index = self.index.permute(0, 2, 3, 1)
        picked = rows.gather(1, index.reshape(n, -1, c))
        return picked.view(index.shape).permute(0, 3, 1, 2)

    def transpose_product(self, g: Tensor) -> Tensor:
        """J^T g: (N, C, pooled) to (N, C, H, W)."""
        g = _unpool(g, self.x, self.index)
        y = channel_sum(g * self.ratio).mul_(self.x)
        return torch.addcmul(y.neg_(), g, self.factor)


def _unpool(g: Tensor, like: Tensor, index: Tensor) -> Tensor:
    """Each window's value added where its maximum was: max-pooling's own backward."""
    shape = [3, 3], [2, 2], [0, 0], [1, 1]  # kernel, stride, padding, dilation
    out: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(g, like, *shape, False, index)
    return out


class FeatureJacobian:
    """J = d features / d z of a feature extractor at given crops; both directions.

    Args:
        extractor: the fixed convolutions.
        pixels: (N, 3, 107, 107) input, -128..127.
        at: ``conv1``: z is conv1's output (N, 96, 51, 51); ``input``: the input itself.
    """

    @torch.no_grad()
    def __init__(self, extractor: FeatureExtractor, pixels: Tensor, at: Place = "conv1") -> None:
        self.extractor, self.at = extractor, at
        self.stage1 = _Stage(extractor.stem(pixels))
        self.stage2 = _Stage(extractor.conv2(self.stage1.output))
        z3: Tensor = extractor.conv3(self.stage2.output)
        self.active = (z3 > 0).to(z3.dtype)
        self.features = (z3 * self.active).flatten(1)

    @torch.no_grad()
    def product(self, a: Tensor) -> Tensor:
        """J a: (N, C, H, W) at ``z`` to (N, 4608)."""
        net = self.extractor
        if self.at == "input":
            a = F.conv2d(a, net.conv1.weight, stride=2)
        a = F.conv2d(self.stage1.product(a), net.conv2.weight, stride=2)
        a = F.conv2d(self.stage2.product(a), net.conv3.weight)
        return (a * self.active).flatten(1)

    @torch.no_grad()
    def transpose_product(self, u: Tensor) -> Tensor:
        """J^T u: (N, 4608) to (N, C, H, W) at ``z``."""
        net = self.extractor
        g = u.view(-1, *MAP) * self.active
        g = g.contiguous(memory_format=torch.channels_last)
        g = F.conv_transpose2d(g, net.conv3.weight)
        g = self.stage2.transpose_product(g)
        g = F.conv_transpose2d(g, net.conv2.weight, stride=2)
        g = self.stage1.transpose_product(g)
        return F.conv_transpose2d(g, net.conv1.weight, stride=2) if self.at == "input" else g

    def pull_back(self, u: Tensor) -> Tensor:
        """J^T u, differentiable in ``u``: its backward is the product with J."""
        return _PullBack.apply(u, self)  # type: ignore[no-any-return, no-untyped-call]


class _PullBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, jacobian: FeatureJacobian) -> Tensor:
        ctx.jacobian = jacobian
        return jacobian.transpose_product(u)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.jacobian.product(gradients[0]), None
