"""A job is one run of a sweep: a tracker, a target and a seed. It leaves one file."""

from __future__ import annotations

import logging
import math
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rltrack import __version__
from rltrack.backbones.registry import backbone_identity, with_path
from rltrack.data.benchmark_folders import sequence_with_truth
from rltrack.data.layouts import TargetFiles
from rltrack.data.otb import OTB, Target
from rltrack.data.sequences import otb_folder
from rltrack.data.target_names import Names
from rltrack.errors import InputError
from rltrack.evaluation.ground_truth import chosen_targets
from rltrack.evaluation.metrics import evaluate_with_curves, is_box
from rltrack.evaluation.run_files import packed, read_result, tracker_key, truth_key
from rltrack.files import set_aside, write_bytes
from rltrack.hardware import machine
from rltrack.paths import is_folder
from rltrack.tracking.config import TrackerConfig
from rltrack.video.run import track
from rltrack.video.tracks import Step, Track

__all__ = ["Job", "grid", "missing", "restore", "run_job", "targets_of", "unfinished"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One run to make.

    Attributes:
        target: a name in `rltrack.data.otb.OTB`, or of a target of `benchmark`.
        seed: the seed of all randomness.
        config: the tracker's configuration.
        backbone: the backbone's name or file.
        benchmark: the name or the folder of a benchmark with a folder of its own, see
            `rltrack.data.benchmark_folders.find_benchmark`; empty for OTB.
    """

    target: str
    seed: int
    config: TrackerConfig
    backbone: str = "embedded"
    benchmark: str = ""

    @property
    def weights(self) -> str:
        """The identity of the backbone's weights, wherever they are; see `backbone_identity`."""
        return backbone_identity(self.backbone)

    @property
    def key(self) -> str:
        """Names the tracker in files of runs; see `rltrack.evaluation.run_files.tracker_key`."""
        return tracker_key(self.config, self.weights)

    def file(self, out: Path) -> Path:
        """Return where the job's result is kept in the sweep's folder."""
        return out / self.key / f"{self.target}-{self.seed}.json.gz"


def targets_of(dataset: str) -> tuple[Target, ...]:
    """Return the targets of OTB that ``dataset`` names.

    See `rltrack.evaluation.ground_truth.chosen_targets`.

    Raises:
        InputError: it names none.
    """
    _, chosen = chosen_targets(dataset, Names(OTB))
    return tuple(OTB[target] for target in chosen)


def grid(
    trackers: Iterable[tuple[TrackerConfig, str]],
    chosen: Iterable[Target | TargetFiles],
    seeds: Iterable[int],
    benchmark: str = "",
) -> list[Job]:
    """Return the jobs for every tracker (configuration, backbone) on every target with every seed.

    The targets are OTB's, or those of a benchmark as in `Job`. The seeds are the outer loop, so
    that a sweep that is stopped early has complete rounds to compare. A tracker that is given twice
    runs once.
    """
    trackers, names = list(dict.fromkeys(trackers)), [target.name for target in chosen]
    return [
        Job(name, seed, config, backbone, benchmark)
        for seed in seeds
        for name in names
        for config, backbone in trackers
    ]


def missing(chosen: Iterable[Target], data: Path) -> list[str]:
    """Return the names of the targets whose folder is not in ``data/otb``."""
    return [target.name for target in chosen if not is_folder(otb_folder(data, target))]


def unfinished(jobs: Iterable[Job], *, data: Path, out: Path) -> list[Job]:
    """Return the jobs that still have to be run.

    A job is done if its result can be read, and its sequence has as many frames and the same ground
    truth now. If the sequence is not in ``data``, any result counts. A result that an older version
    wrote does not say what its ground truth was, so there only the number of frames counts.
    """
    present = cache(partial(_present, data))  # a folder is listed once, for all that ran on it
    return [
        job
        for job in jobs
        if not _counts(job.file(out), partial(present, job.target, job.benchmark))
    ]


def _counts(file: Path, present: Callable[[], tuple[int, str] | None]) -> bool:
    """Return whether a result can be read and is of what is ``present`` now."""
    try:
        result = read_result(file)
    except InputError:
        return False
    if (now := present()) is None:
        return True
    frames, truth = now
    return len(result["boxes"]) == frames and result.get("truth", truth) == truth


def _present(data: Path, target: str, benchmark: str) -> tuple[int, str] | None:
    """Return how many frames a run of a target has, and their `truth_key`, as `_result` makes them.

    None if they cannot be read.
    """
    try:
        _, truth = sequence_with_truth(target, benchmark, data)
    except InputError:
        return None
    run = truth[np.argmax(is_box(truth)) :]  # it begins with the first true box
    return len(run), truth_key(run)


def restore(jobs: Iterable[Job], kept: Iterable[Mapping[str, Any]], out: Path) -> None:
    """Write the results of jobs that were kept in one file back into the sweep's folder.

    A result that is in the folder stays as it is. Kept runs of other jobs are left out.

    Args:
        jobs: the jobs of the sweep.
        kept: runs, as `rltrack.evaluation.run_files.load` reads them.
        out: the sweep's folder.
    """
    files = {(job.key, job.target, job.seed): job.file(out) for job in jobs}
    for result in kept:
        file = files.get((result["tracker"], result["target"], result["seed"]))
        if file is not None and not file.exists():
            write_bytes(file, packed(result))


def run_job(
    job: Job,
    *,
    data: Path,
    out: Path,
    device: str = "auto",
    on_frame: Callable[[Step], None] | None = None,
    wait: bool = False,
) -> Path | None:
    """Run a job, unless it is done (`unfinished`), and write its result, complete or not at all.

    A result that is damaged or of another sequence is not overwritten. It is renamed, and a warning
    says so.

    Several workers may share ``out``: a job is locked while one of them runs it. The lock belongs
    to the operating system, which frees it when a worker dies.

    Args:
        job: the run to make.
        data: the folder that holds ``otb/<sequence>``, or the benchmark's.
        out: the sweep's folder.
        device: as in `rltrack.track`.
        on_frame: as in `rltrack.track`.
        wait: whether to wait for another worker that runs the job. Otherwise the job is left to it.

    Returns:
        The result's file. None if the job was left to another worker.

    Raises:
        InputError: the sequence cannot be used.
        TrackingError: tracking failed.
    """
    from filelock import FileLock, Timeout

    file = job.file(out)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file.with_suffix(".lock"), timeout=-1 if wait else 0):
            if unfinished([job], data=data, out=out):
                if file.exists():
                    _give_up(file)
                write_bytes(file, packed(_result(job, data, device, on_frame)))
    except Timeout:
        return None
    return file


