"""The report of a sweep: means, their spread over seeds, and differences between trackers.

Rows are trackers (configuration and backbone), named by the fields in which they differ. Means are
over targets, seed by seed. Only targets that every tracker has run with every seed count, or fewer
seeds if more runs are left so. The others are named. Differences are judged by
:mod:`rltrack.evaluation.statistics`.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError, counted, few
from rltrack.evaluation.run_files import names_of, runs_by_target, settings, weights_of
from rltrack.evaluation.statistics import Paired, paired
from rltrack.tracking.config import TrackerConfig

__all__ = ["Report", "Row", "chosen", "common", "curves", "report"]

METRICS = ("dp20", "os", "os50", "cle")

Array = NDArray[np.float64]


class Row(NamedTuple):
    """One tracker's row."""

    name: str
    """The fields in which it differs from the others, such as ``attention_weight 5``."""
    tracker: str
    """The key of its jobs; see `rltrack.benchmarks.jobs.Job`."""
    mean: dict[str, float]
    """The mean of each metric over targets and seeds. DP, OS and OS0.5 are in 0..1, CLE is in
    pixels.
    """
    spread: dict[str, float]
    """The standard deviation of that mean over targets from seed to seed; NaN for a single seed.

    Runs on different targets share no chance, so it follows from the variance of the seeds of each
    target. That is more certain than the deviation of a few means.
    """
    fps: float
    """Frames per second after the first frame, the median of the runs."""
    pairs: Paired | None
    """This tracker's OS minus that of the first one, over the targets and seeds that count. None in
    the first row.
    """
    every_pair: Paired | None
    """The same over all targets and seeds that these two have run."""


@dataclass(frozen=True)
class Report:
    """What :func:`report` returns.

    Attributes:
        rows: one for each tracker. The others are compared with the first.
        targets: the targets that count.
        seeds: the seeds that count.
        left_out: targets with runs that do not count in the means, and how many: "Deer (3 runs)".
        devices: the hardware of the runs, with the number of threads of a CPU where it is known.
        commits: the commits, or versions, of the code that made the runs.
    """

    rows: tuple[Row, ...]
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    left_out: tuple[str, ...]
    devices: tuple[str, ...]
    commits: tuple[str, ...]


def report(results: Sequence[Mapping[str, Any]]) -> Report:
    """Compare the trackers of a sweep over the targets that all of them have run with every seed.

    If a sweep is unfinished, the runs of :func:`common` count instead where these are more.
    The first row is the tracker with the smallest lambda, and among equals the first by name, in
    which numbers are in the order of their values.

    Args:
        results: runs, as `rltrack.evaluation.run_files.load` returns them.

    Raises:
        InputError: no target was run by every tracker with the same seed.
    """
    runs = {(r["tracker"], r["target"], r["seed"]): r for r in results}
    names = names_of(results)
    order = sorted(names, key=lambda key: (_weight(results, key), _by_numbers(names[key])))
    seeds = sorted({seed for _, _, seed in runs})
    every = sorted({target for _, target, _ in runs})
    whole = [t for t in every if all((key, t, s) in runs for key in order for s in seeds)]
    shared = common(results)
    if len(shared) > len(order) * len(whole) * len(seeds):
        seeds, whole = (sorted({r[what] for r in shared}) for what in ("seed", "target"))
    if not whole:
        raise InputError(
            f"no target was run by all {len(order)} trackers with the same seed: finish the "
            "sweep with the same command, or choose among them with --where"
        )
    left_out = Counter(t for _, t, s in runs if t not in whole or s not in seeds)
    scores = {key: {m: _table(runs, key, whole, seeds, m) for m in METRICS} for key in order}
    judged = [runs[key, t, s] for key in order for t in whole for s in seeds]
    rows = []
    for key in order:
        pairs = every_pair = paired(judged, key, order[0]) if key != order[0] else None
        if pairs and left_out:
            every_pair = paired(results, key, order[0])
        rows.append(
            Row(
                names[key],
                key,
                {m: _mean_of(values) for m, values in scores[key].items()},
                {m: _deviation(values) for m, values in scores[key].items()},
                _fps([runs[key, t, s] for t in whole for s in seeds]),
                pairs,
                every_pair,
            )
        )
    return Report(
        tuple(rows),
        tuple(whole),
        tuple(seeds),
        tuple(f"{target} ({counted(count, 'run')})" for target, count in sorted(left_out.items())),
        tuple(sorted({_device(r) for r in results})),
        tuple(sorted(set(map(_code, results)))),
    )


def chosen(
    results: Iterable[Mapping[str, Any]], field: str, values: Sequence[Any]
) -> list[Mapping[str, Any]]:
    """Return the runs whose configuration has one of the values in that field.

    A field that an older run lacks has its default; see `rltrack.evaluation.run_files.settings`.
    The field may also be ``backbone``, by its name or by the identity of its weights.

    Raises:
        InputError: there is no such field, or no such run.
    """
    if field not in {*asdict(TrackerConfig()), "backbone"}:
        raise InputError(
            f"unknown configuration field {field!r}; there are backbone and what "
            "rltrack.TrackerConfig lists"
        )

    def has(result: Mapping[str, Any]) -> set[Any]:
        if field == "backbone":
            return {result["backbone"], weights_of(result)}
        value = settings(result["config"])[field]
        return {tuple(value) if isinstance(value, list) else value}

    results = list(results)
    found = [result for result in results if not has(result).isdisjoint(values)]
    if not found:
        there = sorted({str(value) for result in results for value in has(result)})
        raise InputError(
            f"no result has {field} {' or '.join(map(str, values))}; there is {few(there)}"
        )
    return found


