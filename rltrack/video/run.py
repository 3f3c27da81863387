"""Tracking a whole video in one call: frames in; boxes, scores, metrics and files out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rltrack.backbones.interface import Backbone
from rltrack.backbones.registry import backbone_files
from rltrack.data.first_boxes import FirstBox
from rltrack.errors import InputError
from rltrack.files import WriteError
from rltrack.outputs import inputs_of
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.inputs import checked_seed, pick_device
from rltrack.tracking.presets import chosen
from rltrack.tracking.result import Result
from rltrack.video.excerpt import span_of
from rltrack.video.moments import TimedFrame
from rltrack.video.recorder import Recorder, for_tools
from rltrack.video.signals import HeldSignals
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.start import Start, first_box, first_true_box, matching_truth
from rltrack.video.targets import Targets
from rltrack.video.times import waited_for
from rltrack.video.tracks import Step, Track, TrackingError

__all__ = ["track", "track_several"]

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

Image = NDArray[np.uint8]

_Row = tuple[tuple[Result, ...], float, float]  # results, seconds of work, time in the source

_PLAIN = InputError, WriteError, FloatingPointError
"""Errors whose messages say all."""

_CURE = "give x,y,w,h (on the command line --box, or --select to draw it)"


def track(
    source: str | Path | int | Iterable[Any] | FrameSource,
    box: Start | None = None,
    *,
    config: TrackerConfig | str = "auto",
    backbone: str | Path | Backbone = "embedded",
    device: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    video: str | Path | None = None,
    summary: str | Path | None = None,
    html: str | Path | None = None,
    overlay: str | None = None,
    start: str | float | None = None,
    end: str | float | None = None,
    target: int | None = None,
    on_frame: Callable[[Step], None] | None = None,
) -> Track:
    """Follow a target through a video.

    >>> result = track("clip.mp4", (60, 40, 32, 48), video="out.mp4")    # doctest: +SKIP
    >>> result.boxes, result.scores, result.found                        # doctest: +SKIP

    Frames may change their size. A frame that cannot be read keeps the last box, and its found is
    False. A video that ends early gives a shorter track. Everything that is asked for is checked
    before tracking starts.

    Args:
        source: what `rltrack.open_source` takes: a video file, a folder of frames, an OTB or VOT
            folder, a webcam's index, arrays, a list of image files.
        box: the target's box in the first frame, (x, y, w, h) in 0-based pixels, or a function that
            gets the first image and returns the box. None takes the first box of the ground truth,
            and starts in its frame.
        config: a preset's name, or a configuration from `rltrack.preset`. With ``auto``, the device
            decides; see `rltrack.tracking.presets.suited`.
        backbone: a name in `rltrack.backbones.registry.BACKBONES`, a file, or a backbone itself.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``, see `rltrack.tracking.inputs.pick_device`.
        seed: the seed of all randomness, 0 or more.
        out: path of a file for the boxes: a CSV file, or one for annotation tools, if the name ends
            in one of `rltrack.data.track_files.FORMATS`. Here and below, a file that no run wrote
            is not replaced.
        video: path of an annotated video, .mp4, .mov, .mkv or .webm.
        summary: path of a JSON file for `Track.summary`, .json.
        html: path of a page to look at, .html, see `rltrack.video.track_page`.
        overlay: ``attention`` or ``confidence``, drawn into the video.
            `rltrack.video.recorder.Recorder` describes it, and what the files hold.
        start: the first frame that is tracked, which is frame 0 of the results: 300 is a frame,
            12.5 or "1:02.5" a time, see `rltrack.video.moments.Moment.parsed`. None is the first.
        end: likewise, the first frame that is left out. None goes to the end.
        target: for OTB folders with several targets, the one whose ground truth is used. None uses
            that of the target that ``box`` is nearest to, see `rltrack.video.start.matching_truth`.
        on_frame: called after each frame, when its row is written.

    Returns:
        The track. After a Ctrl-C it holds the frames so far, and `Track.interrupted` is True.

    Raises:
        InputError: something given cannot be used. Nothing was tracked or written.
        TrackingError: an error part-way. What was tracked before it is the error's ``track``, and
            is written as far as that is possible; the error's ``kept`` says where.
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
        html=html,
        overlay=overlay,
        start=start,
        end=end,
        target=target,
        on_frame=on_frame,
    )[0]


