"""The tracker: find the target in each frame, and learn from what was found (paper, section 4)."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor

from rltrack import draws, sampling
from rltrack.attention import TARGET, attention_maps
from rltrack.backbones import load_backbone
from rltrack.config import TrackerConfig, preset
from rltrack.crops import crop_extents, crops
from rltrack.errors import InputError
from rltrack.fitting import fit, gradient_at, optimizer
from rltrack.memory import SampleMemory, Samples
from rltrack.network import Classifier, FeatureExtractor
from rltrack.region import Region
from rltrack.regression import BoxRegressor

__all__ = ["Result", "Tracker", "pick_device"]

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

PHASES = ("crop", "features", "score", "first_fit", "update")


class Result(NamedTuple):
    """Where the target is in one frame."""

    box: tuple[float, float, float, float]
    """(x, y, w, h), 0-based pixels; the last box while the target is not found."""
    score: float
    """The target's logit f_1, unbounded; no calibrated probability."""
    found: bool
    """Whether the score is above the threshold (0)."""


class View(NamedTuple):
    """One frame as the tracker sees it."""

    frame: Tensor
    """(3, H, W) uint8."""
    image_wh: Tensor
    """(2,) its sides."""
    region: Region | None
    """Features of the target's surroundings; None where each sample is a crop."""


def _learning(method: Callable[P, T]) -> Callable[P, T]:
    """A method that takes gradients, also of a caller who has turned them off for inference."""
    return torch.inference_mode(mode=False)(torch.enable_grad()(method))


