"""Trackers ranked over a set of targets: scores, means, and what each mean leaves out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack import __version__
from rltrack.data.otb import ATTRIBUTES, OTB
from rltrack.evaluation.ground_truth import Benchmark, official_rows
from rltrack.evaluation.metrics import Metrics, evaluate_with_curves, is_box
from rltrack.evaluation.raw_results import read_results

__all__ = ["compare"]

Array = NDArray[np.float64]


class _Score(NamedTuple):
    """How one tracker did on one target."""

    metrics: Metrics
    precision: Array  # (51,)
    success: Array  # (21,)
    no_box: int  # frames


def compare(
    benchmark: Benchmark, results: Sequence[str | Path], *, base: int | None = None
) -> dict[str, Any]:
    """Score trackers by their raw results, and rank them.

    Args:
        benchmark: what to compare on, from `load`.
        results: files and folders, see :mod:`rltrack.evaluation.raw_results`.
        base: number of the leftmost pixel in all results, 0 or 1; None for what their form
            implies.

    Returns:
        A report that is plain JSON, with None for what there is no number of.

        - ``rltrack``: the version; ``dataset``, ``frames``, ``changes``: the benchmark's;
        - ``targets``: by name, ``frames`` and ``attributes`` of each;
        - ``trackers``: best first, each with ``name``; ``means``; ``attributes``: means by
          attribute; ``scores``: `rltrack.evaluation.metrics.Metrics` by target; ``missing``: names;
          ``wrong_length``: ``boxes`` and ``frames`` by name; ``shortened``: names of the targets
          whose first rows were left out with those of the ground truth; ``no_box``: number of
          frames scored where the tracker gave none, which are misses and not in CLE.

        Means are ``targets``, their number; ``dp20``, ``os``, ``os50``, in [0, 1]; ``cle`` in
        pixels; the curves ``precision`` (51 values) and ``success`` (21).

    Raises:
        InputError: results cannot be read.
    """
    found = read_results(results, benchmark.names, benchmark.truth, base=base)
    trackers = [_tracker(benchmark, name, boxes) for name, boxes in found.items()]
    trackers.sort(key=lambda tracker: (-(tracker["means"]["os"] or 0), tracker["name"]))
    return {
        "rltrack": __version__,
        "dataset": benchmark.dataset,
        "frames": benchmark.frames,
        "changes": list(benchmark.changes),
        "targets": {
            name: {"frames": len(truth), "attributes": list(_attributes(name))}
            for name, truth in benchmark.truth.items()
        },
        "trackers": trackers,
    }


def _attributes(name: str) -> tuple[str, ...]:
    return OTB[name].attributes if name in OTB else ()


def _tracker(benchmark: Benchmark, name: str, boxes: Mapping[str, Array]) -> dict[str, Any]:
    """Make one tracker's part of the report."""
    scores: dict[str, _Score] = {}
    wrong_length, shortened = {}, []
    for target, truth in benchmark.truth.items():
        if target not in boxes:
            continue
        rows = boxes[target]
        if benchmark.frames == "official" and len(rows) != len(truth):
            rows = official_rows(target, rows)
        if len(rows) != len(truth):
            wrong_length[target] = {"boxes": len(rows), "frames": len(truth)}
            continue
        if len(rows) < len(boxes[target]):
            shortened.append(target)
        scores[target] = _score(rows, truth)
    return {
        "name": name,
        "means": _means(list(scores.values())),
        "attributes": {
            key: _means([s for target, s in scores.items() if key in _attributes(target)])
            for key in ATTRIBUTES
        },
        "scores": {
            target: {
                key: _number(value) if isinstance(value, float) else value
                for key, value in score.metrics._asdict().items()
            }
            for target, score in scores.items()
        },
        "missing": [target for target in benchmark.truth if target not in boxes],
        "wrong_length": wrong_length,
        "shortened": shortened,
        "no_box": sum(score.no_box for score in scores.values()),
    }


def _score(boxes: Array, truth: Array) -> _Score:
    no_box = np.isnan(boxes[is_box(truth), 0]).sum()
    metrics, curves = evaluate_with_curves(boxes, truth)
    return _Score(metrics, *curves, int(no_box))


def _means(scores: Sequence[_Score]) -> dict[str, Any]:
    """Average scores over targets. Every mean is None if there is no target."""
    means: dict[str, Any] = {"targets": len(scores)}
    for key in ("dp20", "os", "cle", "os50"):
        values = [getattr(score.metrics, key) for score in scores]
        means[key] = _number(np.mean(values)) if values else None
    for key in ("precision", "success"):
        each = [getattr(score, key) for score in scores]
        means[key] = [_number(v) for v in np.mean(each, axis=0)] if each else None
    return means


def _number(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return round(float(value), 6) if math.isfinite(value) else None
