"""A region: one feature map of the target's surroundings, for the features of many boxes (ours).

Crops of neighbouring boxes show almost the same part of the image, and yet the backbone is computed
for each crop. Here it is computed only once, over a region of the image. The region is scaled so
that the target is as large in it as in its crop. The region's map holds the backbone's exact
features of *every* window of a crop's size at steps of 8 pixels. For windows between these steps,
and for boxes of other sizes, features are interpolated in the map (RoI-align, with one bilinear
sample for each cell).

A region may be narrower than the backbone's layout, which is made for the widest search. The
convolutions then take less time, and as long as no cell of a sample lies beyond the map, its
features are the same. A cell beyond the map gets the value at the map's border, which is an
approximation (`asked_in_a_frame` says when that happens).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from rltrack.backbones.interface import Backbone
from rltrack.parallel import batches, each
from rltrack.tracking.boxes import center, from_center
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.crops import resampled
from rltrack.tracking.region_kernel import interpolate

__all__ = ["Region", "asked_in_a_frame", "features_everywhere"]


class Region:
    """The surroundings of one box in one image, and their feature map.

    Args:
        extractor: the backbone.
        image: (3, H, W) uint8.
        box: (4,), the box in the middle of the region. The sides of the region are those of the
            box's crop, times the ratio of their sizes as inputs of the backbone, which are
            ``dense_layout.size`` and ``crop.size`` if the region is not narrower. The boxes of all
            methods have to be on this box's device, which is the CPU or the image's.
        asked: pairs (shift, scale) of what the region will be asked for, both in units of the box's
            sides: boxes of at most this size, whose centres are at most this far from the middle.
            The region is not wider than they need. Without pairs, it is as wide as in the layout.
    """

    def __init__(
        self,
        extractor: Backbone,
        image: Tensor,
        box: Tensor,
        asked: Iterable[tuple[float, float]] = (),
    ) -> None:
        self._crop, self._layout = extractor.crop, extractor.dense_layout
        self._across = extractor.feature_shape[-1]
        if asked := tuple(asked):
            span, side = _span(extractor), extractor.crop.shown
            reach = max(shift * side + scale * span / 2 for shift, scale in asked)
            self._layout = self._layout.narrowed(2 * reach)
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
        """The part (x, y, w, h) of the image that the region covers, in whole pixels."""
        x, y, w, h = self._extent[0].tolist()
        return x, y, w, h

    def map_cells(self) -> Tensor:
        """Return the image coordinates (cells, 2) of the map's columns (x) and of its rows (y)."""
        layout = self._layout
        index = torch.arange(layout.cells, device=self._extent.device, dtype=self._extent.dtype)
        low, sides = self._extent[0, :2], self._extent[0, 2:]
        return low + (layout.first + layout.step * index)[:, None] * sides / layout.size

    def cells(self, boxes: Tensor) -> Tensor:
        """Return the image coordinates (N, k, 2) of each box's cells.

        They are those of the columns (x) and of the rows (y) of the box's k x k feature map.
        """
        sides, layout = self._crop_sides(boxes), self._layout
        index = torch.arange(self._across, device=boxes.device, dtype=boxes.dtype)
        cell = (layout.first + layout.spacing * index) / self._crop.size
        return (center(boxes) - sides / 2)[:, None] + cell[:, None] * sides[:, None]

    def features(self, boxes: Tensor) -> Tensor:
        """Return the features (N, C k k) of ``boxes`` (N, 4), interpolated in the map.

        A cell beyond the border of the map has the value at the border.
        """
        layout = self._layout
        low, sides = self._extent[:, :2], self._extent[:, 2:]
        pixel = (self.cells(boxes) - low) * layout.size / sides
        at = ((pixel - layout.first) / layout.step).clamp(0, layout.cells - 1)  # in cells
        at = at.to(self._map.device, non_blocking=True)
        return self._by_loops(at) if at.device.type == "cpu" else self._by_library(at)

    def _by_loops(self, at: Tensor) -> Tensor:
        """Interpolate at the columns and rows ``at`` (N, k, 2), on a CPU."""
        side, dtype = self._layout.cells, self._map.dtype
        cells = self._map.view(side, side, -1).numpy()
        columns, rows = (axis.to(dtype).contiguous().numpy() for axis in at.unbind(-1))
        out = torch.empty(len(at), cells.shape[-1], self._across**2, dtype=dtype)
        filled = out.numpy()

        def work(part: slice) -> None:
            interpolate(cells, columns[part], rows[part], filled[part])

        each(work, batches(len(at), 64), at.device)
        return out.flatten(1)

    def _by_library(self, at: Tensor) -> Tensor:
        """Interpolate at the columns and rows ``at`` (N, k, 2), on any device."""
        layout = self._layout
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
        return cells.view(len(at), self._across**2, -1).transpose(1, 2).flatten(1)

    def _crop_sides(self, boxes: Tensor) -> Tensor:
        return boxes[:, 2:] * self._crop.enlargement


