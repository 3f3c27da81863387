"""Retention: what is learned from one frame, asked about later ones where the truth is known.

A run of the tracker mixes what its features are worth with all that follows from each decision: one
frame that fails changes every later sample. Here nothing follows. A first frame is learned, and the
classifier scores samples around the true box some frames ahead, the target's and the background's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Generator

from rltrack.array_files import save_arrays
from rltrack.benchmarks.jobs import dataset as targets_of
from rltrack.benchmarks.report_tables import table
from rltrack.cache import data_dir
from rltrack.errors import InputError
from rltrack.plots.style import BLUE, VERMILION, page
from rltrack.tracking import training_boxes
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset
from rltrack.tracking.tracker import Tracker
from rltrack.video.sources import FrameSource, open_source

__all__ = [
    "AHEAD",
    "Retention",
    "by_target",
    "keep_retention",
    "misordered",
    "retained",
    "retention",
]


def by_target(results: Iterable[Mapping[str, Any]], what: str) -> tuple[list[str], str]:
    """OS on every target, and its mean over them, in Markdown: a row for each tracker, best first.

    Args:
        results: as `rltrack.evaluation.run_files.load` returns them. Seeds of a target are
            averaged; trackers that not every target has are left out.
        what: a tracker is, the heading above their names.

    Returns:
        The trackers' names, best first, and the table.
    """
    scores: dict[str, dict[str, list[float]]] = {}
    for result in results:
        of_tracker = scores.setdefault(result["tracker"], {})
        of_tracker.setdefault(result["target"], []).append(result["os"])
    every = sorted({target for of_tracker in scores.values() for target in of_tracker})
    rows = {
        name: [float(np.mean(found[target])) for target in every]
        for name, found in scores.items()
        if found.keys() == set(every)
    }
    ranked = sorted(rows, key=lambda name: -float(np.mean(rows[name])))
    return ranked, table(
        (what, *every, "mean", "runs"),
        [
            (
                name,
                *(f"{value:.3f}" for value in (*rows[name], np.mean(rows[name]))),
                str(sum(map(len, scores[name].values()))),
            )
            for name in ranked
        ],
    )


Array = NDArray[np.float64]

AHEAD = (1, 4, 8, 16)
"""Frames."""

_TARGETS, _BACKGROUND = 50, 200


class Retention(NamedTuple):
    """Means over first frames, (A,) float64 by frames ahead; (T, A) where T targets are kept."""

    ranked: Array
    """Share 0..1 of pairs of a target's and a background's sample that are scored in order."""
    kept: Array
    """Share 0..1 of the target's samples that score above the threshold."""
    target: Array
    """Mean score of the target's samples, a logit."""
    background: Array
    """Mean score of the background's."""


def retention(
    source: FrameSource,
    config: TrackerConfig,
    *,
    ahead: Sequence[int] = AHEAD,
    starts: int = 6,
    backbone: str = "embedded",
    device: str = "auto",
    seed: int = 0,
) -> Retention:
    """How well a lesson of one frame tells the target some frames ahead.

    Args:
        source: with ground truth.
        config: of the tracker, of which only the first frame's lesson is used.
        ahead: frames ahead, each at least 0.
        starts: first frames to learn, evenly over what of the source has enough frames ahead.
        backbone: as in `rltrack.Tracker`.
        device: as in `rltrack.Tracker`.
        seed: of samples and learning.

    Raises:
        InputError: the source has no ground truth, or too few frames of it.
    """
    frames, truth = list(source), source.ground_truth
    last = min(len(frames), 0 if truth is None else len(truth)) - max(ahead)
    if truth is None or last < starts:
        raise InputError(
            f"{source.name}: {starts} first frames with {max(ahead)} ahead of each need "
            f"{starts + max(ahead)} frames with ground truth"
        )
    tracker = Tracker(config, backbone=backbone, device=device, seed=seed)
    generator = Generator().manual_seed(seed)
    found = []
    for start in np.linspace(0, last - 1, starts).astype(int):
        tracker.init(frames[start], truth[start])
        for step in ahead:
            image, box = frames[start + step], torch.tensor(truth[start + step])
            sides = torch.tensor(image.shape[1::-1])
            kinds = (
                (training_boxes.positives, _TARGETS),
                (training_boxes.update_negatives, _BACKGROUND),
            )
            boxes = [draw(box, sides, n, config, generator).numpy() for draw, n in kinds]
            target, background = (tracker.scores(image, b) for b in boxes)
            ranked = (target[:, None] > background).mean()
            kept = (target > config.success_threshold).mean()
            found.append((ranked, kept, target.mean(), background.mean()))
    by_step = np.array(found).reshape(starts, len(ahead), -1).mean(0)
    return Retention(*by_step.T)


