"""A tracker's diary: every frame's result, and at chosen frames what it saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack import __version__
from rltrack.chapters import exhibit
from rltrack.chapters.footage import scene
from rltrack.config import TrackerConfig, preset
from rltrack.errors import InputError
from rltrack.evaluation import is_box, overlap
from rltrack.network import FeatureExtractor
from rltrack.run import Step, track
from rltrack.video import FrameSource, open_source

__all__ = ["Diary", "Excerpt", "keep_diaries", "keep_diary", "keep_figure3"]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]


class Excerpt:
    """Consecutive frames of a source, as a source: those from ``start`` up to before ``stop``.

    Args:
        source: what `rltrack.open_source` takes, with ground truth.
        start: its frame that becomes frame 0.
        stop: the first frame left out; None for its end.

    Raises:
        InputError: there is no ground truth, or not at ``start``.
    """

    def __init__(
        self, source: str | Path | FrameSource, start: int = 0, stop: int | None = None
    ) -> None:
        whole = open_source(source)
        if whole.ground_truth is None:
            raise InputError(f"{whole.name} has no ground truth")
        self.name, self.fps = whole.name, whole.fps
        self.start, self._stop, self._whole = start, stop, whole
        self.ground_truth = whole.ground_truth[start:stop]
        self.length = len(self.ground_truth)
        if not self.length or np.isnan(self.ground_truth[0]).any():
            raise InputError(f"start is {start}; {whole.name} has no box there")

    def __iter__(self) -> Iterator[Image | None]:
        """The frames in order."""
        return islice(self._whole, self.start, self._stop)


class Diary(NamedTuple):
    """A run over T frames, looked into at S of them; arrays only, so that it can be stored."""

    boxes: Array
    """(T, 4) results, (x, y, w, h) in 0-based pixels."""
    scores: Array
    """(T,) logits f_1."""
    found: NDArray[np.bool_]
    """(T,) whether the frame succeeded."""
    learned: NDArray[np.bool_]
    """(T,) whether the classifier was updated after the frame."""
    overlaps: Array
    """(T,) IoU with the ground truth; NaN where that is not known."""
    truth: Array
    """(T, 4) the ground truth; NaN where it is not known."""
    shape: NDArray[np.int64]
    """(2,) height and width of the frames."""
    frames: NDArray[np.int64]
    """(S,) the frames looked into."""
    attention: NDArray[np.float32]
    """(S, h, w) A_p of the crop at the result's box, after the frame's update."""
    extents: Array
    """(S, 4) the image regions that the maps cover."""
    candidates: Array
    """(S, N, 4) the boxes scored."""
    candidate_scores: Array
    """(S, N) their logits."""

    @property
    def unevenness(self) -> Array:
        """(S,) sigma / mu of each map."""
        ratio: Array = self.attention.std((1, 2)) / self.attention.mean((1, 2))
        return ratio

    def lines(self, first: int = 0) -> list[str]:
        """What a figure cannot say of each frame looked into; ``first`` is frame 0's number."""
        return [
            f"frame {first + frame}: score {self.scores[frame]:+.1f}, "
            f"overlap {self.overlaps[frame]:.2f}, σ/μ of A_p {ratio:.2f}"
            for frame, ratio in zip(self.frames.tolist(), self.unevenness, strict=True)
        ]

    def chosen(self, best: int) -> Array:
        """(S, 4) mean of the ``best`` candidates of each frame looked into, before regression."""
        order = np.argsort(self.candidate_scores, axis=1)[:, -best:, None]
        chosen: Array = np.take_along_axis(self.candidates, order, axis=1).mean(1)
        return chosen


