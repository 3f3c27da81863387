"""The numbers in README's table are those of the kept runs."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from rltrack import preset
from rltrack.benchmarks.published import SCORED, published
from rltrack.benchmarks.report import curves, report
from rltrack.benchmarks.selection import gathered
from rltrack.chapters.what_matters import trackers
from rltrack.evaluation.paper_values import ATTENTION
from rltrack.evaluation.statistics import counted, paired

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "book" / "results"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PRESETS = ("paper", "realtime")


def rows() -> dict[str, list[str]]:
    """The cells behind the name of each tracker in the table of trackers."""
    (text,) = re.findall(r"(?m)^\| tracker \|.*\n((?:\|.*\n)+)", README)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[1:]]
    return {name.replace("rltrack, preset ", "").strip("`"): cells for name, *cells in lines}


def test_each_row_is_computed_from_kept_runs() -> None:
    presets = {name: preset(name) for name in PRESETS}
    runs = gathered(presets, SCORED, backbone="lite0", kept=KEPT)
    ours = curves(runs, SCORED)["trackers"]
    spreads = {
        name: report([run for run in runs if run["tracker"] == name]).rows[0].spread["os"]
        for name in PRESETS
    }
    expected = {}
    for tracker in [*ours, *published(KEPT)]:
        means = tracker["means"]
        assert means["targets"] == 18
        values = means["os"], spreads.get(tracker["name"], math.nan), means["dp20"]
        scores = [f"{value:.3f}".lstrip("0").replace("nan", "") for value in values]
        count = str(means.get("runs", means["targets"]))
        expected[tracker["name"]] = [*scores, count]
    found = rows()
    assert {name: cells[:4] for name, cells in found.items()} == expected
    ranked = [float(cells[0]) for cells in found.values()]
    assert ranked == sorted(ranked, reverse=True)


@pytest.mark.parametrize("name", PRESETS)
def test_our_rows_have_a_speed(name: str) -> None:
    assert float(rows()[name][4]) > 0


def test_the_answer_is_computed_from_kept_runs() -> None:
    asked = trackers([0, 5], precision="float32", rivals=False, ablations=False)
    runs = gathered(asked, SCORED, backbone="lite0", kept=KEPT)
    pairs = paired(runs, "lambda 5", "lambda 0")
    assert pairs.difference is not None
    mean, low, high, _ = pairs.difference
    verdict = {
        1: "our runs show that it helps",
        0: "our runs do not show that it helps, or that it harms",
        -1: "our runs show that it harms",
    }[pairs.sign]
    gain = ATTENTION["attentive classifier"].os - ATTENTION["baseline"].os
    text = " ".join(README.split())
    assert verdict in text
    assert f"{counted(len(pairs.targets), 'target')} and {counted(pairs.runs, 'pair')} of" in text
    assert f"OS by {mean:+.3f} (95% interval {low:+.3f} to {high:+.3f})" in text
    assert f"the paper reports {gain:+.3f}" in text
