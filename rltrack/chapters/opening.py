"""The first frame's boxes, as the tracker draws them, by kind: to be looked at."""

from __future__ import annotations

from torch import Generator, Tensor

from rltrack import draws, sampling
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
    candidates = sampling.gaussian(
        target,
        n,
        image_wh,
        translation=config.search_translation,
        scale=config.search_scale,
        inside=True,
        generator=generator,
    )
    kinds = draws.targets, draws.first_background_beside, draws.first_background_anywhere
    drawn = (kind(target, image_wh, n, config, generator) for kind in kinds)
    return dict(zip(KINDS, (*drawn, candidates), strict=True))