def keep_retention(
    path: str | Path,
    backbones: Mapping[str, str],
    *,
    data: str | Path | None = None,
    dataset: str = "quick5",
    config: TrackerConfig | None = None,
    commit: str = "",
) -> None:
    """Write the retention of backbones on a dataset to a file, for the book.

    Args:
        path: an .npz file, see `rltrack.array_files`; each backbone's arrays are (T, A).
        backbones: names or files, by the names that they get.
        data: folder that holds ``otb/``; by default as `rltrack.cache.data_dir`.
        dataset: as in `rltrack.benchmarks.jobs.dataset`.
        config: of the tracker; by default `realtime` with lambda 0.
        commit: of the code.
    """
    config = config or preset("realtime", attention_weight=0.0)
    names = [target.name for target in targets_of(dataset)]
    place = (Path(data) if data else data_dir()) / "otb"
    runs = {}
    for name, backbone in backbones.items():
        rows = [
            retention(open_source(place / target), config, backbone=backbone) for target in names
        ]
        runs[name] = Retention(*(np.stack(values) for values in zip(*rows, strict=True)))
    about = {"targets": names, "ahead": AHEAD, "config": asdict(config), "commit": commit}
    save_arrays(path, runs, about)


def misordered(memories: Mapping[str, Retention], ahead: Sequence[int]) -> str:
    """A table: of 1000 pairs, those in the wrong order, a line a backbone, by frames ahead."""
    lines = [
        "of 1000 pairs of a target and a background, in the wrong order",
        "after frames " + " ".join(f"{step:4}" for step in ahead),
    ]
    for name, memory in memories.items():
        wrong = 1000 * (1 - memory.ranked.mean(0))
        lines.append(f"{name:12} " + " ".join(f"{value:4.0f}" for value in wrong))
    return "\n".join(lines)


def retained(runs: Mapping[str, Retention], ahead: Sequence[int]) -> Figure:
    """What backbones retain of one frame: a panel each, scores of target and background later.

    Args:
        runs: (T, A) arrays, by the backbone's name; means over targets are drawn.
        ahead: frames ahead, A of them.
    """
    figure = page(2.9)
    panels = figure.subplots(1, len(runs), squeeze=False, sharey=True)[0]
    for axes, (name, run) in zip(panels, runs.items(), strict=True):
        axes.axhline(0, color="0.6", linewidth=1)
        for label, scores, colour, marker in (
            ("target", run.target, VERMILION, "o"),
            ("background", run.background, BLUE, "s"),
        ):
            axes.plot(ahead, scores.mean(0), color=colour, marker=marker, markersize=4, label=label)
        wrong = 1000 * (1 - run.ranked[:, -1].mean())
        axes.set_title(f"{name}\n{wrong:.0f} of 1000 wrong", fontsize=9)
        axes.set_xticks(ahead)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("mean score")
    panels[0].legend(frameon=False, fontsize=8, loc="lower center")
    figure.supxlabel("frames after the one that was learned", fontsize=10)
    return figure
