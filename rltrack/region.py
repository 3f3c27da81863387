"""conv3 of a target's surroundings, computed once; from it the features of any box in them.

Crops of neighbouring boxes see the same image, and conv1-3 are computed for each of them again.
Here they are computed once, over a region that shows the target as large as its crop would. With
the second pooling at every pixel and conv3 dilated to match, the map holds the features of *every*
crop-sized window, at steps of 8 pixels and exactly; between them, and for boxes of other sizes,
they are interpolated (RoI-align, one bilinear sample a cell).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rltrack.boxes import center
from rltrack.crops import CROP, PADDING, resampled
from rltrack.network import FeatureExtractor

__all__ = ["Region"]

STEP = 8
"""Pixels between neighbours in the map."""
SIZE = CROP + 32 * STEP
"""The region is 363 pixels wide: about 4.5 targets, what the samplers reach in a frame."""
CELLS = 32 + 5
FIRST, SPACING = 37.5, 16.0
"""Middle of a crop's first conv3 cell, and the distance to the next, in pixels of the crop."""


class Region:
    """The surroundings of one box in one image.

    Args:
        extractor: the fixed convolutions.
        image: (3, H, W) uint8.
        box: (4,) at the middle; the region is 363/107 of its crop.
    """

    def __init__(self, extractor: FeatureExtractor, image: Tensor, box: Tensor) -> None:
        sides = _crop_sides(box[None]) * SIZE / CROP
        low = (center(box[None]) - sides / 2).round()
        high = torch.maximum((center(box[None]) + sides / 2).round(), low + 1)
        extent = torch.cat([low, high - low], dim=1)
        pixels = resampled(image, extent, SIZE)
        self._extent = extent
        self._map = extractor.dense(extractor.pixels(pixels))[0].flatten(1).T.contiguous()

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """(x, y, w, h) of the part of the image that it shows, in whole pixels."""
        x, y, w, h = self._extent[0].tolist()
        return x, y, w, h

    def cells(self, boxes: Tensor) -> Tensor:
        """(N, 3, 2) pixels of the image: x of the columns of cells of ``boxes``, y of the rows."""
        sides = _crop_sides(boxes)
        cell = FIRST + SPACING * torch.arange(3, device=boxes.device, dtype=boxes.dtype)
        return (center(boxes) - sides / 2)[:, None] + cell[:, None] / CROP * sides[:, None]

    def features(self, boxes: Tensor) -> Tensor:
        """(N, 4608) of ``boxes`` (N, 4); what lies outside the region is its border's."""
        low, sides = self._extent[:, :2], self._extent[:, 2:]
        at = ((self.cells(boxes) - low) * SIZE / sides - FIRST) / STEP  # in the map
        at = at.clamp(0, CELLS - 1)
        before = at.floor().clamp(max=CELLS - 2)
        after = at - before
        x, y = before.long().unbind(-1)
        share_x, share_y = after.unbind(-1)
        corner = y[:, :, None] * CELLS + x[:, None, :]  # (N, rows, columns)
        index = torch.stack([corner, corner + 1, corner + CELLS, corner + CELLS + 1], dim=-1)
        rows = torch.stack([1 - share_y, share_y], dim=-1)[:, :, None, :, None]
        columns = torch.stack([1 - share_x, share_x], dim=-1)[:, None, :, None, :]
        weights = (rows * columns).flatten(-2).to(self._map.dtype)
        cells = F.embedding_bag(
            index.view(-1, 4), self._map, per_sample_weights=weights.view(-1, 4), mode="sum"
        )
        return cells.view(len(boxes), 9, -1).transpose(1, 2).flatten(1)


def _crop_sides(boxes: Tensor) -> Tensor:
    return boxes[:, 2:] * (1 + 2 * PADDING / CROP)
