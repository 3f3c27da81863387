"""The numbers in README, and those of speed in the page on use, are computed from kept files."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from rltrack import preset
from rltrack.benchmarks.published import SCORED, published
from rltrack.benchmarks.report import curves, report
from rltrack.benchmarks.selection import gathered
from rltrack.benchmarks.target_table import by_target, mean_of
from rltrack.chapters.lite0_study import LOST, TARGETS
from rltrack.chapters.what_matters import trackers, with_any_weight
from rltrack.data.otb import targets
from rltrack.errors import counted
from rltrack.evaluation.paper_values import ATTENTION
from rltrack.evaluation.statistics import paired

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "book" / "results"
README = (ROOT / "README.md").read_text(encoding="utf-8")
USING = (ROOT / "book" / "using.md").read_text(encoding="utf-8")
PRESETS = ("paper", "realtime")
BENCH = json.loads((KEPT / "bench_lite0.json").read_text())


MEASURED = {**BENCH["trackers"], **BENCH["peers"]}


def words(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def three(value: float) -> str:
    """Three digits without the zero before the point, nothing for NaN."""
    return f"{value:.3f}".lstrip("0").replace("nan", "")


def two(value: float) -> str:
    """Two significant digits."""
    return f"{float(f'{value:.2g}'):g}"


def rows() -> dict[str, list[str]]:
    """The cells behind the name of each tracker in the table of trackers."""
    (text,) = re.findall(r"(?m)^\| tracker \|.*\n((?:\|.*\n)+)", README)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[1:]]
    return {name.replace("rltrack, preset ", "").strip("`"): cells for name, *cells in lines}


def test_each_row_is_computed_from_kept_runs() -> None:
    presets = {name: preset(name) for name in PRESETS}
    runs = gathered(presets, SCORED, backbone="lite0", kept=KEPT)
    ours = curves(runs, [target.name for target in targets(SCORED)])["trackers"]
    spreads = {
        name: report([run for run in runs if run["tracker"] == name]).rows[0].spread["os"]
        for name in PRESETS
    }
    expected = {}
    for tracker in [*ours, *published(KEPT)]:
        means = tracker["means"]
        assert means["targets"] == 18
        values = means["os"], spreads.get(tracker["name"], math.nan), means["dp20"]
        scores = [three(value) for value in values]
        count = str(means.get("runs", means["targets"]))
        expected[tracker["name"]] = [*scores, count]
    found = rows()
    assert {name: cells[:4] for name, cells in found.items()} == expected
    ranked = [float(cells[0]) for cells in found.values()]
    assert ranked == sorted(ranked, reverse=True)


def test_the_fairer_half_is_that_on_which_nothing_was_chosen() -> None:
    rest = [target.name for target in targets(SCORED) if target.name not in TARGETS]
    runs = gathered({n: preset(n) for n in PRESETS}, SCORED, backbone="lite0", kept=KEPT)
    scores = by_target(runs, published(KEPT))
    os = {n: three(mean_of(scores, n, rest)) for n in scores}
    assert len(rest) == len(TARGETS) == 9
    assert (
        f"OS is {os['paper']} for `paper`, {os['realtime']} for `realtime`, {os['MDNet']} for "
        f"MDNet and {os['SRDCF']} for SRDCF."
    ) in words(README)


def test_speeds_are_those_of_the_kept_measurement() -> None:
    speeds = {name: two(one["fps"]) for name, one in MEASURED.items()}
    found = rows()
    assert found["paper"][4] == speeds["paper, lambda 5"]
    assert found["realtime"][4] == speeds["realtime"]
    assert f"CSRT reached {speeds['csrt']} FPS." in words(README)
    lost = two(1000 / MEASURED["realtime"]["lost_ms"])
    assert f"while it is lost, `realtime` makes {lost} frames a second" in words(README)


def test_the_scores_of_opencvs_trackers_are_those_of_the_kept_file() -> None:
    report = json.loads((KEPT / "opencv_quick5.json").read_text())
    scores = {tracker["name"]: tracker["means"]["os"] for tracker in report["trackers"]}
    runs = gathered({"ours": preset("realtime")}, "quick5", backbone="lite0", kept=KEPT)
    (ours,) = curves(runs, [target.name for target in targets("quick5")])["trackers"]
    csrt, realtime = three(scores["csrt"]), three(ours["means"]["os"])
    assert f"CSRT has an OS of {csrt}, and `realtime` of {realtime}." in words(README)
    (each,) = (tracker["scores"] for tracker in report["trackers"] if tracker["name"] == "csrt")
    assert sum(one["os"] < LOST for one in each.values()) == 2 and "CSRT loses two" in words(README)


def test_the_page_on_use_has_the_times_of_the_kept_measurement() -> None:
    text = words(USING)
    lambdas = {f"`paper`, {{math}}`\\lambda = {n}`": f"paper, lambda {n}" for n in (5, 0)}
    for label, name in {**lambdas, "`realtime`": "realtime", "OpenCV's CSRT": "csrt"}.items():
        one = MEASURED[name]
        cells = [f"{two(one[key] / 1000)} s" for key in ("frame_ms", "slowest_ms")]
        if name != "csrt":
            cells += [f"{two(one['lost_ms'] / 1000)} s", f"{two(one['first_frame_s'])} s"]
            cells.append(f"{two(one['peak_mib'] / 1024)} GiB")
        assert f"| {label} | {' | '.join(cells)} |" in text
    slow, fast = MEASURED["paper, lambda 5"], MEASURED["realtime"]
    factors = [two(one["times_faster"]) for one in (slow, fast)]
    assert "`paper` is {} times, and `realtime` {} times, faster".format(*factors) in text
    less = BENCH["baseline"]["composed"]["without_fixed_gradients_ms"]
    factors = [two(less / one["frame_ms"]) for one in (slow, fast)]
    assert "the factors are {} and {}.".format(*factors) in text
    limits = [two(1 / one["fraction_of_limit"]) for one in (slow, fast)]
    assert f"takes {limits[0]} times as long as the machine's limits" in text
    assert f"and `realtime` {limits[1]} times." in text


def test_the_answer_is_computed_from_kept_runs() -> None:
    asked = trackers([0, 5], precision="float32", rivals=False, ablations=False)
    runs = gathered(asked, SCORED, backbone="lite0", kept=KEPT)
    pairs = paired(runs, "lambda 5", "lambda 0")
    assert pairs.difference is not None
    mean, low, high = pairs.difference
    verdict = {
        1: "our runs show that it helps",
        0: "our runs do not show that it helps, or that it harms",
        -1: "our runs show that it harms",
    }[pairs.sign]
    gain = ATTENTION["attentive classifier"].os - ATTENTION["baseline"].os
    text = words(README)
    assert verdict in text
    assert f"{counted(len(pairs.targets), 'target')} and {counted(pairs.runs, 'pair')} of" in text
    assert pairs.student is not None
    other = "{:+.3f} to {:+.3f}".format(*pairs.student)
    both = f"{low:+.3f} to {high:+.3f} by bootstrap, and {other} by Student's t"
    assert f"OS by {mean:+.3f} (95% interval {both})." in text
    assert f"The paper reports {gain:+.3f}." in text
    assert pairs.most is not None
    name, without = pairs.most
    others = [run for run in runs if run["target"] != name]
    rest = paired(others, "lambda 5", "lambda 0").difference
    assert rest is not None and abs(rest.mean - without) < 1e-12
    assert f"Without {name}, the target that moves this most, it is {rest}." in text


def test_the_change_by_any_lambda_is_computed_from_kept_runs() -> None:
    asked = trackers(range(9), precision="float32", rivals=False, ablations=False)
    runs = gathered(asked, SCORED, backbone="lite0", kept=KEPT)
    together = with_any_weight(runs, range(9))
    assert len(together.targets) == 6
    changes = f"The mean over these changes OS by {together.difference} against lambda 0."
    assert changes in words(README)
