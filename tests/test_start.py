"""Where tracking starts, and which of a folder's targets the boxes are compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rltrack.errors import InputError
from rltrack.video.excerpt import span_of
from rltrack.video.sources import open_source
from rltrack.video.start import first_true_box, matching_truth

# In files, counted from 1; the second target is far to the right of the first.
ROWS = {1: ["11,21,30,40"] * 4, 2: ["161,21,30,40", "162,21,30,40", "163,21,30,40", "nan"]}
CURE = "give one"


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A folder of four frames with two targets."""
    folder = tmp_path / "Pair"
    (folder / "img").mkdir(parents=True)
    for number in range(1, 5):
        Image.new("RGB", (240, 100), (number, 0, 0)).save(folder / "img" / f"{number:04}.png")
    for number, rows in ROWS.items():
        (folder / f"groundtruth_rect.{number}.txt").write_text("\n".join(rows))
    return folder


def first_x(truth: np.ndarray | None) -> float:
    assert truth is not None
    return float(truth[0, 0])


def test_the_boxes_are_compared_with_the_target_that_the_first_is_on(
    pair: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = open_source(pair)
    assert first_x(matching_truth(source, (12, 18, 30, 44))) == 10
    assert first_x(matching_truth(source, (158, 18, 30, 44))) == 160
    assert caplog.text == ""
    assert first_x(matching_truth(source, (110, 18, 20, 20))) == 160  # overlaps neither
    assert "overlaps that of the ground truth by 0.00" in caplog.text


def test_the_target_that_was_asked_for_counts(pair: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = open_source(pair, target=1)
    assert first_x(matching_truth(source, (160, 20, 30, 40))) == 10
    assert "may be of another target" in caplog.text


def test_a_target_that_joins_late_is_tracked_from_there(
    pair: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (pair / "groundtruth_rect.2.txt").write_text("nan,nan,nan,nan\n1,1,0,0\n9,8,7,6\n9,8,7,6\n")
    whole = open_source(pair, target=2)
    source, box = first_true_box(whole, CURE)
    assert box == [8, 7, 7, 6]
    assert [image[0, 0, 0] for image in source if image is not None] == [3, 4]
    assert source.length == 2 and first_x(source.ground_truth) == 8
    assert "first true box is in frame 2" in caplog.text
    caplog.clear()
    assert first_true_box(span_of(whole, 1, None), CURE)[1] == box
    assert "first true box is in frame 2, counted from 0" in caplog.text
    caplog.clear()
    truth = matching_truth(whole, (50, 50, 9, 9))  # given in frame 0, where nothing is known
    assert truth is not None and len(truth) == 4 and caplog.text == ""
    assert first_x(matching_truth(open_source(pair), (50, 50, 9, 9))) == 10  # of the other target


def test_ground_truth_that_cannot_be_used_is_said(
    pair: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = pair / "groundtruth_rect.2.txt"
    file.write_text("m1,2,3,4,5\n")
    source = open_source(pair, target=2)
    assert matching_truth(source, (8, 7, 7, 6)) is None
    assert f"no metrics are given: {file}, line 1: it holds a mask" in caplog.text
    with pytest.raises(InputError, match=r"no first box: .*line 1: it holds a mask.*; give one"):
        first_true_box(source, CURE)


def test_without_ground_truth_there_is_nothing_to_say(
    pair: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = open_source(pair / "img")
    assert matching_truth(source, (8, 7, 7, 6)) is None
    assert caplog.text == ""
    with pytest.raises(InputError, match="no first box: img has no ground truth to take it from"):
        first_true_box(source, CURE)


def test_only_a_folder_has_targets(pair: Path) -> None:
    with pytest.raises(InputError, match=r"no target 2 in .*0001\.png: it is no folder"):
        open_source(pair / "img" / "0001.png", target=2)
