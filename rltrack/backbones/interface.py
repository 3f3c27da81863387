"""What the tracker asks of a backbone: the fixed layers that turn crops into features.

A backbone is cut in two. The *stem* leads from the input to the early activation where the paper's
attention maps live; the *trunk* leads from there to the features that the classifier learns from.
Sizes, shapes and costs are attributes, so that the tracker, the regulariser and the book know none
of them by heart. :class:`rltrack.backbones.vggm.VGGM` is the paper's.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol, cast

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
"""Where attention maps live that go through a backbone: the stem's output, or the input."""

Reduction = Callable[[Tensor], Tensor]
"""From derivatives (N, C, H, W) to maps (N, H, W), each sample for itself."""


def positive_sum(g: Tensor) -> Tensor:
    """Positive derivatives (N, C, H, W) summed over channels: the paper's map (N, H, W)."""
    return F.relu(g).sum(1)


class CropLayout(NamedTuple):
    """How a box becomes the square input of a backbone. The defaults are MDNet's."""

    size: int = 107
    """Side of the crop in pixels."""
    padding: int = 16
    """Pixels of the crop, on each of its sides, that lie outside the box."""
    fill: int = 128
    """Level of what lies outside the image, 0..255."""

    @property
    def enlargement(self) -> float:
        """Side of what the crop shows, divided by the box's."""
        return 1 + 2 * self.padding / self.size


MDNET_CROP = CropLayout()
"""The paper's crop: 107 pixels, 16 of them outside the box on each side, 128 outside the image."""


class DenseLayout(NamedTuple):
    """Where the cells of a dense feature map lie in the square region that it is made of."""

    size: int
    """Side of the region in pixels of the input."""
    cells: int
    """Cells of the map in a row, and in a column."""
    first: float
    """Pixels from the region's edge to the middle of the first cell; a crop's first cell also."""
    step: float
    """Pixels between the middles of neighbouring cells of the map."""
    spacing: float
    """Pixels between the middles of neighbouring cells of a crop's own feature map."""


class MultiplyAdds(NamedTuple):
    """Multiplications, each with an addition, of one crop."""

    stem: int
    trunk: int


class Heaviest(NamedTuple):
    """The layer of a backbone that costs the most, to measure what a machine can do at best."""

    layer: nn.Module
    input_shape: tuple[int, int, int]
    multiply_adds: int


class LinearisedBackbone(Protocol):
    """A backbone's linear approximation at a few crops: its features and its Jacobian J there.

    J leads from the :data:`Place` where maps live to the features.
    """

    features: Tensor
    """(n, C k k), >= 0."""

    def product(self, a: Tensor) -> Tensor:
        """J a: (n, C, H, W) at the place to (n, C k k)."""
        ...

    def transpose_product(self, u: Tensor) -> Tensor:
        """J^T u: (n, C k k) to (n, C, H, W) at the place."""
        ...

    def reduced(self, u: Tensor, reduce: Reduction) -> tuple[Tensor, Reduction]:
        """``reduce(J^T u)``; and J times its derivative, as a function of the map's."""
        ...


class Backbone(nn.Module):
    """Fixed layers. Maps crops (N, 3, S, S) to features (N, C k k).

    Attributes:
        crop: how boxes become its input.
        feature_shape: (C, k, k) of one crop's feature map.
        dense_layout: of the map that :meth:`dense` makes.
        multiply_adds: of one crop.
        dtype: of pixels, responses and features.
    """

    crop: ClassVar[CropLayout]
    feature_shape: ClassVar[tuple[int, int, int]]
    dense_layout: ClassVar[DenseLayout]
    multiply_adds: ClassVar[MultiplyAdds]
    dtype: torch.dtype
    _placement: tuple[torch.device, torch.dtype, str]

    @abstractmethod
    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Move to ``device``, to work there in ``dtype`` and ``precision``."""

    @abstractmethod
    def pixels(self, crops: Tensor) -> Tensor:
        """uint8 crops (N, 3, S, S) as the network's input."""

    @abstractmethod
    def stem(self, x: Tensor) -> Tensor:
        """Input (N, 3, S, S) to the activation (N, C', H, W) where the paper's maps live."""

    @abstractmethod
    def trunk(self, z: Tensor) -> Tensor:
        """The stem's output to features (N, C k k)."""

    @abstractmethod
    def dense(self, x: Tensor) -> Tensor:
        """Input (N, 3, R, R), R the side of a region, to its map (N, C, cells, cells)."""

    @abstractmethod
    def linearised(self, pixels: Tensor, at: Place) -> LinearisedBackbone:
        """The linear approximation at the input ``pixels`` (n, 3, S, S), a few crops."""

    @abstractmethod
    def heaviest(self) -> Heaviest:
        """The layer that costs the most."""

    def placed(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> Self:
        """This backbone on ``device``, in ``dtype`` and ``precision``; a copy if it is not there.

        Trackers that share a backbone need not know of each other.
        """
        if self._placement == (torch.device(device), dtype, precision):
            return self
        other = copy.deepcopy(self)
        other.place(device, dtype, precision)
        return other

    def forward(self, x: Tensor) -> Tensor:
        """Input (N, 3, S, S) to features (N, C k k)."""
        return self.trunk(self.stem(x))

    @torch.no_grad()
    def features(self, crops: Tensor) -> Tensor:
        """uint8 crops (N, 3, S, S) to features (N, C k k), a bounded number at a time."""
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
    """``n`` crops in passes through a backbone.

    A pass has many enough to fill a GPU. On a CPU it has few enough to give several threads work
    and to bound memory (1 MB a crop after conv1), and enough to make up for laying out the weights.
    """
    return batches(n, 16 if device.type == "cpu" else 256)
