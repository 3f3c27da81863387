from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rltrack.errors import InputError
from rltrack.evaluation.metrics import (
    center_error,
    evaluate,
    evaluate_with_curves,
    overlap,
    precision_curve,
    success_curve,
)

NAN = math.nan


def loop_metrics(boxes: list[Any], truth: list[Any]) -> tuple[float, float, float, float]:
    """The same rules, written as a schoolbook loop over frames."""
    errors, overlaps = [], []
    for (x, y, w, h), (tx, ty, tw, th) in zip(boxes, truth, strict=True):
        if any(map(math.isnan, (tx, ty, tw, th))) or tw <= 0 or th <= 0:
            continue
        dx, dy = (x + w / 2) - (tx + tw / 2), (y + h / 2) - (ty + th / 2)
        errors.append(math.sqrt(dx * dx + dy * dy))
        wide = min(x + w, tx + tw) - max(x, tx)
        high = min(y + h, ty + th) - max(y, ty)
        both = wide * high if wide > 0 and high > 0 else 0.0
        overlaps.append(both / (w * h + tw * th - both))
    n = len(errors)
    shares = [sum(o > k / 20 for o in overlaps) / n for k in range(21)]
    return (
        sum(e <= 20 for e in errors) / n,
        sum(shares) / 21,
        sum(errors) / n,
        sum(o > 0.5 for o in overlaps) / n,
    )


def test_overlap_of_hand_computed_pairs() -> None:
    truth = [(0, 0, 10, 10)] * 6
    boxes = [
        (0, 0, 10, 10),  # the same
        (5, 0, 10, 10),  # half of each: 50 / 150
        (10, 0, 10, 10),  # they touch
        (30, 30, 10, 10),  # apart in both directions: no area from two negative sides
        (0, 0, 5, 5),  # inside: 25 / 100
        (NAN, NAN, NAN, NAN),
    ]
    np.testing.assert_allclose(overlap(boxes, truth), [1, 1 / 3, 0, 0, 0.25, 0], rtol=1e-15)


def test_center_error_of_hand_computed_pairs() -> None:
    error = center_error([(3, 4, 10, 10), (0, 0, 20, 10), (NAN,) * 4], [(0, 0, 10, 10)] * 3)
    np.testing.assert_allclose(error, [5.0, 5.0, NAN], rtol=1e-15)


def test_the_precision_threshold_is_included() -> None:
    curve = precision_curve([0.0, 20.0, math.nextafter(20.0, 21.0), NAN])
    assert curve.shape == (51,)
    assert curve[0] == 0.25
    assert curve[19] == 0.25
    assert curve[20] == 0.5
    assert curve[21] == curve[50] == 0.75


def test_the_success_thresholds_are_not_included() -> None:
    for k in range(1, 21):
        curve = success_curve([k / 20])
        assert curve.shape == (21,)
        assert curve.tolist() == [1.0] * k + [0.0] * (21 - k)


def test_an_overlap_on_a_threshold_is_not_above_it() -> None:
    # 3 of 20 pixels: 3/20 and a threshold of 0.15000000000000002 would differ.
    assert evaluate([(0, 0, 3, 1)], [(0, 0, 20, 1)]).os == 3 / 21
    assert evaluate([(0, 0, 1, 1)], [(0, 0, 2, 1)]).os50 == 0.0


def test_a_perfect_tracker_scores_20_of_21() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.1, 500, (1000, 4))
    metrics = evaluate(truth, truth)
    assert metrics.os == pytest.approx(20 / 21, abs=1e-15)
    assert (metrics.dp20, metrics.cle, metrics.os50) == (1.0, 0.0, 1.0)
    assert (metrics.frames, metrics.skipped) == (1000, 0)


def test_a_lost_tracker_scores_nothing() -> None:
    metrics = evaluate([(300, 400, 10, 10)] * 3, [(0, 0, 10, 10)] * 3)
    assert metrics == (0.0, 0.0, 500.0, 0.0, 3, 0)


def test_metrics_agree_with_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    truth = np.concatenate([rng.uniform(0, 200, (300, 2)), rng.uniform(5, 80, (300, 2))], axis=1)
    boxes = truth + rng.normal(0, 12, truth.shape)
    boxes[:, 2:] = np.abs(boxes[:, 2:]) + 1
    truth[[7, 30]] = NAN
    truth[50, 3] = 0
    got = evaluate(boxes, truth)
    np.testing.assert_allclose(got[:4], loop_metrics(boxes.tolist(), truth.tolist()), rtol=1e-12)
    assert (got.frames, got.skipped) == (297, 3)
    assert 0.1 < got.os < 0.9  # the case is not a trivial one


@given(
    st.lists(
        st.tuples(*[st.integers(-50, 50)] * 2, *[st.integers(1, 60)] * 2), min_size=2, max_size=20
    )
)
def test_any_integer_boxes_agree_with_a_plain_loop(rows: list[tuple[int, ...]]) -> None:
    boxes, truth = rows, rows[::-1]
    np.testing.assert_allclose(evaluate(boxes, truth)[:4], loop_metrics(boxes, truth), atol=1e-12)


def test_the_origin_that_both_count_from_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    boxes, truth = (np.round(rng.uniform(1, 99, (50, 4))) for _ in range(2))
    one_based = np.array([1, 1, 0, 0])
    assert evaluate(boxes + one_based, truth + one_based) == evaluate(boxes, truth)


