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

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from rltrack.backbones.interface import Backbone, LinearisedBackbone, Place, Reduction, chunks
from rltrack.parallel import each

__all__ = ["FeatureJacobian", "Reduction"]


class FeatureJacobian:
    """J = d features / d z of a feature extractor at given crops; both directions.

    Args:
        backbone: the fixed layers.
        pixels: (N, 3, 107, 107) input, -128..127.
        at: ``conv1``: z is conv1's output (N, 96, 51, 51); ``input``: the input itself.
    """

    def __init__(self, backbone: Backbone, pixels: Tensor, at: Place = "conv1") -> None:
        self._device = pixels.device
        self._slices = chunks(len(pixels), pixels.device)
        self._chunks = each(
            lambda part: backbone.linearised(pixels[part], at), self._slices, self._device
        )
        self.features = torch.cat([chunk.features for chunk in self._chunks])

    def product(self, a: Tensor) -> Tensor:
        """J a: (N, C, H, W) at ``z`` to (N, 4608)."""
        return self._over_chunks(lambda chunk, a: chunk.product(a), a)

    def transpose_product(self, u: Tensor) -> Tensor:
        """J^T u: (N, 4608) to (N, C, H, W) at ``z``."""
        return self._over_chunks(lambda chunk, u: chunk.transpose_product(u), u)

    def pull_back(self, u: Tensor, reduce: Reduction | None = None) -> Tensor:
        """J^T u, differentiable in ``u``: its backward is the product with J.

        With ``reduce``, of J^T u sample by sample: no more of it than a chunk passes on.
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