def keep_diary(
    source: FrameSource,
    frames: Sequence[int],
    config: TrackerConfig,
    *,
    backbone: str | FeatureExtractor = "embedded",
    device: str = "auto",
    seed: int = 0,
) -> Diary:
    """Track the target of ``source`` from its first box, and look inside at ``frames``.

    Args:
        source: with ground truth; see `Excerpt`.
        frames: increasing, each at least 1: the first frame has no candidates.
        config: of the tracker.
        backbone: see `rltrack.track`.
        device: see `rltrack.track`.
        seed: of all randomness.

    Raises:
        InputError: a frame is not in the source, or is the first.
    """
    if not frames or min(frames) < 1:
        raise InputError(f"frames are {list(frames)}; wanted some, each 1 or more")
    updating = [0.0]  # seconds so far, after each frame
    seen: list[tuple[NDArray[np.float32], Sequence[float], Array, Array]] = []
    shape = np.zeros(2, np.int64)

    def look(step: Step) -> None:
        updating.append(step.tracker.timings["update"])
        if step.index in frames and step.image is not None:
            shape[:] = step.image.shape[:2]
            attention, _ = step.tracker.attention(step.image, step.result.box)
            extent = step.tracker.crop_extent(step.result.box)
            seen.append((attention, extent, *step.tracker.candidates))

    done = track(source, config=config, backbone=backbone, device=device, seed=seed, on_frame=look)
    if len(seen) < len(frames):
        raise InputError(f"frames are {list(frames)}; {done.name} has {len(done)}")
    attention, extents, candidates, scores = map(np.array, zip(*seen, strict=True))
    truth = np.full(done.boxes.shape, np.nan)
    if done.ground_truth is not None:
        truth[: len(done.ground_truth)] = done.ground_truth[: len(truth)]
    return Diary(
        boxes=done.boxes,
        scores=done.scores,
        found=done.found,
        learned=np.diff(updating) > 0,
        overlaps=np.where(is_box(truth), overlap(done.boxes, truth), np.nan),
        truth=truth,
        shape=shape,
        frames=np.array(frames),
        attention=attention,
        extents=extents,
        candidates=candidates,
        candidate_scores=scores,
    )


def keep_diaries(
    source: FrameSource,
    frames: Sequence[int],
    config: TrackerConfig,
    weights: Sequence[float] = (0.0, 5.0),
    **settings: Any,
) -> dict[str, Diary]:
    """Keep a diary of each lambda, everything else the same.

    Args:
        source: see `keep_diary`.
        frames: see `keep_diary`.
        config: of the trackers, lambda aside.
        weights: the lambdas.
        settings: backbone, device and seed, see `keep_diary`.

    Returns:
        By name, such as "λ = 5".
    """
    return {
        f"λ = {weight:g}": keep_diary(
            source, frames, replace(config, attention_weight=weight), **settings
        )
        for weight in weights
    }


def keep_figure3(
    path: str | Path,
    source: str | Path | FrameSource,
    *,
    fast: bool = False,
    config: str = "paper",
    precision: str = "bfloat16",
    backbone: str = "embedded",
    device: str = "cpu",
    seed: int = 0,
    commit: str = "",
) -> None:
    """Track a sequence with lambda 0 and 5, and keep what the paper's Figure 3 shows of it.

    `rltrack.chapters.exhibit.load` reads the file. Maps, boxes and scores are in it, and no frame.
    With the defaults it is Girl from its first frame on, as in the paper:

    >>> keep_figure3("results/figure3_girl.npz", "otb/Girl")    # doctest: +SKIP

    Args:
        path: an .npz file, which is replaced.
        source: a sequence with ground truth; see `rltrack.chapters.footage.scene`.
        fast: only the part round the occlusion; else from the first frame on.
        config: a preset's name.
        precision: of the fixed convolutions.
        backbone: a backbone's name.
        device: see `rltrack.track`.
        seed: of all randomness.
        commit: of the code that runs, for the record.
    """
    whole = open_source(source)
    start, stop, shown, number = scene(whole, fast)
    part = Excerpt(whole, start, stop)
    about = {
        "sequence": part.name,
        "first frame": number,
        "frames": part.length,
        "preset": config,
        "precision": precision,
        "backbone": backbone,
        "device": device,
        "seed": seed,
        "version": __version__,
        "commit": commit,
        "made by": "rltrack.chapters.diary.keep_figure3",
    }
    diaries = keep_diaries(
        part,
        shown,
        preset(config, precision=precision),
        backbone=backbone,
        device=device,
        seed=seed,
    )
    exhibit.save(path, diaries, about)
