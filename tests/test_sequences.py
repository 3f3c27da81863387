from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rltrack.data import sequences
from rltrack.data.otb import OTB, Target
from rltrack.data.sequences import frame_files, otb_folder, read_boxes, read_sequence
from rltrack.errors import InputError

NAN_ROW = [np.nan] * 4


def write(folder: Path, text: str, name: str = "groundtruth_rect.txt") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(text.encode())
    return file


def frames(folder: Path, numbers: range, digits: int = 4) -> None:
    """Empty files with frames' names: this module does not look into them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number:0{digits}}.jpg").touch()


def refusal(file: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_boxes(file)
    message = str(caught.value)
    assert "\n" not in message
    assert str(file) in message
    return message


@pytest.mark.parametrize(
    "text",
    [
        "10,20,30,40\n11,21,31,41\n",
        "10\t20\t30\t40\n11\t21\t31\t41\n",
        "10 20 30 40\n11  21   31 41\n",
        "10, 20, 30, 40\r\n11,\t21,31 ,41\r\n",
        "\ufeff10,20,30,40\n 11,21,31,41,\t\n\n \n",
        "10.0,20.,30,4e1\n11,21,31,41",
        "10;20;30;40\n11; 21;31;41;\n",
    ],
)
def test_otb_boxes_are_read_with_any_separator(tmp_path: Path, text: str) -> None:
    boxes = read_boxes(write(tmp_path, text))
    assert boxes.dtype == np.float64
    assert boxes.tolist() == [[9, 19, 30, 40], [10, 20, 31, 41]]


def test_only_otb_boxes_count_from_one(tmp_path: Path) -> None:
    assert read_boxes(write(tmp_path, "1,1,5,5")).tolist() == [[0, 0, 5, 5]]
    second = write(tmp_path, "1,1,5,5", "groundtruth_rect.2.txt")
    assert read_boxes(second).tolist() == [[0, 0, 5, 5]]
    vot = write(tmp_path, "1,1,5,5", "groundtruth.txt")
    assert read_boxes(vot).tolist() == [[1, 1, 5, 5]]


def test_a_polygon_becomes_its_bounding_box(tmp_path: Path) -> None:
    text = "3,1,6,2.5,4,9,1,7\n10,10,20,10,20,40,10,40\n0,0,4,0,2,3\n"
    boxes = read_boxes(write(tmp_path, text, "groundtruth.txt"))
    assert boxes.tolist() == [[1, 1, 5, 8], [10, 10, 10, 30], [0, 0, 4, 3]]


def test_later_rows_may_be_missing_and_stay_in_count(tmp_path: Path) -> None:
    text = "1,1,5,5\n\nNaN,NaN,NaN,NaN\n1,nan,5,5\n1,1e10,5,5\n;;;\n0,0,0,0\n2,2,5,5\n"
    boxes = read_boxes(write(tmp_path, text))
    np.testing.assert_array_equal(
        boxes, [[0, 0, 5, 5], *[NAN_ROW] * 5, [-1, -1, 0, 0], [1, 1, 5, 5]]
    )


@pytest.mark.parametrize(
    "row",
    [
        "1,2,3",
        "1,2,3,4,5",
        "1,2,3,4,5,6,7",
        "a,b,c,d",
        "1,,3,4",
        "1;2;;4",
        "1,5;2,5;3,0;4,0",
        "1,5\t2,5\t3,0\t4,0",
        "10,5 20,5 30 40",
        "\0",
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, row: str) -> None:
    message = refusal(write(tmp_path, f"1,1,5,5\n2,2,5,5\n{row}\n3,3,5,5\n"))
    assert "line 3" in message
    assert repr(row) in message
    assert "x,y,w,h" in message


@pytest.mark.parametrize("row", ["nan,nan,nan,nan", "1,1,0,5", "1,1,5,-5", "1,2,nan,4", ""])
def test_one_row_must_be_a_box_and_it_may_be_a_late_one(tmp_path: Path, row: str) -> None:
    assert read_boxes(write(tmp_path, f"{row}\n2,2,5,5\n"))[1].tolist() == [1, 1, 5, 5]
    assert "none of its rows is a box" in refusal(write(tmp_path, f"1,1,0,0\n{row},\n"))


def test_a_mask_is_said_to_be_one(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "m12,30,4,2,0,3,1,4\n", "groundtruth.txt"))
    assert "line 1: it holds a mask" in message


def test_files_that_hold_no_boxes(tmp_path: Path) -> None:
    assert "is empty" in refusal(write(tmp_path, " \n\n"))
    assert "cannot read" in refusal(tmp_path / "absent.txt")
    assert "cannot read" in refusal(tmp_path)
    long = refusal(write(tmp_path, "x" * 5000))
    assert len(long) < 300 + len(str(tmp_path))


def test_frames_come_in_natural_order(tmp_path: Path) -> None:
    for name in ("10.jpg", "9.JPG", "b2.png", "1.jpeg", "02.webp", "2.bmp", "b10.tif", "b1.tiff"):
        (tmp_path / name).touch()
    for name in ("notes.txt", ".hidden.jpg", "clip.mp4", "11.jpg.part"):
        (tmp_path / name).touch()
    assert [file.name for file in frame_files(tmp_path)] == [
        *("1.jpeg", "2.bmp", "02.webp", "9.JPG", "10.jpg", "b1.tiff", "b2.png", "b10.tif")
    ]


@pytest.mark.parametrize("sub", ["img", "color", "."])
@pytest.mark.parametrize("truth", ["groundtruth_rect.txt", "groundtruth.txt"])
def test_a_sequence_folder_in_any_form(tmp_path: Path, sub: str, truth: str) -> None:
    folder = tmp_path / "Walk"
    frames(folder / sub, range(1, 4))
    write(folder, "1,1,5,5\n2,2,5,5\n3,3,5,5\n", truth)
    name, files, boxes = read_sequence(folder)[:3]
    assert name == "Walk"
    assert [file.name for file in files] == ["0001.jpg", "0002.jpg", "0003.jpg"]
    assert boxes is not None
    assert boxes[:, 0].tolist() == ([0, 1, 2] if "rect" in truth else [1, 2, 3])


def test_a_folder_without_ground_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames(tmp_path / "Walk" / "img", range(2))
    assert read_sequence(tmp_path / "Walk").ground_truth is None
    monkeypatch.chdir(tmp_path / "Walk")
    assert read_sequence(".").name == "Walk"


def test_a_folder_without_frames(tmp_path: Path) -> None:
    write(tmp_path, "1,1,5,5\n")
    with pytest.raises(InputError, match=r"no frames in .*\.jpg"):
        read_sequence(tmp_path)
    (tmp_path / "img").mkdir()
    with pytest.raises(InputError, match="img"):
        read_sequence(tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1,1,5,5\n" * 5, "has 5 rows but .* has only 3 frames"),
        ("m12,30,4,2,0,3,1,4\n" * 3, "line 1: it holds a mask"),
        ("nan,nan,nan,nan\n" * 3, "none of its rows is a box"),
        ("1,1,5,5\n1,1,5\n", "line 2: got '1,1,5'"),
        ("", "is empty"),
    ],
)
def test_ground_truth_that_cannot_be_used_leaves_the_frames(
    tmp_path: Path, text: str, problem: str
) -> None:
    frames(tmp_path / "img", range(1, 4))
    file = write(tmp_path, text)
    found = read_sequence(tmp_path)
    assert len(found.frames) == 3 and found.ground_truth is None
    assert found.problem is not None and re.search(problem, found.problem)
    assert str(file) in found.problem


def test_rows_missing_at_the_end_are_nan(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames(tmp_path / "img", range(1, 5))
    write(tmp_path, "1,1,5,5\n2,2,5,5\n")
    with caplog.at_level(logging.WARNING):
        boxes = read_sequence(tmp_path).ground_truth
    np.testing.assert_array_equal(boxes, [[0, 0, 5, 5], [1, 1, 5, 5], NAN_ROW, NAN_ROW])
    assert "last 2 of 4" in caplog.text


def otb(monkeypatch: pytest.MonkeyPatch, folder: str, first: int, last: int, **other: Any) -> None:
    """Make the benchmark's table hold one target."""
    known = {"ground_truth_file": "groundtruth_rect.txt", "ground_truth_first": first, **other}
    target = Target(folder, folder, first, last, frozenset({"otb2015"}), **known)
    monkeypatch.setattr(sequences, "OTB", {folder: target})


