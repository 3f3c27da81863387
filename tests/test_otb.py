"""The OTB table, against the published counts and the project's own sequences."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rltrack.data.otb import OTB, SETS, Target, check_sequence, count_rows, numbered_frames, targets
from rltrack.errors import InputError

TINY = Target("Tiny", "Tiny", 6, 8, frozenset({"otb2015"}), "groundtruth_rect.txt", 4)


def test_a_target_has_the_number_of_its_file() -> None:
    numbers = {name: OTB[name].number for name in ("Deer", "Jogging-1", "Jogging-2", "Human4")}
    assert numbers == {"Deer": None, "Jogging-1": 1, "Jogging-2": 2, "Human4": 2}


def make_sequence(folder: Path, frames: range, rows: int) -> Path:
    (folder / "img").mkdir(parents=True)
    for number in frames:
        (folder / "img" / f"{number:04d}.jpg").write_bytes(b"frame")
    (folder / "groundtruth_rect.txt").write_text("1,2,30,40\n" * rows)
    return folder


@pytest.mark.parametrize(
    ("name", "members", "frames"),
    [
        # Members and frames of the published sets; Tiger1 is counted from its frame 1 there.
        ("otb2013", 51, 29491),
        ("otb2015", 100, 59040),
        ("otb50", 50, None),
        ("dev14", 14, 5196),
        ("dev18", 18, 6062),
        ("quick5", 5, 576),
        ("rest13", 13, 5486),
    ],
)
def test_sets_have_the_published_sizes(name: str, members: int, frames: int | None) -> None:
    found = targets(name)
    assert len(found) == members
    if frames:
        assert sum(target.rows for target in found) == frames


def test_frame_ranges_that_differ_from_the_folder() -> None:
    ranges = {name: (OTB[name].first, OTB[name].last) for name in OTB}
    assert ranges["David"] == (300, 770)
    assert ranges["Football1"] == (1, 74)
    assert ranges["Freeman3"] == (1, 460)
    assert ranges["Freeman4"] == (1, 283)
    assert ranges["Diving"] == (1, 215)
    assert ranges["BlurCar1"] == (247, 988)
    assert ranges["BlurCar3"] == (3, 359)
    assert ranges["BlurCar4"] == (18, 397)


def test_tiger1_starts_at_frame_6_of_354_rows() -> None:
    tiger = OTB["Tiger1"]
    assert (tiger.first, tiger.frames, tiger.rows, tiger.skipped_rows) == (6, 349, 354, 5)
    assert all(target.skipped_rows == 0 for target in OTB.values() if target is not tiger)


def test_targets_that_share_a_folder() -> None:
    files = {(t.folder, t.ground_truth_file) for t in OTB.values()}
    assert len(files) == 100
    assert len({target.folder for target in OTB.values()}) == 98
    assert OTB["Jogging-2"].folder == "Jogging"
    assert OTB["Skating2-1"].ground_truth_file == "groundtruth_rect.1.txt"
    assert OTB["Human4"].ground_truth_file == "groundtruth_rect.2.txt"


def test_sets_are_nested() -> None:
    assert set(SETS) == set().union(*(target.sets for target in OTB.values()))
    sets = {name: set(targets(name)) for name in SETS}
    assert sets["quick5"] < sets["dev14"] < sets["dev18"] < sets["otb2015"]
    assert sets["dev14"] < sets["otb2013"] < sets["otb2015"]
    assert sets["rest13"] == sets["dev18"] - sets["quick5"]


def test_unknown_set_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"'otb100'.*otb2015"):
        targets("otb100")


@pytest.mark.parametrize("separator", [",", "\t", " ", ", ", ",\t"])
def test_rows_are_counted_whatever_separates_them(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "groundtruth_rect.txt"
    path.write_text(separator.join(["1", "2.5", "NaN", "4"]) + "\r\n" + "5 6 7 8\n\n")
    assert count_rows(path) == 2


@pytest.mark.parametrize("row", ["1,2,3", "1,2,3,4,5", "1,2,x,4", "", "<html>"])
def test_a_row_that_is_no_box_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "groundtruth_rect.txt"
    path.write_text(f"1,2,3,4\n{row}\n5,6,7,8\n")
    with pytest.raises(ValueError, match="line 2 is not 4 numbers"):
        count_rows(path)


def test_frames_go_by_number_and_other_files_are_left_out(tmp_path: Path) -> None:
    for name in ("10.jpg", "0009.PNG", "thumb.jpg", "0001.txt", "._0003.jpg"):
        (tmp_path / name).write_bytes(b"")
    assert list(numbered_frames(tmp_path)) == [9, 10]
    assert numbered_frames(tmp_path / "none") == {}


def test_a_whole_sequence_passes_even_with_frames_to_spare(tmp_path: Path) -> None:
    check_sequence(make_sequence(tmp_path / "Tiny", range(1, 12), rows=5), TINY)


@pytest.mark.parametrize(
    ("frames", "rows", "message"),
    [
        (range(6, 8), 5, "2 of the 3 frames 6-8 of Tiny .*missing is 8"),
        (range(0), 5, "0 of the 3 frames"),
        (range(6, 9), 4, "has 4 rows and should have 5"),
        (range(6, 9), 0, "has 0 rows"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, frames: range, rows: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_sequence(make_sequence(tmp_path / "Tiny", frames, rows), TINY)


def test_a_missing_ground_truth_file_is_named(tmp_path: Path) -> None:
    folder = make_sequence(tmp_path / "Tiny", range(6, 9), rows=5)
    (folder / "groundtruth_rect.txt").unlink()
    with pytest.raises(ValueError, match=r"groundtruth_rect\.txt is missing"):
        check_sequence(folder, TINY)


@pytest.mark.data
def test_table_agrees_with_the_official_ground_truth(data_root: Path) -> None:
    path = data_root / "results" / "otb100_gt.json"
    if not path.is_file():
        pytest.skip(f"needs {path.name} under results/")
    official = json.loads(path.read_text())
    assert {name: target.rows for name, target in OTB.items()} == {
        name: len(rows) for name, rows in official.items()
    }


@pytest.mark.data
@pytest.mark.parametrize("target", targets("dev18"), ids=lambda target: target.name)
def test_real_folders_pass(data_root: Path, target: Target) -> None:
    check_sequence(data_root / "otb" / target.folder, target)


def test_the_sets_of_this_project_are_on_the_page_of_commands() -> None:
    page = (Path(__file__).resolve().parents[1] / "book" / "using.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (.*) \| `fetch (\w+)` \|$", page, re.M)
    found: dict[str, set[str]] = {}
    for name, text, needs in rows:
        names = set(re.findall(r"[A-Z]\w+", text))
        more = {member for one in re.findall(r"`(\w+)`", text) for member in found[one]}
        found[name] = more - found["quick5"] if " without " in text else names | more
        assert found[name] == {target.name for target in targets(name)}
        assert (needs == "otb2013") == (found[name] <= {each.name for each in targets("otb2013")})
    assert found.keys() == {"quick5", "dev14", "dev18", "rest13"}
