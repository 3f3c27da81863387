"""How a benchmark's own toolkit scores a tracker: its measures, and which frames they count.

OTB's rules (:mod:`rltrack.evaluation.metrics`) hold where nothing else is said here.

GOT-10k (Huang, Zhao and Huang, TPAMI 2021; its Python toolkit):
    AO is the mean overlap, SR.50 and SR.75 the shares of frames with an overlap above .5 and .75.
    The first frame does not count, and neither do frames in which nothing is seen of the target.
    All frames of all targets count alike. Boxes are cut to the image, as the toolkit does it: a box
    beyond the left edge is moved to the edge and keeps its width. (The server of the test set
    also averages over classes. Its ground truth is not published.)

LaSOT (Fan et al., CVPR 2019; its MATLAB toolkit):
    AUC is the area under the success curve, P the share of frames with a centre error of at most 20
    px, and normalised P the share with a centre error of at most .2, in widths and heights of the
    true box. Frames in which the target is fully occluded or out of view are left out of the
    comparison, but not of the number of frames that is divided by: they count like misses. In a
    frame with a true box that is none, a tracker has no success and counts as precise.

UAV123 and UAV20L (Mueller, Smith and Ghanem, ECCV 2016; their MATLAB toolkit, which is OTB's):
    AUC and P as in LaSOT. A frame without a true box (a row of NaN, where the target is hidden or
    outside) is such a frame with a box that is none: no success, and precise. (GOT-10k's Python
    toolkit leaves these frames out.)

NfS (Kiani Galoogahi et al., ICCV 2017):
    AUC, the share of frames with an overlap above .5, and P, by the same rules.

TrackingNet (Mueller et al., ECCV 2018; its development kit):
    Boxes are rounded to whole pixels, and the first one is taken to be true. Success, P and
    normalised P are the areas under the curves of 21 points: over overlaps from 0 to 1, errors from
    0 to 50 px, and errors from 0 to .5 in widths and heights of the true box.

Means are over targets, where nothing else is said. A tracker's box that is NaN is a miss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.evaluation.metrics import evaluate_with_curves, is_box, overlap

__all__ = ["PROTOCOLS", "Protocol", "Scored", "Situation"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Situation(NamedTuple):
    """What a tracker's boxes of one target are compared with.

    Attributes:
        truth: (T, 4) float64, the true boxes (x, y, w, h), NaN where there is none.
        absent: (T,) bool, where the target cannot be seen.
        size: width and height of the frames; None where it is not known.
    """

    truth: Array
    absent: Mask
    size: tuple[int, int] | None = None


class Scored(NamedTuple):
    """How a tracker did on one target.

    Attributes:
        scores: by the keys of `Protocol.scores`, and maybe others.
        curves: by the keys of `Protocol.curves`, and maybe others.
        frames: number of frames that count.
        skipped: number of frames that do not.
    """

    scores: dict[str, float]
    curves: dict[str, Array]
    frames: int
    skipped: int


class Protocol(NamedTuple):
    """The rules of a benchmark.

    Attributes:
        scores: headings of the scores, by their keys. Trackers are ranked by `rank`.
        curves: for each curve, the key of the score that stands for it.
        rank: the key of the score that trackers are ranked by.
        score: scores (T, 4) boxes.
        pooled: whether means are over all frames, and not over targets.
    """

    scores: Mapping[str, str]
    curves: Mapping[str, str]
    rank: str
    score: Callable[[Array, Situation], Scored]
    pooled: bool = False


def _otb(boxes: Array, situation: Situation) -> Scored:
    truth = np.where(situation.absent[:, None], np.nan, situation.truth)
    metrics, curves = evaluate_with_curves(boxes, truth)
    scores = metrics._asdict()
    return Scored(
        {key: scores[key] for key in PROTOCOLS["otb"].scores},
        {"precision": curves.precision, "success": curves.success},
        metrics.frames,
        metrics.skipped,
    )


def _got10k(boxes: Array, situation: Situation) -> Scored:
    truth, size = situation.truth, situation.size
    counted = ~situation.absent
    counted[0] = False
    if size is not None:
        boxes, truth = _cut(boxes, size), _cut(truth, size)
    overlaps = overlap(boxes, truth)[counted]
    curve = _share(overlaps[:, None] > np.arange(101) / 100, len(overlaps))
    scores = {"ao": _mean(overlaps), "sr50": float(curve[50]), "sr75": float(curve[75])}
    return Scored(scores, {"success": curve}, len(overlaps), len(truth) - len(overlaps))


def _cut(boxes: Array, size: tuple[int, int]) -> Array:
    """Cut boxes to the image, as GOT-10k's toolkit does it."""
    corner = np.clip(boxes[:, :2], 0, size)
    return np.hstack([corner, np.clip(boxes[:, 2:], 0, size - corner)])


