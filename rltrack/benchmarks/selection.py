"""Selecting runs for a question: those of some trackers on some targets, run now or kept before."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rltrack.backbones.registry import BACKBONES, backbone_identity, with_path
from rltrack.benchmarks.jobs import Job, grid, missing, targets_of
from rltrack.benchmarks.sweep import results_of
from rltrack.cache import data_dir
from rltrack.errors import InputError, few
from rltrack.evaluation.run_files import load, names_of, settings, weights_of
from rltrack.paths import is_folder, listed
from rltrack.tracking.config import TrackerConfig

__all__ = ["gathered", "named", "names_of_jobs", "over_backbones", "run_or_kept", "stored"]

logger = logging.getLogger(__name__)


def gathered(
    trackers: Mapping[str, TrackerConfig],
    dataset: str,
    *,
    backbone: str = "embedded",
    **given: Any,
) -> list[dict[str, Any]]:
    """Return the runs of some trackers on a dataset, made now or kept before.

    Args:
        trackers: configurations by name. The name becomes the ``tracker`` of their runs.
        dataset: as in `rltrack.benchmarks.jobs.targets_of`.
        backbone: the backbone of all trackers.
        given: the other arguments of `run_or_kept`.

    Raises:
        InputError: as `run_or_kept`.
        SweepError: as `run_or_kept`.
    """
    pairs = [(config, backbone) for config in trackers.values()]
    results = run_or_kept(pairs, dataset, **given)
    names = [target.name for target in targets_of(dataset)]
    return named(results, trackers, backbone=backbone, targets=names)


def over_backbones(
    config: TrackerConfig, dataset: str, backbones: Iterable[str], **given: Any
) -> list[dict[str, Any]]:
    """Return the runs of one configuration on a dataset. Their ``tracker`` is the backbone's name.

    Args:
        config: the configuration of the tracker.
        dataset: as in `rltrack.benchmarks.jobs.targets_of`.
        backbones: the backbones to run. Kept runs count whatever their backbone is, because its
            weights may not be at hand. A backbone from a file has the file's name, without folder
            and ending.
        given: the other arguments of `run_or_kept`.

    Raises:
        InputError: as `run_or_kept`.
        SweepError: as `run_or_kept`.
    """
    results = run_or_kept([(config, backbone) for backbone in backbones], dataset, **given)
    names = {target.name for target in targets_of(dataset)}
    wanted = _settings(asdict(config))
    return [
        {**result, "tracker": _name(result)}
        for result in results
        if result["target"] in names and _settings(result["config"]) == wanted
    ]


def run_or_kept(
    trackers: Iterable[tuple[TrackerConfig, str]],
    dataset: str,
    *,
    run: bool = False,
    seeds: int = 1,
    out: str = "runs",
    data: str | None = None,
    device: str = "auto",
    kept: str | Path = "results",
) -> list[dict[str, Any]]:
    """Make the runs of some configurations and backbones on a dataset now, or return all kept ones.

    Sequences that are not in the data folder are not run. Their names are logged as a warning.

    Args:
        trackers: pairs of configuration and backbone.
        dataset: as in `rltrack.benchmarks.jobs.targets_of`.
        run: whether to run what is not in ``out`` yet. Otherwise the runs in ``kept`` are returned.
        seeds: how many seeds to run, from 0 on.
        out: the sweep's folder.
        data: the folder that holds ``otb/``. The default is `rltrack.cache.data_dir`.
        device: as in `rltrack.track`.
        kept: a folder of files that `rltrack.evaluation.run_files.keep` wrote.

    Raises:
        InputError: there is no such dataset, none of its sequences can be run, or runs cannot be
            read.
        SweepError: not all runs could be made.
    """
    if not run:
        return stored(Path(kept))
    targets, place = targets_of(dataset), Path(data) if data else data_dir()
    absent = missing(targets, place)
    if len(absent) == len(targets):
        raise InputError(
            f"no sequence of {dataset} is in {place / 'otb'}: the parameter data says where they "
            "are, `rltrack fetch otb2015` gets them"
        )
    if absent:
        logger.warning(
            "not run, as not in %s: %d of %d sequences, %s",
            place / "otb", len(absent), len(targets), few(absent),
        )  # fmt: skip
    there = [target for target in targets if target.name not in absent]
    jobs = grid(trackers, there, range(seeds))
    return results_of(jobs, Path(out), data=place, device=device)


def _name(result: Mapping[str, Any]) -> str:
    """Return the name of a run's backbone: its weights' name, unless that is a digest."""
    weights = str(weights_of(result))
    name = weights if weights in BACKBONES else str(result["backbone"])
    return with_path(name, lambda file: file.stem)


def stored(folder: Path) -> list[dict[str, Any]]:
    """Return the runs in files that `rltrack.evaluation.run_files.keep` wrote, each once.

    Raises:
        InputError: there is no such folder, or a file cannot be read.
    """
    if not is_folder(folder):
        raise InputError(f"kept is {folder}; there is no such folder")
    files = [file for file in listed(folder) if file.name.endswith(".json.gz")]
    runs = {(r["tracker"], r["target"], r["seed"]): r for file in files for r in load(file)}
    return list(runs.values())


def named(
    results: Iterable[Mapping[str, Any]],
    trackers: Mapping[str, TrackerConfig],
    *,
    backbone: str,
    targets: Collection[str],
) -> list[dict[str, Any]]:
    """Return the runs of some trackers on some targets. Their ``tracker`` is the tracker's name.

    A configuration is recognised by its values. A field that a run does not have yet counts as the
    default. Trackers without a run are not in the result.
    """
    weights = backbone_identity(backbone)
    wanted = {name: _settings(asdict(config)) for name, config in trackers.items()}
    found = {}
    for result in results:
        if weights_of(result) == weights and result["target"] in targets:
            is_of = _settings(result["config"])
            for name in (name for name, settings in wanted.items() if settings == is_of):
                found[name, result["target"], result["seed"]] = {**result, "tracker": name}
    return list(found.values())


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration's values without the name of its preset."""
    return {**settings(config), "preset": None}


def names_of_jobs(jobs: Iterable[Job]) -> dict[str, str]:
    """Name the trackers of jobs, by `Job.key`; see `rltrack.evaluation.run_files.names_of`."""
    one = {(job.config, job.backbone): job for job in jobs}
    return names_of(
        {
            "tracker": job.key,
            "config": asdict(job.config),
            "backbone": job.backbone,
            "weights": job.weights,
        }
        for job in one.values()
    )
