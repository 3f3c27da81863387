"""Sizes, shapes and costs that a backbone states, and that everything else reads from it."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import nn

__all__ = ["MDNET_CROP", "CropLayout", "DenseLayout", "Heaviest", "MultiplyAdds"]


class CropLayout(NamedTuple):
    """How a bounding box becomes a square crop, the input of a backbone.

    The crop shows the box and a margin around it. The defaults are MDNet's.
    """

    size: int = 107
    """Side of the crop in pixels."""
    padding: float = 16
    """The margin on each side of the box, as a multiple of 1 / ``size`` of the box's side. With the
    defaults, the margin is 16/107 of the box's side.
    """
    fill: int = 128
    """Grey level, 0..255, of those pixels of the crop that lie outside the image."""

    @property
    def enlargement(self) -> float:
        """Side of the region that a crop shows, divided by the side of the box."""
        return 1 + 2 * self.padding / self.size

    @property
    def shown(self) -> float:
        """Side of the box in its crop, in pixels of the crop."""
        return self.size / self.enlargement


MDNET_CROP = CropLayout()
"""The paper's crop: 107 pixels wide, a margin of 16/107 of the box's side on each side of the box,
and grey level 128 outside the image.
"""


class DenseLayout(NamedTuple):
    """Where the cells of a dense feature map lie in the square region that it is made from.

    A cell is one place of a feature map. Along each axis, the middle of cell i of the dense map is
    ``first + step * i`` pixels from the region's edge. The middle of cell j of a single crop's
    feature map is ``first + spacing * j`` pixels from the crop's edge. The tracker interpolates the
    dense map at the middles of a crop's cells, so there the map should hold the features that the
    crop would have.
    """

    size: int
    """Side of the region, in pixels of the backbone's input."""
    cells: int
    """Number of cells in a row of the map, and in a column."""
    first: float
    """Pixels from the region's edge to the middle of the first cell. It is the same distance from
    the edge of a single crop to the middle of that crop's first cell.
    """
    step: float
    """Pixels between the middles of neighbouring cells of the map."""
    spacing: float
    """Pixels between the middles of neighbouring cells of a single crop's feature map."""

    def narrowed(self, span: float) -> DenseLayout:
        """Return this layout without the cells that are not needed, the same number on each side.

        Args:
            span: pixels from the first to the last place of the map that is needed, with the
                middle between them. If this layout is narrower, it is returned unchanged.
        """
        spare = (self.cells - 1) - span / self.step
        dropped = math.floor(min(max(spare, 0), self.cells - 2))  # two are needed to interpolate
        size = round(self.size - dropped * self.step)
        return self._replace(size=size, cells=self.cells - dropped)


class MultiplyAdds(NamedTuple):
    """How many multiplications, each with an addition, the backbone needs for one crop."""

    stem: int
    """Those of the stem."""
    trunk: int
    """Those of the trunk."""


class Heaviest(NamedTuple):
    """The layer of a backbone that costs the most.

    :func:`rltrack.speed.ceilings.ceilings` runs it to measure how fast the machine can be at best.
    """

    layer: nn.Module
    """The layer, which has at least one parameter."""
    input_shape: tuple[int, int, int]
    """The shape (C, H, W) of its input for one crop."""
    multiply_adds: int
    """Its multiply-adds for one crop."""