def _matlab(boxes: Array, situation: Situation) -> Scored:
    """Score by the rules of LaSOT's, UAV123's and NfS's toolkits."""
    seen = ~situation.absent
    boxes, truth = boxes[seen], situation.truth[seen]
    pixels, widths = _errors(boxes, truth)
    overlaps = np.where(is_box(truth), overlap(boxes, truth), -1)
    frames = len(seen)  # also those that were left out
    success = _share(overlaps[:, None] > np.arange(21) / 20, frames)
    precision = _share(pixels[:, None] <= np.arange(51), frames)
    normalised = _share(widths[:, None] <= np.arange(51) / 100, frames)
    scores = {
        "os": float(success.mean()),
        "os50": float(success[10]),
        "dp20": float(precision[20]),
        "np20": float(normalised[20]),
    }
    curves = {"precision": precision, "normalised_precision": normalised, "success": success}
    return Scored(scores, curves, len(boxes), frames - len(boxes))


def _trackingnet(boxes: Array, situation: Situation) -> Scored:
    truth = np.round(situation.truth)
    boxes = np.round(boxes)
    boxes[0] = truth[0]
    pixels, widths = _errors(boxes, truth)
    steps = np.arange(21) / 20
    curves = {
        "precision": _share(pixels[:, None] <= 50 * steps, len(truth)),
        "normalised_precision": _share(widths[:, None] <= steps / 2, len(truth)),
        "success": _share(overlap(boxes, truth)[:, None] > steps, len(truth)),
    }
    # By the trapezoidal rule, the first and the last value count half.
    areas = {
        key: float((curve.sum() - curve[[0, -1]].mean()) / 20) for key, curve in curves.items()
    }
    scores = {f"{key}_area": area for key, area in areas.items()}
    return Scored(scores, curves, len(truth), 0)


def _errors(boxes: Array, truth: Array) -> tuple[Array, ...]:
    """Return centre errors in pixels and in true widths and heights; -1 where no box is true."""
    there = is_box(truth)
    known = np.where(there[:, None], truth, 1.0)
    offset = (boxes[:, :2] + boxes[:, 2:] / 2) - (known[:, :2] + known[:, 2:] / 2)
    return tuple(
        np.where(there, np.hypot(*each.T), -1.0) for each in (offset, offset / known[:, 2:])
    )


def _share(hits: Mask, frames: int) -> Array:
    """Return for each threshold the share of frames with a hit; NaN without frames."""
    return np.asarray(hits.sum(axis=0) / frames if frames else np.full(hits.shape[1], np.nan))


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


_OTB_CURVES = {"precision": "dp20", "success": "os"}
_UAV = Protocol({"os": "AUC", "dp20": "P"}, _OTB_CURVES, "os", _matlab)
_NFS = Protocol({"os": "AUC", "os50": "OS0.5", "dp20": "P"}, _OTB_CURVES, "os", _matlab)

PROTOCOLS: dict[str, Protocol] = {
    "otb": Protocol(
        {"dp20": "DP", "os": "OS", "cle": "CLE", "os50": "OS0.5"}, _OTB_CURVES, "os", _otb
    ),
    "got10k": Protocol(
        {"ao": "AO", "sr50": "SR.50", "sr75": "SR.75"}, {"success": "ao"}, "ao", _got10k, True
    ),
    "lasot": Protocol(
        {"os": "AUC", "dp20": "P", "np20": "norm. P"},
        {"precision": "dp20", "normalised_precision": "np20", "success": "os"},
        "os",
        _matlab,
    ),
    "uav123": _UAV,
    "uav20l": _UAV,
    "trackingnet": Protocol(
        {"success_area": "success", "precision_area": "P", "normalised_precision_area": "norm. P"},
        {key: f"{key}_area" for key in ("precision", "normalised_precision", "success")},
        "success_area",
        _trackingnet,
    ),
    "nfs": _NFS,
    "nfs240": _NFS,
}
"""By the kinds of benchmarks, see `rltrack.data.layouts.LAYOUTS`; ``otb`` for all others."""
