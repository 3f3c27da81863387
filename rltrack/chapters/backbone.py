"""Chapter 9: how well a backbone's features retain what was learned from one frame.

A run of the tracker mixes the quality of its features with the consequences of each decision: one
frame that fails changes every later sample. Here decisions have no consequences. The classifier
learns a first frame, and then scores samples of the target and of the background around the true
box some frames later.
"""

from __future__ import annotations

import json
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
from rltrack.backbones.cards import Card
from rltrack.backbones.registry import backbone_card
from rltrack.benchmarks.jobs import targets_of
from rltrack.benchmarks.report_tables import table
from rltrack.benchmarks.target_table import mean_of
from rltrack.cache import data_dir
from rltrack.chapters.book_results import earlier_realtime
from rltrack.data.sequences import otb_folder
from rltrack.errors import InputError
from rltrack.evaluation.run_files import runs_by_target
from rltrack.plain_text import in_figure
from rltrack.plots.style import BLUE, TEXT, VERMILION, page
from rltrack.tracking import training_boxes
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.tracker import Tracker
from rltrack.video.sources import FrameSource, open_source

__all__ = [
    "AHEAD",
    "Retention",
    "keep_retention",
    "misordered",
    "ranked_table",
    "retained",
    "retention",
    "trainings",
    "trainings_table",
]


def ranked_table(results: Iterable[Mapping[str, Any]], what: str) -> tuple[list[str], str]:
    """Make a Markdown table of OS on every target, a row for each tracker, best first.

    Args:
        results: runs, as `rltrack.evaluation.run_files.load` returns them. The seeds of a target
            are averaged. Trackers that not every target has are left out.
        what: what a tracker is here, the heading above their names.

    Returns:
        The trackers' names, best first, and the table.
    """
    scores = runs_by_target(results)
    every = sorted({target for of_tracker in scores.values() for target in of_tracker})
    rows = {
        name: [mean_of(scores, name, [target]) for target in every]
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


def trainings(kept: Path) -> dict[str, Card]:
    """Return the cards of the four trainings, by their names.

    Args:
        kept: the folder of kept results, with the cards of backbones that are not in the package.
    """
    cards = {}
    for name in ("neighbours", "instances", "turning"):
        text = (kept / f"{name}_card.json").read_text(encoding="utf-8")
        cards[name] = Card(**json.loads(text))
    return {**cards, "rendered": backbone_card("rendered")}


def trainings_table(cards: Mapping[str, Card]) -> str:
    """Make a table of what each training was, and how many seconds it took."""
    facts = "objective", "steps", "scenes", "moments", "form", "light", "seconds"
    lines = [f"{'':10}  {facts[0]:18} " + " ".join(f"{fact:>7}" for fact in facts[1:])]
    for name, card in cards.items():
        # A card without form and light is of scenes with 1 of both.
        of, *numbers = (card.facts.get(fact, "1.0") for fact in facts)
        lines.append(f"{name:10}  {of:18} " + " ".join(f"{number:>7}" for number in numbers))
    return "\n".join(lines)


Array = NDArray[np.float64]

AHEAD = (1, 4, 8, 16)
"""How many frames later the samples are scored."""

_TARGETS, _BACKGROUND = 50, 200

_PANELS = 3
"""In a row of the figure."""


class Retention(NamedTuple):
    """Means over first frames, (A,) float64 by frames ahead; (T, A) where T targets are kept."""

    ranked: Array
    """Share 0..1 of pairs of a target sample and a background sample that are scored in the right
    order.
    """
    kept: Array
    """Share 0..1 of the target's samples that score above the threshold."""
    target: Array
    """Mean score of the target's samples, a logit."""
    background: Array
    """Mean score of the background's samples."""


def retention(
    source: FrameSource,
    config: TrackerConfig,
    *,
    ahead: Sequence[int] = AHEAD,
    starts: int = 6,
    backbone: str = "analytic",
    device: str = "auto",
    seed: int = 0,
) -> Retention:
    """Measure how well one learned frame tells target from background some frames later.

    Args:
        source: a source with ground truth.
        config: the tracker's configuration. Only its training on the first frame is used.
        ahead: how many frames later to score, each at least 0.
        starts: how many first frames to learn, spread evenly over the frames with enough frames
            ahead.
        backbone: as in `rltrack.Tracker`.
        device: as in `rltrack.Tracker`.
        seed: the seed of samples and training.

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
        path: an .npz file, see `rltrack.array_files`. Each backbone's arrays are (T, A).
        backbones: names or files of backbones, by the names that they get.
        data: the folder that holds ``otb/``. The default is `rltrack.cache.data_dir`.
        dataset: as in `rltrack.benchmarks.jobs.targets_of`.
        config: the tracker's configuration. The default is `realtime` with lambda 0.
        commit: the commit of the code.
    """
    config = config or earlier_realtime(attention_weight=0.0)
    targets = targets_of(dataset)
    place = Path(data) if data else data_dir()
    runs = {}
    for name, backbone in backbones.items():
        rows = [
            retention(
                open_source(otb_folder(place, target), target=target.number),
                config,
                backbone=backbone,
            )
            for target in targets
        ]
        runs[name] = Retention(*(np.stack(values) for values in zip(*rows, strict=True)))
    names = [target.name for target in targets]
    about = {"targets": names, "ahead": AHEAD, "config": asdict(config), "commit": commit}
    save_arrays(path, runs, about)


def misordered(memories: Mapping[str, Retention], ahead: Sequence[int]) -> str:
    """Make a table of how many of 1000 pairs are in the wrong order, a row for each backbone."""
    lines = [
        "of 1000 pairs of a target and a background, in the wrong order",
        "after frames " + " ".join(f"{step:4}" for step in ahead),
    ]
    for name, memory in memories.items():
        wrong = 1000 * (1 - memory.ranked.mean(0))
        lines.append(f"{name:12} " + " ".join(f"{value:4.0f}" for value in wrong))
    return "\n".join(lines)


def retained(runs: Mapping[str, Retention], ahead: Sequence[int]) -> Figure:
    """Draw the scores of target and background some frames later, a panel for each backbone.

    Above a panel stands how many of 1000 pairs are in the wrong order after the last of them.

    Args:
        runs: (T, A) arrays by the backbone's name. Means over targets are drawn.
        ahead: how many frames later, A of them.
    """
    rows = -(-len(runs) // _PANELS)
    figure = page(2.1 * rows + 0.8)
    grid = figure.subplots(rows, _PANELS, squeeze=False, sharex=True, sharey=True)
    for axes in grid.ravel()[len(runs) :]:
        axes.set_axis_off()
    for axes, (name, run) in zip(grid.ravel(), runs.items(), strict=False):
        axes.axhline(0, color="0.6", linewidth=1)
        for label, scores, colour, line in (
            ("target", run.target, VERMILION, "o-"),
            ("background", run.background, BLUE, "s--"),
        ):
            axes.plot(ahead, scores.mean(0), line, color=colour, markersize=4, label=label)
        wrong = 1000 * (1 - run.ranked[:, -1].mean())
        axes.set_title(f"{in_figure(name)}\n{wrong:.0f} of 1000 wrong", fontsize=TEXT)
        axes.set_xticks(ahead[-1:] if len(ahead) < 3 else [ahead[0], *ahead[2:]])
        axes.tick_params(labelbottom=True)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, frameon=False)
    figure.supylabel("mean score", fontsize=TEXT)
    figure.supxlabel("frames after the one that was learned", fontsize=TEXT)
    return figure