@pytest.mark.parametrize("row", [(NAN,) * 4, (5, NAN, 5, 5), (0, 0, 0, 0), (1, 1, -5, 5)])
def test_rows_without_ground_truth_are_skipped_and_counted(row: tuple[float, ...]) -> None:
    truth = [(0, 0, 10, 10), row, (0, 0, 10, 10)]
    boxes = [(0, 0, 10, 10), (90, 90, 10, 10), (0, 0, 10, 10)]
    metrics = evaluate(boxes, truth)
    assert (metrics.frames, metrics.skipped) == (2, 1)
    assert metrics.dp20 == 1.0
    assert metrics.cle == 0.0


def test_a_nan_box_of_the_tracker_is_a_miss() -> None:
    metrics = evaluate([(0, 0, 10, 10), (NAN,) * 4], [(0, 0, 10, 10)] * 2)
    assert (metrics.dp20, metrics.os50, metrics.frames, metrics.skipped) == (0.5, 0.5, 2, 0)
    assert metrics.os == pytest.approx(10 / 21)
    assert metrics.cle == 0.0
    assert math.isnan(evaluate([(NAN,) * 4], [(0, 0, 1, 1)]).cle)


def test_inputs_are_not_changed() -> None:
    boxes, truth = np.full((3, 4), NAN), np.array([[0.0, 0, 5, 5]] * 3)
    evaluate(boxes, truth)
    assert np.isnan(boxes).all()
    assert truth.tolist() == [[0, 0, 5, 5]] * 3


@pytest.mark.parametrize(
    ("boxes", "truth", "message"),
    [
        (np.ones((3, 4)), np.ones((4, 4)), "boxes has 3 rows and ground_truth 4"),
        (np.ones((3, 5)), np.ones((3, 4)), r"boxes: got shape \(3, 5\)"),
        (np.ones((3, 4)), np.ones(4), r"ground_truth: got shape \(4,\)"),
        (np.ones((2, 4)), np.full((2, 4), NAN), "none of its 2 rows is a box"),
        (np.ones((0, 4)), np.ones((0, 4)), "none of its 0 rows is a box"),
    ],
)
def test_what_cannot_be_scored_is_refused(boxes: Any, truth: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        evaluate(boxes, truth)
    assert "\n" not in str(caught.value)


# Published one-pass results, DP and OS averaged over the 14 sequences of `dev14`, as computed by
# an independent script; where the lengths differ (HDT on David), over the rows that both have.
PUBLISHED = {
    "MDnet": (0.894, 0.659),
    "SRDCF": (0.848, 0.624),
    "siamfc3s": (0.847, 0.606),
    "cf2camera": (0.859, 0.644),
    "HDT": (0.865, 0.569),
    "MUSTER": (0.822, 0.612),
    "MEEM": (0.842, 0.552),
    "BACF": (0.742, 0.555),
    "CSRDCF": (0.667, 0.517),
    "STAPLE": (0.705, 0.542),
    "SAMF": (0.691, 0.523),
    "Struck": (0.701, 0.503),
    "KCF_GaussHog": (0.618, 0.436),
    "DSST": (0.648, 0.424),
    "OAB": (0.549, 0.393),
    "CSK": (0.479, 0.354),
    "TLD": (0.435, 0.318),
}
DEV14 = (
    "Car4 Couple Crossing David Deer FaceOcc1 Football Freeman1 Girl Jumping MotorRolling Skiing "
    "Walking2 Woman"
).split()


@pytest.mark.data
@pytest.mark.parametrize("tracker", PUBLISHED)
def test_published_boxes_score_as_published(tracker: str, data_root: Path) -> None:
    results = data_root / "results"
    if not results.is_dir():
        pytest.skip("needs published results: no results/ folder in RLTRACK_DATA")
    truth = json.loads((results / "otb100_gt.json").read_text())
    boxes = json.loads(gzip.decompress((results / "otb100" / f"{tracker}.json.gz").read_bytes()))
    scores = []
    for name in DEV14:
        rows = min(len(boxes[name]), len(truth[name]))
        scores.append(evaluate(boxes[name][:rows], truth[name][:rows]))
    # Half of the last printed digit, and a margin for scores such as 0.31849.
    np.testing.assert_allclose(
        (np.mean([s.dp20 for s in scores]), np.mean([s.os for s in scores])),
        PUBLISHED[tracker],
        rtol=0,
        atol=0.00051,
    )


def test_curves_are_of_the_frames_that_are_scored() -> None:
    truth = [[0, 0, 10, 10], [np.nan] * 4, [0, 0, 10, 10], [0, 0, 10, 0]]
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [30, 0, 10, 10], [0, 0, 10, 10]]
    _, (precision, success) = evaluate_with_curves(boxes, truth)
    assert precision.tolist() == [0.5] * 30 + [1.0] * 21
    assert success.tolist() == [0.5] * 20 + [0.0]
    scores = evaluate(boxes, truth)
    assert (scores.frames, scores.skipped) == (2, 2)
    assert scores.os == success.mean()
    with pytest.raises(InputError, match="none of its 1 rows is a box"):
        evaluate_with_curves(boxes[1:2], truth[1:2])
