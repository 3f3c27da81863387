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
from typing import Any, Literal

import torch
from torch import Tensor

from rltrack.network import MAP, FeatureExtractor, chunks
from rltrack.parallel import each
from rltrack.stage import linearised, positive_sum

__all__ = ["FeatureJacobian", "Reduction"]

Place = Literal["conv1", "input"]
Reduction = Callable[[Tensor], Tensor]
"""From derivatives (N, C, H, W) to maps (N, H, W), each sample for itself."""


class _Chunk:
    """J at a few crops: the linearised stages between fixed convolutions."""

    @torch.no_grad()
    def __init__(self, extractor: FeatureExtractor, pixels: Tensor, at: Place) -> None:
        self.net, self.at = extractor, at
        self.stage1 = linearised(extractor.stem(pixels))
        self.stage2 = linearised(extractor.conv2(self.stage1.output))
        z3: Tensor = extractor.conv3(self.stage2.output)
        self.active = (z3 > 0).to(z3.dtype)
        self.features = (z3 * self.active).flatten(1)

    @torch.no_grad()
    def product(self, a: Tensor) -> Tensor:
        if self.at == "input":
            a = self.net.conv1.product(a)
        return self._onwards(self.stage1.product(a))

    @torch.no_grad()
    def transpose_product(self, u: Tensor) -> Tensor:
        g = self.stage1.transpose_product(self._backwards(u))
        return self.net.conv1.transpose_product(g) if self.at == "input" else g

    def reduced(self, u: Tensor, reduce: Reduction) -> tuple[Tensor, Reduction]:
        """``reduce(J^T u)``; and J times its derivative, as a function of the map's."""
        if reduce is positive_sum and self.at == "conv1":
            return self._positive_sum(u)
        g = self.transpose_product(u).requires_grad_()
        with torch.enable_grad():
            reduced = reduce(g)

        def back(d: Tensor) -> Tensor:
            return self.product(*torch.autograd.grad(reduced, g, d))

        return reduced.detach(), back

    @torch.no_grad()
    def _positive_sum(self, u: Tensor) -> tuple[Tensor, Reduction]:
        """The usual case, whose derivatives (N, C, H, W) need not be kept: only their signs."""
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
        g = u.view(-1, *MAP) * self.active
        g = g.contiguous(memory_format=torch.channels_last)
        g = self.stage2.transpose_product(self.net.conv3.transpose_product(g))
        return self.net.conv2.transpose_product(g)


class FeatureJacobian:
    """J = d features / d z of a feature extractor at given crops; both directions.

    Args:
        extractor: the fixed convolutions.
        pixels: (N, 3, 107, 107) input, -128..127.
        at: ``conv1``: z is conv1's output (N, 96, 51, 51); ``input``: the input itself.
    """

    def __init__(self, extractor: FeatureExtractor, pixels: Tensor, at: Place = "conv1") -> None:
        self._device = pixels.device
        self._slices = chunks(len(pixels), pixels.device)
        self._chunks = each(
            lambda part: _Chunk(extractor, pixels[part], at), self._slices, self._device
        )
        self.features = torch.cat([chunk.features for chunk in self._chunks])

    def product(self, a: Tensor) -> Tensor:
        """J a: (N, C, H, W) at ``z`` to (N, 4608)."""
        return self._over_chunks(_Chunk.product, a)

    def transpose_product(self, u: Tensor) -> Tensor:
        """J^T u: (N, 4608) to (N, C, H, W) at ``z``."""
        return self._over_chunks(_Chunk.transpose_product, u)

    def pull_back(self, u: Tensor, reduce: Reduction | None = None) -> Tensor:
        """J^T u, differentiable in ``u``: its backward is the product with J.

        With ``reduce``, of J^T u sample by sample: no more of it than a chunk passes on.
        """
        if reduce is None:
            return _PullBack.apply(u, self)  # type: ignore[no-any-return, no-untyped-call]
        return _ReducedPullBack.apply(u, self, reduce)  # type: ignore[no-any-return, no-untyped-call]

    def _over_chunks(self, multiply: Callable[[_Chunk, Tensor], Tensor], x: Tensor) -> Tensor:
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
        def work(chunk: _Chunk, u: Tensor) -> tuple[Tensor, Reduction]:
            return chunk.reduced(u, reduce)

        parts = jacobian._each(work, (u[part] for part in jacobian._slices))
        ctx.jacobian, ctx.back = jacobian, [back for _, back in parts]
        return torch.cat([reduced for reduced, _ in parts])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        def work(_: _Chunk, back: Reduction, d: Tensor) -> Tensor:
            return back(d)

        jacobian = ctx.jacobian
        given = (gradients[0][part] for part in jacobian._slices)
        return torch.cat(jacobian._each(work, ctx.back, given)), None, None
