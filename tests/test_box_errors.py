"""What boxes lack: by hand, with frames without a box, and over the kept runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rltrack.benchmarks.published import PUBLISHED
from rltrack.chapters.benchmarks import trackers
from rltrack.chapters.book_results import kept_results
from rltrack.chapters.box_errors import FILE, box_errors_table, keep_box_errors
from rltrack.evaluation.box_errors import box_errors

TRUTH = np.array([[10.0, 20, 40, 30]] * 4)


def test_a_shift_is_all_of_the_error_where_the_size_is_right() -> None:
    found = box_errors(TRUTH + [10, 0, 0, 0], TRUTH)
    assert found.true_size == found.os < found.true_center == 20 / 21
    assert found.growth == 0


def test_a_size_is_all_of_the_error_where_the_centre_is_right() -> None:
    larger = np.array([[-10.0, 5, 80, 60]] * 4)  # twice the sides: an overlap of a quarter
    found = box_errors(larger, TRUTH)
    assert found.os == found.true_center == 5 / 21
    assert found.true_size == 20 / 21
    assert found.growth == pytest.approx(np.log(2))


def test_frames_without_a_box_stay_misses() -> None:
    boxes = TRUTH.copy()
    boxes[1] = np.nan
    boxes[2, 2] = 0
    found = box_errors(boxes, TRUTH)
    assert found.os == found.true_size == found.true_center == pytest.approx(20 / 21 / 2)
    assert np.isnan(box_errors(np.full((4, 4), np.nan), TRUTH).growth)


def test_the_best_tracker_is_the_first_row(tmp_path: Path) -> None:
    scores = {"os": 0.5, "true_size": 0.75, "true_center": 0.625, "growth": np.log(1.2)}
    made = {"slow": scores, "fast": {**scores, "os": 0.6, "growth": -np.log(1.25)}}
    (tmp_path / FILE).write_text(json.dumps(made))
    *_, first, second = box_errors_table(tmp_path).splitlines()
    assert first == "| fast | 0.600 | 0.750 | 0.625 | -20% |"
    assert second == "| slow | 0.500 | 0.750 | 0.625 | +20% |"


@pytest.mark.data
def test_the_kept_file_is_that_of_the_kept_runs(data_root: Path, tmp_path: Path) -> None:
    kept = kept_results()
    for file in [*kept.glob("*.json.gz"), kept / PUBLISHED]:
        shutil.copy(file, tmp_path)
    keep_box_errors(tmp_path, trackers(), data=data_root)
    assert json.loads((tmp_path / FILE).read_text()) == json.loads((kept / FILE).read_text())


def test_the_kept_file_is_as_chapter_7_says() -> None:
    found = json.loads((kept_results() / FILE).read_text())
    ours = {name for name in found if name.startswith("ours")}
    for name, one in found.items():
        assert (one["true_size"] > one["true_center"]) == (name in ours), name
    by_size, by_place = (
        sorted(found, key=lambda name: -found[name][key]) for key in ("true_size", "true_center")
    )
    assert {*by_size[:4]} == {*ours, "MDNet"}
    assert not ours & {*by_place[:4]}
    assert found["ours, realtime"]["growth"] < -0.05
    assert min(found[f"ours, lambda {n}"]["growth"] for n in (0, 5)) > 0.05
