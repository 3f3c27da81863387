"""A whole video in one call: frames in; boxes, scores, metrics and files out."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rltrack import __version__
from rltrack.config import TrackerConfig, preset
from rltrack.errors import InputError
from rltrack.evaluation import Metrics, evaluate
from rltrack.network import FeatureExtractor
from rltrack.recorder import Recorder
from rltrack.tracker import Result, Tracker
from rltrack.video import FrameSource, open_source

__all__ = ["Step", "Track", "TrackingError", "track"]

log = logging.getLogger(__name__)

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Box = Sequence[float] | Array


@dataclass(frozen=True, eq=False)
class Track:
    """What one run over T frames gave.

    A frame that could not be read repeats the box before it, is not found, and has NaN for score
    and seconds.

    Attributes:
        name: of the source.
        boxes: (T, 4) float64, (x, y, w, h) in 0-based pixels; the first is the box given.
        scores: (T,) float64, the target's logit f_1, unbounded.
        found: (T,) bool, whether the score is above the threshold (0).
        seconds: (T,) float64, of `Tracker.init` for the first frame and `Tracker.update` for the
            others; reading frames and writing results are not in it.
        ground_truth: (T, 4) float64, NaN rows where not known; None without any.
        interrupted: whether the run was stopped, by Ctrl-C, before its end.
        timings: seconds spent, by phase: those of `Tracker.timings`, "decode" (reading frames)
            and "output" (drawing and writing).
        config: of the tracker.
        backbone: its name.
        seed: of all randomness.
        device: where it ran, such as "cpu" or "cuda".
    """

    name: str
    boxes: Array
    scores: Array
    found: NDArray[np.bool_]
    seconds: Array
    ground_truth: Array | None
    interrupted: bool
    timings: dict[str, float]
    config: TrackerConfig
    backbone: str
    seed: int
    device: str

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.boxes)

    @property
    def fps(self) -> float | None:
        """Frames tracked after the first, by the seconds they took; None if there are none.

        The first frame, which is learned, the reading of frames and the writing of results are
        left out of both.
        """
        later = self.seconds[1:][~np.isnan(self.seconds[1:])]
        return len(later) / float(later.sum()) if len(later) else None

    @property
    def metrics(self) -> Metrics | None:
        """Scores against the ground truth, the first frame included; None without any."""
        truth = self.ground_truth
        if truth is None or not (np.isfinite(truth).all(1) & (truth[:, 2:] > 0).all(1)).any():
            return None
        return evaluate(self.boxes, truth)

    def summary(self) -> dict[str, Any]:
        """What the summary file holds.

        Returns:
            frames; fps, see `fps`; dp20, os and os50, shares in 0..1, and cle in pixels, all None
            without ground truth (see `rltrack.evaluation.Metrics`); preset, attention_weight,
            variant, backbone, seed, device and rltrack's version.
        """
        metrics = self.metrics
        scores = {name: getattr(metrics, name, None) for name in ("dp20", "os", "cle", "os50")}
        return {
            "frames": len(self),
            "fps": self.fps,
            **scores,
            "preset": self.config.preset,
            "attention_weight": self.config.attention_weight,
            "variant": self.config.variant,
            "backbone": self.backbone,
            "seed": self.seed,
            "device": self.device,
            "version": __version__,
        }


class TrackingError(RuntimeError):
    """A run failed part-way; the cause is chained to it.

    Attributes:
        track: the frames before the failure, whose files are written and complete.
    """

    def __init__(self, message: str, track: Track) -> None:
        super().__init__(message)
        self.track = track


@dataclass(frozen=True, eq=False)
class Step:
    """One frame of a run, as `track` tells it to ``on_frame``.

    Attributes:
        index: of the frame, from 0.
        image: (H, W, 3) uint8 RGB; None if it could not be read.
        result: of the tracker.
        seconds: see `Track.seconds`.
        tracker: to look inside, as the frame left it.
        source: where the frame comes from.
    """

    index: int
    image: Image | None
    result: Result
    seconds: float
    tracker: Tracker
    source: FrameSource


def track(
    source: str | Path | int | Iterable[Any] | FrameSource,
    box: Box | Callable[[Image], Box] | None = None,
    *,
    config: TrackerConfig | str = "paper",
    backbone: str | FeatureExtractor = "embedded",
    device: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    video: str | Path | None = None,
    summary: str | Path | None = None,
    overlay: str | None = None,
    on_frame: Callable[[Step], None] | None = None,
) -> Track:
    """Follow a target through a video.

    >>> result = track("clip.mp4", (60, 40, 32, 48), video="out.mp4")    # doctest: +SKIP
    >>> result.boxes, result.scores, result.found                        # doctest: +SKIP

    Frames may change size. One that cannot be read keeps the last box, with found False; a video
    that ends early gives a shorter track. Everything asked for is checked before tracking starts.

    Args:
        source: what `rltrack.open_source` takes: a video file, a folder of frames, an OTB or VOT
            folder, a webcam's index, arrays.
        box: of the target in the first frame, (x, y, w, h) in 0-based pixels; or a function that
            is given the first image and returns the box. None takes the ground truth's.
        config: a preset's name, or a configuration from `rltrack.preset`.
        backbone: a name of `rltrack.backbones.BACKBONES`, or fixed convolutions to use.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``, see `rltrack.tracker.pick_device`.
        seed: of all randomness, 0 or more.
        out: CSV file for the boxes.
        video: annotated video, .mp4, .mov, .mkv or .webm.
        summary: JSON file for `Track.summary`.
        overlay: ``attention`` or ``confidence``, drawn into the video; see
            `rltrack.recorder.Recorder`, which also says what the files hold.
        on_frame: called after each frame, once its row is written.

    Returns:
        The track. After a Ctrl-C it holds the frames so far and `Track.interrupted` is True.

    Raises:
        InputError: something given cannot be used; nothing was tracked or written.
        TrackingError: an error part-way. What was tracked before it is written, and is the
            error's ``track``.
    """
    config = preset(config) if isinstance(config, str) else config
    if not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed}; it must be a whole number from 0 to 2^63 - 1")
    frames = open_source(source)
    recorder = Recorder(
        boxes=out,
        video=video,
        summary=summary,
        overlay=overlay,
        fps=frames.fps,
        source=Path(source).expanduser() if isinstance(source, str | Path) else None,
    )
    tracker = Tracker(config, backbone=backbone, device=device, seed=seed)
    truth = frames.ground_truth
    io = {"decode": 0.0, "output": 0.0}
    images = _decoded(frames, io)
    first = next(images, None)
    if first is None:
        raise InputError(f"{frames.name}: there is no first frame, or it cannot be read")
    start = _first_box(box, first, frames)

    rows: list[tuple[Result, float]] = []
    interrupted, failure = False, None
    steps = _steps(tracker, start, first, images, frames)
    with _Signals() as signals:
        try:
            while True:
                with signals.let_through():
                    step = next(steps, None)
                if step is None:
                    break
                began = time.perf_counter()
                known = None if truth is None or step.index >= len(truth) else truth[step.index]
                rows.append((step.result, step.seconds))
                recorder.add(step.image, step.result, tracker, known)
                io["output"] += time.perf_counter() - began
                if on_frame is not None:
                    with signals.let_through():
                        on_frame(step)
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:  # anything: what was tracked is kept
            if isinstance(error, InputError) and not rows:
                raise
            failure = error

        began = time.perf_counter()
        done = _collect(frames, rows, tracker, seed, interrupted)
        try:
            recorder.close(done.summary())
        except Exception as error:  # a full disk, say; the first failure is the one told
            failure = failure or error
        io["output"] += time.perf_counter() - began
        done.timings.update(io)
        try:
            if not interrupted:
                with signals.let_through():
                    pass
        except KeyboardInterrupt:
            done = replace(done, interrupted=True)
    if failure is not None:
        raise TrackingError(f"{type(failure).__name__}: {failure}", done) from failure
    if not done.interrupted and frames.length is not None and len(done) < frames.length:
        log.warning("%s ended after %d of %d frames", frames.name, len(done), frames.length)
    return done


def _steps(
    tracker: Tracker,
    start: Sequence[float],
    first: Image,
    images: Iterator[Image | None],
    frames: FrameSource,
) -> Iterator[Step]:
    """Track: the first image, with the box ``start``, then all the others."""
    began = time.perf_counter()
    result = tracker.init(first, start)
    yield Step(0, first, result, time.perf_counter() - began, tracker, frames)
    for index, image in enumerate(images, start=1):
        began = time.perf_counter()
        if image is None:
            result = Result(result.box, math.nan, False)
        else:
            result = tracker.update(image)
        seconds = math.nan if image is None else time.perf_counter() - began
        yield Step(index, image, result, seconds, tracker, frames)


def _decoded(frames: FrameSource, timings: dict[str, float]) -> Iterator[Image | None]:
    """The frames; the time that reading takes goes to ``timings["decode"]``."""
    images = iter(frames)
    while True:
        began = time.perf_counter()
        try:
            image = next(images)
        except StopIteration:
            return
        finally:
            timings["decode"] += time.perf_counter() - began
        yield image


def _first_box(
    box: Box | Callable[[Image], Box] | None, image: Image, frames: FrameSource
) -> Sequence[float]:
    if box is None:
        if frames.ground_truth is None:
            raise InputError(
                f"no first box: {frames.name} has no ground truth to take it from; give x,y,w,h "
                "(on the command line --box, or --select to draw it)"
            )
        return cast("list[float]", frames.ground_truth[0].tolist())
    chosen = box(image) if callable(box) else box
    return chosen.tolist() if isinstance(chosen, np.ndarray) else chosen


def _collect(
    frames: FrameSource,
    rows: Sequence[tuple[Result, float]],
    tracker: Tracker,
    seed: int,
    interrupted: bool,
) -> Track:
    truth = None
    if frames.ground_truth is not None:
        truth = np.full((len(rows), 4), np.nan)
        known = frames.ground_truth[: len(rows)]
        truth[: len(known)] = known
    return Track(
        name=frames.name,
        boxes=np.array([result.box for result, _ in rows], np.float64).reshape(-1, 4),
        scores=np.array([result.score for result, _ in rows], np.float64),
        found=np.array([result.found for result, _ in rows], np.bool_),
        seconds=np.array([seconds for _, seconds in rows], np.float64),
        ground_truth=truth,
        interrupted=interrupted,
        timings=dict(tracker.timings),
        config=tracker.config,
        backbone=tracker.backbone,
        seed=seed,
        device=str(tracker.device),
    )


class _Signals:
    """Ctrl-C, and polite kills that the program handles, held back but where they do no harm.

    They are let through while a frame is read or tracked, and once: a second one must not break
    into what the first one's exception sets off. `timeout`, for one, sends two.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[..., object]] = {}
        self._held: list[Callable[[], object]] = []
        self._open = False

    def __enter__(self) -> _Signals:
        # Other threads get no signals, and may not set handlers.
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                handler = None if number is None else signal.getsignal(number)
                if number is not None and callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Deliver what was held back, and in the block what comes, until something raises."""
        self._open = True
        try:
            while self._held and self._open:
                self._deliver(self._held.pop())
            yield
        finally:
            self._open = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        call = partial(self._handlers[number], number, frame)
        if self._open:
            self._deliver(call)
        else:
            self._held.append(call)

    def _deliver(self, call: Callable[[], object]) -> None:
        self._open = False
        call()
        self._open = True
