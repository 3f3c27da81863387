"""The numbers in README's table are those of the kept runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rltrack import preset
from rltrack.benchmarks.published import SCORED, published
from rltrack.benchmarks.report import curves
from rltrack.benchmarks.selection import gathered

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
    trackers = {name: preset(name) for name in PRESETS}
    runs = gathered(trackers, SCORED, backbone="lite0", kept=KEPT)
    ours = curves(runs, SCORED)["trackers"]
    expected = {}
    for tracker in [*ours, *published(KEPT)]:
        means = tracker["means"]
        assert means["targets"] == 18
        scores = [f"{means[key]:.3f}".lstrip("0") for key in ("os", "dp20")]
        count = str(means.get("runs", means["targets"]))
        expected[tracker["name"]] = [*scores, count]
    found = rows()
    assert {name: cells[:3] for name, cells in found.items()} == expected
    ranked = [float(cells[0]) for cells in found.values()]
    assert ranked == sorted(ranked, reverse=True)


@pytest.mark.parametrize("name", PRESETS)
def test_our_rows_have_a_speed(name: str) -> None:
    assert float(rows()[name][3]) > 0
