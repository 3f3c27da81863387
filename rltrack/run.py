"""A whole video in one call: frames in; boxes, scores, metrics and files out."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rltrack import __version__
from rltrack.config import TrackerConfig, preset
from rltrack.errors import InputError
from rltrack.evaluation import Metrics, evaluate, is_box
from rltrack.network import FeatureExtractor
from rltrack.recorder import Recorder
from rltrack.signals import HeldSignals
from rltrack.targets import Targets
from rltrack.tracker import Result, Tracker, checked_box, checked_seed
from rltrack.video import FrameSource, open_source

__all__ = ["Step", "Track", "TrackingError", "track", "track_several"]

log = logging.getLogger(__name__)

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Box = Sequence[float] | Array
Start = Box | Callable[[Image], Box] | None


@dataclass(frozen=True, eq=False)
class Track:
    """What one run over T frames gave for one target.

    A frame that could not be read repeats the box before it, is not found, and has NaN for score
    and seconds.

    Attributes:
        name: of the source.
        boxes: (T, 4) float64, (x, y, w, h) in 0-based pixels; the first is the box given.
        scores: (T,) float64, the target's logit f_1, unbounded.
        found: (T,) bool, whether the score is above the threshold (0).
        seconds: (T,) float64, of `Tracker.init` for the first frame and `Tracker.update` for the
            others, of all targets together; reading frames and writing results are not in it.
        ground_truth: (T, 4) float64, NaN rows where not known; None without any, and where there
            are several targets: it does not say whose it is.
        expected: number of frames that the source says it has; None where it does not say.
        interrupted: whether the run was stopped, by Ctrl-C, before its end.
        failed: whether an error ended the run before its end; see `TrackingError`.
        timings: seconds spent, by phase: those of `Tracker.timings`, added up over all targets;
            "decode" (waiting for frames) and "output" (drawing and writing).
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
    expected: int | None
    interrupted: bool
    failed: bool
    timings: dict[str, float]
    config: TrackerConfig
    backbone: str
    seed: int
    device: str

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.boxes)

    @property
    def unreadable(self) -> int:
        """Number of frames that could not be read."""
        return int(np.isnan(self.seconds).sum())

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
        if truth is None or not is_box(truth).any():
            return None
        return evaluate(self.boxes, truth)

    def summary(self) -> dict[str, Any]:
        """What the summary file holds.

        Returns:
            status, ``done``, ``interrupted`` or ``failed``; source, its name; frames, and of them
            frames_found and frames_unreadable; frames_expected, None where the source does not
            say, and more than frames where it ended early; fps, see `fps`; dp20, os and os50,
            shares in 0..1, and cle in pixels, all None without ground truth (see
            `rltrack.evaluation.Metrics`); preset, attention_weight, variant, backbone, seed, device
            and rltrack's version; first_box, None without a frame; config, all of the
            configuration: ``TrackerConfig(**summary["config"])`` makes it again.
        """
        metrics = self.metrics
        scores = {name: getattr(metrics, name, None) for name in ("dp20", "os", "cle", "os50")}
        return {
            "status": "failed" if self.failed else "interrupted" if self.interrupted else "done",
            "source": self.name,
            "frames": len(self),
            "frames_expected": self.expected,
            "frames_found": int(self.found.sum()),
            "frames_unreadable": self.unreadable,
            "fps": self.fps,
            **scores,
            "preset": self.config.preset,
            "attention_weight": self.config.attention_weight,
            "variant": self.config.variant,
            "backbone": self.backbone,
            "seed": self.seed,
            "device": self.device,
            "version": __version__,
            "first_box": self.boxes[0].tolist() if len(self) else None,
            "config": json.loads(json.dumps(asdict(self.config))),  # pairs as lists, as in the file
        }


