"""Chapter 10: the study that chose the layout, scale and settings of the default backbone.

Every variant tracks the same nine targets with the preset ``realtime`` and no attention. The other
targets of ``dev18`` were kept out of the choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rltrack.backbones.efficientnet_lite import EfficientNetLite0
from rltrack.backbones.lite0_weights import lite0_weights
from rltrack.benchmarks.published import published
from rltrack.benchmarks.report_tables import table as markdown
from rltrack.benchmarks.selection import over_backbones
from rltrack.benchmarks.target_table import by_target, mean_of, target_table
from rltrack.chapters.book_results import earlier_realtime
from rltrack.data.otb import targets as set_of_targets
from rltrack.errors import InputError
from rltrack.evaluation.metrics import evaluate
from rltrack.evaluation.run_lines import append, stored
from rltrack.evaluation.statistics import paired
from rltrack.plots.paired_differences import differences
from rltrack.tracking.presets import preset
from rltrack.video.named_sequences import open_sequence
from rltrack.video.run import track

__all__ = [
    "CHOSEN",
    "LOST",
    "QUICK",
    "TARGETS",
    "VARIANTS",
    "Comparison",
    "Variant",
    "comparison",
    "figure",
    "run",
    "table",
]

QUICK = tuple(target.name for target in set_of_targets("quick5"))
"""The targets of ``quick5``."""
TARGETS = (*QUICK, "Football", "Dog", "Human7", "Girl")
"""The targets that the choice was made on."""
LOST = 0.2
"""A run with a lower OS lost its target early."""


@dataclass(frozen=True)
class Variant:
    """One thing that was tried."""

    what: str
    """What differs from the chosen layout and settings."""
    layout: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `rltrack.backbones.efficientnet_lite.EfficientNetLite0`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the preset ``realtime``."""


CHOSEN = "chosen"
"""The variant that the others are compared with."""
_FAR = {"regression_views": (1.0, 1.5)}
VARIANTS = {
    CHOSEN: Variant("the chosen one"),
    "one view": Variant("regression sees one view", {"regression_views": (1.0,)}),
    "sparse": Variant("3x3 cells, 16 px apart", {"cells": 3, "spacing": 16}),
    "sparse and scaled": Variant(
        "3x3 cells, 16 px apart, scale 1.6",
        {"cells": 3, "spacing": 16, "scale": 1.6},
        {"regression_alpha": 2500.0},
    ),
    "wide": Variant("4x4 cells, 16 px apart", {"cells": 4, "spacing": 16, **_FAR}),
    "large": Variant("7x7 cells, margin 20", {"cells": 7, "padding": 20.0}),
    "quiet": Variant("scale 0.6", {"scale": 0.6}, {"regression_alpha": 360.0}),
    "loud": Variant("scale 1.5", {"scale": 1.5}, {"regression_alpha": 2250.0}),
    "louder": Variant("scale 2", {"scale": 2.0}, {"regression_alpha": 4000.0}),
    "weak ridge": Variant("ridge 100", {}, {"regression_alpha": 100.0}),
    "both ways": Variant("regression learns to enlarge, too", {}, {"regression_area": (0.6, 1.8)}),
    "average of 15": Variant("average of 15 candidates", {}, {"averaged_candidates": 15}),
}
"""What was tried, by name. The chosen one is ``lite0`` with the preset ``realtime``."""


def run(
    out: Path,
    data: Path,
    variants: Iterable[str],
    targets: Iterable[str] = TARGETS,
    seeds: Iterable[int] = range(3),
    workers: int = 1,
) -> Iterator[dict[str, Any]]:
    """Make the runs that are not in the file ``out`` yet, add each to it, and yield it.

    Args:
        out: a file of `rltrack.evaluation.run_lines`.
        data: the folder that has ``otb/`` in it.
        variants: names in :data:`VARIANTS`.
        targets: names of OTB's targets.
        seeds: one run of each target with each seed.
        workers: how many runs to make at a time, each on one core.

    Raises:
        InputError: the file cannot be read, or a target is not in ``data``.
    """
    done = {_key(one) for one in stored(out)} if out.exists() else set()
    jobs = [
        (variant, target, seed, data)
        for variant in variants
        for seed in seeds
        for target in targets
        if (variant, target, seed) not in done
    ]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for one in pool.map(_made, jobs):
            append(out, one)
            yield one


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table with a row for each variant that has run on all nine targets.

    OS is the mean over targets and seeds. The difference is that of the means over the seeds that
    both have, and the last column has the lost runs of the chosen one with these seeds.
    """
    heads = (
        *("variant", "seeds", "OS, quick5", "OS, all nine", "minus the chosen one"),
        *("lost runs", "of the chosen one, same seeds"),
    )
    rows, found = [], _by_variant(runs)
    for name, of in found.items():
        means = f"{_mean(of, QUICK):.3f}", f"{_mean(of, TARGETS):.3f}"
        difference = f"{_differences(of, found[CHOSEN]).mean():+.3f}" if name != CHOSEN else ""
        same = [one for one in found[CHOSEN] if one["seed"] in _seeds(of)]
        lost = _lost(of), _lost(same) if name != CHOSEN else ""
        rows.append((VARIANTS[name].what, str(len(_seeds(of))), *means, difference, *lost))
    return markdown(heads, rows)


def figure(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the OS of every variant minus that of the chosen one. A dot is a target."""
    found = _by_variant(runs)
    rows = {
        VARIANTS[name].what: (_differences(of, found[CHOSEN]), None)
        for name, of in found.items()
        if name != CHOSEN
    }
    return differences(rows, title="OS minus OS of the chosen one, same targets and seeds")


