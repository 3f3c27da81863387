"""Bounding boxes: their centres, areas and overlap.

A box is a float tensor ``(x, y, w, h)`` in 0-based pixels. ``(x, y)`` is its top left corner.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["area", "center", "clip_to_image", "from_center", "iou", "scaled"]


def center(boxes: Tensor) -> Tensor:
    """Return the centres ``(..., 2)`` of boxes ``(..., 4)``."""
    return boxes[..., :2] + boxes[..., 2:] / 2


def from_center(centers_xy: Tensor, sides_wh: Tensor) -> Tensor:
    """Return the boxes ``(..., 4)`` with the given centres and sides ``(..., 2)``."""
    return torch.cat([centers_xy - sides_wh / 2, sides_wh], dim=-1)


def area(boxes: Tensor) -> Tensor:
    """Return the areas ``(...)`` of boxes ``(..., 4)`` in square pixels."""
    return boxes[..., 2] * boxes[..., 3]


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the intersection over union of boxes ``(..., 4)`` that broadcast together.

    It is from 0 to 1, up to rounding.

    The area of a box is its width times its height. Toolkits that count whole pixels add 1 to each
    width and height; this function does not.
    """
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    overlap = (high - low).clamp(min=0).prod(-1)
    return overlap / (area(a) + area(b) - overlap)


def clip_to_image(boxes: Tensor, image_wh: Tensor) -> Tensor:
    """Return the part of each box ``(..., 4)`` that is inside an image.

    ``image_wh`` ``(2,)`` is the width and height of the image. The returned sides are at least 1.
    """
    low = torch.minimum(boxes[..., :2].clamp(min=0), image_wh - 1)
    high = torch.minimum(boxes[..., :2] + boxes[..., 2:], image_wh)
    return torch.cat([low, (high - low).clamp(min=1)], dim=-1)


def scaled(boxes: Tensor, factor: float) -> Tensor:
    """Return ``boxes`` (..., 4) with the same centres, and sides ``factor`` times as long."""
    return from_center(center(boxes), factor * boxes[..., 2:])