def pick_device(name: str = "auto") -> torch.device:
    """The device called ``auto``, ``cpu``, ``cuda`` (``cuda:1`` ...) or ``mps``.

    ``auto`` is CUDA where there is one, else the CPU. MPS is best effort and untested.

    Raises:
        InputError: no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {name!r} cannot be used on this machine; try auto or cpu"
        ) from error
    return device


class Tracker:
    """Follows one target through a video.

    >>> tracker = Tracker(preset("paper"))                      # doctest: +SKIP
    >>> tracker.init(first_image, (x, y, w, h))                 # doctest: +SKIP
    >>> box, score, found = tracker.update(next_image)          # doctest: +SKIP

    Images are (H, W, 3) uint8 RGB arrays and may change size from frame to frame.

    Args:
        config: see :func:`rltrack.preset`.
        backbone: a name of `rltrack.backbones.BACKBONES`, a file, or fixed convolutions to use.
        device: see :func:`rltrack.tracker.pick_device`; all from crops to regression runs there.
        dtype: of all computation; float32 or float64.
        seed: of all randomness. The same seed gives the same boxes, bit for bit, on a CPU.

    Attributes:
        config: as given.
        extractor: conv1-3, fixed.
        classifier: fc4-6, what it has learned; from `init` on.
    """

    @_learning
    def __init__(
        self,
        config: TrackerConfig | str = "paper",
        *,
        backbone: str | Path | FeatureExtractor = "embedded",
        device: str | torch.device = "auto",
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:
        self.config = preset(config) if isinstance(config, str) else config
        self.device = device if isinstance(device, torch.device) else pick_device(device)
        self.dtype, self.seed = dtype, checked_seed(seed)
        precision = self.config.precision
        if isinstance(backbone, FeatureExtractor):
            self.backbone = "custom"
            self.extractor = backbone.placed(self.device, dtype, precision)
        else:
            self.backbone = str(backbone)
            self.extractor = load_backbone(
                backbone, device=self.device, dtype=dtype, precision=precision
            )
        if self.config.clip_scope == "all":  # their gradients are counted, never applied
            self.extractor = copy.deepcopy(self.extractor).requires_grad_(True)
        self.timings = dict.fromkeys(PHASES, 0.0)

    # --- The two calls --------------------------------------------------------------------

    @_learning
    def init(self, image: NDArray[np.uint8], box: Sequence[float]) -> Result:
        """Learn the target in ``box`` of the first image.

        Raises:
            InputError: the image is no (H, W, 3) uint8 array, or the box is not four finite
                numbers with positive sides that overlaps the image.
        """
        frame = self._frame(image)
        target = torch.tensor(checked_box(box, image), device=self.device, dtype=self.dtype)
        config = self.config
        self._generator = Generator(self.device).manual_seed(self.seed)
        self.classifier = Classifier(
            self._generator,
            attentive_features=config.variant == "attentive-features",
            dropout=config.dropout,
            device=self.device,
            dtype=self.dtype,
        )
        self._memory = SampleMemory(config.long_memory, config.short_memory)
        self._optimizer = optimizer(self.classifier, config.update_learning_rate, config)
        self._frames = 0
        self._search = config.search_translation
        self._last = self._target = target

        with self._phase("first_fit"):
            view = self._view(frame, target)
            self._regressor = self._fit_regressor(view, target)
            positives, negatives = self._first_samples(view, target)
            fit(
                self.classifier,
                self.extractor,
                optimizer(self.classifier, config.first_learning_rate, config),
                positives,
                negatives,
                config.first_iterations,
                config,
                self._generator,
            )
        self._memory.add(
            _of_number(positives, config.update_positives),
            _of_number(negatives, config.update_negatives),
        )
        score = self.classifier(self._samples(view, target[None]).features)[0, TARGET].item()
        self._candidates = target[None], torch.tensor([score])
        return Result(_plain(target), score, score > config.success_threshold)

    @_learning
    def update(self, image: NDArray[np.uint8] | None) -> Result:
        """Find the target in the next image, and learn from it.

        None stands for an image that could not be read: the target is not found, its score NaN,
        and nothing is learned.

        Raises:
            InputError: the image is no (H, W, 3) uint8 array, or :meth:`init` was not called.
        """
        self._begun("update()")
        if image is None:
            return Result(_plain(self._last), math.nan, False)
        config = self.config
        view = self._view(self._frame(image), self._target)
        self._frames += 1

        candidates = sampling.gaussian(
            self._target,
            config.candidates,
            view.image_wh,
            translation=self._search,
            scale=config.search_scale,
            inside=True,
            generator=self._generator,
        )
        features = self._samples(view, candidates).features
        with self._phase("score"), torch.no_grad():
            scores = self.classifier(features)[:, TARGET]
            best = scores.topk(config.averaged_candidates)
            chosen = candidates[best.indices]
            regressed = self._regressor(features[best.indices], chosen, view.image_wh).mean(0)
            score = best.values.mean().item()
        self._candidates = candidates, scores
        found = score > config.success_threshold

        if found:
            self._search = config.search_translation
            self._last = regressed
            self._target = regressed if config.follow == "result" else chosen.mean(0)
            self._remember(view)
        else:
            self._search = config.search_translation_lost

        if not found:
            self._update(*self._memory.short_term())
        elif self._frames % config.update_interval == 0:
            self._update(*self._memory.long_term())
        return Result(_plain(self._last), score, found)

    # --- Looking inside ---------------------------------------------------------------------

    @property
    def candidates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Boxes (N, 4) and scores (N,) of the last frame's candidates."""
        self._begun("candidates")
        boxes, scores = self._candidates
        return _array(boxes), _array(scores)

    def scores(self, image: NDArray[np.uint8], boxes: ArrayLike) -> NDArray[np.float64]:
        """Scores (N,), the target's logit, of any ``boxes`` (N, 4) in an image; nothing is learned.

        Raises:
            InputError: the image is no (H, W, 3) uint8 array, the boxes are no (N, 4) array, or
                :meth:`init` was not called.
        """
        self._begun("scores()")
        at = torch.as_tensor(np.asarray(boxes), device=self.device, dtype=self.dtype)
        if at.ndim != 2 or at.shape[1] != 4 or not len(at):
            raise InputError(f"boxes are {tuple(at.shape)}; wanted (N, 4), at least one")
        view = self._view(self._frame(image), at.mean(0))
        with torch.no_grad():
            return _array(self.classifier(self._samples(view, at).features)[:, TARGET])

    @_learning
    def attention(
        self, image: NDArray[np.uint8], box: Sequence[float]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Attention maps A_p and A_n (h, w) of the crop at ``box``; see :meth:`crop_extent`."""
        self._begun("attention()")
        at = torch.tensor([list(box)], device=self.device, dtype=self.dtype)
        view = View(*self._frame(image), None)
        gradient = gradient_at(
            self.classifier, self.extractor, self._samples(view, at), self.config
        )
        maps = attention_maps(gradient, self.config)
        target, background = (m[0].detach().float().cpu().numpy() for m in maps)
        return target, background

    def crop_extent(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        """The image region (x, y, w, h) that the crop at ``box``, and so its map, covers."""
        return _plain(crop_extents(torch.tensor([list(box)], dtype=torch.float64))[0])

    def _begun(self, what: str) -> None:
        if not hasattr(self, "_target"):
            raise InputError(f"{what} before init(): give the first image and box to init()")

    # --- Parts ------------------------------------------------------------------------------

    def _view(self, frame: tuple[Tensor, Tensor], target: Tensor) -> View:
        if self.config.features_from == "crops":
            return View(*frame, None)
        with self._phase("features"):
            return View(*frame, Region(self.extractor, frame[0], target))

    def _fit_regressor(self, view: View, target: Tensor) -> BoxRegressor:
        config = self.config
        boxes = self._draw(draws.for_regression, view, target, config.regression_samples)
        return BoxRegressor(
            self._samples(view, boxes).features,
            boxes,
            target,
            alpha=config.regression_alpha,
            iou_range=config.regression_iou,
            area_range=config.regression_area,
        )

    def _first_samples(self, view: View, target: Tensor) -> tuple[Samples, Samples]:
        config, half = self.config, self.config.first_negatives // 2
        positives = self._draw(draws.targets, view, target, config.first_positives)
        around = self._draw(draws.first_background_beside, view, target, half)
        everywhere = self._draw(
            draws.first_background_anywhere, view, target, config.first_negatives - half
        )
        # A region does not reach over the whole image.
        far = self._training(view._replace(region=None), everywhere)
        negatives = Samples.join([self._training(view, around), far])
        shuffle = torch.randperm(
            config.first_negatives, generator=self._generator, device=self.device
        )
        return self._training(view, positives), negatives.take(shuffle)

    def _remember(self, view: View) -> None:
        """Draw this frame's training samples around the target just found."""
        config = self.config
        positives = self._draw(draws.targets, view, self._target, config.update_positives)
        negatives = self._draw(draws.update_background, view, self._target, config.update_negatives)
        samples = self._training(view, torch.cat([positives, negatives]))
        split = len(positives)
        self._memory.add(samples.take(slice(split)), samples.take(slice(split, None)))

    def _update(self, positives: Samples, negatives: Samples) -> None:
        with self._phase("update"):
            fit(
                self.classifier,
                self.extractor,
                self._optimizer,
                positives,
                negatives,
                self.config.update_iterations,
                self.config,
                self._generator,
            )

    def _draw(self, kind: Callable[..., Tensor], view: View, target: Tensor, n: int) -> Tensor:
        return kind(target, view.image_wh, n, self.config, self._generator)

    def _samples(self, view: View, boxes: Tensor) -> Samples:
        if view.region is not None:
            with self._phase("features"):
                return Samples(view.region.features(boxes), None)
        with self._phase("crop"):
            pixels = crops(view.frame, boxes)
        with self._phase("features"):
            return Samples(self.extractor.features(pixels), pixels)

    def _training(self, view: View, boxes: Tensor) -> Samples:
        """Samples to learn from; their crops are kept only where attention will need them."""
        samples, config = self._samples(view, boxes), self.config
        needed = config.attention_weight > 0 and config.map_at != "conv3"
        return samples if needed else samples._replace(crops=None)

    def _frame(self, image: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """The image (3, H, W) and its sides (2,) on the device."""
        array = np.asarray(image)
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
            raise InputError(
                f"image is {array.dtype} {array.shape}; wanted uint8 (height, width, 3), RGB"
            )
        frame = torch.tensor(np.ascontiguousarray(array), device=self.device)
        sides = torch.tensor(array.shape[1::-1], device=self.device, dtype=self.dtype)
        return frame.permute(2, 0, 1), sides

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Time the block as ``name``; inside another timed block, as part of that one."""
        if self._timing:
            yield
            return
        self._timing = True
        start = time.perf_counter()
        try:
            yield
        finally:
            if self.device.type == "cuda":
                torch.cuda.current_stream(self.device).synchronize()
            self.timings[name] += time.perf_counter() - start
            self._timing = False

    _timing = False


def _of_number(samples: Samples, n: int) -> Samples:
    """The first ``n`` samples; if there are fewer, they are repeated."""
    return samples.take(torch.arange(n, device=samples.features.device) % len(samples.features))


def checked_box(box: Sequence[float], image: NDArray[np.uint8]) -> list[float]:
    """``box`` as four floats.

    Raises:
        InputError: it is malformed, not finite, empty, or does not overlap ``image``.
    """
    try:
        x, y, w, h = (float(value) for value in box)
    except (TypeError, ValueError):
        raise InputError(f"box is {box!r}; wanted four numbers x, y, w, h") from None
    if not all(map(math.isfinite, (x, y, w, h))):
        raise InputError(f"box is {x:g},{y:g},{w:g},{h:g}; its numbers must be finite")
    if w <= 0 or h <= 0:
        raise InputError(f"box is {x:g},{y:g},{w:g},{h:g}; width and height must be positive")
    height, width = image.shape[:2]
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise InputError(f"box is {x:g},{y:g},{w:g},{h:g}, outside the {width}x{height} image")
    return [x, y, w, h]


def checked_seed(seed: int) -> int:
    """``seed`` as it is, if it can be one.

    Raises:
        InputError: it is no whole number from 0 to 2^63 - 1.
    """
    if not isinstance(seed, Integral) or not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed!r}; it must be a whole number from 0 to 2^63 - 1")
    return int(seed)


def _plain(box: Tensor) -> tuple[float, float, float, float]:
    x, y, w, h = box.tolist()
    return x, y, w, h


def _array(values: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = values.detach().cpu().numpy().astype(np.float64)
    return array
