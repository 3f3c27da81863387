"""Chapter 6's trackers, and what its lines and tables say about few runs and about none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import made_run

from rltrack import preset
from rltrack.benchmarks.ablations import ABLATIONS
from rltrack.benchmarks.selection import gathered
from rltrack.chapters.book_results import kept_results
from rltrack.chapters.what_matters import (
    ablations_table,
    answer,
    chance,
    power,
    trackers,
    variants_table,
    weights_of,
    weights_table,
    with_any_weight,
)
from rltrack.evaluation.ground_truth import load
from rltrack.evaluation.intervals import Difference
from rltrack.evaluation.metrics import overlap
from rltrack.evaluation.raw_results import read_results
from rltrack.evaluation.statistics import Paired, paired


def run(tracker: str, target: str, seed: int, os: float) -> dict[str, Any]:
    scores = {"os": os, "dp20": os + 0.1, "os50": os, "cle": 4.0}
    weight = float(tracker.split()[-1]) if tracker.startswith("lambda") else 5.0
    config = preset("paper", attention_weight=weight)
    return made_run(target, seed, config, **scores, tracker=tracker)


def rows(table: str) -> dict[str, list[str]]:
    """The cells of a Markdown table's rows, by the first."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    return {first: cells for first, *cells in lines}


def test_the_trackers_differ_in_what_they_are_named_after() -> None:
    found = trackers([0, 5], precision="bfloat16")
    assert [*found][:4] == ["lambda 0", "lambda 5", "attentive features", "released code"]
    assert len(found) == 4 + len(ABLATIONS)
    assert found["lambda 5"].attention_weight == 5
    assert found["attentive features"].variant == "attentive-features"
    assert {config.precision for config in found.values()} == {"bfloat16"}
    assert len(set(map(str, found.values()))) == len(found)
    assert found["released code"].preset == "released-code"
    assert [*trackers([2.5], precision="float32", rivals=False, ablations=False)] == ["lambda 2.5"]


RUNS = [
    run(f"lambda {weight}", target, seed, 0.5 + weight / 100 + seed * 0.1 + (target == "Girl") / 10)
    for weight in (0, 5)
    for target in ("Deer", "Girl", "Dog")
    for seed in (0, 1)
]


def pairs_of(means: list[float], low: float, high: float, p: float) -> Paired:
    mean = float(np.mean(means))
    targets = {name: np.array([value]) for name, value in zip("ABCDEFGH", means, strict=False)}
    return Paired(targets, Difference(mean, low, high), p)


@pytest.mark.parametrize(
    ("low", "high", "p", "head", "held"),
    [
        (-0.01, 0.05, 0.30, "do not show", "holds both 0 (no effect) and the paper's +0.0"),
        (-0.02, 0.02, 0.90, "do not show", "holds 0 (no effect), but not the paper's"),
        (0.01, 0.05, 0.01, "Yes", "holds the paper's +0.033, but not 0"),
        (0.01, 0.02, 0.01, "Yes", "holds neither 0 (no effect) nor the paper's +0.033"),
        (0.01, 0.05, 0.07, "do not show", "holds the paper's +0.033, but not 0"),
        (-0.05, -0.01, 0.01, "No", "holds neither"),
    ],
)
def test_the_answer_follows_the_interval(
    low: float, high: float, p: float, head: str, held: str
) -> None:
    said = answer(pairs_of([0.1, 0.0, -0.01, -0.02], low, high, p), 0.033, planned=4)
    assert head in said.split("**")[1]
    assert held in said
    assert f"The 95% interval, {low:+.3f} to {high:+.3f}, holds " in said
    assert "Over 4 targets and 4 pairs of runs, λ = 5 changes OS by +0.018 (p 0." in said
    assert "1 of the 4 targets have a higher OS with the term, and the median of the " in said
    assert " targets is -0.005. A moves" in said
    assert said.endswith("A moves the mean most: without it, the change is -0.010.")
    unfinished = answer(pairs_of([0.1, 0.0, -0.01, -0.02], low, high, p), 0.033, planned=12)
    assert "4 pairs of runs, of the 12 pairs that are planned, λ = 5 changes" in unfinished


