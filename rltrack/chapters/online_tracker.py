"""Chapter 5: traced runs, recorded frame by frame and looked into at chosen frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack import __version__
from rltrack.array_files import load_arrays, save_arrays
from rltrack.backbones.interface import Backbone
from rltrack.chapters.book_results import kept_results
from rltrack.demo_film.film import SyntheticSequence
from rltrack.errors import InputError
from rltrack.evaluation.metrics import is_box, overlap
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset
from rltrack.video.excerpt import Excerpt
from rltrack.video.named_sequences import FILM
from rltrack.video.run import track
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.tracks import Step

__all__ = ["RunTrace", "Scene", "scene", "scene_traces", "trace_figure3", "trace_run", "trace_runs"]


class Scene(NamedTuple):
    """A part of a sequence with an occlusion in it. Frames are counted from 0."""

    start: int
    """Its first frame."""
    stop: int | None
    """The frame after its last; None is the sequence's end."""
    shown: tuple[int, ...]
    """Frames to look at, counted from ``start``."""
    number: int
    """The number of its first frame: the film's frames are counted from 0, a benchmark's from 1."""


# The paper's Figure 3 is of Girl's frames 2, 432 and 467.
_SCENES = {
    FILM: (Scene(56, 100, (1, 18, 27, 34, 42), 56), Scene(0, None, (1, 74, 83, 90, 98), 0)),
    "Girl": (Scene(420, 468, (1, 11, 46), 421), Scene(0, None, (1, 431, 466), 1)),
}


def scene(source: FrameSource, fast: bool = True, frames: int = 36) -> Scene:
    """Return the part of a source that chapter 5 tracks, and the frames that it looks at.

    For the film and Girl it is the time around an occlusion. For any other source it is the
    beginning, which is looked at after the first frame, in the middle and at the end.

    Args:
        source: a source with ground truth.
        fast: whether to return a part; otherwise it is the whole.
        frames: how many frames of another source to take, if ``fast``.

    Raises:
        InputError: the source has no ground truth, or fewer than four frames of it.
    """
    name = FILM if isinstance(source, SyntheticSequence) else source.name
    if name in _SCENES:
        return _SCENES[name][0 if fast else 1]
    length = 0 if source.ground_truth is None else len(source.ground_truth)
    if length < 4:
        raise InputError(f"{source.name} has {length} frames with ground truth; wanted 4 or more")
    length = min(length, frames) if fast else length
    return Scene(0, length if fast else None, (1, length // 2, length - 1), 1)


Array = NDArray[np.float64]


class RunTrace(NamedTuple):
    """A run over T frames, looked into at S of them.

    It holds only arrays, so that it can be stored.
    """

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
        """Describe each frame that was looked into, in words.

        ``first`` is the number of frame 0.
        """
        return [
            f"frame {first + frame}: score {self.scores[frame]:+.1f}, "
            f"overlap {self.overlaps[frame]:.2f}, σ/μ of A_p {ratio:.2f}"
            for frame, ratio in zip(self.frames.tolist(), self.unevenness, strict=True)
        ]

    def chosen(self, best: int) -> Array:
        """Return (S, 4), the mean of each frame's ``best`` candidates before regression."""
        order = np.argsort(self.candidate_scores, axis=1)[:, -best:, None]
        chosen: Array = np.take_along_axis(self.candidates, order, axis=1).mean(1)
        return chosen


def trace_run(
    source: FrameSource,
    frames: Sequence[int],
    config: TrackerConfig,
    *,
    backbone: str | Backbone = "lite0",
    device: str = "auto",
    seed: int = 0,
) -> RunTrace:
    """Track the target of ``source`` from its first box, and look inside at ``frames``.

    Args:
        source: a source with ground truth; see `rltrack.video.excerpt.Excerpt`.
        frames: increasing, each at least 1, because the first frame has no candidates.
        config: the tracker's configuration.
        backbone: see `rltrack.track`.
        device: see `rltrack.track`.
        seed: the seed of all random numbers.

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
    return RunTrace(
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


def trace_runs(
    source: FrameSource,
    frames: Sequence[int],
    config: TrackerConfig,
    weights: Sequence[float] = (0.0, 5.0),
    **settings: Any,
) -> dict[str, RunTrace]:
    """Trace a run with each lambda, with everything else the same.

    Args:
        source: see `trace_run`.
        frames: see `trace_run`.
        config: the trackers' configuration, except lambda.
        weights: the lambdas.
        settings: backbone, device and seed, see `trace_run`.

    Returns:
        The traces by name, such as "λ = 5".
    """
    return {
        f"λ = {weight:g}": trace_run(
            source, frames, replace(config, attention_weight=weight), **settings
        )
        for weight in weights
    }


def scene_traces(
    whole: FrameSource, fast: bool, attention_weight: float, **settings: Any
) -> tuple[Excerpt, int, tuple[int, ...], dict[str, RunTrace]]:
    """Trace the scene of chapter 5 with the preset ``paper``, or read the runs that are kept.

    The book keeps runs of the film's scene, `book/results/film_occlusion.npz`, with lambda 0 and 5
    and seed 0.

    Args:
        whole: the source; see `scene`.
        fast: only the time around the occlusion.
        attention_weight: the lambda of the second run. The first has 0.
        settings: backbone, device and seed, see `trace_run`.

    Returns:
        The part of the source, the number of its first frame, the frames that were looked into,
        and the runs by name, such as "λ = 5".
    """
    start, stop, shown, number = scene(whole, fast)
    part = Excerpt(whole, start, stop)
    asked = settings["backbone"], settings["seed"], attention_weight
    if fast and isinstance(whole, SyntheticSequence) and asked == ("lite0", 0, 5.0):
        traces, _ = load_arrays(kept_results() / "film_occlusion.npz", RunTrace)
    else:
        traces = trace_runs(part, shown, preset("paper"), (0.0, attention_weight), **settings)
    return part, number, shown, traces


def trace_figure3(
    path: str | Path,
    source: str | Path | FrameSource,
    *,
    fast: bool = False,
    config: str = "paper",
    precision: str = "float32",
    backbone: str = "lite0",
    device: str = "cpu",
    seed: int = 0,
    commit: str = "",
) -> None:
    """Track a sequence with lambda 0 and 5, and keep what the paper's Figure 3 shows of it.

    `rltrack.array_files.load_arrays` reads the file. It holds maps, boxes and scores, and no frame.
    With the defaults it is Girl from its first frame on, as in the paper:

    >>> trace_figure3("results/figure3_girl.npz", "otb/Girl")    # doctest: +SKIP

    Args:
        path: an .npz file, which is replaced.
        source: a sequence with ground truth; see `rltrack.chapters.online_tracker.scene`.
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
        "made by": "rltrack.chapters.online_tracker.trace_figure3",
    }
    traces = trace_runs(
        part,
        shown,
        preset(config, precision=precision),
        backbone=backbone,
        device=device,
        seed=seed,
    )
    save_arrays(path, traces, about)