def film(folder: Path, numbers: range, rows: int, digits: int = 4) -> tuple[list[int], list[float]]:
    """Make a sequence whose box i has x = i, and read it: frame numbers, and the boxes' x."""
    frames(folder / "img", numbers, digits)
    write(folder, "".join(f"{row + 1},1,5,5\n" for row in range(rows)))
    _, files, boxes = read_sequence(folder)[:3]
    assert boxes is not None
    assert len(boxes) == len(files)
    return [int(file.stem) for file in files], boxes[:, 0].tolist()


def test_the_frames_that_the_benchmark_uses_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    otb(monkeypatch, "Film", 4, 8)
    got = film(tmp_path / "Film", range(1, 11), rows=5, digits=5)
    assert got == ([4, 5, 6, 7, 8], [0, 1, 2, 3, 4])
    # numbered anew, or not the benchmark's: row i belongs to frame i
    assert film(tmp_path / "b" / "Film", range(1, 6), rows=5)[0] == [1, 2, 3, 4, 5]
    assert film(tmp_path / "c" / "Film", range(1, 11), rows=10)[0] == list(range(1, 11))
    assert film(tmp_path / "Other", range(1, 11), rows=5)[0] == list(range(1, 11))


def test_rows_before_the_benchmarks_start_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    otb(monkeypatch, "Film", 3, 6, ground_truth_first=1)  # as Tiger1 is
    for where, numbers in (("a", range(1, 7)), ("b", range(3, 7)), ("c", range(1, 9))):
        got = film(tmp_path / where / "Film", numbers, rows=6)
        assert got == ([3, 4, 5, 6], [2, 3, 4, 5])