def asked_in_a_frame(
    config: TrackerConfig, extractor: Backbone, search: float, sides: Sequence[float] = (1, 1)
) -> list[tuple[float, float]]:
    """Return how far the tracker samples around its target in a frame, as `Region` takes it.

    The region lies around the target's last position. The samples of an update are drawn around the
    new one, and this function does not count the way between the two. So the farthest negatives of
    a target that moves lie beyond the map: with the preset ``realtime``, 2% of them if it moves by
    a tenth of its size in a frame, and 14% at three tenths. The whole layout is too small as well
    for the widest samples of a target that is more than about twice as long as wide: at three
    times, for 20% of the negatives.

    Args:
        config: how candidates and samples are drawn.
        extractor: the backbone, whose box regression sees enlarged candidates.
        search: the spread of the candidates' centres.
        sides: the target's width and height. Only their ratio matters: the samplers shift centres
            in units of the mean side, and a region counts in units of each side.
    """
    elongation = sum(sides) / 2 / min(sides)
    drawn = (
        (search, config.search_scale * max(extractor.regression_views)),
        (config.positive_translation, config.positive_scale),
        (config.update_negative_translation, config.update_negative_scale),
    )
    return [(shift * elongation, scale) for shift, scale in drawn]


def features_everywhere(
    extractor: Backbone, image: Tensor, boxes: Tensor, like: Tensor, scale: float
) -> Tensor | None:
    """Return the features of boxes all over an image, from several regions side by side.

    Args:
        extractor: the backbone.
        image: (3, H, W) uint8.
        boxes: (N, 4), on the CPU or on the image's device.
        like: (4,), a box of about their size, on the same device.
        scale: the largest side of a box, in units of the sides of ``like``.

    Returns:
        (N, C k k), or None if the regions have more pixels than a crop for each box would have.
    """
    layout = extractor.dense_layout
    across = (layout.step * (layout.cells - 1) - scale * _span(extractor)) / extractor.crop.shown
    at = center(boxes)
    low, high = at.amin(0), at.amax(0)
    count = ((high - low) / (across * like[2:])).ceil().clamp(min=1)  # of regions, (2,)
    if count.prod().item() * layout.size**2 > len(boxes) * extractor.crop.size**2:
        return None
    apart = (high - low) / count
    column, row = ((at - low) / apart.clamp(min=1)).floor().minimum(count - 1).unbind(-1)
    index = (row * count[0] + column).long()
    out = image.new_empty(len(boxes), math.prod(extractor.feature_shape), dtype=extractor.dtype)
    for region in torch.unique(index):
        inside = (index == region).nonzero()[:, 0]
        place = torch.stack([region % count[0], region // count[0]])
        middle = from_center(low + (place + 0.5) * apart, like[2:])
        seen = Region(extractor, image, middle).features(boxes[inside])
        out[inside.to(out.device, non_blocking=True)] = seen
    return out


def _span(extractor: Backbone) -> float:
    """Return the pixels from the first to the last cell of a crop, along each axis."""
    return extractor.dense_layout.spacing * (extractor.feature_shape[-1] - 1)
