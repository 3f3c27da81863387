"""Chapter 6: how strongly the attention term pulls at the classifier, beside the cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Generator

from rltrack.array_files import save_arrays
from rltrack.backbones.interface import Backbone
from rltrack.benchmarks.jobs import targets_of
from rltrack.cache import data_dir
from rltrack.chapters.pupil import Pupil
from rltrack.chapters.reciprocative_gradients import batch_gradients, clipping
from rltrack.data.sequences import otb_folder
from rltrack.plots.style import RUN_LINES, page
from rltrack.tracking.attention import Loss
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.memory import Samples
from rltrack.tracking.presets import preset
from rltrack.tracking.training import hard_negatives
from rltrack.video.sources import open_source
from rltrack.video.start import first_true_box

__all__ = ["Strength", "keep_strength", "strength_curves", "strength_lines", "trace_strength"]

Array = NDArray[np.float64]

EVERY = 10
"""Steps from one look to the next."""


class Strength(NamedTuple):
    """How strongly the term pulled while the first frames of N targets were learned."""

    ratios: Array
    """(N, K) the result of `trace_strength` for each target."""


def trace_strength(
    image: NDArray[np.uint8],
    box: Sequence[float],
    config: TrackerConfig,
    *,
    every: int = EVERY,
    backbone: str | Backbone = "lite0",
    device: str = "auto",
    seed: int = 0,
) -> Array:
    """Learn the target in ``box`` as the tracker does, and compare the two gradients meanwhile.

    The two parts of Eq. 5 are differentiated with respect to all weights of the classifier, over a
    mini-batch that is drawn as those of the training are. Batches for looking do not change the
    training.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (x, y, w, h) in 0-based pixels.
        config: of the tracker, whose lambda is above 0.
        every: steps from one look to the next.
        backbone: see `rltrack.track`.
        device: see `rltrack.track`.
        seed: of all randomness.

    Returns:
        (K,) the norm of the gradient of lambda R, divided by the norm of that of the cross-entropy,
        after 0, ``every``, 2 ``every``, ... of the steps of the first frame.
    """
    pupil = Pupil(config, backbone=backbone, device=device, seed=seed)
    random = Generator(pupil.device).manual_seed(seed + 1)
    found: list[float] = []

    def look(step: int, _: Loss | None = None) -> None:
        if step % every == 0:
            learner, batch = (pupil.classifier, pupil.extractor), _batch(pupil, random)
            parts = batch_gradients(*learner, *batch, config, random)
            seen = clipping(*parts, config.clip_norm)
            found.append(seen.attention / seen.cross_entropy)

    pupil.learn(image, box, look)
    return np.array(found)


def _batch(pupil: Pupil, random: Generator) -> tuple[Samples, int]:
    """Return a mini-batch with hard negatives, positives first, and how many positives it has."""
    config, (positives, negatives) = pupil.config, pupil.samples

    def drawn(samples: Samples, n: int) -> Samples:
        order = torch.randperm(len(samples.features), generator=random, device=random.device)
        return samples.take(order[:n])

    targets = drawn(positives, config.batch_positives)
    candidates = drawn(negatives, config.scored_negatives)
    hard = hard_negatives(pupil.classifier, candidates.features, config.batch_negatives)
    return Samples.join([targets, candidates.take(hard)]), len(targets.features)


def keep_strength(
    path: str | Path,
    backbones: Sequence[str] = ("lite0", "analytic"),
    config: TrackerConfig | None = None,
    *,
    data: str | Path | None = None,
    dataset: str = "quick5",
    commit: str = "",
) -> None:
    """Write what `trace_strength` finds on the targets of a dataset, for the book.

    Args:
        path: an .npz file of `Strength`, a run for each backbone; see `rltrack.array_files`.
        backbones: their names.
        config: of the tracker. None is the preset `paper`.
        data: the folder that holds ``otb/``. The default is `rltrack.cache.data_dir`.
        dataset: as in `rltrack.benchmarks.jobs.targets_of`.
        commit: the commit of the code.
    """
    targets, config = targets_of(dataset), config or preset("paper")
    place = Path(data) if data else data_dir()
    rows: dict[str, list[Array]] = {name: [] for name in backbones}
    for target in targets:
        source = open_source(otb_folder(place, target), target=target.number)
        source, box = first_true_box(source, "check the data folder")
        image = next(frame for frame in source if frame is not None)
        for name in backbones:
            rows[name].append(trace_strength(image, box, config, backbone=name, device="cpu"))
    runs = {name: Strength(np.stack(found)) for name, found in rows.items()}
    names = [target.name for target in targets]
    save_arrays(path, runs, {"targets": names, "config": asdict(config), "commit": commit})


def strength_lines(runs: Mapping[str, Strength]) -> str:
    """Say how large the ratio is, a line for each backbone."""
    return "\n".join(
        f"{name}: median {np.median(found.ratios):.3f}, "
        f"from {found.ratios.min():.3f} to {found.ratios.max():.3f}"
        for name, found in runs.items()
    )


def strength_curves(runs: Mapping[str, Strength]) -> Figure:
    """Draw the ratios over the steps: a thin line for each target, and a broad one at the median.

    Args:
        runs: by the name of the backbone.
    """
    figure = page(2.8)
    axes = figure.subplots()
    for (name, (ratios,)), (colour, line) in zip(runs.items(), RUN_LINES, strict=False):
        steps = EVERY * np.arange(ratios.shape[1])
        axes.plot(steps, ratios.T, line, color=colour, linewidth=0.8, alpha=0.5)
        axes.plot(steps, np.median(ratios, 0), line, color=colour, linewidth=2.4, label=name)
    axes.axhline(1, color="0.6", linewidth=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    axes.set_xlabel("gradient steps on the first frame")
    axes.set_ylabel("ratio of the gradients")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure
