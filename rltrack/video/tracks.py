"""What a run over a video returns: a track for each target, and a step for each frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rltrack import __version__
from rltrack.evaluation.metrics import Metrics, evaluate, is_box
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.video.sources import FrameSource

__all__ = ["Step", "Track", "TrackingError"]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]


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
        times: (T,) float64, when each frame is shown, in seconds from the beginning of the source;
            NaN without a clock. See `rltrack.video.times.timed_frames`.
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
    times: Array
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
            `rltrack.evaluation.metrics.Metrics`); preset, attention_weight, variant, backbone,
            seed, device and rltrack's version; first_box, None without a frame; config, all of the
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
        tracks: of each target, the frames before the failure.
        kept: the files that were completed, and of how many frames each is.
    """

    def __init__(
        self, message: str, tracks: list[Track], kept: Mapping[Path, int] = MappingProxyType({})
    ) -> None:
        super().__init__(message, tracks, kept)  # all, so that it can come from another process
        self.tracks = tracks
        self.kept = dict(kept)

    def __str__(self) -> str:
        return str(self.args[0])

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
        time: when the frame is shown, see `Track.times`.
        trackers: to look inside, as the frame left them.
        source: where the frame comes from.
    """

    index: int
    image: Image | None
    results: tuple[Result, ...]
    seconds: float
    time: float
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