def test_there_is_no_answer_from_two_targets() -> None:
    few = [one for one in RUNS if one["target"] != "Dog"]
    assert answer(paired(few, "lambda 5", "lambda 0"), 0.033, 6).startswith("**Not yet known.** ")
    assert "0 targets" in answer(paired([], "lambda 5", "lambda 0"), 0.033, 6)


def test_the_power_is_that_of_the_spread() -> None:
    rng = np.random.default_rng(0)
    noisy = [{**one, "os": one["os"] + rng.normal() / 10} for one in RUNS]
    pairs = paired(noisy, "lambda 5", "lambda 0")
    heading, first, last = power(pairs, 0.033).splitlines()  # of three targets
    assert pairs.spread
    assert heading == "targets that distinguish +0.033 from 0 about nine times in ten:"
    assert f"  {pairs.spread.targets_needed(0.033, 1)} with 1 seed of each, " in first
    assert last == "fewer than 6 targets cannot distinguish any effect from 0"
    more = [{**one, "target": f"{one['target']}{n}"} for n in range(2) for one in noisy]
    six = paired(more, "lambda 5", "lambda 0")
    assert six.spread
    now, *_, heading, last = power(six, 0.033).splitlines()
    assert now.endswith(f"about nine times in ten: {six.smallest_effect:.3f}")
    assert heading == "smallest effect that 6 targets distinguish from 0 as often:"
    assert f" {six.spread.smallest_effect(6, 10):.3f} with 10 seeds of each" in last
    single = [one for one in RUNS if one["seed"] == 0]
    assert "fewer than half of the targets" in power(paired(single, "lambda 5", "lambda 0"), 0.033)


def test_chance_is_told_from_targets_where_there_are_seeds() -> None:
    pairs = paired(RUNS, "lambda 5", "lambda 0")
    lines = chance(RUNS, pairs).splitlines()
    assert lines[1] == "  median 0.100, at most 0.100, 6 cases"
    assert lines[2] == "differences: from target to target 0.000, from seed to seed 0.000"
    assert lines[3] == "  (3 of the 3 targets have a second seed)"
    assert lines[5].split() == ["1", "3", "10"]
    assert [line.split()[0] for line in lines[6:]] == ["5", "18", "51", "100"]
    single = [one for one in RUNS if one["seed"] == 0]
    assert "fewer than half of the targets" in chance(
        single, paired(single, "lambda 5", "lambda 0")
    )


def test_the_margin_shrinks_with_targets_and_seeds() -> None:
    rng = np.random.default_rng(0)
    noisy = [{**one, "os": one["os"] + rng.normal() / 10} for one in RUNS]
    pairs = paired(noisy, "lambda 5", "lambda 0")
    table = [line.split()[1:] for line in chance(noisy, pairs).splitlines()[6:]]
    margins = np.array(table, float)
    assert pairs.spread and margins[0, 0] == pytest.approx(pairs.spread.margin(5, 1), abs=5e-4)
    assert (np.diff(margins, axis=0) <= 0).all() and (np.diff(margins, axis=1) <= 0).all()


def test_scores_over_lambda_stand_beside_the_papers() -> None:
    found = weights_of(RUNS, [0, 5, 8])
    assert found.label == "ours, 3 targets, 2 seeds"
    table = rows(weights_table(found.rows))
    assert table["5"][:4] == ["0.944", "0.704", f"{0.1 + 0.5 + 0.05 + 0.05 + 0.1 / 3:.3f}", "0.633"]
    assert table["0"][-1] == "" and table["5"][-1].startswith("+0.050")
    assert table["1"][2:] == ["not run", "", "", ""]
    one = weights_of([run for run in RUNS if run["seed"] == 0], [0, 5])
    assert "± over seeds" not in weights_table(one.rows)
    assert len(rows(weights_table(one.rows))["5"]) == len(table["5"]) - 1
    assert weights_of([], [0]) == ({}, "ours: none yet")


