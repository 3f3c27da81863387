"""Chapter 7's tables: whose numbers, of how many targets and runs, and what is not there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from figure_checks import legible

from rltrack.chapters.backbone import ranked_table
from rltrack.chapters.benchmarks import (
    comparison_table,
    drift_sheet,
    drifting,
    paper_table,
    raw_results,
    run_lines,
    vot_table,
)
from rltrack.errors import InputError

BOXES = [[1.0 + i, 1, 20, 10] for i in range(4)]


def cells(table: str) -> list[list[str]]:
    """A Markdown table's rows, without its head."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two of quick5's targets, and two trackers' results on them and on others."""
    for name in ("Deer", "Skiing"):
        folder = tmp_path / "otb" / name
        folder.mkdir(parents=True)
        frames = 71 if name == "Deer" else 81  # as the benchmark has
        rows = [[1.0 + i, 1, 20, 10] for i in range(frames)]
        (folder / "groundtruth_rect.txt").write_text(
            "\n".join(",".join(map(str, row)) for row in rows)
        )
    whole = {
        name: [[1.0 + i, 1, 20, 10] for i in range(frames)]
        for name, frames in (("Deer", 71), ("Skiing", 81), ("Girl", 500))
    }
    place = tmp_path / "results" / "otb100"
    place.mkdir(parents=True)
    for tracker, boxes in (("Perfect", whole), ("Short", {**whole, "Skiing": BOXES})):
        (place / f"{tracker}.json.gz").write_bytes(gzip.compress(json.dumps(boxes).encode()))
    return tmp_path


def test_raw_results_are_scored_on_what_is_there(data: Path) -> None:
    found = raw_results("quick5", data)
    assert [tracker["name"] for tracker in found.trackers] == ["Perfect", "Short"]
    means = [tracker["means"] for tracker in found.trackers]
    assert [m["targets"] for m in means] == [2, 1]
    assert means[0]["os"] == pytest.approx(20 / 21, abs=1e-6)
    assert found.notes == [
        "3 of 5 targets are not in the data folder: Couple, Crossing, MotorRolling",
        "Short: left out, missing or of another length: Skiing",
    ]


def test_long_lists_are_short(data: Path) -> None:
    note = raw_results("otb2013", data).notes[0]
    assert note.startswith("49 of 51 targets are not in the data folder: ")
    assert note.endswith(" and 46 more") and note.count(",") == 2


def test_without_results_or_data_that_is_said(data: Path, tmp_path: Path) -> None:
    assert raw_results("quick5", None).notes == [
        "no published raw results here: the parameter data says where they are"
    ]
    for file in (data / "results" / "otb100").iterdir():
        file.unlink()
    assert raw_results("quick5", data) == (
        [],
        ["no published raw results in the data folder's results/otb100"],
    )
    with pytest.raises(InputError, match="no target is called"):
        raw_results("quick6", None)


def test_without_a_target_nothing_is_scored(data: Path) -> None:
    found = raw_results("Girl,Car4", data)
    assert found == ([], ["2 of 2 targets are not in the data folder: Girl, Car4"])


def test_rows_say_whose_they_are_and_of_how_many(data: Path) -> None:
    means = {"targets": 4, "runs": 9, "dp20": 0.5, "os": 0.25, "os50": 0.125, "cle": None}
    ours = {"targets": list("abcde"), "trackers": [{"name": "ours, lambda 5", "means": means}]}
    rows = cells(comparison_table(ours, raw_results("quick5", data).trackers))
    assert rows[0] == ["Ours", "the paper, OTB-2013", "51", "–", "0.944", "0.704", "0.913", "7.85"]
    assert [row[0] for row in rows[:4]] == ["Ours", "MDNet"] * 2
    assert rows[2][1:3] == ["the paper, OTB-2015", "100"]
    assert rows[4][:4] == ["Perfect", "raw results", "2 of 5", "2"]
    assert rows[-1] == [
        "ours, lambda 5", "our runs", "4 of 5", "9", "0.500", "0.250", "0.125", "–"
    ]  # fmt: skip


def test_both_tables_of_the_paper_are_there() -> None:
    first, second = (cells(paper_table(of)) for of in ("otb2013", "otb2015"))
    assert first[0] == ["Ours", "0.944", "0.704", "0.913", "7.85"]
    assert second[0] == ["Ours", "0.895", "0.668", "0.848", "12.42"]
    assert ["ACFN", "–", "0.569", "0.686", "25.14"] in second


def test_trackers_are_ranked_by_target() -> None:
    def run(tracker: str, target: str, score: float) -> dict[str, object]:
        return {"tracker": tracker, "target": target, "os": score}

    ranked, made = ranked_table(
        [
            *(run("a", "Deer", score) for score in (0.1, 0.3)),
            run("a", "Skiing", 0.4),
            run("b", "Deer", 0.5),
            run("b", "Skiing", 0.7),
            run("c", "Deer", 0.9),  # not on every target
        ],
        "backbone",
    )
    assert ranked == ["b", "a"]
    assert made.splitlines() == [
        "| backbone | Deer | Skiing | mean | runs |",
        "|---|---|---|---|---|",
        "| b | 0.500 | 0.700 | 0.600 | 2 |",
        "| a | 0.200 | 0.400 | 0.300 | 3 |",
    ]


def test_the_example_drifts_to_the_right_and_grows() -> None:
    truth = np.array([[10.0, 20, 40, 20], [12, 20, 40, 20], [14, 20, 50, 20]])
    boxes = drifting(truth, pixels=3, growth=1.1)
    np.testing.assert_allclose(boxes[0], truth[0])
    np.testing.assert_allclose(boxes[:, 2:], truth[:, 2:] * [[1], [1.1], [1.21]])
    away = boxes[:, :2] + boxes[:, 2:] / 2 - truth[:, :2] - truth[:, 2:] / 2
    np.testing.assert_allclose(away, [[0, 0], [3, 0], [6, 0]], atol=1e-12)
    figure = drift_sheet([np.zeros((60, 80, 3), np.uint8)] * 3, truth, boxes)
    legible(figure)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["IoU 1.00, 0 px apart", "IoU 0.79, 3 px apart", "IoU 0.67, 6 px apart"]
    true, drifted = figure.axes[2].patches
    assert true.get_bbox().bounds == tuple(truth[2])
    assert drifted.get_bbox().bounds == pytest.approx(tuple(boxes[2]))


def test_our_runs_and_those_that_are_missing_are_listed() -> None:
    means = {"targets": 2, "runs": 1, "dp20": 0.5, "os": 0.25}
    ours = {"targets": ["Deer", "Girl", "Dog"], "trackers": [{"name": "a", "means": means}]}
    assert run_lines(ours, ["b", "a"]) == [
        "a: 2 of 3 targets, 1 run, DP 0.500, OS 0.250",
        "not run: b",
    ]
    assert len(run_lines(ours, ["a"])) == 1


def test_vot_is_ranked_by_eao() -> None:
    rows = cells(vot_table())
    eao = [float(row[1]) for row in rows]
    assert len(rows) == 7 and eao == sorted(eao, reverse=True)
    assert ["Ours", "0.320", "1.47", "2.10"] in rows
