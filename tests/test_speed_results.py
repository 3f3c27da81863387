"""Chapter 8's lines about kept measurements and runs have the numbers that these have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rltrack.chapters.speed_results import bench_lines, earlier_scores, repeated, scored_against


def runs(tracker: str, *scores: float) -> list[dict[str, Any]]:
    targets = ("Deer", "Girl", "Dog")
    return [
        {"tracker": tracker, "target": target, "seed": 1, "os": os}
        for target, os in zip(targets, scores, strict=True)
    ]


def test_both_ratios_are_to_the_plain_program() -> None:
    report = {
        "baseline": {"composed": {"without_fixed_gradients_ms": 800.0}},
        "trackers": {
            "realtime": {"fps": 20.0, "times_faster": 221.3, "frame_ms": 50.0, "lost_ms": 80.0},
            "paper": {"fps": 2.0, "times_faster": 2.0, "frame_ms": 500.0, "lost_ms": 5000.0},
        },
    }
    assert bench_lines(report).splitlines() == [
        "paper: 2 FPS, 0.2 while lost; 2 times the baseline (1.6)",
        "realtime: 20 FPS, 12 while lost; 220 times the baseline (16)",
    ]


def test_scores_whose_boxes_were_not_kept_are_runs(tmp_path: Path) -> None:
    kept = {"runs": {"float32": {"Deer 2": {"os": 0.5, "dp20": 1.0}}}}
    (tmp_path / "speed_accuracy.json").write_text(json.dumps(kept))
    (run,) = earlier_scores(tmp_path, "float32")
    assert run == {"tracker": "float32", "target": "Deer", "seed": 2, "os": 0.5, "dp20": 1.0}


def test_two_trackers_are_compared() -> None:
    all_runs = [*runs("slow", 0.5, 0.6, 0.7), *runs("fast", 0.4, 0.5, 0.6)]
    assert scored_against(all_runs, "fast", "slow").startswith(
        "`fast` has a mean OS of 0.500 over 3 runs, `slow` has a mean OS of 0.600 over 3 runs. "
        "The difference: -0.100"
    )


def test_runs_that_were_done_twice_are_compared_in_pairs() -> None:
    before = [*runs("fast", 0.5, 0.6, 0.7), {**runs("fast", 0, 0, 0)[0], "seed": 2}]
    said = repeated("fast", runs("fast", 0.50001, 0.2, 0.6), before)
    assert said == (
        "`fast`: the mean OS of 3 runs was 0.600 the first time and 0.433 the second time. 2 of "
        "them changed, by 0.250 in the median. The largest change is -0.400, in Girl with seed 1; "
        "without this run, the mean changed by -0.050."
    )
