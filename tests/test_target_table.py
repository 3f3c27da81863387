"""The table of trackers target by target: means over seeds, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rltrack.benchmarks.published import PUBLISHED, published
from rltrack.benchmarks.target_table import by_target, mean_of, target_table


def run(tracker: str, target: str, os: float) -> dict[str, Any]:
    return {"tracker": tracker, "target": target, "os": os, "dp20": os + 0.1}


RUNS = [run("ours", "Deer", 0.5), run("ours", "Deer", 0.7), run("ours", "girl", 0.2)]
OTHERS = [
    {"name": "MDNet", "scores": {"Deer": {"os": 0.9, "dp20": 1.0}}},
    {"name": "whole", "scores": {t: {"os": 0.4, "dp20": 0.5} for t in ("Deer", "girl")}},
]
SCORES = by_target(RUNS, OTHERS)


def test_each_target_counts_with_the_mean_of_its_runs() -> None:
    assert mean_of(SCORES, "ours", ["Deer", "girl"]) == pytest.approx((0.6 + 0.2) / 2)
    assert mean_of(SCORES, "ours", ["girl"], "dp20") == pytest.approx(0.3)


def test_the_table_has_every_target_and_says_what_is_missing() -> None:
    lines = target_table(SCORES, ["ours", "MDNet", "whole"]).splitlines()
    assert [line.strip("| ").split(" | ") for line in (lines[0], *lines[2:])] == [
        ["target", "ours", "MDNet", "whole"],
        ["Deer", "0.60 ±\N{NO-BREAK SPACE}0.14", "0.90", "0.40"],
        ["girl", "0.20", "–", "0.40"],
        ["mean", "0.400", "–", "0.400"],
    ]


def test_published_trackers_are_called_as_in_papers(tmp_path: Path) -> None:
    assert published(tmp_path) == []
    report = {"trackers": [{"name": "MDnet", "scores": {}}, {"name": "SRDCF", "scores": {}}]}
    (tmp_path / PUBLISHED).write_text(json.dumps(report))
    assert [each["name"] for each in published(tmp_path)] == ["MDNet", "SRDCF"]
