"""The figure of speed and accuracy: whose accuracy it takes, and that all of it can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from figure_checks import legible
from made_runs import made_run

from rltrack import preset
from rltrack.benchmarks.kept_accuracy import Accuracy, KeptAccuracy, kept_accuracy
from rltrack.benchmarks.published import PUBLISHED
from rltrack.errors import InputError
from rltrack.evaluation.run_files import keep
from rltrack.plots.speed_accuracy import speed_accuracy

TRACKERS = {
    "fast": preset("realtime"),
    "slow": preset("paper"),
    "never run": preset("paper", attention_weight=3.0),
}


def keep_runs(folder: Path) -> None:
    def run(name: str, target: str, seed: int, os: float, **more: Any) -> dict[str, Any]:
        return made_run(target, seed, TRACKERS[name], os=os, **{"weights": "lite0", **more})

    runs = [
        *(run("fast", "Deer", seed, os) for seed, os in enumerate((0.5, 0.7))),
        *(run("fast", target, 0, os) for target, os in (("Girl", 0.2), ("Car4", 0.9))),
        *(run("slow", target, 0, os) for target, os in (("Deer", 0.4), ("Girl", 0.8))),
        run("slow", "Girl", 1, 0.0, weights="analytic"),
        run("slow", "Basketball", 0, 0.0),  # which is not in dev18
    ]
    keep(runs, folder / "runs.json.gz")
    whole = {"Deer": {"os": 0.6}, "Girl": {"os": 0.7}, "Car4": {"os": 0.1}}
    trackers = [
        {"name": "siamfc3s", "scores": whole},
        {"name": "in part", "scores": {"Deer": {"os": 0.6}}},
    ]
    (folder / PUBLISHED).write_text(json.dumps({"trackers": trackers}))


def test_only_targets_count_that_all_have_run(tmp_path: Path) -> None:
    keep_runs(tmp_path)
    found = kept_accuracy(TRACKERS, "lite0", tmp_path)
    assert found.targets == ("Deer", "Girl")
    assert found.published == {"SiamFC": pytest.approx(0.65)}
    assert [*found.ours] == ["fast", "slow"]
    fast, slow = found.ours.values()
    assert (fast.os, fast.runs) == (pytest.approx((0.6 + 0.2) / 2), 3)
    assert (slow.os, slow.low, slow.high) == pytest.approx((0.6, 0.4, 0.8))


def test_of_one_target_there_is_no_interval(tmp_path: Path) -> None:
    keep([made_run(config=TRACKERS["slow"], weights="lite0")], tmp_path / "runs.json.gz")
    found = kept_accuracy(TRACKERS, "lite0", tmp_path)
    assert found == KeptAccuracy(("Deer",), {"slow": Accuracy(0.5, 0.5, 0.5, 1)}, {})


def test_without_runs_nothing_can_be_said(tmp_path: Path) -> None:
    keep_runs(tmp_path)
    with pytest.raises(InputError, match=r"no runs of fast and of slow .* the backbone random"):
        kept_accuracy({name: TRACKERS[name] for name in ("fast", "slow")}, "random", tmp_path)


def test_every_tracker_is_named_with_its_speed() -> None:
    def speed(fps: float) -> dict[str, float]:
        return {"fps": fps}

    report = {
        "trackers": {"realtime": speed(20), "paper, $x$": speed(1.5), "tiny": speed(40)},
        "peers": {"csrt": speed(75), "kcf": {"failed": "not installed"}},
        "source": "film",
        "threads": 2,
        "machine": "CPU",
    }
    ours = {"realtime": Accuracy(0.58, 0.5, 0.66, 3), "paper, $x$": Accuracy(0.6, 0.5, 0.7, 3)}
    published = {"one": 0.651, "other": 0.65, "third": 0.2}
    figure = speed_accuracy(report, KeptAccuracy(("Deer", "Girl"), ours, published))
    legible(figure)
    (axes,) = figure.axes
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "paper, \\$x\\$: 1.5 FPS, OS 0.600",
        "realtime: 20 FPS, OS 0.580",
        "tiny: 40 FPS",
        "OpenCV's csrt: 75 FPS",
        "OS of published boxes",
    ]
    marks = [line.get_marker() for line in axes.lines if line.get_marker() not in ("_", "None")]
    assert sorted(map(str, marks)) == ["+", "o", "s", "x"]  # one each, ends of bars left out
    assert "2 targets" in axes.get_ylabel()
    assert axes.get_xlabel() == "frames a second on film,\n2 threads of CPU"
    names = [label.get_text() for label in axes.child_axes[0].get_yticklabels()]
    assert names == ["one 0.651", "other 0.650", "third 0.200"]
    places = axes.child_axes[0].get_yticks()
    assert places[0] + places[1] == pytest.approx(0.651 + 0.65)  # apart, but as near as can be
    assert places[0] - places[1] > 0.02
    assert places[2] == pytest.approx(0.2)
    report["source"], report["machine"] = "a_folder_with_a_name" * 4, "A CPU of many words " * 4
    legible(speed_accuracy(report, KeptAccuracy(("Deer", "Girl"), ours, published)))
    low, high = axes.get_ylim()
    assert all(low < one < high for one in (*published.values(), 0.5, 0.7))
    left, right = axes.get_xlim()
    assert left < 1.5 and right > 75
