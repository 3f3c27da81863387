"""The first frame's boxes, as the tracker draws them, by kind: to be looked at."""

from __future__ import annotations

from torch import Generator, Tensor

from rltrack import sampling
from rltrack.config import TrackerConfig

__all__ = ["KINDS", "opening"]

KINDS = ("target", "background beside it", "background anywhere", "candidate")
"""The first three are learned from; the last are those of the next frame, if it is found there."""


def opening(
    target: Tensor, image_wh: Tensor, n: int, config: TrackerConfig, generator: Generator
) -> dict[str, Tensor]:
    """Draw ``n`` boxes of each of `KINDS` around a target.

    Args:
        target: (4,) float box.
        image_wh: (2,) sides of the image, of the same type.
        n: of each kind; the tracker's own numbers are fields of ``config``.
        config: spreads and ranges of overlap.
        generator: on the target's device.

    Returns:
        By kind, (n, 4).
    """

    def positives(m: int) -> Tensor:
        return sampling.gaussian(
            target,
            m,
            image_wh,
            translation=config.positive_translation,
            scale=config.positive_scale,
            generator=generator,
        )

    def beside(m: int) -> Tensor:
        return sampling.uniform(
            target,
            m,
            image_wh,
            translation=config.first_negative_translation,
            scale=config.first_negative_scale,
            aspect=config.aspect,
            generator=generator,
        )

    def anywhere(m: int) -> Tensor:
        return sampling.whole_image(
            target,
            m,
            image_wh,
            scale=config.whole_image_scale,
            aspect=config.aspect,
            generator=generator,
        )

    background = config.first_negative_iou
    candidates = sampling.gaussian(
        target,
        n,
        image_wh,
        translation=config.search_translation,
        scale=config.search_scale,
        inside=True,
        generator=generator,
    )
    drawn = (
        sampling.labelled(positives, n, target, iou_range=config.positive_iou),
        sampling.labelled(beside, n, target, iou_range=background),
        sampling.labelled(anywhere, n, target, iou_range=background),
        candidates,
    )
    return dict(zip(KINDS, drawn, strict=True))