def test_all_weights_together_are_paired_with_none() -> None:
    runs = [
        run(f"lambda {weight}", target, seed, os)
        for seed in (0, 1)
        for target, scores in {"Deer": (0.5, 0.6, 0.8), "Girl": (0.4, 0.2, 0.3)}.items()
        for weight, os in enumerate(scores)
    ]
    runs += [run("lambda 0", "Dog", 0, 0.9), run("rival", "Deer", 0, 0.1)]  # not all have these
    found = with_any_weight(runs, [0, 1, 2])
    assert {target: list(values) for target, values in found.targets.items()} == {
        "Deer": pytest.approx([0.2, 0.2]),
        "Girl": pytest.approx([-0.15, -0.15]),
    }


def test_variants_that_were_not_run_are_named() -> None:
    table = variants_table(RUNS)
    assert "our DP (3 targets, 2 seeds)" in table.splitlines()[0]
    cells = rows(table)
    assert cells["attentive features"][2:] == ["not run", ""]
    assert cells["attentive classifier"][3] == "0.633"
    assert "our DP |" in variants_table([]).splitlines()[0]


def test_ablations_say_what_was_not_run() -> None:
    first, *others = (row.point for row in ABLATIONS)
    runs = [*RUNS, *(run(first, target, 0, 0.6) for target in ("Deer", "Girl", "Dog"))]
    changed = {point: paired(runs, point, "lambda 5") for point in (first, *others)}
    cells = rows(ablations_table(changed))
    assert cells[first][-1].startswith("+0.017")
    assert {cells[point][-1] for point in others} == {"not run"}


def boxes_of(target: str) -> dict[str, list[Any]]:
    """The boxes of the kept runs on a target, by tracker."""
    asked = trackers([0, 5], precision="float32", ablations=False)
    asked["realtime"] = preset("realtime")
    boxes: dict[str, list[Any]] = {}
    for one in gathered(asked, target, backbone="lite0", kept=kept_results()):
        boxes.setdefault(one["tracker"], []).append(one["boxes"])
    return boxes


@pytest.mark.data
def test_what_the_chapter_says_of_football_is_in_the_boxes(data_root: Path) -> None:
    football = load("Football", data=data_root)
    truth = football.truth["Football"]
    file = data_root / "results" / "otb100" / "MDnet.json.gz"
    (published,) = read_results([file], football.names, football.truth).values()

    def first_lost(boxes: Any) -> int | None:
        """The first frame without any overlap, from 0 on."""
        return next(iter(np.flatnonzero(overlap(boxes, truth) == 0).tolist()), None)

    ours = boxes_of("Football")
    lost = {tracker: [first_lost(boxes) for boxes in runs] for tracker, runs in ours.items()}
    assert {*lost["lambda 0"], first_lost(published["Football"])} <= {66, 67}
    assert all(np.max(overlap(boxes, truth)[70:]) < 0.5 for boxes in ours["lambda 0"])
    assert {*lost["lambda 5"]} == {None}
    assert sum(frame is None for frame in lost["realtime"]) == 2
    assert len(lost["realtime"]) == 3
    assert lost["attentive features"] == [None]


@pytest.mark.data
def test_what_the_chapter_says_of_dragonbaby_is_in_the_boxes(data_root: Path) -> None:
    truth = load("DragonBaby", data=data_root).truth["DragonBaby"]
    missed = {
        tracker: [int((overlap(boxes, truth) == 0).sum()) for boxes in runs]
        for tracker, runs in boxes_of("DragonBaby").items()
    }
    assert min(missed["lambda 0"] + missed["lambda 5"]) > 0
    assert max(missed["lambda 5"]) > max(missed["lambda 0"])
