"""Linear approximations of a backbone: what they offer, and the general way to compute them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "LinearisedBackbone",
    "LinearisedByAutograd",
    "Place",
    "Reduction",
    "positive_sum",
]

Place = Literal["conv1", "input"]
"""The activation where an attention map lives. ``conv1`` is the output of the stem, for a backbone
of any family. ``input`` is the input of the backbone.
"""

Reduction = Callable[[Tensor], Tensor]
"""A function that turns derivatives (N, C, H, W) into maps (N, H, W), each sample by itself."""


def positive_sum(g: Tensor) -> Tensor:
    """Sum the positive derivatives (N, C, H, W) over channels.

    This is the paper's map (N, H, W).
    """
    return F.relu(g).sum(1)


class LinearisedBackbone(ABC):
    """A backbone's linear approximation at n crops: its features there, and its Jacobian J.

    J is the derivative of the features with respect to the activation z where the attention maps
    live: the argument ``at`` of :meth:`rltrack.backbones.interface.Backbone.linearised` chooses it.
    J is never formed as a matrix: the methods multiply by it. No tensor that they return has an
    autograd graph.
    """

    features: Tensor
    """The features (n, C k k) of the crops, >= 0, without an autograd graph."""

    @abstractmethod
    def product(self, a: Tensor) -> Tensor:
        """Return J a. ``a`` (n, C, H, W) is a change of z, and the result is (n, C k k)."""

    @abstractmethod
    def transpose_product(self, u: Tensor) -> Tensor:
        """Return J^T u. ``u`` is (n, C k k), and the result (n, C, H, W) has the shape of z."""

    def reduced(self, u: Tensor, reduce: Reduction) -> tuple[Tensor, Reduction]:
        """Return ``reduce(J^T u)``, and a function for the way back.

        The reduced result is the map (n, H, W). The function takes the derivative (n, H, W) of a
        loss with respect to the map, and returns the derivative (n, C k k) of the loss with respect
        to ``u``. This is J times what the derivative of ``reduce`` leads back to. The function is
        called with :func:`positive_sum` most of the time, so a faster way for this one pays off.

        Args:
            u: (n, C k k).
            reduce: any function that autograd can differentiate.
        """
        g = self.transpose_product(u).requires_grad_()
        with torch.enable_grad():
            reduced = reduce(g)

        def back(d: Tensor) -> Tensor:
            return self.product(*torch.autograd.grad(reduced, g, d))

        return reduced.detach(), back


class LinearisedByAutograd(LinearisedBackbone):
    """The linear approximation of any function, by PyTorch's automatic differentiation.

    It works for every backbone that is made of operations that PyTorch can differentiate twice, and
    is the oracle that faster ways are tested against.

    Args:
        function: a function from z (n, C, H, W) to features (n, C k k), sample by sample.
        z: where it is approximated.

    Attributes:
        features: the features (n, C k k) at ``z``.
    """

    @torch.enable_grad()
    def __init__(self, function: Callable[[Tensor], Tensor], z: Tensor) -> None:
        self._z = z.detach().requires_grad_()
        self._features = function(self._z)
        self.features = self._features.detach()

    @torch.enable_grad()
    def product(self, a: Tensor) -> Tensor:
        """Return J a for a change ``a`` (n, C, H, W) of z: back-propagation, twice.

        J a is the derivative of a . J^T u with respect to u, at any u. Forward differentiation
        would give it at once, but PyTorch's is not safe in several threads.
        """
        u = torch.zeros_like(self._features, requires_grad=True)
        (pulled,) = torch.autograd.grad(self._features, self._z, u, create_graph=True)
        return torch.autograd.grad(pulled, u, a)[0]

    def transpose_product(self, u: Tensor) -> Tensor:
        """Return J^T u (n, C, H, W) for ``u`` (n, C k k): back-propagation."""
        return torch.autograd.grad(self._features, self._z, u, retain_graph=True)[0]
