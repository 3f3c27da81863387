"""Plots hold the numbers they are given; those of precision and success: `test_benchmark`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_checks import legible

from rltrack import preset
from rltrack.benchmarks.report import curves, report
from rltrack.evaluation.intervals import Difference
from rltrack.plots.benchmarks import over_weights, precision_and_success
from rltrack.plots.paired_differences import differences


def result(target: str, seed: int, weight: float, overlaps: list[float]) -> dict[str, Any]:
    """A run of which each overlap above a threshold is known."""
    success = [float(np.mean([o > k / 20 for o in overlaps])) for k in range(21)]
    return {
        "target": target,
        "seed": seed,
        "tracker": f"lambda {weight:g}",
        "config": asdict(preset("paper", attention_weight=weight)),
        "backbone": "embedded",
        "commit": "abc",
        "device": "cpu",
        "dp20": 0.5 + 0.1 * seed,
        "os": float(np.mean(success)),
        "os50": success[10],
        "cle": 4.0,
        "success": success,
        "precision": [0.01 * k for k in range(51)],
        "boxes": [[0, 0, 1, 1]] * 2,
        "seconds": 3.0,
        "first_fit_s": 2.0,
    }


RESULTS = [
    result(target, seed, weight, [0.3, 0.52 + 0.1 * seed, 0.9 if weight else 0.7])
    for target in ("Deer", "Skiing")
    for seed in (0, 1)
    for weight in (0, 5)
]


def texts(figure: Any) -> str:
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    return " ".join(" ".join(found).split())


def test_curves_are_means_over_runs_and_keep_their_area(tmp_path: Path) -> None:
    extra = result("Couple", 0, 5, [0.1, 0.1, 0.1])
    all_of = "Deer", "Skiing", "Couple"
    found = curves([*RESULTS, extra], all_of, "three")
    assert found["trackers"][1]["means"]["targets"] == 3
    assert found["trackers"][1]["means"]["runs"] == 5
    of_two = curves(RESULTS, all_of, "three")["trackers"][1]["means"]["os"]
    of_three = found["trackers"][1]["means"]["os"]
    assert of_three == pytest.approx((2 * of_two + extra["os"]) / 3)  # each target counts once

    found = curves([*RESULTS, {**extra, "target": "Girl"}], all_of, "three")
    plain, attentive = found["trackers"]
    assert (plain["name"], attentive["name"]) == ("lambda 0", "lambda 5")
    assert plain["means"]["targets"] == 2
    assert plain["means"]["success"][12] == pytest.approx((1 + 2) / 2 / 3)  # of 0.52, 0.62, 0.7
    for tracker in found["trackers"]:
        assert np.mean(tracker["means"]["success"]) == pytest.approx(tracker["means"]["os"])
    assert attentive["means"]["os"] > plain["means"]["os"]
    figure = precision_and_success(found, paper="otb2013")
    legible(figure)
    legend = figure.axes[1].get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[0] == f"lambda 5 [{attentive['means']['os']:.3f}] (2 of 3)"
    assert "The paper's own values on otb2013, not computed here: Ours 0.944" in texts(figure)
    plain = precision_and_success(found)
    legible(plain)
    assert "paper" not in texts(plain)
    figure.savefig(tmp_path / "plot.svg")
    assert not precision_and_success(curves([], all_of, "three")).axes[0].lines[:-1]  # but 20 px


def test_a_long_list_of_targets_fits_and_a_tracker_without_curves_is_left_out() -> None:
    made = curves(RESULTS, ["Deer", "Skiing"], ",".join(["MotorRolling"] * 9))
    none = {"name": "none", "means": {"targets": 1, **dict.fromkeys(made["trackers"][0]["means"])}}
    none["means"]["targets"] = 1
    figure = precision_and_success({**made, "trackers": [*made["trackers"], none]})
    legible(figure)
    assert figure.axes[0].get_title() == "Precision, 2 targets"
    assert "none [" not in texts(figure)


def test_what_stands_below_the_curves_is_shown_with_them() -> None:
    figure = precision_and_success(curves(RESULTS, ["Deer", "Skiing"], "two"), paper="otb2013")
    legible(figure)  # nothing of it reaches beyond the figure
    for axes in figure.axes[:2]:
        legend = axes.get_legend()
        assert legend is not None
        (note,) = axes.texts
        assert note.get_window_extent().y1 < legend.get_window_extent().y0
        assert legend.get_window_extent().y1 < axes.get_window_extent().y0


def test_some_are_shown_however_they_rank() -> None:
    made = curves(RESULTS, ["Deer", "Skiing"], "two")
    better = {**made["trackers"][1]["means"], "os": 0.9, "dp20": 0.95}
    others = [{"name": f"other {k}", "means": better} for k in range(3)]
    both = {**made, "trackers": [*made["trackers"], *others]}
    for axes in precision_and_success(both, top=2, always=["lambda 0"]).axes[:2]:
        legend = axes.get_legend()
        assert legend is not None
        names = [text.get_text().partition(" [")[0] for text in legend.get_texts()]
        assert names == ["other 0", "other 1", "lambda 0"]


def test_scores_over_lambda_show_the_papers_and_ours(tmp_path: Path) -> None:
    rows = {float(row.name.split()[-1]): row for row in report(RESULTS).rows}
    figure = over_weights(rows, "ours, two targets")
    legible(figure)
    published = figure.axes[0].lines[0]
    ours, _, (bars,) = figure.axes[0].containers[0].lines  # type: ignore[attr-defined]
    assert list(np.asarray(published.get_ydata())[[0, 5]]) == [0.911, 0.944]
    assert list(np.asarray(ours.get_xdata())) == [0, 5]
    np.testing.assert_allclose(np.asarray(ours.get_ydata(), float), 0.55)
    reach = np.ptp(bars.get_segments()[0][:, 1])
    # Each of the two targets has a deviation of 0.1 / sqrt(2), and their mean one of 0.05.
    assert reach == pytest.approx(2 * 0.05)
    figure.savefig(tmp_path / "plot.svg")
    assert len(over_weights({}, "none").axes[0].lines) == 1


def test_differences_show_dots_mean_and_interval(tmp_path: Path) -> None:
    rows = {
        "Deer": (np.array([0.1, 0.3]), None),
        "all": (np.array([0.2, -0.1]), Difference(0.05, -0.1, 0.2)),
    }
    figure = differences(rows, title="lambda 5 minus lambda 0", published=0.033)
    legible(figure)
    axes = figure.axes[0]
    drawn = [list(np.asarray(line.get_xdata(), float)) for line in axes.lines]
    assert drawn == [[0, 0], [0.033, 0.033], [0.1, 0.3], [0.2], [0.2, -0.1], [-0.1, 0.2], [0.05]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Deer", "all"]
    figure.savefig(tmp_path / "plot.svg")
    right = axes.child_axes[0].get_yticklabels()
    assert [label.get_text() for label in right] == ["+0.200", "+0.050\n−0.10 to +0.20"]
