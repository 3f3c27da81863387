"""The tracker, which finds the target in each frame and learns from it (paper, section 4)."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor

from rltrack.backbones.interface import Backbone
from rltrack.backbones.registry import load_backbone
from rltrack.errors import InputError
from rltrack.tracking import sampling
from rltrack.tracking.attention import TARGET, Loss, attention_maps
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.crops import crop_extents
from rltrack.tracking.frame import Frame, Stopwatch
from rltrack.tracking.inputs import Box, checked_box, checked_boxes, checked_seed, pick_device
from rltrack.tracking.memory import SampleMemory, Samples
from rltrack.tracking.presets import chosen
from rltrack.tracking.region import asked_in_a_frame
from rltrack.tracking.result import Result, finite_score
from rltrack.tracking.rgb import ImageLike, to_rgb8
from rltrack.tracking.training import fit, gradient_at, optimizer
from rltrack.tracking.training_samples import first_samples, fitted_regressor, update_samples

__all__ = ["Tracker"]

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


def _learning(method: Callable[P, T]) -> Callable[P, T]:
    """Decorate a method so that it computes gradients even if its caller has turned them off."""
    return torch.inference_mode(mode=False)(torch.enable_grad()(method))


class Tracker:
    """A tracker that follows one target through a video.

    >>> tracker = Tracker()                                     # doctest: +SKIP
    >>> tracker.init(first_image, (x, y, w, h))                 # doctest: +SKIP
    >>> box, score, found = tracker.update(next_image)          # doctest: +SKIP

    Images are (H, W, 3) uint8 RGB arrays, or what `rltrack.tracking.rgb.to_rgb8` makes such arrays
    of, for example images of Pillow. Their size may change from frame to frame.

    Args:
        config: a configuration or the name of a preset; see :func:`rltrack.preset`. With ``auto``,
            the device decides; see `rltrack.tracking.presets.suited`.
        backbone: a name in `rltrack.backbones.registry.BACKBONES`, a file, or a backbone itself.
        device: where crops, features, scores and training are computed; see
            `rltrack.tracking.inputs.pick_device`. Boxes are drawn and compared on the CPU.
        dtype: the type of all computation, float32 or float64.
        seed: for all random numbers. On the same CPU with the same number of threads, the same seed
            gives the same boxes, bit for bit.

    Attributes:
        config: the configuration.
        extractor: the backbone. It is not trained.
        classifier: the layers fc4-6, which are trained. It exists after `init` was called.

    Raises:
        InputError: an argument cannot be used. The message says which, and what was given.
    """

    @_learning
    def __init__(
        self,
        config: TrackerConfig | str = "auto",
        *,
        backbone: str | Path | Backbone = "embedded",
        device: str | torch.device = "auto",
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:
        self.device = pick_device(device)
        self.config = chosen(config, self.device)
        if dtype not in (torch.float32, torch.float64):
            raise InputError(f"dtype is {dtype}; it must be torch.float32 or torch.float64")
        self.dtype, self.seed = dtype, checked_seed(seed)
        precision = self.config.precision
        if isinstance(backbone, Backbone):
            self.backbone = "custom"
            self.extractor = backbone.placed(self.device, dtype, precision)
        else:
            self.backbone = str(backbone)
            self.extractor = load_backbone(
                backbone, device=self.device, dtype=dtype, precision=precision
            )
        if self.config.clip_scope == "all":  # only the norm needs these gradients
            self.extractor = copy.deepcopy(self.extractor).requires_grad_(True)
        self._stopwatch = Stopwatch(self.device)

    # --- The two calls --------------------------------------------------------------------

    @_learning
    def init(self, image: ImageLike, box: Box) -> Result:
        """Start on the first image: learn the target inside ``box``.

        Raises:
            InputError: the image is not understood, or the box cannot be a target's; see
                `rltrack.tracking.inputs.checked_box`.
            FloatingPointError: training diverged.
        """
        image = to_rgb8(image)
        x, y, w, h = checked_box(box, image)
        target = torch.tensor((x, y, w, h), dtype=self.dtype)
        self.__dict__.pop("_target", None)  # if this fails, the tracker is not started
        config = self.config
        self._begin_random(self.seed)
        self.classifier = Classifier(
            self.extractor.feature_shape,
            self._generator,
            units=config.hidden_units,
            attentive_features=config.variant == "attentive-features",
            dropout=config.dropout,
            device=self.device,
            dtype=self.dtype,
        )
        self._memory = SampleMemory(config.long_memory, config.short_memory)
        self._optimizer = optimizer(self.classifier, config.update_learning_rate, config)
        self._frames = 0
        self._search = config.search_translation

        with self._stopwatch.phase("first_fit"):
            frame = self._frame(image, target)
            drawn_for = frame, target, config, self._generator
            self._regressor = fitted_regressor(*drawn_for)
            positives, negatives = first_samples(*drawn_for)
            first = optimizer(self.classifier, config.first_learning_rate, config)
            self._fit(first, positives, negatives, config.first_iterations)
        self._memory.add(
            positives.cycled(config.update_positives), negatives.cycled(config.update_negatives)
        )
        logits = self.classifier(frame.samples(target[None]).features)
        score = finite_score(logits[0, TARGET].item())
        self._candidates = target[None], torch.tensor([score], dtype=self.dtype)
        self._last = self._target = target
        return Result(_plain(target), score, score > config.success_threshold)

    @_learning
    def update(self, image: ImageLike | None) -> Result:
        """Find the target in the next image, and learn from it.

        Pass None for an image that cannot be read. Then the result is the last box, the score is
        NaN, ``found`` is False, and nothing is learned.

        Raises:
            InputError: the image is not understood, or :meth:`init` was not called.
            FloatingPointError: training diverged.
        """
        self._begun("update()")
        if image is None:
            return Result(_plain(self._last), math.nan, False)
        config = self.config
        asked = asked_in_a_frame(config, self.extractor, self._search, self._target[2:].tolist())
        frame = self._frame(image, self._target, asked)
        self._frames += 1

        candidates = sampling.gaussian(
            self._target,
            config.candidates,
            frame.image_wh,
            translation=self._search,
            scale=config.search_scale,
            border=config.candidate_border,
            generator=self._generator,
        )
        features = frame.samples(candidates).features
        with self._stopwatch.phase("score"), torch.no_grad():
            scores = self.classifier(features)[:, TARGET].cpu()
            best = scores.topk(config.averaged_candidates)
            chosen = candidates[best.indices]
            known = features[best.indices.to(self.device, non_blocking=True)]
            seen = frame.regression_features(chosen, known)
            limits = frame.image_wh if config.border == "image" else None
            regressed = self._regressor(seen, chosen, limits).mean(0)
            score = finite_score(best.values.mean().item())
        self._candidates = candidates, scores
        found = score > config.success_threshold

        if found:
            self._search = config.search_translation
            self._last = regressed
            self._target = regressed if config.follow == "result" else chosen.mean(0)
            learned = update_samples(frame, self._target, config, self._generator)
            self._memory.add(*learned)
            if self._frames % config.update_interval == 0:
                self._learn(*self._memory.long_term())
        else:
            self._search = config.search_translation_lost
            self._learn(*self._memory.short_term())
        return Result(_plain(self._last), score, found)

    @property
    def timings(self) -> dict[str, float]:
        """Seconds spent so far in each phase: crop, features, score, first_fit and update."""
        return self._stopwatch.seconds

    # --- Looking inside ---------------------------------------------------------------------

    @property
    def candidates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The candidate boxes (N, 4) of the last frame that was read, and their scores (N,)."""
        self._begun("candidates")
        boxes, scores = self._candidates
        return _array(boxes), _array(scores)

    @_learning  # threads write features into a tensor that is made here
    def scores(self, image: ImageLike, boxes: ArrayLike) -> NDArray[np.float64]:
        """Return the target's scores (N,), logits, at any ``boxes`` (N, 4). Nothing is learned.

        The score of a box does not depend on the other boxes. A box may reach beyond the image, or
        be outside of it.

        Raises:
            InputError: the image or the boxes are not understood, or :meth:`init` was not called.
        """
        self._begun("scores()")
        at = torch.tensor(checked_boxes(boxes), dtype=self.dtype)
        # A region lies around one box and has its scale, so each box gets a region of its own.
        groups = at[:, None] if self.config.features_from == "region" else at[None]
        with torch.no_grad():
            scores = [
                self.classifier(self._frame(image, boxes[0]).samples(boxes).features)[:, TARGET]
                for boxes in groups
            ]
        return _array(torch.cat(scores))

    @_learning
    def attention(
        self, image: ImageLike, box: Box
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the attention maps A_p and A_n, each (h, w), of the crop at ``box`` (Eq. 2).

        The box may reach beyond the image, or be outside of it. :meth:`crop_extent` returns the
        part of the image that the maps cover.

        Raises:
            InputError: the image or the box is not understood, or :meth:`init` was not called.
        """
        self._begun("attention()")
        at = torch.tensor([checked_box(box)], dtype=self.dtype)
        samples = self._frame(image).cropped(at)
        gradient = gradient_at(self.classifier, self.extractor, samples, self.config)
        maps = attention_maps(gradient, self.config)
        target, background = (m[0].detach().float().cpu().numpy() for m in maps)
        return target, background

    def crop_extent(self, box: Box) -> tuple[float, float, float, float]:
        """Return the part (x, y, w, h) of the image that the crop at ``box`` and its map cover.

        Raises:
            InputError: the box is not understood; see `rltrack.tracking.inputs.checked_box`.
        """
        at = torch.tensor([checked_box(box)], dtype=torch.float64)
        return _plain(crop_extents(at, self.extractor.crop)[0])

    def _begun(self, what: str) -> None:
        if not hasattr(self, "_target"):
            raise InputError(f"{what} was used before init(): give init() the first image and box")

    # --- Parts ------------------------------------------------------------------------------

    def _begin_random(self, seed: int) -> None:
        """Start the generators: of boxes and of the order of samples, and of dropout.

        Boxes are on the CPU, whatever the device: there it costs no waiting to look at them.
        """
        self._generator = self._dropout = Generator().manual_seed(seed)
        if self.device.type != "cpu":
            self._dropout = Generator(self.device).manual_seed(seed)

    def _frame(
        self,
        image: ImageLike,
        target: Tensor | None = None,
        asked: Iterable[tuple[float, float]] = (),
    ) -> Frame:
        """Make a frame from the image, with a map of the target's surroundings if configured."""
        around = target if self.config.features_from == "region" else None
        return Frame(image, self.extractor, self.device, self.dtype, self._stopwatch, around, asked)

    def _learn(self, positives: Samples, negatives: Samples) -> None:
        """Update the classifier from the samples in memory."""
        with self._stopwatch.phase("update"):
            self._fit(self._optimizer, positives, negatives, self.config.update_iterations)

    def _fit(
        self,
        optimizer: torch.optim.SGD,
        positives: Samples,
        negatives: Samples,
        iterations: int,
        report: Callable[[int, Loss], None] | None = None,
    ) -> None:
        learner = self.classifier, self.extractor, optimizer
        random = self._generator, self._dropout
        fit(*learner, positives, negatives, iterations, self.config, *random, report)


def _plain(box: Tensor) -> tuple[float, float, float, float]:
    x, y, w, h = box.tolist()
    return x, y, w, h


def _array(values: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = values.detach().cpu().numpy().astype(np.float64)
    return array
