"""A region: one feature map of the target's surroundings, from which any box's features are read.

Crops of neighbouring boxes show almost the same image, and yet the backbone is computed for each of
them. Here it is computed once, over a region in which the target is as large as in its crop.
VGG-M's map holds the features of *every* crop-sized window at steps of 8 pixels, and they are
exact. For windows between the steps, and for boxes of other sizes, features are interpolated in the
map (RoI-align with one bilinear sample for each cell).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rltrack.backbones.interface import Backbone
from rltrack.tracking.boxes import center
from rltrack.tracking.crops import resampled

__all__ = ["Region"]


class Region:
    """The surroundings of one box in one image.

    Args:
        extractor: the backbone.
        image: (3, H, W) uint8.
        box: (4,) the box in the middle. The region is larger than the box's crop by the ratio of
            their sides in pixels, which is 363/107 for VGG-M.
    """

    def __init__(self, extractor: Backbone, image: Tensor, box: Tensor) -> None:
        self._crop, self._layout = extractor.crop, extractor.dense_layout
        self._across = extractor.feature_shape[-1]
        size = self._layout.size
        sides = self._crop_sides(box[None]) * size / self._crop.size
        low = (center(box[None]) - sides / 2).round()
        high = torch.maximum((center(box[None]) + sides / 2).round(), low + 1)
        extent = torch.cat([low, high - low], dim=1)
        pixels = resampled(image, extent, size, self._crop.fill)
        self._extent = extent
        self._map = extractor.dense(extractor.pixels(pixels))[0].flatten(1).T.contiguous()

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """The part (x, y, w, h) of the image that the region shows, in whole pixels."""
        x, y, w, h = self._extent[0].tolist()
        return x, y, w, h

    def map_cells(self) -> Tensor:
        """Return the image coordinates (cells, 2) of the map's columns (x) and rows (y)."""
        layout = self._layout
        index = torch.arange(layout.cells, device=self._extent.device, dtype=self._extent.dtype)
        low, sides = self._extent[0, :2], self._extent[0, 2:]
        return low + (layout.first + layout.step * index)[:, None] * sides / layout.size

    def cells(self, boxes: Tensor) -> Tensor:
        """Return image coordinates (N, k, 2) of columns (x) and rows (y) of each box's cells."""
        sides, layout = self._crop_sides(boxes), self._layout
        index = torch.arange(self._across, device=boxes.device, dtype=boxes.dtype)
        cell = (layout.first + layout.spacing * index) / self._crop.size
        return (center(boxes) - sides / 2)[:, None] + cell[:, None] * sides[:, None]

    def features(self, boxes: Tensor) -> Tensor:
        """Return the features (N, C k k) of ``boxes`` (N, 4).

        A cell outside the region takes the value at the region's border.
        """
        layout = self._layout
        low, sides = self._extent[:, :2], self._extent[:, 2:]
        pixel = (self.cells(boxes) - low) * layout.size / sides
        at = ((pixel - layout.first) / layout.step).clamp(0, layout.cells - 1)  # in the map
        before = at.floor().clamp(max=layout.cells - 2)
        after = at - before
        x, y = before.long().unbind(-1)
        share_x, share_y = after.unbind(-1)
        corner = y[:, :, None] * layout.cells + x[:, None, :]  # (N, rows, columns)
        below = corner + layout.cells
        index = torch.stack([corner, corner + 1, below, below + 1], dim=-1)
        rows = torch.stack([1 - share_y, share_y], dim=-1)[:, :, None, :, None]
        columns = torch.stack([1 - share_x, share_x], dim=-1)[:, None, :, None, :]
        weights = (rows * columns).flatten(-2).to(self._map.dtype)
        cells = F.embedding_bag(
            index.view(-1, 4), self._map, per_sample_weights=weights.view(-1, 4), mode="sum"
        )
        return cells.view(len(boxes), self._across**2, -1).transpose(1, 2).flatten(1)

    def _crop_sides(self, boxes: Tensor) -> Tensor:
        return boxes[:, 2:] * self._crop.enlargement