def track_several(
    source: str | Path | int | Iterable[Any] | FrameSource,
    boxes: Sequence[Start | None] | Array,
    *,
    config: TrackerConfig | str = "auto",
    backbone: str | Path | Backbone = "embedded",
    device: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    video: str | Path | None = None,
    summary: str | Path | None = None,
    html: str | Path | None = None,
    overlay: str | None = None,
    start: str | float | None = None,
    end: str | float | None = None,
    target: int | None = None,
    on_frame: Callable[[Step], None] | None = None,
) -> list[Track]:
    """Follow several targets through a video, in one pass over its frames.

    >>> cars = track_several("clip.mp4", [(60, 40, 32, 48), (9, 70, 30, 44)])    # doctest: +SKIP

    Target k is tracked as `track` with ``seed + k`` would track it alone. If tracking one target
    fails, the run ends for all of them after the same frame.

    Args:
        source: as in `track`.
        boxes: one box for each target, each as in `track`, or those that
            `rltrack.data.first_boxes.read_first_boxes` read.
        config: the configuration of all targets.
        backbone: the backbone of all targets.
        device: as in `track`. `rltrack.video.targets.Targets` says what runs side by side.
        seed: the seed of the first target.
        out: as in `track`; see `rltrack.video.recorder.Recorder`.
        video: path of an annotated video of all targets.
        summary: path of a JSON file: `Track.summary` of the first target, whose speed is that of
            all targets together, and the number of ``targets``.
        html: path of a page to look at, with all targets.
        overlay: as in `track`, for all targets.
        start: as in `track`.
        end: as in `track`.
        target: as in `track`.
        on_frame: called once for each frame.

    Returns:
        The targets' tracks, which all have the same number of frames.

    Raises:
        InputError: see `track`.
        TrackingError: see `track`.
    """
    config = chosen(config, pick_device(device))
    seed = checked_seed(seed)
    if not len(boxes):
        raise InputError("no boxes were given: give one for each target")
    frames = span_of(open_source(source, target=target), start, end)
    weights = () if isinstance(backbone, Backbone) else backbone_files(backbone)
    marked = [box.file for box in boxes if isinstance(box, FirstBox)]
    if any(box is None for box in boxes):
        frames, true = first_true_box(frames, _CURE)
        boxes = [true if box is None else box for box in boxes]
    recorder = Recorder(
        boxes=out,
        video=video,
        summary=summary,
        html=html,
        overlay=overlay,
        fps=frames.fps,
        length=frames.length,
        sound=getattr(frames, "sound", None),
        inputs=(*inputs_of(frames), *weights, *marked),
        **for_tools(frames, boxes),
    )
    targets = Targets(len(boxes), config, backbone=backbone, device=device, seed=seed)
    io = {"decode": 0.0, "output": 0.0}

    rows: list[_Row] = []
    interrupted, failure = False, None
    with HeldSignals() as signals, closing(waited_for(frames, io)) as images, targets:
        with signals.let_through():
            first = next(images, TimedFrame(None, math.nan))
            if first.image is None:
                where = "" if start is None else f" where it starts, at {start}"
                raise InputError(f"{frames.name} has no first frame{where}, or it cannot be read")
            starts = [first_box(cast("Start", box), first.image) for box in boxes]
            truth = matching_truth(frames, starts[0]) if len(boxes) == 1 else None
        # What cannot be written is better known before the work. A Ctrl-C waits until what is
        # opened here is also closed.
        recorder.open(first.image, first.time)
        steps = _steps(targets, starts, first, images, frames)
        try:
            while True:
                with signals.let_through():
                    step = next(steps, None)
                if step is None:
                    break
                began = time.perf_counter()
                known = None if truth is None or step.index >= len(truth) else truth[step.index]
                rows.append((step.results, step.seconds, step.time))
                recorder.add(step.image, step.results, step.trackers, known, step.time)
                io["output"] += time.perf_counter() - began
                if on_frame is not None:
                    with signals.let_through():
                        on_frame(step)
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:  # anything: what was tracked is kept
            if isinstance(error, InputError) and not rows:
                recorder.close({})
                raise
            failure = error

        began = time.perf_counter()
        done = _collect(frames, truth, rows, targets, interrupted, failure is not None)
        try:
            recorder.close(done[0].summary() | ({"targets": len(done)} if len(done) > 1 else {}))
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
        kind = "" if isinstance(failure, _PLAIN) else f"{type(failure).__name__}: "
        raise TrackingError(f"{kind}{failure}", done, recorder.kept) from failure
    if not interrupted and frames.length is not None and len(rows) < frames.length:
        log.warning("%s ended after %d of %d frames", frames.name, len(rows), frames.length)
    return done


def _steps(
    targets: Targets,
    starts: Sequence[Sequence[float]],
    first: TimedFrame,
    images: Iterator[TimedFrame],
    frames: FrameSource,
) -> Iterator[Step]:
    """Track the first frame, with the boxes ``starts``, and then all others."""
    began = time.perf_counter()
    results = targets.init(cast("Image", first.image), starts)
    seconds = time.perf_counter() - began
    yield Step(0, first.image, results, seconds, first.time, targets.trackers, frames)
    for index, (image, shown) in enumerate(images, start=1):
        began = time.perf_counter()
        results = targets.update(image)
        seconds = math.nan if image is None else time.perf_counter() - began
        yield Step(index, image, results, seconds, shown, targets.trackers, frames)


def _collect(
    frames: FrameSource,
    truth: Array | None,
    rows: Sequence[_Row],
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
            boxes=np.array([results[k].box for results, _, _ in rows], np.float64).reshape(-1, 4),
            scores=np.array([results[k].score for results, _, _ in rows], np.float64),
            found=np.array([results[k].found for results, _, _ in rows], np.bool_),
            seconds=np.array([seconds for _, seconds, _ in rows], np.float64),
            times=np.array([shown for _, _, shown in rows], np.float64),
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
