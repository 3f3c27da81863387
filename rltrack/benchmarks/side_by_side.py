"""The tracker beside OpenCV's trackers, on one video with one first box.

Each frame is decoded once for all.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.backbones.registry import backbone_files
from rltrack.benchmarks.opencv_trackers import Peer
from rltrack.errors import InputError
from rltrack.evaluation.metrics import Metrics, overlap
from rltrack.files import WriteError, try_each
from rltrack.outputs import Input, inputs_of
from rltrack.paths import given_path
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.result import Result
from rltrack.video.annotation import draw_trackers
from rltrack.video.own_files import own_outputs
from rltrack.video.recorder import Recorder
from rltrack.video.run import track
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.start import first_true_box
from rltrack.video.tracks import Step, Track, TrackingError
from rltrack.video.writer import VideoWriter

__all__ = ["OURS", "Comparison", "ComparisonError", "Run", "compare"]

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

OURS = "rltrack"
"""The name of this package's tracker among the others."""


class Run(NamedTuple):
    """One tracker's results over T frames.

    Attributes:
        name: `OURS`, or the name of the other tracker.
        boxes: (T, 4) float64, (x, y, w, h) in 0-based pixels. The first is the box that was given.
            While the tracker says that it does not find the target, the last box is repeated.
        found: (T,) bool, whether the tracker says that it found the target.
        fps: frames tracked after the first, divided by the seconds they took; None if there are
            none. See `rltrack.video.tracks.Track.fps`.
        metrics: scores against the ground truth; None without any.
    """

    name: str
    boxes: Array
    found: NDArray[np.bool_]
    fps: float | None
    metrics: Metrics | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several trackers' results on one video, all over the same frames.

    Attributes:
        track: this package's own run.
        runs: the runs of all N trackers, this package's first.
        files: the files that were written, and how many frames are in each.
    """

    track: Track
    runs: tuple[Run, ...]
    files: dict[Path, int]

    @property
    def shared(self) -> NDArray[np.int64]:
        """(N, N) int64: in how many frames after the first each two trackers find the target."""
        found = np.array([run.found[1:] for run in self.runs], np.int64)
        return found @ found.T

    @property
    def overlaps(self) -> Array:
        """(N, N) float64 in [0, 1]: mean overlap of each two trackers' boxes; NaN without any.

        It is over the `shared` frames only. The first box is the same for all, and a tracker that
        has lost the target keeps its last box, which does not say where it looks.
        """
        means = np.full((len(self.runs), len(self.runs)), np.nan)
        for row, a in enumerate(self.runs):
            for column, b in enumerate(self.runs):
                both = a.found[1:] & b.found[1:]
                if both.any():
                    means[row, column] = overlap(a.boxes[1:][both], b.boxes[1:][both]).mean()
        return means


class ComparisonError(RuntimeError):
    """A comparison failed part-way. The cause is chained to it.

    Attributes:
        comparison: the frames before the failure. Their files are written and complete.
    """

    def __init__(self, message: str, comparison: Comparison) -> None:
        super().__init__(message, comparison)  # both, so that it can come from another process
        self.comparison = comparison

    def __str__(self) -> str:
        return str(self.args[0])


def compare(
    source: str | Path | int | Iterable[Any] | FrameSource,
    box: Sequence[float] | None = None,
    *,
    peers: Iterable[str],
    folder: str | Path,
    config: TrackerConfig | str = "paper",
    backbone: str = "embedded",
    device: str = "auto",
    seed: int = 0,
    on_frame: Callable[[Step], None] | None = None,
) -> Comparison:
    """Follow a target through a video with this package's tracker and with OpenCV's.

    ``folder`` gets the boxes of each tracker, ``rltrack.csv``, ``csrt.csv`` and so on, in the form
    that `rltrack.video.recorder.Recorder` describes. The score of OpenCV's trackers is NaN. It also
    gets ``compare.mp4``: each frame with all boxes, and below it the trackers' names in their
    colours.

    In each frame the trackers work one after the other. A frame that cannot be read counts as not
    found for all of them, as in `rltrack.track`. One of another size than the first counts so for
    OpenCV's trackers, which cannot use it. A warning says so.

    Args:
        source: what `rltrack.open_source` takes.
        box: the target's box in the first frame, (x, y, w, h) in 0-based pixels. None takes it from
            the ground truth.
        peers: names in `rltrack.benchmarks.opencv_trackers.PEERS`.
        folder: where the files go. It is made if it is missing.
        config: the configuration of this package's tracker, as in `rltrack.track`.
        backbone: its backbone, as in `rltrack.track`.
        device: its device, as in `rltrack.track`.
        seed: its seed, as in `rltrack.track`.
        on_frame: called after each frame, with the step of this package's tracker.

    Returns:
        The comparison. After a Ctrl-C it holds the frames that all trackers had finished, and its
        ``track.interrupted`` is True.

    Raises:
        InputError: something given cannot be used. Nothing was tracked or written.
        ComparisonError: an error part-way, in any of the trackers. What was tracked before it is
            written, and is the error's ``comparison``.
    """
    rivals = [Peer(name) for name in dict.fromkeys(peers)]
    frames = open_source(source)
    if box is None:
        frames, box = first_true_box(frames, "give x,y,w,h (on the command line --box)")
    start = box
    names = [OURS, *(peer.name for peer in rivals)]
    files = _Files(
        given_path(folder, "the results' folder"),
        names,
        frames,
        (*inputs_of(frames), *backbone_files(backbone)),
    )
    rows: list[list[tuple[Result, float]]] = []
    learned: list[tuple[Result, float]] = []
    told: set[Peer] = set()  # those of which it was said that they cannot use a frame

    def first_box(image: Image) -> Sequence[float]:
        # Peers first: what they cannot learn is said before the tracker's first fit, which is long.
        learned[:] = [_timed(partial(peer.init, image, start)) for peer in rivals]
        files.open(image)
        return start

    def follow(step: Step) -> None:
        row = [(step.result, step.seconds)]
        if not step.index:
            row += learned
        else:
            before = zip(rivals, rows[-1][1:], strict=True)
            row += [_updated(peer, step, last.box, told) for peer, (last, _) in before]
        rows.append(row)  # first: a Ctrl-C during the writing is let through when it is done
        files.add(step.image, [result for result, _ in row], step.time)
        if on_frame is not None:
            on_frame(step)

    failure: Exception | None = None
    try:
        done = track(
            frames,
            first_box,
            config=config,
            backbone=backbone,
            device=device,
            seed=seed,
            on_frame=follow,
        )
    except TrackingError as error:
        done, failure = error.track, error
    except InputError:
        files.close()  # which removes them
        raise
    try:
        files.close()
    except KeyboardInterrupt:  # a second Ctrl-C, or a late one; the files were completed first
        done = replace(done, interrupted=True)
    except Exception as error:  # a full disk, say; the first failure is the one told
        failure = failure or error
    tracks = [_as_track(done, [row[number] for row in rows]) for number in range(len(names))]
    runs = [
        Run(name, each.boxes, each.found, each.fps, each.metrics)
        for name, each in zip(names, tracks, strict=True)
    ]
    comparison = Comparison(tracks[0], tuple(runs), files.kept)
    if failure is not None:
        raise ComparisonError(str(failure), comparison) from failure
    return comparison


class _Files:
    """Writes the files of a comparison. If no frame is added, it writes nothing."""

    def __init__(
        self, folder: Path, names: Sequence[str], frames: FrameSource, inputs: Iterable[Input]
    ) -> None:
        self._names = names
        boxes = {f"boxes of {name}": folder / f"{name}.csv" for name in names}
        files = own_outputs({**boxes, "video": folder / "compare.mp4"}, inputs)
        *tables, video = files.values()
        self._boxes = [Recorder(boxes=table) for table in tables]
        self._video = VideoWriter(video, frames.fps, getattr(frames, "sound", None))
        self._image: Image = np.zeros((1, 1, 3), np.uint8)  # the last that was read
        self._count = 0

    def open(self, image: Image) -> None:
        """Open all files for frames like the first; InputError if one cannot be opened."""
        for recorder in self._boxes:
            recorder.open(image)
        anywhere = [Result((0, 0, 1, 1), 0.0, True)] * len(self._names)
        try:
            self._video.open(*draw_trackers(image, self._names, anywhere, "").shape[:2])
        except WriteError as error:
            raise InputError(str(error)) from error

    def add(self, image: Image | None, results: Sequence[Result], time: float) -> None:
        """Write a frame's rows and picture."""
        for recorder, result in zip(self._boxes, results, strict=True):
            recorder.add(image, [result], (), time=time)
        label = f"frame {self._count}{' unreadable' * (image is None)}"
        self._image = self._image if image is None else image
        self._video.write(draw_trackers(self._image, self._names, results, label), time)
        self._count += 1

    def close(self) -> None:
        """Complete all files, even if one of them fails."""
        try_each([*(partial(each.close, {}) for each in self._boxes), self._video.close])

    @property
    def kept(self) -> dict[Path, int]:
        """After `close`, the files that were completed, and how many frames are in each."""
        tables = {path: count for each in self._boxes for path, count in each.kept.items()}
        return {**tables, **({self._video.path: n} if (n := self._video.completed) else {})}


def _updated(
    peer: Peer, step: Step, last: tuple[float, float, float, float], told: set[Peer]
) -> tuple[Result, float]:
    """Return what a peer finds in a frame, or that it finds nothing in one that it cannot use."""
    if step.image is not None:
        try:
            return _timed(partial(peer.update, step.image))
        except InputError as error:  # the image has another size than the first
            if peer not in told:
                logger.warning("frame %d: %s; in such frames it finds nothing", step.index, error)
                told.add(peer)
    return Result(last, math.nan, False), math.nan


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    return call(), time.perf_counter() - began


def _as_track(done: Track, steps: Sequence[tuple[Result, float]]) -> Track:
    """Return a tracker's run as a `Track`, so that the same rules time and score all of them."""
    truth = done.ground_truth
    return replace(
        done,
        boxes=np.array([result.box for result, _ in steps], np.float64).reshape(-1, 4),
        scores=np.array([result.score for result, _ in steps], np.float64),
        found=np.array([result.found for result, _ in steps], np.bool_),
        seconds=np.array([seconds for _, seconds in steps], np.float64),
        ground_truth=None if truth is None else truth[: len(steps)],
    )
