"""Crops: the square inputs of the backbone, cut from an image at given boxes.

A box is enlarged by 16/107 of its sides on each side, as in MDNet, and the corners of the enlarged
box are rounded to whole pixels. Pixels outside the image are grey (128). This region is resampled
to the crop's size with an antialiased bilinear filter, like that of the image library PIL. The
filter is a triangle whose width grows with the reduction in size.

The filter is separable, so a crop is a product of three matrices, ``rows @ region @ columns^T``. On
a GPU this product is computed for many boxes at once. On a CPU it is computed by two short loops
(:mod:`rltrack.tracking.crop_kernel`), because most entries of ``rows`` and ``columns`` are zero.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rltrack.backbones.layout import MDNET_CROP, CropLayout
from rltrack.errors import InputError
from rltrack.parallel import batches, each
from rltrack.tracking.boxes import center
from rltrack.tracking.crop_kernel import resample

__all__ = [
    "by_loops",
    "by_products",
    "crop_extents",
    "crops",
    "resampled",
]

_BUDGET = 16_000_000
"""How many numbers the regions of one pass of `by_products` may hold together.

This limits the memory of a pass to about 200 MB, unless one region alone is larger.
"""

_LARGEST = 20_000
"""Pixels: the longest side of a region for `by_products`, which then takes about 10 GB."""


def crop_extents(boxes: Tensor, layout: CropLayout = MDNET_CROP) -> Tensor:
    """Return the regions ``(N, 4)`` (x, y, w, h), in whole pixels, that crops of boxes cover."""
    enlarged, middle = boxes[:, 2:] * layout.enlargement, center(boxes)
    low = torch.floor(middle - enlarged / 2 + 0.5)
    high = torch.floor(middle + enlarged / 2 + 0.5)
    return torch.cat([low, (high - low).clamp(min=1)], dim=-1)


def crops(image: Tensor, boxes: Tensor, layout: CropLayout = MDNET_CROP) -> Tensor:
    """Cut and resample crops of one image.

    Args:
        image: (3, H, W) uint8.
        boxes: (N, 4) float, on the CPU or on the image's device. They may reach outside the image.
        layout: the crop layout of the backbone that the crops are for.

    Returns:
        (N, 3, S, S) uint8 in channels-last memory, with S = 107 by default. Values are rounded to
        whole numbers, as in an image library.
    """
    return resampled(image, crop_extents(boxes, layout), layout.size, layout.fill)


def resampled(
    image: Tensor, extents: Tensor, size: int = MDNET_CROP.size, fill: int = MDNET_CROP.fill
) -> Tensor:
    """Resample the regions ``extents`` (N, 4), in whole pixels, of an image to crops.

    The crops are (N, 3, size, size) uint8. The value of pixels outside the image is ``fill``.
    """
    if image.device.type == "cpu":
        return by_loops(image, extents, size, fill)
    return by_products(image, extents, size, fill)


def by_loops(
    image: Tensor, extents: Tensor, size: int = MDNET_CROP.size, fill: int = MDNET_CROP.fill
) -> Tensor:
    """Do what :func:`resampled` does on a CPU, with two short loops for each crop."""
    pixels = image.permute(1, 2, 0).contiguous().numpy()
    whole = extents.long().numpy()
    out = np.empty((len(whole), size, size, 3), np.uint8)

    def work(part: slice) -> None:
        resample(pixels, whole[part], np.float32(fill), out[part])

    each(work, batches(len(whole), 16), image.device)
    return torch.from_numpy(out).permute(0, 3, 1, 2)


def by_products(
    image: Tensor, extents: Tensor, size: int = MDNET_CROP.size, fill: int = MDNET_CROP.fill
) -> Tensor:
    """Do what :func:`resampled` does on other devices, with two batched matrix products.

    How the regions are divided depends on their sizes. A device has to be waited for until it tells
    them, unless ``extents`` is on the CPU.

    Raises:
        InputError: a side of a region is longer than 20,000 pixels.
    """
    # All regions of a pass are padded to its largest one, so regions of similar size go together.
    order = extents[:, 2:].prod(-1).argsort()
    ordered = extents[order]
    sides = ordered[:, 2:].long().tolist()
    if (longest := max(map(max, sides), default=0)) > _LARGEST:
        raise InputError(
            f"a box needs a crop of {longest} pixels, and on a GPU {_LARGEST} are the limit: give "
            "a smaller box, or use the device cpu"
        )
    passes = _passes(sides)
    ordered = ordered.to(image.device, non_blocking=True)
    parts, start = [], 0
    for stop, width, height in passes:
        parts.append(_product(image, ordered[start:stop], width, height, size, fill))
        start = stop
    back = order.argsort().to(image.device, non_blocking=True)
    return torch.cat(parts)[back].contiguous(memory_format=torch.channels_last)


def _passes(sides: list[list[int]]) -> list[tuple[int, int, int]]:
    """Split regions with these sides (w, h), in order, into passes that fit the budget.

    Returns:
        For each pass, the index after its last region, its largest width and its largest height.
    """
    runs: list[tuple[int, int, int]] = []
    start = width = height = 0
    for i, (w, h) in enumerate(sides):
        wider, higher = max(width, w), max(height, h)
        if i > start and 3 * wider * higher * (i + 1 - start) > _BUDGET:
            runs.append((i, width, height))
            start, wider, higher = i, w, h
        width, height = wider, higher
    return [*runs, (len(sides), width, height)]


def _product(
    image: Tensor, extents: Tensor, width: int, height: int, size: int, fill: int
) -> Tensor:
    columns, column_weights = _taps(extents[:, 0], extents[:, 2], width, image.shape[2], size)
    rows, row_weights = _taps(extents[:, 1], extents[:, 3], height, image.shape[1], size)
    region = image[:, rows[:, :, None], columns[:, None, :]]  # (3, n, height, width)
    # Subtract the fill. Pixels outside the image have the weight 0, so they then count as fill.
    region = region.to(row_weights.dtype).sub_(fill)
    resampled = row_weights @ region @ column_weights.mT  # (3, n, size, size)
    # The conversion truncates, so adding 0.5 rounds.
    return resampled.add_(fill + 0.5).to(torch.uint8).transpose(0, 1)


def _taps(
    start: Tensor, length: Tensor, widest: int, limit: int, size: int
) -> tuple[Tensor, Tensor]:
    """Return the source pixels ``(n, widest)`` and weights ``(n, size, widest)`` along one axis."""
    offset = torch.arange(widest, device=start.device, dtype=start.dtype)
    scale = (length / size)[:, None]
    middle = (torch.arange(size, device=start.device, dtype=start.dtype) + 0.5) * scale
    distance = (offset[None, None] + 0.5 - middle[:, :, None]).abs()
    weights = (1 - distance / scale.clamp(min=1)[:, :, None]).clamp(min=0)
    weights = weights * (offset < length[:, None])[:, None]
    weights = weights / weights.sum(-1, keepdim=True)
    pixel = start[:, None] + offset
    weights = weights * ((pixel >= 0) & (pixel < limit))[:, None]
    return pixel.clamp(0, limit - 1).long(), weights