class TrackingError(RuntimeError):
    """A run failed part-way; the cause is chained to it.

    Attributes:
        tracks: of each target, the frames before the failure; their files are written and complete.
    """

    def __init__(self, message: str, tracks: list[Track]) -> None:
        super().__init__(message)
        self.tracks = tracks

    @property
    def track(self) -> Track:
        """That of the first target, or only one."""
        return self.tracks[0]


@dataclass(frozen=True, eq=False)
class Step:
    """One frame of a run, as `track` tells it to ``on_frame``.

    Attributes:
        index: of the frame, from 0.
        image: (H, W, 3) uint8 RGB; None if it could not be read.
        results: of each target's tracker.
        seconds: see `Track.seconds`.
        trackers: to look inside, as the frame left them.
        source: where the frame comes from.
    """

    index: int
    image: Image | None
    results: tuple[Result, ...]
    seconds: float
    trackers: tuple[Tracker, ...]
    source: FrameSource

    @property
    def result(self) -> Result:
        """That of the first target, or only one."""
        return self.results[0]

    @property
    def tracker(self) -> Tracker:
        """That of the first target, or only one."""
        return self.trackers[0]


def track(
    source: str | Path | int | Iterable[Any] | FrameSource,
    box: Start = None,
    *,
    config: TrackerConfig | str = "paper",
    backbone: str | Path | FeatureExtractor = "embedded",
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
        backbone: a name of `rltrack.backbones.BACKBONES`, a file, or fixed convolutions to use.
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
    return track_several(
        source,
        [box],
        config=config,
        backbone=backbone,
        device=device,
        seed=seed,
        out=out,
        video=video,
        summary=summary,
        overlay=overlay,
        on_frame=on_frame,
    )[0]


def track_several(
    source: str | Path | int | Iterable[Any] | FrameSource,
    boxes: Sequence[Start] | Array,
    *,
    config: TrackerConfig | str = "paper",
    backbone: str | Path | FeatureExtractor = "embedded",
    device: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    video: str | Path | None = None,
    summary: str | Path | None = None,
    overlay: str | None = None,
    on_frame: Callable[[Step], None] | None = None,
) -> list[Track]:
    """Follow several targets through a video, in one pass over its frames.

    >>> cars = track_several("clip.mp4", [(60, 40, 32, 48), (9, 70, 30, 44)])    # doctest: +SKIP

    Target k is tracked as `track` with ``seed + k`` would track it alone; see there for all
    arguments but ``boxes``. One target's failure ends the run for all, after the same frame.

    Args:
        source: as in `track`.
        boxes: one for each target, each as in `track`.
        config: of all targets.
        backbone: of all targets.
        device: as in `track`; see `rltrack.targets.Targets` for what runs side by side.
        seed: of the first target.
        out: CSV file; see `rltrack.recorder.Recorder`.
        video: annotated video of all targets.
        summary: JSON file: `Track.summary` of the first target, whose speed is that of all
            together, and the number of ``targets``.
        overlay: as in `track`, of all targets.
        on_frame: called once a frame.

    Returns:
        The targets' tracks, of as many frames each.

    Raises:
        InputError: see `track`.
        TrackingError: see `track`.
    """
    config = preset(config) if isinstance(config, str) else config
    seed = checked_seed(seed)
    if not len(boxes):
        raise InputError("no boxes were given: give one for each target")
    frames = open_source(source)
    recorder = Recorder(
        boxes=out,
        video=video,
        summary=summary,
        overlay=overlay,
        fps=frames.fps,
        source=Path(source).expanduser() if isinstance(source, str | Path) else None,
    )
    targets = Targets(len(boxes), config, backbone=backbone, device=device, seed=seed)
    truth = frames.ground_truth if len(boxes) == 1 else None
    io = {"decode": 0.0, "output": 0.0}

    rows: list[tuple[tuple[Result, ...], float]] = []
    interrupted, failure = False, None
    with HeldSignals() as signals, closing(_decoded(frames, io)) as images, targets:
        with signals.let_through():
            first = next(images, None)
            if first is None:
                raise InputError(f"{frames.name}: there is no first frame, or it cannot be read")
            starts = [_first_box(box, first, frames) for box in boxes]
        steps = _steps(targets, starts, first, images, frames)
        try:
            while True:
                with signals.let_through():
                    step = next(steps, None)
                if step is None:
                    break
                began = time.perf_counter()
                known = None if truth is None or step.index >= len(truth) else truth[step.index]
                rows.append((step.results, step.seconds))
                recorder.add(step.image, step.results, step.trackers, known)
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
        done = _collect(frames, truth, rows, targets, interrupted, failure is not None)
        try:
            recorder.close(_summary(done))
        except Exception as error:  # a full disk, say; the first failure is the one told
            failure = failure or error
        io["output"] += time.perf_counter() - began
        for each in done:
            each.timings.update(io)
        try:
            if not interrupted:
                with signals.let_through():
                    pass
        except KeyboardInterrupt:
            interrupted = True
            done = [replace(each, interrupted=True) for each in done]
    if failure is not None:
        raise TrackingError(f"{type(failure).__name__}: {failure}", done) from failure
    if not interrupted and frames.length is not None and len(rows) < frames.length:
        log.warning("%s ended after %d of %d frames", frames.name, len(rows), frames.length)
    return done


def _steps(
    targets: Targets,
    starts: Sequence[Sequence[float]],
    first: Image,
    images: Iterator[Image | None],
    frames: FrameSource,
) -> Iterator[Step]:
    """Track: the first image, with the boxes ``starts``, then all the others."""
    began = time.perf_counter()
    results = targets.init(first, starts)
    yield Step(0, first, results, time.perf_counter() - began, targets.trackers, frames)
    for index, image in enumerate(images, start=1):
        began = time.perf_counter()
        results = targets.update(image)
        seconds = math.nan if image is None else time.perf_counter() - began
        yield Step(index, image, results, seconds, targets.trackers, frames)


def _decoded(frames: FrameSource, timings: dict[str, float]) -> Generator[Image | None, None, None]:
    """The frames; the time that waiting for them takes goes to ``timings["decode"]``."""
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


def _first_box(box: Start, image: Image, frames: FrameSource) -> list[float]:
    if box is None:
        if frames.ground_truth is None:
            raise InputError(
                f"no first box: {frames.name} has no ground truth to take it from; give x,y,w,h "
                "(on the command line --box, or --select to draw it)"
            )
        box = frames.ground_truth[0]
    return checked_box(cast("Sequence[float]", box(image) if callable(box) else box), image)


def _collect(
    frames: FrameSource,
    truth: Array | None,
    rows: Sequence[tuple[tuple[Result, ...], float]],
    targets: Targets,
    interrupted: bool,
    failed: bool,
) -> list[Track]:
    if truth is not None:
        known, truth = truth[: len(rows)], np.full((len(rows), 4), np.nan)
        truth[: len(known)] = known
    phases = targets.trackers[0].timings
    return [
        Track(
            name=frames.name,
            boxes=np.array([results[k].box for results, _ in rows], np.float64).reshape(-1, 4),
            scores=np.array([results[k].score for results, _ in rows], np.float64),
            found=np.array([results[k].found for results, _ in rows], np.bool_),
            seconds=np.array([seconds for _, seconds in rows], np.float64),
            ground_truth=truth,
            expected=frames.length,
            interrupted=interrupted,
            failed=failed,
            timings={phase: sum(t.timings[phase] for t in targets.trackers) for phase in phases},
            config=tracker.config,
            backbone=targets.backbone,
            seed=tracker.seed,
            device=str(tracker.device),
        )
        for k, tracker in enumerate(targets.trackers)
    ]


def _summary(tracks: Sequence[Track]) -> dict[str, Any]:
    summary = tracks[0].summary()
    return summary if len(tracks) == 1 else {**summary, "targets": len(tracks)}