def common(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the runs of an unfinished sweep that can be compared; [] if there are none.

    For each seed there are the targets that all trackers have run with it. The largest of these
    sets of targets is kept, with all seeds whose own set holds it; of several, the one with the
    most seeds.
    """
    trackers = {r["tracker"] for r in results}
    runs = Counter((r["target"], r["seed"]) for r in results)
    by_seed: dict[int, set[str]] = {}
    for (target, seed), count in sorted(runs.items()):
        if count == len(trackers):
            by_seed.setdefault(seed, set()).add(target)

    def seeds_of(targets: set[str]) -> list[int]:
        return [seed for seed, of_seed in by_seed.items() if of_seed >= targets]

    most = max(by_seed.values(), key=lambda of: (len(of), len(seeds_of(of))), default=set())
    return [r for r in results if r["seed"] in seeds_of(most) and r["target"] in most]


def _code(result: Mapping[str, Any]) -> str:
    """Return the commit of the code that made a run, or if it ran from none, the version."""
    version = result.get("versions", {}).get("rltrack", "")
    return str(result["commit"] or f"rltrack {version}".strip())


def _device(result: Mapping[str, Any]) -> str:
    device = str(result["device"])
    name = result.get("machine", device)  # older results have none, and no threads
    about = [] if name == device else [device]
    if device == "cpu" and "threads" in result:
        about.append(counted(result["threads"], "thread"))
    return f"{name} ({', '.join(about)})" if about else name


def _table(
    runs: Mapping[Any, Mapping[str, Any]],
    key: str,
    whole: Iterable[str],
    seeds: Sequence[int],
    metric: str,
) -> Array:
    """Return a metric as (targets, seeds), NaN where it has no value."""
    return np.array([[runs[key, t, s][metric] for s in seeds] for t in whole], np.float64)


def _weight(results: Iterable[Mapping[str, Any]], key: str) -> float:
    config = next(r for r in results if r["tracker"] == key)["config"]
    return float(settings(config)["attention_weight"])


def _by_numbers(name: str) -> list[tuple[float, str]]:
    """Return a key that sorts names by the values of the numbers in them."""
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    return [(float(part), "") if i % 2 else (-1.0, part) for i, part in enumerate(parts)]


def _mean_of(values: Array) -> float:
    """Average the values that are there. NaN where there are none, without NumPy's warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(np.nanmean(values))


def _deviation(values: Array) -> float:
    """Return the standard deviation, over seeds, of the mean of (targets, seeds)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        of_targets = np.nanvar(values, 1, ddof=1)  # NaN for a target with one value
    known = of_targets[~np.isnan(of_targets)]
    return float(np.sqrt(known.mean() / len(of_targets))) if len(known) else float("nan")


def _fps(results: Iterable[Mapping[str, Any]]) -> float:
    speeds = []
    for result in results:
        seconds = result["seconds"] - result["first_fit_s"]
        if seconds > 0:
            speeds.append((len(result["boxes"]) - 1) / seconds)
    return float(np.median(speeds)) if speeds else float("nan")


def curves(
    results: Iterable[Mapping[str, Any]], targets: Iterable[str], dataset: str = ""
) -> dict[str, Any]:
    """Return runs in the form that `rltrack.plots.benchmarks.precision_and_success` takes.

    Not all trackers need to have run on all targets. A tracker's mean is over the targets that it
    has run, and each target counts with the mean of its runs.

    Args:
        results: runs, as `rltrack.evaluation.run_files.load` returns them.
        targets: names of the targets whose runs count.
        dataset: what a figure calls these targets.

    Returns:
        A dict of ``dataset``, ``targets`` and ``trackers``. Each tracker has its key as ``name``,
        and ``means``: the numbers of ``targets`` and ``runs``, the metrics, and the two curves
        ``precision`` and ``success``.
    """
    targets = list(targets)
    runs = runs_by_target(result for result in results if result["target"] in targets)
    trackers = []
    for tracker, by_target in runs.items():
        means: dict[str, Any] = {
            "targets": len(by_target),
            "runs": sum(map(len, by_target.values())),
        }
        for key in (*METRICS, "precision", "success"):
            each = [_mean([run[key] for run in of_target]) for of_target in by_target.values()]
            means[key] = _mean(each)
        trackers.append({"name": tracker, "means": means})
    return {"dataset": dataset, "targets": targets, "trackers": trackers}


def _mean(values: Sequence[Any]) -> Any:
    """Average numbers, or curves point by point, without those that are None.

    None if all are None.
    """
    there = [value for value in values if value is not None]
    return np.mean(there, axis=0) if there else None
