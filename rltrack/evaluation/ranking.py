"""Trackers ranked over a set of targets: scores, means, and what each mean leaves out.

The rules for one target of OTB are :mod:`rltrack.evaluation.metrics`'s. For a set of them:

- Every mean is over targets, each of which counts alike, however long. It is over those targets
  for which a tracker's results have a box for each frame, and comes with their number; the others
  are named, as missing or as of the wrong length. Nothing is cut or filled up to fit, with two
  exceptions: the first rows of Tiger1 (:mod:`rltrack.evaluation.ground_truth`), and the frames
  before the first true box of a target that joins late, for which a tracker need not give rows.
- Trackers are ranked by OS.
- An attribute's means are over the targets of the set that have it.

Benchmarks in folders of their own (:mod:`rltrack.data.layouts`) have other rules, those of
:mod:`rltrack.evaluation.protocols`. There, one row too many or too few does not leave a result out:
the rows that both have are compared, and the target is named.
"""

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
from rltrack.evaluation.metrics import is_box
from rltrack.evaluation.protocols import PROTOCOLS, Protocol, Scored, Situation
from rltrack.evaluation.raw_results import read_results
from rltrack.evaluation.result_files import Base

__all__ = ["compare"]

Array = NDArray[np.float64]


class _Score(NamedTuple):
    """How one tracker did on one target."""

    scored: Scored
    no_box: int  # frames


def compare(
    benchmark: Benchmark, results: Sequence[str | Path], *, base: int | None = None
) -> dict[str, Any]:
    """Score trackers by their raw results, and rank them.

    Args:
        benchmark: what to compare on, from `load`.
        results: files and folders, see :mod:`rltrack.evaluation.raw_results`.
        base: number of the leftmost pixel in all results, 0 or 1; None for what their form and
            the benchmark imply.

    Returns:
        A report that is plain JSON, with None for what there is no number of.

        - ``rltrack``: the version; ``dataset``, ``frames``, ``changes``: the benchmark's;
        - ``benchmark``: its name, None for OTB; ``scores``: the headings of the scores, by their
          keys; ``curves``: the score that stands for each curve; ``pooled``: whether means are over
          frames and not over targets; see `rltrack.evaluation.protocols.Protocol`;
        - ``targets``: by name, ``frames`` and ``attributes`` of each;
        - ``trackers``: best first, each with ``name``; ``means``; ``attributes``: means by
          attribute; ``scores``: by target, its scores and the numbers of ``frames`` that count and
          that are ``skipped``; ``missing``: names; ``wrong_length``: ``boxes`` and ``frames`` by
          name, and ``off_by_one`` likewise where one row more or less does not matter;
          ``shortened``: names of the targets whose first rows were left out with those of the
          ground truth; ``no_box``: number of frames scored where the tracker gave none, which are
          misses and not in CLE.

        Means are ``targets``, their number; the scores, in [0, 1], but ``cle`` in pixels; the
        curves, each a list of values. ``cle`` is over those targets on which the tracker gave a
        box. What no target has a value of is None.

    Raises:
        InputError: results cannot be read.
    """
    folder, protocol = benchmark.folder, _protocol(benchmark)
    origin = Base(base) if folder is None else Base(base, folder.layout.base)
    found = read_results(results, benchmark.names, benchmark.truth, base=origin)
    trackers = [_tracker(benchmark, name, boxes) for name, boxes in found.items()]
    trackers.sort(key=lambda tracker: (-(tracker["means"][protocol.rank] or 0), tracker["name"]))
    return {
        "rltrack": __version__,
        "dataset": benchmark.dataset,
        "benchmark": None if folder is None else folder.layout.title,
        "frames": benchmark.frames,
        "changes": list(benchmark.changes),
        "scores": dict(protocol.scores),
        "curves": dict(protocol.curves),
        "pooled": protocol.pooled,
        "targets": {
            name: {"frames": len(truth), "attributes": list(_attributes(name))}
            for name, truth in benchmark.truth.items()
        },
        "trackers": trackers,
    }


