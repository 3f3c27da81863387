"""The interface of a backbone: the fixed layers that turn crops into features.

To add a family of backbones, write a subclass of :class:`Backbone` and a class that follows
:class:`LinearisedBackbone`. A backbone is cut in two parts. The *stem* leads from the input to the
early activation where the paper's attention maps live. The *trunk* leads from there to the features
that the classifier learns from. Sizes, shapes and costs are attributes of the backbone. The
tracker, the regulariser and the book read them there and assume none of them.
:class:`rltrack.backbones.vggm.VGGM` is the paper's backbone and an example.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rltrack.parallel import batches, each

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "MDNET_CROP",
    "Backbone",
    "CropLayout",
    "DenseLayout",
    "Heaviest",
    "LinearisedBackbone",
    "MultiplyAdds",
    "Place",
    "Reduction",
    "chunks",
    "positive_sum",
]

Place = Literal["conv1", "input"]
"""Where an attention map lives that goes through a backbone: ``conv1`` is the output of the stem
(of any family), ``input`` is the input.
"""

Reduction = Callable[[Tensor], Tensor]
"""A function from derivatives (N, C, H, W) to maps (N, H, W) that works sample by sample."""


def positive_sum(g: Tensor) -> Tensor:
    """Sum the positive derivatives (N, C, H, W) over channels.

    This is the paper's map (N, H, W).
    """
    return F.relu(g).sum(1)


class CropLayout(NamedTuple):
    """How a box becomes the square input of a backbone. The defaults are MDNet's."""

    size: int = 107
    """Side of the crop in pixels."""
    padding: int = 16
    """Width in pixels of the margin around the box, on each side of the crop."""
    fill: int = 128
    """Grey level, 0..255, of crop pixels that lie outside the image."""

    @property
    def enlargement(self) -> float:
        """Side of the region that a crop shows, divided by the side of the box."""
        return 1 + 2 * self.padding / self.size


MDNET_CROP = CropLayout()
"""The paper's crop: 107 pixels, a margin of 16 pixels on each side, level 128 outside the image."""


class DenseLayout(NamedTuple):
    """Where the cells of a dense feature map lie in the square region that it is made from."""

    size: int
    """Side of the region in pixels of the input."""
    cells: int
    """Number of cells in a row of the map, and in a column."""
    first: float
    """Pixels from the region's edge to the middle of the first cell. In a single crop it is the
    same.
    """
    step: float
    """Pixels between the middles of neighbouring cells of the map."""
    spacing: float
    """Pixels between the middles of neighbouring cells of a single crop's feature map."""


class MultiplyAdds(NamedTuple):
    """How many multiplications, each with an addition, one crop takes."""

    stem: int
    trunk: int


class Heaviest(NamedTuple):
    """The layer of a backbone that costs the most.

    It measures how fast a machine can be at best.
    """

    layer: nn.Module
    input_shape: tuple[int, int, int]
    multiply_adds: int


class LinearisedBackbone(Protocol):
    """A backbone's linear approximation at a few crops: its features there, and its Jacobian J.

    J is the derivative of the features with respect to the activation at the :data:`Place` where
    maps live.
    """

    features: Tensor
    """(n, C k k), >= 0."""

    def product(self, a: Tensor) -> Tensor:
        """Return J a: ``a`` (n, C, H, W) is a change at the place, the result is (n, C k k)."""
        ...

    def transpose_product(self, u: Tensor) -> Tensor:
        """Return J^T u: ``u`` is (n, C k k), the result is (n, C, H, W) at the place."""
        ...

    def reduced(self, u: Tensor, reduce: Reduction) -> tuple[Tensor, Reduction]:
        """Return ``reduce(J^T u)``, and a function for the way back.

        The function takes the derivative of a loss with respect to the reduced map, and returns the
        derivative of the loss with respect to ``u``, which is J times the derivative of ``reduce``.
        """
        ...


class Backbone(nn.Module):
    """Fixed layers that map crops (N, 3, S, S) to features (N, C k k)."""

    crop: CropLayout
    """How boxes become its input."""
    feature_shape: tuple[int, int, int]
    """The shape (C, k, k) of one crop's feature map."""
    dense_layout: DenseLayout
    """The layout of the map that :meth:`dense` makes."""
    multiply_adds: MultiplyAdds
    """The cost of one crop."""
    dtype: torch.dtype
    """The type of pixels, responses and features."""
    _placement: tuple[torch.device, torch.dtype, str]

    @abstractmethod
    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Move the weights to ``device``, and compute there in ``dtype`` and ``precision``."""

    @abstractmethod
    def pixels(self, crops: Tensor) -> Tensor:
        """Turn uint8 crops (N, 3, S, S) into the network's input."""

    @abstractmethod
    def stem(self, x: Tensor) -> Tensor:
        """Map the input (N, 3, S, S) to the activation (N, C', H, W) where maps live."""

    @abstractmethod
    def trunk(self, z: Tensor) -> Tensor:
        """Map the stem's output to features (N, C k k)."""

    @abstractmethod
    def dense(self, x: Tensor) -> Tensor:
        """Map a region (N, 3, R, R) to its dense feature map (N, C, cells, cells)."""

    @abstractmethod
    def linearised(self, pixels: Tensor, at: Place) -> LinearisedBackbone:
        """Return the linear approximation at a few inputs, ``pixels`` (n, 3, S, S)."""

    @abstractmethod
    def heaviest(self) -> Heaviest:
        """Return the layer that costs the most."""

    def placed(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> Self:
        """Return this backbone as placed on ``device``, or a copy that is placed so.

        The backbone itself is not changed, so several trackers can share it.
        """
        if self._placement == (torch.device(device), dtype, precision):
            return self
        other = copy.deepcopy(self)
        other.place(device, dtype, precision)
        return other

    def forward(self, x: Tensor) -> Tensor:
        """Map the input (N, 3, S, S) to features (N, C k k)."""
        return self.trunk(self.stem(x))

    @torch.no_grad()
    def features(self, crops: Tensor) -> Tensor:
        """Map uint8 crops (N, 3, S, S) to features (N, C k k), in batches that bound memory."""
        size = self.crop.size
        if crops.shape[1:] != (3, size, size):
            raise ValueError(f"crops are {tuple(crops.shape)}; wanted (N, 3, {size}, {size})")
        count = math.prod(self.feature_shape)
        out = torch.empty(len(crops), count, device=crops.device, dtype=self.dtype)

        @torch.no_grad()
        def work(part: slice) -> None:
            out[part] = cast(Tensor, self(self.pixels(crops[part])))

        each(work, chunks(len(crops), crops.device), crops.device)
        return out


def chunks(n: int, device: torch.device) -> list[slice]:
    """Split ``n`` crops into batches for a backbone.

    On a GPU a batch is large enough to keep the GPU busy. On a CPU it is small enough to give
    several threads work and to bound memory (1 MB a crop after conv1), and large enough to make up
    for the time that it takes to lay out the weights.
    """
    return batches(n, 16 if device.type == "cpu" else 256)
