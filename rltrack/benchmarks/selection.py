"""Which of all kept results a question is about: some trackers', and what these have in common."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rltrack.backbones import backbone_identity
from rltrack.benchmarks.jobs import dataset as targets_of
from rltrack.benchmarks.jobs import grid
from rltrack.benchmarks.report import load
from rltrack.benchmarks.sweep import results_of
from rltrack.config import TrackerConfig
from rltrack.fetch import data_dir

__all__ = ["common", "gathered", "named", "stored"]


def gathered(
    trackers: Mapping[str, TrackerConfig],
    dataset: str,
    *,
    backbone: str = "embedded",
    run: bool = False,
    seeds: int = 1,
    out: str = "runs",
    data: str | None = None,
    device: str = "auto",
    kept: str = "results",
) -> list[dict[str, Any]]:
    """Results of some trackers on a dataset: run now, or what is kept of them.

    Args:
        trackers: by the name that becomes their results' ``tracker``.
        dataset: as in `rltrack.benchmarks.jobs.dataset`.
        backbone: of all trackers.
        run: whether to run what is not in ``out`` yet; else results are what ``kept`` has.
        seeds: seeds 0 to ``seeds`` - 1 are run.
        out: the sweep's folder.
        data: folder that holds ``otb/``; by default as `rltrack.fetch.data_dir`.
        device: as in `rltrack.track`.
        kept: folder of files that `rltrack.benchmarks.report.keep` wrote.

    Raises:
        InputError: no such dataset, or results cannot be read.
        SweepError: not all could be run.
    """
    targets = targets_of(dataset)
    if run:
        jobs = grid([(config, backbone) for config in trackers.values()], targets, range(seeds))
        place = Path(data) if data else data_dir()
        results = results_of(jobs, Path(out), data=place, device=device)
    else:
        results = stored(Path(kept))
    names = [target.name for target in targets]
    return named(results, trackers, backbone=backbone, targets=names)


def stored(folder: Path) -> list[dict[str, Any]]:
    """The results in a folder of what :func:`rltrack.benchmarks.report.keep` wrote, each run once.

    Raises:
        InputError: a file cannot be read.
    """
    files = sorted(folder.glob("*.json.gz"))
    runs = {(r["tracker"], r["target"], r["seed"]): r for file in files for r in load(file)}
    return list(runs.values())


def named(
    results: Iterable[Mapping[str, Any]],
    trackers: Mapping[str, TrackerConfig],
    *,
    backbone: str,
    targets: Collection[str],
) -> list[dict[str, Any]]:
    """Those results that are of some trackers on some targets, their ``tracker`` being its name.

    A configuration is told by its values; a field that a result does not have yet counts as the
    default. Names of which there is no result are not in what comes back.
    """
    weights = backbone_identity(backbone)
    wanted = {name: _settings(asdict(config)) for name, config in trackers.items()}
    found = {}
    for result in results:
        if _weights(result) == weights and result["target"] in targets:
            is_of = _settings(result["config"])
            for name in (name for name, settings in wanted.items() if settings == is_of):
                found[name, result["target"], result["seed"]] = {**result, "tracker": name}
    return list(found.values())


def _weights(result: Mapping[str, Any]) -> Any:
    """What the weights of a result's backbone are."""
    # Results that do not say are older, of when `embedded` was the analytic bank and no other.
    name = result["backbone"]
    return result.get("weights", "analytic" if name == "embedded" else name)


def _settings(config: Mapping[str, Any]) -> Any:
    """A configuration's values as JSON has them; the name of its preset is none of them."""
    return json.loads(json.dumps({**asdict(TrackerConfig()), **config, "preset": None}))


def common(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What of an unfinished sweep can be compared; [] if there is nothing.

    Those seeds with which all trackers have the most targets that they all have with any one seed.
    """
    trackers = {r["tracker"] for r in results}
    runs = Counter((r["target"], r["seed"]) for r in results)
    by_seed: dict[int, set[str]] = {}
    for (target, seed), count in sorted(runs.items()):
        if count == len(trackers):
            by_seed.setdefault(seed, set()).add(target)
    most = max(by_seed.values(), key=len, default=set())
    seeds = [seed for seed, targets in by_seed.items() if targets >= most]
    return [r for r in results if r["seed"] in seeds]