def _protocol(benchmark: Benchmark) -> Protocol:
    kind = "otb" if benchmark.folder is None else benchmark.folder.kind
    return PROTOCOLS.get(kind, PROTOCOLS["otb"])


def _attributes(name: str) -> tuple[str, ...]:
    return OTB[name].attributes if name in OTB else ()


def _tracker(benchmark: Benchmark, name: str, boxes: Mapping[str, Array]) -> dict[str, Any]:
    """Make one tracker's part of the report."""
    protocol = _protocol(benchmark)
    scores: dict[str, _Score] = {}
    wrong_length, off_by_one, shortened = {}, {}, []
    for target, truth in benchmark.truth.items():
        if target not in boxes:
            continue
        rows = boxes[target]
        if benchmark.frames == "official" and len(rows) != len(truth):
            rows = official_rows(target, rows)
        situation = _situation(benchmark, target)
        rows = _from_the_first_frame(rows, situation)
        if len(rows) != len(truth):
            lengths = {"boxes": len(rows), "frames": len(truth)}
            if benchmark.folder is None or abs(len(rows) - len(truth)) > 1 or not len(rows):
                wrong_length[target] = lengths
                continue
            off_by_one[target] = lengths
        elif len(rows) < len(boxes[target]):
            shortened.append(target)
        scores[target] = _score(protocol, rows, situation)
    return {
        "name": name,
        "means": _means(protocol, list(scores.values())),
        "attributes": {
            key: _means(protocol, [s for target, s in scores.items() if key in _attributes(target)])
            for key in ATTRIBUTES
        },
        "scores": {
            target: {
                **{key: _number(scored.scores[key]) for key in protocol.scores},
                "frames": scored.frames,
                "skipped": scored.skipped,
            }
            for target, (scored, _) in scores.items()
        },
        "missing": [target for target in benchmark.truth if target not in boxes],
        "wrong_length": wrong_length,
        "off_by_one": off_by_one,
        "shortened": shortened,
        "no_box": sum(score.no_box for score in scores.values()),
    }


def _from_the_first_frame(rows: Array, situation: Situation) -> Array:
    """Return rows for all frames, given those that begin with the first true box."""
    late = int(np.argmax(is_box(situation.truth) & ~situation.absent))
    if not late or len(rows) != len(situation.truth) - late:
        return rows
    return np.concatenate([np.full((late, 4), np.nan), rows])


def _situation(benchmark: Benchmark, target: str) -> Situation:
    known = benchmark.annotations.get(target)
    if known is not None:
        return Situation(known.boxes, known.absent, known.size)
    truth = benchmark.truth[target]
    return Situation(truth, np.zeros(len(truth), np.bool_))


def _score(protocol: Protocol, boxes: Array, situation: Situation) -> _Score:
    """Score the rows that the boxes and the ground truth both have."""
    rows = min(len(boxes), len(situation.truth))
    boxes, truth, absent = boxes[:rows], situation.truth[:rows], situation.absent[:rows]
    no_box = np.isnan(boxes[is_box(truth) & ~absent, 0]).sum()
    return _Score(protocol.score(boxes, Situation(truth, absent, situation.size)), int(no_box))


def _means(protocol: Protocol, scores: Sequence[_Score]) -> dict[str, Any]:
    """Average the values that are there. A mean is None without any."""
    counted = [scored for scored, _ in scores if scored.frames]
    weights = np.array([scored.frames if protocol.pooled else 1 for scored in counted])
    means: dict[str, Any] = {"targets": len(scores)}
    for key in protocol.scores:
        values = np.array([scored.scores[key] for scored in counted])
        there = np.isfinite(values)  # no CLE where the tracker gave no box
        mean = np.average(values[there], weights=weights[there]) if there.any() else math.nan
        means[key] = _number(mean)
    for key in protocol.curves:
        each = [scored.curves[key] for scored in counted]
        curve = np.average(each, axis=0, weights=weights) if each else None
        means[key] = None if curve is None else [_number(value) for value in curve]
    return means


def _number(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return round(float(value), 6) if math.isfinite(value) else None
