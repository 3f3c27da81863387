"""Box regression, fitted once on the first frame (as in R-CNN; paper section 4).

It is a ridge regression from a candidate's features to the correction that turns the candidate into
the target: ``(dx / w, dy / h, log w ratio, log h ratio)``, where dx and dy are offsets of centres.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rltrack.tracking.boxes import area, center, clip_to_image, from_center, iou

__all__ = ["BoxRegressor"]


class BoxRegressor:
    """A ridge regression with an intercept.

    It is solved in its dual form, which is (N, N) for N samples and not (D, D) for D features.

    Args:
        features: (N, D), D = C k k, features of the training boxes.
        boxes: (N, 4) training boxes around the target.
        target: (4,) the true box.
        alpha: strength of the ridge, > 0.
        iou_range: a regressed box is discarded if its IoU with its candidate is outside this range.
        area_range: the same for the candidate's area divided by the regressed box's area.
    """

    def __init__(
        self,
        features: Tensor,
        boxes: Tensor,
        target: Tensor,
        *,
        alpha: float,
        iou_range: tuple[float, float],
        area_range: tuple[float, float],
    ) -> None:
        self.iou_range, self.area_range = iou_range, area_range
        offsets = (center(target) - center(boxes)) / boxes[:, 2:]
        corrections = torch.cat([offsets, (target[2:] / boxes[:, 2:]).log()], dim=-1)
        # Double precision where the device has it: the solve is small and happens once.
        wide = features.dtype if features.device.type == "mps" else torch.float64
        x, y = features.to(wide), corrections.to(wide)
        x_mean, y_mean = x.mean(0), y.mean(0)
        x, y = x - x_mean, y - y_mean
        gram = x @ x.T + alpha * torch.eye(len(x), device=x.device, dtype=wide)
        weights = x.T @ torch.cholesky_solve(y, torch.linalg.cholesky(gram))
        self.weights = weights.to(features.dtype)  # (D, 4)
        self.intercept = (y_mean - x_mean @ weights).to(features.dtype)

    def __call__(self, features: Tensor, boxes: Tensor, image_wh: Tensor) -> Tensor:
        """Return regressed boxes (N, 4), clipped to the image.

        A candidate whose regressed box is out of range is returned unchanged.
        """
        correction = features @ self.weights + self.intercept
        regressed = from_center(
            center(boxes) + correction[:, :2] * boxes[:, 2:],
            boxes[:, 2:] * correction[:, 2:].exp(),
        )
        overlap, ratio = iou(boxes, regressed), area(boxes) / area(regressed)
        fits = (overlap >= self.iou_range[0]) & (overlap <= self.iou_range[1])
        fits &= (ratio >= self.area_range[0]) & (ratio <= self.area_range[1])
        return clip_to_image(torch.where(fits[:, None], regressed, boxes), image_wh)
