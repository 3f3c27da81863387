"""A lesson: the classifier learns one frame, and its attention is looked at as it goes.

The looks are at probes, samples drawn apart from those that it learns from, and without dropout.
They draw nothing from the lesson's generator: a lesson that is looked at is the same lesson.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor

from rltrack import draws
from rltrack.attention import Loss, Maps, mean_and_deviation, regulariser
from rltrack.chapters.taylor import maps_at
from rltrack.config import TrackerConfig
from rltrack.crops import crops
from rltrack.errors import InputError
from rltrack.fitting import fit, optimizer
from rltrack.network import Classifier, FeatureExtractor
from rltrack.tracker import Tracker, checked_box

__all__ = ["Lesson", "lesson", "share_inside"]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

PROBES = 8
"""Of each label."""


class Lesson(NamedTuple):
    """What was seen at K steps of a lesson, with maps at S of them; arrays only, for storage."""

    steps: NDArray[np.int64]
    """(K,) gradient steps taken before the look; the first is 0."""
    cross_entropy: Array
    """(K,) mean over all probes."""
    on_targets: Array
    """(K,) R of Eq. 3, mean over the target probes; also where lambda is 0."""
    on_background: Array
    """(K,) R of Eq. 4, mean over the background probes."""
    unevenness: Array
    """(K,) sigma / mu of A_p, mean over the target probes."""
    inside: Array
    """(K,) share of the target crop's A_p that lies in the box."""
    shown: NDArray[np.int64]
    """(S,) the steps whose maps are kept."""
    target_maps: NDArray[np.float32]
    """(S, h, w) A_p of the target's crop."""
    background_maps: NDArray[np.float32]
    """(S, h, w) A_n of the target's crop."""


def lesson(
    image: Image,
    box: Sequence[float],
    config: TrackerConfig,
    *,
    steps: int = 200,
    every: int = 10,
    shown: Sequence[int] = (50, 100, 150, 200),
    backbone: str | FeatureExtractor = "embedded",
    device: str = "auto",
    seed: int = 0,
) -> Lesson:
    """Learn the target in ``box`` as the tracker learns its first frame, and look meanwhile.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (x, y, w, h) in 0-based pixels.
        config: of the tracker; ``steps`` takes the place of its ``first_iterations``.
        steps: of gradient descent.
        every: steps from one look to the next.
        shown: the steps whose maps are kept: multiples of ``every``, at most ``steps``.
        backbone: see `rltrack.track`.
        device: see `rltrack.track`.
        seed: of all randomness.

    Raises:
        InputError: a step that is to be shown is not looked at.
    """
    if unseen := sorted(set(shown) - set(range(0, steps + 1, every))):
        raise InputError(f"shown has {unseen[0]}; wanted multiples of {every} up to {steps}")
    config = replace(config, first_iterations=steps)
    pupil = _Pupil(config, backbone=backbone, device=device, seed=seed)
    probes = pupil.probes(image, box)
    features = pupil.extractor.features(probes)
    labels = (torch.arange(2 * PROBES, device=probes.device) < PROBES).long()
    rows: list[tuple[float, ...]] = []
    kept: list[Maps] = []

    def look(step: int, _: Loss | None = None) -> None:
        if step % every:
            return
        with torch.no_grad():
            cross_entropy = F.cross_entropy(pupil.classifier(features), labels)
        maps = maps_at(pupil.classifier, pupil.extractor, probes, config, config.map_at)
        targets, background = maps.split(PROBES)
        mean, deviation = mean_and_deviation(targets.target, config.attention_eps)
        seen = (
            cross_entropy,
            regulariser(targets, True, config).mean(),
            regulariser(background, False, config).mean(),
            (deviation / mean).mean(),
        )
        attention = targets.target[0].cpu().numpy()
        inside = share_inside(attention, pupil.crop_extent(box), box)
        rows.append((*(value.item() for value in seen), inside))
        if step in shown:
            kept.append(Maps(targets.target[0], targets.background[0]))

    pupil.learn(image, box, look)
    target_maps, background_maps = (
        torch.stack(maps).float().cpu().numpy() for maps in zip(*kept, strict=True)
    )
    cross_entropy, on_targets, on_background, unevenness, inside = np.array(rows).T
    return Lesson(
        np.arange(0, steps + 1, every),
        cross_entropy,
        on_targets,
        on_background,
        unevenness,
        inside,
        np.array(sorted(shown)),
        target_maps,
        background_maps,
    )


def share_inside(attention: ArrayLike, extent: Sequence[float], box: Sequence[float]) -> float:
    """Share 0..1 of a map (h, w) whose places have their middles in ``box``.

    Args:
        attention: the map, >= 0.
        extent: the image region (x, y, w, h) that it covers, evenly.
        box: (x, y, w, h), as ``extent`` in the image's pixels.
    """
    values = np.asarray(attention, float)
    x, y, w, h = extent
    rows, columns = values.shape
    across = x + (np.arange(columns) + 0.5) * w / columns
    down = y + (np.arange(rows) + 0.5) * h / rows
    in_columns = (across >= box[0]) & (across <= box[0] + box[2])
    in_rows = (down >= box[1]) & (down <= box[1] + box[3])
    return float(values[np.ix_(in_rows, in_columns)].sum() / values.sum())


class _Pupil(Tracker):
    """A tracker that learns its first frame under someone's eyes, and does nothing else."""

    def probes(self, image: Image, box: Sequence[float]) -> Tensor:
        """Crops of targets, the box itself first, then of as much background."""
        (frame, image_wh), target = self._frame(image), self._target_in(image, box)
        self._generator = Generator(self.device).manual_seed(self.seed + 1)  # not the lesson's
        drawn_with = self.config, self._generator
        targets = draws.targets(target, image_wh, PROBES - 1, *drawn_with)
        background = draws.update_background(target, image_wh, PROBES, *drawn_with)
        return crops(frame, torch.cat([target[None], targets, background]))

    def learn(self, image: Image, box: Sequence[float], look: Callable[..., None]) -> None:
        """Learn as `init` does, and call ``look`` with 0 before the first step, then after each."""
        config, target = self.config, self._target_in(image, box)
        self._generator = Generator(self.device).manual_seed(self.seed)
        self.classifier = Classifier(
            self._generator, dropout=config.dropout, device=self.device, dtype=self.dtype
        )
        look(0)
        view = self._view(self._frame(image), target)
        fit(
            self.classifier,
            self.extractor,
            optimizer(self.classifier, config.first_learning_rate, config),
            *self._first_samples(view, target),
            config.first_iterations,
            config,
            self._generator,
            look,
        )

    def _target_in(self, image: Image, box: Sequence[float]) -> Tensor:
        return torch.tensor(checked_box(box, image), device=self.device, dtype=self.dtype)
