"""A tracker that learns its first frame while someone looks on, for chapters 4 and 6."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rltrack.errors import InputError
from rltrack.tracking import training_boxes
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.crops import crops
from rltrack.tracking.inputs import checked_box
from rltrack.tracking.memory import Samples
from rltrack.tracking.tracker import Tracker
from rltrack.tracking.training import optimizer
from rltrack.tracking.training_samples import first_samples

__all__ = ["Pupil"]

Image = NDArray[np.uint8]


class Pupil(Tracker):
    """A tracker that learns its first frame, and does nothing else.

    Attributes:
        samples: the positives and the negatives that it learns from. `learn` draws them.
    """

    samples: tuple[Samples, Samples]

    def probes(self, image: Image, box: Sequence[float], n: int) -> Tensor:
        """Return crops of ``n`` targets, the box itself first, then of ``n`` places of background.

        They are drawn apart from the samples that it learns from.
        """
        frame, target = self._frame(image), self._target_in(image, box)
        self._begin_random(self.seed + 1)  # not the lesson's
        drawn_with = self.config, self._generator
        targets = training_boxes.positives(target, frame.image_wh, n - 1, *drawn_with)
        background = training_boxes.update_negatives(target, frame.image_wh, n, *drawn_with)
        boxes = torch.cat([target[None], targets, background])
        return crops(frame.image, boxes, self.extractor.crop)

    def learn(self, image: Image, box: Sequence[float], look: Callable[..., None]) -> None:
        """Train the classifier as `init` does, on samples that are drawn in the same way.

        No box regression is fitted, so no boxes are drawn for it before the samples. With the same
        seed, the samples are therefore others than those of `init`.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: the target's box (x, y, w, h) in pixels.
            look: called with 0 before the first step, and after each step as
                `rltrack.tracking.training.fit` calls its ``report``.

        Raises:
            InputError: the box cannot be used, or the configuration's variant is
                ``attentive-features``, which a pupil does not learn.
        """
        config, target = self.config, self._target_in(image, box)
        if config.variant != "reciprocative":
            raise InputError(
                f"a pupil cannot learn the variant {config.variant}; use reciprocative"
            )
        self._begin_random(self.seed)
        self.classifier = Classifier(
            self.extractor.feature_shape,
            self._generator,
            units=config.hidden_units,
            dropout=config.dropout,
            device=self.device,
            dtype=self.dtype,
        )
        frame = self._frame(image, target)
        self.samples = first_samples(frame, target, config, self._generator)
        look(0)
        first = optimizer(self.classifier, config.first_learning_rate, config)
        self._fit(first, *self.samples, config.first_iterations, look)

    def _target_in(self, image: Image, box: Sequence[float]) -> Tensor:
        return torch.tensor(checked_box(box, image), dtype=self.dtype)
