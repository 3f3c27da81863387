"""Paired differences: by hand, with what is missing, and how their spread is split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from rltrack.errors import InputError
from rltrack.evaluation.intervals import bootstrap_mean, coverage
from rltrack.evaluation.statistics import FEWEST, Paired, Spread, paired, seed_ranges


def run(tracker: str, target: str, seed: int, score: float | None) -> dict[str, Any]:
    return {"tracker": tracker, "target": target, "seed": seed, "os": score}


def runs(tracker: str, scores: dict[str, list[float]]) -> list[dict[str, Any]]:
    return [
        run(tracker, target, seed, score)
        for target, values in scores.items()
        for seed, score in enumerate(values)
    ]


def test_a_mean_and_its_interval() -> None:
    noise = np.tile([0.01, -0.01], 8)
    found = bootstrap_mean(0.05 + noise)
    assert found.mean == pytest.approx(0.05)
    assert 0.04 < found.low < 0.05 < found.high < 0.06
    # As wide as the mean's standard error says.
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.01 / 4, rel=0.1)
    assert bootstrap_mean([0.25, 0.25]) == (0.25, 0.25, 0.25)
    assert bootstrap_mean(noise) == bootstrap_mean(noise)


@pytest.mark.parametrize("values", [[], [0.1], [[0.1, 0.2]]])
def test_what_has_no_interval_is_refused(values: list[Any]) -> None:
    with pytest.raises(InputError, match="no interval"):
        bootstrap_mean(values)


def test_only_pairs_count_and_each_target_counts_once() -> None:
    results = [
        *runs("new", {"A": [0.6, 0.8, 0.7], "B": [0.5], "C": [0.9], "F": [0.75]}),
        *runs("old", {"A": [0.5, 0.5], "B": [0.6], "D": [0.9], "F": [0.7]}),
        run("new", "E", 0, None),
        run("old", "E", 0, 0.5),
    ]
    found = paired(results, "new", "old")
    assert list(found.targets) == ["A", "B", "F"]
    np.testing.assert_allclose(found.targets["A"], [0.1, 0.3])
    np.testing.assert_allclose(found.targets["B"], [-0.1])
    assert found.runs == 4
    assert found.difference is not None
    assert found.difference.mean == pytest.approx((0.2 - 0.1 + 0.05) / 3)
    assert str(found) == (
        "+0.050 (-0.100 to +0.200), not distinguished from 0, p 0.75; 3 targets, 4 pairs of runs"
    )
    assert found.p == 0.75  # six of the eight sign flips give as much, either way
    assert list(found.rows) == ["A", "B", "F", "mean of 3 targets"]
    assert found.rows["A"][1] is None
    means, difference = found.rows["mean of 3 targets"]
    np.testing.assert_allclose(means, [0.2, -0.1, 0.05])
    assert difference == found.difference
    other_way = paired(results, "old", "new")
    assert other_way.difference is not None
    assert other_way.difference.mean == pytest.approx(-found.difference.mean)


def test_a_difference_is_told_from_0_by_interval_and_p() -> None:
    scores = {f"T{t}": [0.5 + 0.01 * t] for t in range(6)}
    better = {target: [values[0] + 0.1] for target, values in scores.items()}
    results = [*runs("new", better), *runs("old", scores)]
    assert ", above 0, p 0.03; 6 targets" in str(paired(results, "new", "old"))
    assert ", below 0, p 0.03; 6 targets" in str(paired(results, "old", "new"))
    five = [r for r in results if r["target"] != "T5"]  # whose p cannot be below 2 / 32
    assert ", not distinguished from 0, p 0.06; 5 targets" in str(paired(five, "new", "old"))


def test_too_little_to_judge_is_none() -> None:
    results = [*runs("new", {"A": [0.6, 0.8]}), *runs("old", {"A": [0.5, 0.5]})]
    assert paired(results, "new", "old")[1:] == (None, None)
    said = "+0.200, not to be judged by 1 target, 2 pairs of runs"
    assert str(paired(results, "new", "old")) == said
    assert str(paired([], "new", "old")) == "not to be judged by 0 targets, 0 pairs of runs"
    two = [*results, *runs("new", {"B": [0.5]}), *runs("old", {"B": [0.4]})]
    assert paired(two, "new", "old").difference is None  # an interval between two points
    assert paired(results, "new", "old").spread is None
    assert paired([], "new", "old").targets == paired([], "new", "old").rows == {}
    assert list(paired(two, "new", "old").rows) == ["A", "B"]


def test_spread_of_targets_and_of_seeds_is_told_apart() -> None:
    """What is drawn with known deviations comes back; a seed's must not be counted as targets'."""
    rng = np.random.default_rng(0)
    for of_targets, of_seeds in ((0.05, 0.02), (0.0, 0.1)):
        scores = {
            f"T{t:03}": list(rng.normal(rng.normal(0.03, of_targets), of_seeds, size=4))
            for t in range(400)
        }
        zero = {target: [0.0] * 4 for target in scores}
        spread = paired([*runs("new", scores), *runs("old", zero)], "new", "old").spread
        assert spread is not None
        assert spread.seeds == pytest.approx(of_seeds, rel=0.1)
        assert spread.targets == pytest.approx(of_targets, abs=0.015)


def test_margin_is_what_repeated_draws_vary_by() -> None:
    rng = np.random.default_rng(1)
    of_targets, of_seeds, targets, seeds = 0.06, 0.1, 5, 3
    effects = rng.normal(0, of_targets, (20_000, targets, 1))
    means = (effects + rng.normal(0, of_seeds, (20_000, targets, seeds))).mean((1, 2))
    expected = 1.96 * means.std()
    assert Spread(of_targets, of_seeds).margin(targets, seeds) == pytest.approx(expected, rel=0.02)


def test_nine_of_ten_studies_tell_the_smallest_effect() -> None:
    """Counted over drawn studies, each judged by its own spread."""
    rng = np.random.default_rng(2)
    spread, targets, seeds = Spread(0.03, 0.06), 40, 3
    effect = spread.smallest_effect(targets, seeds)
    effects = rng.normal(effect, spread.targets, (20_000, targets, 1))
    means = (effects + rng.normal(0, spread.seeds, (20_000, targets, seeds))).mean(2)
    standard_errors = means.std(1, ddof=1) / np.sqrt(targets)
    # The rule's interval is about that of Student's t.
    told = np.abs(means.mean(1)) > stats.t.ppf(0.975, targets - 1) * standard_errors
    assert told.mean() == pytest.approx(0.9, abs=0.01)
    assert spread.targets_needed(1.001 * effect, seeds) == targets
    assert spread.targets_needed(1.001 * effect / 2, seeds) == pytest.approx(4 * targets, rel=0.05)

    scores = {f"T{t:02}": list(row) for t, row in enumerate(means[0][:, None])}
    zero = {target: [0.0] for target in scores}
    found = paired([*runs("new", scores), *runs("old", zero)], "new", "old").smallest_effect
    assert found == pytest.approx((2.0227 + 1.3036) * standard_errors[0], rel=1e-3)
    assert paired([], "new", "old").smallest_effect is None


def test_five_targets_tell_no_effect_from_nothing() -> None:
    results = [
        *runs("new", {t: [0.6] for t in "ABCDEF"}),
        *runs("old", {t: [0.5] for t in "ABCDEF"}),
    ]
    six = paired(results, "new", "old")
    assert six.sign == 1 and six.smallest_effect == pytest.approx(0, abs=1e-9)
    five = paired([r for r in results if r["target"] != "F"], "new", "old")
    assert five.sign == 0 and five.smallest_effect is None
    assert Spread(targets=0.01, seeds=0.0).targets_needed(1.0, seeds=1) == FEWEST == 6
    assert Spread(targets=0.0, seeds=0.0).targets_needed(0.1, seeds=1) == FEWEST


def test_the_target_that_moves_the_mean_most_is_named() -> None:
    zero = {target: [0.0] for target in "ABC"}
    found = paired([*runs("new", {"A": [0.1], "B": [-0.5], "C": [0.3]}), *runs("old", zero)],
                   "new", "old")  # fmt: skip
    assert found.most == ("B", pytest.approx(0.2))
    assert paired([], "new", "old").most is None


def test_few_targets_with_seeds_do_not_say_what_is_chance() -> None:
    scores = {"A": [0.1, 0.2], "B": [0.3, 0.1], "C": [0.2], "D": [0.0]}
    new, old = runs("new", scores), runs("old", {t: [0.0] * len(s) for t, s in scores.items()})
    assert paired([*new, *old], "new", "old").spread is not None
    fewer = [r for r in [*new, *old] if (r["target"], r["seed"]) != ("B", 1)]
    assert paired(fewer, "new", "old").spread is None


def test_ranges_are_over_the_seeds_of_one_tracker_on_one_target() -> None:
    results = [*runs("new", {"A": [0.6, 0.8, 0.7], "B": [0.5]}), *runs("old", {"A": [0.1, 0.15]})]
    np.testing.assert_allclose(seed_ranges(results), [0.2, 0.05])
    assert seed_ranges([]).shape == (0,)


@pytest.mark.slow
def test_few_targets_make_an_interval_too_narrow() -> None:
    # The bootstrap divides by n instead of n - 1 and takes the mean as normal. Such an interval
    # holds the truth if Student's |t| < 1.96 sqrt((n - 1) / n).
    assert coverage(5) == pytest.approx(0.846, abs=0.05)
    assert coverage(18) == pytest.approx(0.926, abs=0.04)
    assert coverage(5, student=True) == pytest.approx(0.95, abs=0.04)


def test_one_target_far_off_breaks_the_promise_of_the_interval() -> None:
    """In (17/18)^18 of studies it is not drawn, and their intervals lack the mean."""
    far = np.array([*[-0.01, 0.01] * 8, 0.0, 1.0])
    assert coverage(18, far, studies=100) < 0.75
    assert coverage(18, far, student=True, studies=100) < 0.75


def test_students_interval_is_that_of_a_small_normal_sample() -> None:
    values = [0.0, 0.1, 0.2]
    pairs = Paired({str(value): np.array([value]) for value in values}, None, None)
    assert pairs.student is not None
    half = 4.302653 * 0.1 / np.sqrt(3)  # the 97.5% quantile of t with two degrees of freedom
    assert pairs.student == pytest.approx((0.1 - half, 0.1 + half))
    assert Paired({"0": np.zeros(2), "1": np.ones(2)}, None, None).student is None