def _made(job: tuple[str, str, int, Path]) -> dict[str, Any]:
    name, target, seed, data = job
    torch.set_num_threads(1)
    variant = VARIANTS[name]
    backbone = EfficientNetLite0(lite0_weights(), **variant.layout)
    source = open_sequence(target, data)
    if source.ground_truth is None:
        raise InputError(f"{target} has no ground truth in {data}")
    config = earlier_realtime(**variant.settings)
    box = source.ground_truth[0]
    made = track(source, box, config=config, backbone=backbone, device="cpu", seed=seed)
    metrics = evaluate(made.boxes, source.ground_truth)
    return {
        "variant": name,
        "target": target,
        "seed": seed,
        "os": metrics.os,
        "dp20": metrics.dp20,
    }


def _key(one: Mapping[str, Any]) -> tuple[str, str, int]:
    return one["variant"], one["target"], one["seed"]


def _by_variant(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the runs of each variant, for the seeds that have all nine targets."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for name in VARIANTS:
        of = [one for one in runs if one["variant"] == name]
        whole = [
            seed
            for seed in _seeds(of)
            if {one["target"] for one in of if one["seed"] == seed} >= set(TARGETS)
        ]
        if whole:
            found[name] = [one for one in of if one["seed"] in whole]
    return found


def _seeds(runs: Iterable[Mapping[str, Any]]) -> list[int]:
    return sorted({one["seed"] for one in runs})


def _lost(runs: Sequence[Mapping[str, Any]]) -> str:
    return f"{sum(one['os'] < LOST for one in runs)} of {len(runs)}"


def _mean(runs: Iterable[Mapping[str, Any]], targets: Sequence[str]) -> float:
    return float(np.mean([one["os"] for one in runs if one["target"] in targets]))


def _differences(
    ours: Sequence[Mapping[str, Any]], chosen: Sequence[Mapping[str, Any]]
) -> NDArray[np.float64]:
    """Return OS minus OS of the chosen variant (9,), by target, over the seeds that both have."""
    shared = set(_seeds(ours)) & set(_seeds(chosen))

    def means(of: Iterable[Mapping[str, Any]]) -> NDArray[np.float64]:
        kept = [one for one in of if one["seed"] in shared]
        return np.array([_mean(kept, [target]) for target in TARGETS])

    return means(ours) - means(chosen)


_COMPARED = ("MDNet", "SRDCF", "SiamFC", "CSR-DCF")
"""The published trackers that the chosen backbone is compared with."""


class Comparison(NamedTuple):
    """How the tracker with the chosen backbone compares with others on ``dev18``."""

    table: str
    """A Markdown table of OS, a row for each target."""
    means: str
    """One of mean OS and DP over all targets, and over those that were kept out of the choice."""
    differences: str
    """One of the differences to the other backbones, over the pairs of runs that both have."""


def comparison(kept: Path) -> Comparison:
    """Compare the preset ``realtime`` on three backbones with published results, target by target.

    The three have the settings that the choice was made with. "lite0 now" is the chosen backbone
    with the preset as it is now.

    Args:
        kept: the folder of kept runs, with the scores of `rltrack.benchmarks.published`.

    Raises:
        InputError: the runs cannot be read.
    """
    config = earlier_realtime(attention_weight=0.0)
    runs = over_backbones(config, "dev18", [], kept=str(kept))
    now = over_backbones(preset("realtime"), "dev18", [], kept=str(kept))
    runs += [{**one, "tracker": f"{one['tracker']} now"} for one in now]
    others = [each for each in published(kept) if each["name"] in _COMPARED]
    scores = by_target(runs, others)
    ours = "lite0", "lite0 now", "rendered", "analytic"
    every = {target for found in scores.values() for target in found}
    names = [
        name
        for name in (*ours, *(each["name"] for each in others))
        if scores.get(name, {}).keys() == every
    ]
    groups = {"all 18": every, "the nine kept out": every - set(TARGETS)}
    metrics = {"OS": "os", "DP": "dp20"}
    columns = [(of, head) for of in groups for head in metrics]
    means = [
        (name, *(f"{mean_of(scores, name, groups[of], metrics[head]):.3f}" for of, head in columns))
        for name in names
    ]
    differences = [
        (
            f"lite0 minus {other}, {head}",
            *(
                str(paired([r for r in runs if r["target"] in targets], "lite0", other, metric))
                for targets in groups.values()
            ),
        )
        for other in ("analytic", "rendered")
        for head, metric in metrics.items()
    ]
    return Comparison(
        target_table(scores, names),
        markdown(("tracker", *(f"{head}, {of}" for of, head in columns)), means),
        markdown(("difference", *groups), differences),
    )
