"""Box regression, which is fitted once, on the first frame (as in R-CNN; paper, section 4).

It predicts, from a candidate's features, the correction that turns the candidate into the target's
box. The correction is ``(dx / w, dy / h, log(w* / w), log(h* / h))``. Here w and h are the sides of
the candidate, w* and h* are the sides of the target's box, and (dx, dy) is the offset from the
candidate's centre to the centre of the target's box.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rltrack.tracking.boxes import area, center, clip_to_image, from_center, iou

__all__ = ["BoxRegressor", "corrected"]


class BoxRegressor:
    """A ridge regression from features to box corrections, with an intercept.

    It is solved in its dual form. The matrix of the linear system is then (N, N) for N samples,
    and not (D, D) for D features.

    Args:
        features: (N, D), the features of the training boxes, with D = C k k.
        boxes: (N, 4), the training boxes around the target, on this device or on the CPU.
        target: (4,), the true box, on the device of the boxes.
        alpha: strength of the ridge, > 0.
        iou_range: a regressed box is discarded if its IoU with its candidate is outside this range.
        area_range: a regressed box is also discarded if the candidate's area divided by its own
            area is outside this range.
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
        # Use double precision if the device has it. The system is small and is solved only once.
        wide = features.dtype if features.device.type == "mps" else torch.float64
        x, y = features.to(wide, copy=True), corrections.to(features.device, wide)
        x_mean, y_mean = x.mean(0), y.mean(0)
        x, y = x.sub_(x_mean), y - y_mean
        gram = x @ x.T + alpha * torch.eye(len(x), device=x.device, dtype=wide)
        weights = x.T @ torch.cholesky_solve(y, torch.linalg.cholesky(gram))
        self.weights = weights.to(features.dtype)  # (D, 4)
        self.intercept = (y_mean - x_mean @ weights).to(features.dtype)

    def __call__(self, features: Tensor, boxes: Tensor, image_wh: Tensor | None) -> Tensor:
        """Return the regressed boxes (N, 4) of candidates, clipped to the image.

        If a regressed box is discarded, its candidate is returned instead.

        Args:
            features: (N, D), the features of the candidates.
            boxes: (N, 4), the candidates, on any device. The result is there too.
            image_wh: (2,), the width and height of the image. With None, nothing is clipped.
        """
        correction = (features @ self.weights + self.intercept).to(boxes.device)
        regressed = corrected(boxes, correction)
        overlap, ratio = iou(boxes, regressed), area(boxes) / area(regressed)
        fits = (overlap >= self.iou_range[0]) & (overlap <= self.iou_range[1])
        fits &= (ratio >= self.area_range[0]) & (ratio <= self.area_range[1])
        kept = torch.where(fits[:, None], regressed, boxes)
        return kept if image_wh is None else clip_to_image(kept, image_wh)


def corrected(boxes: Tensor, correction: Tensor) -> Tensor:
    """Move and scale boxes.

    Args:
        boxes: (N, 4), (x, y, w, h) in pixels.
        correction: (N, 4), the shift of the centre in widths and heights of the box, and the
            logarithms of the factors of width and height.

    Returns:
        (N, 4) boxes.
    """
    return from_center(
        center(boxes) + correction[:, :2] * boxes[:, 2:], boxes[:, 2:] * correction[:, 2:].exp()
    )
