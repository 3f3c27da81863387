"""The Jacobian of the fixed layers, which is applied but never formed.

Attention is a derivative through the backbone, and training on the regulariser needs the derivative
of that derivative. Because the backbone is fixed, no second differentiation through it is
necessary. Let z be the activation where the map lives, ``J = d features / d z`` at a sample, and
``u_c = d f_c / d features`` from the classifier. Then

    A_c = J^T u_c                         Eq. 2,
    dR/du_c = J (dR/dA_c)                 the chain rule, because A_c is linear in u_c.

One evaluation of the backbone therefore serves both classes and both directions: first a product
with ``J^T`` (back-propagation), later a product with ``J`` (forward differentiation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from rltrack.backbones.interface import Backbone, chunks
from rltrack.backbones.linearised import LinearisedBackbone, Place, Reduction
from rltrack.parallel import each

__all__ = ["FeatureJacobian"]


class FeatureJacobian:
    """J = d features / d z of a backbone at given crops, with products in both directions.

    Args:
        backbone: the fixed layers.
        pixels: (N, 3, S, S), the backbone's input.
        at: the activation z. ``conv1`` is the output of the stem, and ``input`` is the input.

    Attributes:
        features: (N, C k k), the features of the crops.
    """

    def __init__(self, backbone: Backbone, pixels: Tensor, at: Place = "conv1") -> None:
        self._device = pixels.device
        self._slices = chunks(len(pixels), pixels.device)
        self._chunks = each(
            lambda part: backbone.linearised(pixels[part], at), self._slices, self._device
        )
        self.features = torch.cat([chunk.features for chunk in self._chunks])

    def product(self, a: Tensor) -> Tensor:
        """Return J a: ``a`` (N, C, H, W) is a change at ``z``, the result is (N, C k k)."""
        return self._over_chunks(lambda chunk, a: chunk.product(a), a)

    def transpose_product(self, u: Tensor) -> Tensor:
        """Return J^T u: ``u`` is (N, C k k), the result is (N, C, H, W) at ``z``."""
        return self._over_chunks(lambda chunk, u: chunk.transpose_product(u), u)

    def pull_back(self, u: Tensor, reduce: Reduction | None = None) -> Tensor:
        """Return J^T u, differentiable in ``u``: its backward is the product with J.

        ``reduce``, if given, is applied to J^T u sample by sample, so that no batch of derivatives
        has to be kept as a whole.
        """
        if reduce is None:
            return _PullBack.apply(u, self)  # type: ignore[no-any-return, no-untyped-call]
        return _ReducedPullBack.apply(u, self, reduce)  # type: ignore[no-any-return, no-untyped-call]

    def _over_chunks(
        self, multiply: Callable[[LinearisedBackbone, Tensor], Tensor], x: Tensor
    ) -> Tensor:
        return torch.cat(self._each(multiply, (x[part] for part in self._slices)))

    def _each(self, work: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
        tasks = zip(self._chunks, *arguments, strict=True)
        return each(lambda task: work(*task), tasks, self._device)


class _PullBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, jacobian: FeatureJacobian) -> Tensor:
        ctx.jacobian = jacobian
        return jacobian.transpose_product(u)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.jacobian.product(gradients[0]), None


class _ReducedPullBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, jacobian: FeatureJacobian, reduce: Reduction) -> Tensor:
        def work(chunk: LinearisedBackbone, u: Tensor) -> tuple[Tensor, Reduction]:
            return chunk.reduced(u, reduce)

        parts = jacobian._each(work, (u[part] for part in jacobian._slices))
        ctx.jacobian, ctx.back = jacobian, [back for _, back in parts]
        return torch.cat([reduced for reduced, _ in parts])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        def work(_: LinearisedBackbone, back: Reduction, d: Tensor) -> Tensor:
            return back(d)

        jacobian = ctx.jacobian
        given = (gradients[0][part] for part in jacobian._slices)
        return torch.cat(jacobian._each(work, ctx.back, given)), None, None
