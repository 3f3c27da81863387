"""Results chosen by configuration, and what of unfinished ones can be compared."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from made_runs import made_run

from rltrack import preset
from rltrack.benchmarks.ablations import ABLATIONS
from rltrack.benchmarks.report import common
from rltrack.benchmarks.selection import named, over_backbones, stored
from rltrack.errors import InputError
from rltrack.evaluation.run_files import keep
from rltrack.tracking.config import TrackerConfig

PAPER = preset("paper")
PLAIN = preset("paper", attention_weight=0)


def result(
    target: str, seed: int, config: TrackerConfig = PAPER, backbone: str = "analytic"
) -> dict[str, Any]:
    return made_run(target, seed, config, backbone="a path's name", weights=backbone)


def pairs(results: Any) -> set[tuple[str, str, int]]:
    return {(r["tracker"], r["target"], r["seed"]) for r in results}


def test_trackers_are_told_by_their_values(tmp_path: Path) -> None:
    results = [
        result("Deer", 0),
        result("Deer", 1, replace(PAPER, preset="mine", attention_weight=5)),  # the same values
        result("Deer", 0, PLAIN),
        result("Deer", 0, replace(PAPER, positive_iou=(0.7, 1.0))),
        result("Deer", 2, backbone="vggm"),
        result("Girl", 0),
    ]
    keep(results, tmp_path / "all.json.gz")  # where a pair becomes a list
    trackers = {"attentive": PAPER, "plain": PLAIN, "lambda 3": replace(PAPER, attention_weight=3)}
    found = named(stored(tmp_path), trackers, backbone="analytic", targets=["Deer", "Crossing"])
    assert pairs(found) == {
        ("attentive", "Deer", 0),
        ("attentive", "Deer", 1),
        ("plain", "Deer", 0),
    }
    narrow = {"narrow": replace(PAPER, positive_iou=(0.7, 1.0))}
    assert len(named(stored(tmp_path), narrow, backbone="analytic", targets=["Deer"])) == 1


def test_a_field_that_a_result_does_not_have_is_the_default() -> None:
    old = result("Deer", 0)
    del old["config"]["precision"]
    assert named([old], {"x": PAPER}, backbone="analytic", targets=["Deer"])
    other = {"x": replace(PAPER, precision="bfloat16")}
    assert not named([old], other, backbone="analytic", targets=["Deer"])


def test_older_results_do_not_say_what_weights_they_had() -> None:
    old = {**result("Deer", 0), "backbone": "embedded"}
    del old["weights"]
    assert named([old], {"x": PAPER}, backbone="analytic", targets=["Deer"])
    assert not named([old], {"x": PAPER}, backbone="random", targets=["Deer"])


def test_backbones_have_the_names_of_their_weights_or_files(tmp_path: Path) -> None:
    results = [
        result("Deer", 0),
        {**result("Deer", 0, backbone="0123456789ab"), "backbone": "mine/half.safetensors"},
        {**result("Deer", 0, backbone="random"), "backbone": "embedded"},
        result("Deer", 1, PLAIN),
        result("Girl", 0),
    ]
    keep(results, tmp_path / "all.json.gz")
    found = over_backbones(PAPER, "quick5", [], kept=str(tmp_path))
    assert pairs(found) == {(name, "Deer", 0) for name in ("analytic", "half", "random")}


def test_a_run_that_several_files_hold_counts_once(tmp_path: Path) -> None:
    keep([result("Deer", 0), result("Deer", 1)], tmp_path / "a.json.gz")
    keep([result("Deer", 1), result("Deer", 2)], tmp_path / "b.json.gz")
    assert sorted(r["seed"] for r in stored(tmp_path)) == [0, 1, 2]
    with pytest.raises(InputError, match="there is no such folder"):
        stored(tmp_path / "nowhere")


def test_what_can_be_compared_are_most_targets_then_all_their_seeds() -> None:
    def runs(tracker: str, have: dict[int, str]) -> list[dict[str, Any]]:
        return [
            {"tracker": tracker, "target": target, "seed": seed}
            for seed, targets in have.items()
            for target in targets
        ]

    results = [
        *runs("old", {0: "ABCD", 1: "ABCD", 2: "AB", 3: "ABCDE"}),
        *runs("new", {0: "ABC", 1: "ABCD", 2: "ABCD", 3: "ABCD"}),
    ]
    found = common(results)
    assert {r["seed"] for r in found} == {1, 3}  # with which both have A, B, C and D
    assert {r["target"] for r in found} == set("ABCD")
    found = common(runs("old", {0: "AB", 1: "AC", 2: "AC"}))
    assert {(r["target"], r["seed"]) for r in found} == {(t, s) for t in "AC" for s in (1, 2)}
    assert common(runs("old", {0: "A"}) + runs("new", {1: "A"})) == []
    assert common([]) == []


@pytest.mark.parametrize("row", ABLATIONS, ids=lambda row: row.point)
def test_an_ablation_is_a_valid_change_of_the_paper(row: Any) -> None:
    changed = preset("paper", **row.changes)
    assert changed != PAPER
    assert {key for key, value in asdict(changed).items() if value != asdict(PAPER)[key]} == set(
        row.changes
    )
