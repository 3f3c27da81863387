"""Boxes: ``(x, y, w, h)``, 0-based pixels, ``x, y`` the left top corner, as float tensors."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["area", "center", "clip_to_image", "from_center", "iou"]


def center(boxes: Tensor) -> Tensor:
    """Centres ``(..., 2)`` of boxes ``(..., 4)``."""
    return boxes[..., :2] + boxes[..., 2:] / 2


def from_center(centers_xy: Tensor, sides_wh: Tensor) -> Tensor:
    """Boxes ``(..., 4)`` from centres and sides ``(..., 2)``."""
    return torch.cat([centers_xy - sides_wh / 2, sides_wh], dim=-1)


def area(boxes: Tensor) -> Tensor:
    """Areas ``(...)`` in square pixels of boxes ``(..., 4)``."""
    return boxes[..., 2] * boxes[..., 3]


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union, in [0, 1], of boxes ``(..., 4)`` that broadcast together.

    Continuous areas: no ``+1`` to widths (unlike pixel-counting toolkits).
    """
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    overlap = (high - low).clamp(min=0).prod(-1)
    return overlap / (area(a) + area(b) - overlap)


def clip_to_image(boxes: Tensor, image_wh: Tensor) -> Tensor:
    """The part of each box ``(..., 4)`` inside an image of sides ``image_wh`` ``(2,)``."""
    low = torch.minimum(boxes[..., :2].clamp(min=0), image_wh - 1)
    high = torch.minimum(boxes[..., :2] + boxes[..., 2:], image_wh)
    return torch.cat([low, (high - low).clamp(min=1)], dim=-1)