def _give_up(file: Path) -> None:
    """Keep a result that does not count under another name, and say why."""
    try:
        read_result(file)
        why = f"{file} is of other frames or ground truth than its sequence has now"
    except InputError as error:
        why = str(error)
    aside = set_aside(file)
    logger.warning("%s; it is now %s, and its run is done again", why, aside.name)


def _result(
    job: Job, data: Path, device: str, on_frame: Callable[[Step], None] | None
) -> dict[str, Any]:
    done = track(
        sequence_with_truth(job.target, job.benchmark, data)[0],
        config=job.config,
        backbone=job.backbone,
        device=device,
        seed=job.seed,
        on_frame=on_frame,
    )
    if done.interrupted:
        raise KeyboardInterrupt
    return {**_about(job, done), **_scores(done)}


def _about(job: Job, done: Track) -> dict[str, Any]:
    name = machine(done.device)
    return {
        "target": job.target,
        "seed": job.seed,
        "tracker": job.key,
        "config": asdict(job.config),
        "backbone": with_path(job.backbone, lambda file: file.name),
        "weights": job.weights,
        "commit": _commit(),
        "device": name if done.device.startswith("cuda") else done.device,
        "machine": name,
        "threads": torch.get_num_threads(),
        "versions": {
            "rltrack": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "seconds": round(float(done.seconds.sum()), 3),
        "first_fit_s": round(float(done.seconds[0]), 3),
        "frame_ms": round(1000 * float(done.seconds[1:].mean()), 2) if len(done) > 1 else None,
    }


def _scores(done: Track) -> dict[str, Any]:
    if done.metrics is None or done.ground_truth is None:
        raise InputError(f"{done.name}: its ground truth has no box")
    metrics, (precision, success) = evaluate_with_curves(done.boxes, done.ground_truth)
    return {
        "truth": truth_key(done.ground_truth),
        **{name: _or_none(value) for name, value in metrics._asdict().items()},
        "success": success.round(5).tolist(),
        "precision": precision.round(5).tolist(),
        "boxes": done.boxes.round(2).tolist(),
        "confidence": [_or_none(score) for score in done.scores.round(3).tolist()],
    }


def _or_none(value: float) -> float | None:
    """Return None for NaN, which JSON does not have."""
    return None if math.isnan(value) else value


@lru_cache
def _commit() -> str | None:
    """Return the commit of the checkout that the package runs from, with ``+`` if it was changed.

    None if it does not run from a checkout.
    """
    here = Path(__file__)
    # A repository around it that does not track this file is that of who installed the package.
    tracked = ["git", "ls-files", "--error-unmatch", here.name]
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        ours, found = (
            subprocess.run(each, cwd=here.parent, capture_output=True, text=True, timeout=10)
            for each in (tracked, command)
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if ours.returncode else found.stdout.strip() or None
