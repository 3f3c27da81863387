"""Retention: what is learned from one frame, asked about later ones where the truth is known.

A run of the tracker mixes what its features are worth with all that follows from each decision: one
frame that fails changes every later sample. Here nothing follows. A first frame is learned, and the
classifier scores samples around the true box some frames ahead, the target's and the background's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator

from rltrack import draws
from rltrack.config import TrackerConfig
from rltrack.errors import InputError
from rltrack.tracker import Tracker
from rltrack.video import FrameSource

__all__ = ["AHEAD", "Retention", "retention"]

AHEAD = (1, 4, 8, 16)
"""Frames."""
_TARGETS, _BACKGROUND = 50, 200


class Retention(NamedTuple):
    """Means over first frames."""

    ranked: float
    """Share 0..1 of pairs of a target's and a background's sample that are scored in order."""
    kept: float
    """Share 0..1 of the target's samples that score above the threshold."""
    target: float
    """Mean score of the target's samples, a logit."""
    background: float
    """Mean score of the background's."""


def retention(
    source: FrameSource,
    config: TrackerConfig,
    *,
    ahead: Sequence[int] = AHEAD,
    starts: int = 6,
    backbone: str = "embedded",
    device: str = "auto",
    seed: int = 0,
) -> dict[int, Retention]:
    """How well a lesson of one frame tells the target later, by the number of frames ahead.

    Args:
        source: with ground truth.
        config: of the tracker, of which only the first frame's lesson is used.
        ahead: frames ahead, each at least 0.
        starts: first frames to learn, evenly over what of the source has enough frames ahead.
        backbone: as in `rltrack.Tracker`.
        device: as in `rltrack.Tracker`.
        seed: of samples and learning.

    Raises:
        InputError: the source has no ground truth, or too few frames of it.
    """
    frames, truth = list(source), source.ground_truth
    last = min(len(frames), 0 if truth is None else len(truth)) - max(ahead)
    if truth is None or last < starts:
        raise InputError(
            f"{source.name}: {starts} first frames with {max(ahead)} ahead of each need "
            f"{starts + max(ahead)} frames with ground truth"
        )
    tracker = Tracker(config, backbone=backbone, device=device, seed=seed)
    generator = Generator().manual_seed(seed)
    found: dict[int, list[Retention]] = {step: [] for step in ahead}
    for start in np.linspace(0, last - 1, starts).astype(int):
        tracker.init(frames[start], truth[start])
        for step in ahead:
            image, box = frames[start + step], torch.tensor(truth[start + step])
            sides = torch.tensor(image.shape[1::-1])
            kinds = (draws.targets, _TARGETS), (draws.update_background, _BACKGROUND)
            boxes = [draw(box, sides, n, config, generator).numpy() for draw, n in kinds]
            target, background = (tracker.scores(image, b) for b in boxes)
            found[step].append(
                Retention(
                    float((target[:, None] > background).mean()),
                    float((target > config.success_threshold).mean()),
                    float(target.mean()),
                    float(background.mean()),
                )
            )
    return {step: Retention(*np.mean(rows, axis=0).tolist()) for step, rows in found.items()}