def test_a_benchmark_folder_with_a_gap_has_no_ground_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    otb(monkeypatch, "Film", 4, 8)
    frames(tmp_path / "Film", range(1, 8))
    write(tmp_path / "Film", "1,1,5,5\n" * 5)
    found = read_sequence(tmp_path / "Film")
    assert len(found.frames) == 7 and found.ground_truth is None
    assert found.problem is not None
    assert re.search("lacks 1 of the frames 4 to 8 of OTB's Film.* 8: add", found.problem)


@pytest.mark.parametrize("name", ["David", "david", "DAVID"])
def test_davids_two_forms(tmp_path: Path, name: str) -> None:
    for numbers in (range(300, 771), range(1, 771)):
        got = film(tmp_path / str(len(numbers)) / name, numbers, rows=471)
        assert got == (list(range(300, 771)), list(range(471)))


def test_a_link_may_have_either_name(tmp_path: Path) -> None:
    film(tmp_path / "David", range(1, 771), rows=471)
    (tmp_path / "mine").symlink_to("David")
    found = read_sequence(tmp_path / "mine")
    assert found.name == "mine" and found.frames[0].stem == "0300"


def test_folders_with_two_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "Pair"
    frames(folder / "img", range(1, 3))
    write(folder, "11,1,5,5\n" * 2, "groundtruth_rect.1.txt")
    write(folder, "21,1,5,5\n" * 2, "groundtruth_rect.2.txt")

    def x(target: int | None = None) -> float:
        boxes = read_sequence(folder, target).ground_truth
        assert boxes is not None
        return float(boxes[0, 0])

    assert (x(), x(1), x(2)) == (10, 10, 20)
    otb(monkeypatch, "Pair", 1, 2, ground_truth_file="groundtruth_rect.2.txt")  # as Human4 is
    assert (x(), x(1)) == (20, 10)
    with pytest.raises(InputError, match=r"no target 3 .* groundtruth_rect\.3\.txt"):
        x(3)


@pytest.mark.parametrize(
    ("name", "start"),
    [("Jogging", 10), ("jogging-2", 20), ("Jogging.1", 10), ("JOGGING_2", 20), ("Pair-2", 10)],
)
def test_a_copy_is_of_the_target_that_it_is_named_after(
    tmp_path: Path, name: str, start: float
) -> None:
    folder = tmp_path / name
    frames(folder / "img", range(1, 3))
    for number in (1, 2):
        write(folder, f"{number}1,1,5,5\n" * 2, f"groundtruth_rect.{number}.txt")
    found = read_sequence(folder)
    assert found.ground_truth is not None
    assert found.ground_truth[0, 0] == start
    assert [other[0, 0] for other in found.others] == [30 - start]
    assert read_sequence(folder, 2).others == ()
    (folder / "groundtruth_rect.1.txt").write_text("m1,2,3,4,5")
    (folder / "groundtruth_rect.3.txt").write_text("1,1,5,5\n" * 4)  # of more frames
    found = read_sequence(folder)
    known = [truth[0, 0] for truth in (found.ground_truth, *found.others) if truth is not None]
    assert known == [20]


def test_a_targets_folder_is_found_in_any_spelling(tmp_path: Path) -> None:
    for name in ("david", "Jogging-2", "Girl", "girl"):
        (tmp_path / "otb" / name).mkdir(parents=True)
    for target, name in (("David", "david"), ("Jogging-2", "Jogging-2"), ("Girl", "Girl")):
        assert otb_folder(tmp_path, OTB[target]) == tmp_path / "otb" / name
    assert otb_folder(tmp_path, OTB["Deer"]) == tmp_path / "otb" / "Deer"
    assert not otb_folder(tmp_path / "none", OTB["Deer"]).exists()


@pytest.mark.data
def test_the_real_sequences_are_read(data_root: Path) -> None:
    folders = sorted(path for path in (data_root / "otb").iterdir() if path.is_dir())
    assert folders
    official = data_root / "results" / "otb100_gt.json"
    truth = json.loads(official.read_text()) if official.is_file() else {}
    for folder in folders:
        name, files, boxes = read_sequence(folder)[:3]
        assert boxes is not None
        assert len(files) == len(boxes)
        assert not np.isnan(boxes).any()
        if name in truth:
            np.testing.assert_array_equal(boxes + np.array([1, 1, 0, 0]), truth[name])


@pytest.mark.data
def test_a_real_polygon_becomes_its_bounding_box(data_root: Path) -> None:
    name, files, boxes = read_sequence(data_root / "vot" / "bag")[:3]
    assert (name, len(files)) == ("bag", 196)
    assert boxes is not None
    np.testing.assert_allclose(boxes[0], [291.827, 124.711, 150.346, 139.578], atol=1e-9)
