"""Reading raw results: every form, every spelling, and what is wrong with a file."""

from __future__ import annotations

import gzip
import json
import logging
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import made_run
from scipy.io import savemat
from scipy.sparse import csc_matrix

from rltrack import preset
from rltrack.data.otb import OTB
from rltrack.data.target_names import Names
from rltrack.errors import InputError
from rltrack.evaluation import result_files
from rltrack.evaluation.raw_results import read_results
from rltrack.evaluation.result_files import Base, read_file, read_targets
from rltrack.evaluation.result_structures import rows_of
from rltrack.evaluation.run_files import keep
from rltrack.video.recorder import HEADER, SEVERAL_HEADER

NAMES = Names(OTB)
# As files have them, counted from 1, and as they are read.
ROWS = [[11.0, 21.0, 30.0, 40.0], [12.5, 22.0, 30.0, 41.0], [13.0, 23.25, 31.0, 42.0]]
BOXES = np.array(ROWS) - [1, 1, 0, 0]


def cell(*runs: dict[str, Any]) -> dict[str, Any]:
    """What the OTB toolkit saves: `results`, a cell of one structure a run."""
    results = np.empty((1, len(runs)), object)
    results[0, :] = runs
    return {"results": results}


def write(file: Path, rows: Any = ROWS) -> Path:
    """One target's boxes, in the form that the file's name asks for."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".json":
        file.write_text(json.dumps(rows))
    elif file.suffix == ".mat":
        savemat(file, cell({"res": np.array(rows), "type": "rect", "startFrame": 1}))
    elif file.suffix == ".csv":
        lines = [
            f"{frame},{x - 1:.4f},{y - 1:.4f},{w:.4f},{h:.4f},nan,1"
            for frame, (x, y, w, h) in enumerate(rows)
        ]
        file.write_text("\n".join([HEADER, *lines]) + "\n")
    else:
        file.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return file


def read(*paths: Path, base: int | None = None) -> dict[str, dict[str, np.ndarray]]:
    return read_results(paths, NAMES, OTB, base=Base(base))


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_a_file_of_all_targets(tmp_path: Path, suffix: str) -> None:
    text = json.dumps({"Deer": ROWS, "jogging.1": ROWS[:1]}).encode()
    file = tmp_path / f"My_Tracker{suffix}"
    file.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    found = read(file)
    assert {name: list(boxes) for name, boxes in found.items()} == {
        "My_Tracker": ["Deer", "Jogging-1"]
    }
    np.testing.assert_array_equal(found["My_Tracker"]["Deer"], BOXES)
    np.testing.assert_array_equal(found["My_Tracker"]["Jogging-1"], BOXES[:1])


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".json", ".mat"])
def test_a_folder_of_a_tracker(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / "Mine" / f"Deer{suffix}")
    for path in (file.parent, file):  # a single file of it is told by its folder
        found = read(path)
        assert list(found) == ["Mine"]
        np.testing.assert_allclose(found["Mine"]["Deer"], BOXES, atol=1e-12)


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".mat"])
def test_files_named_after_target_and_tracker(tmp_path: Path, suffix: str) -> None:
    files = [
        write(tmp_path / f"{name}{suffix}")
        for name in ("deer_KCF_GaussHog", "Human4.2_KCF_GaussHog", "Skating2_1_Struck")
    ]
    for paths in (files, [tmp_path]):
        found = read(*paths)
        assert {name: sorted(boxes) for name, boxes in found.items()} == {
            "KCF_GaussHog": ["Deer", "Human4"],
            "Struck": ["Skating2-1"],
        }
        np.testing.assert_allclose(found["Struck"]["Skating2-1"], BOXES, atol=1e-12)


def test_a_tracker_may_be_spread_over_paths(tmp_path: Path) -> None:
    write(tmp_path / "a" / "Mine" / "Deer.txt")
    write(tmp_path / "b" / "Mine" / "Skiing.mat")
    found = read(tmp_path / "a" / "Mine", tmp_path / "b" / "Mine")
    assert sorted(found["Mine"]) == ["Deer", "Skiing"]


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("carscale", "CarScale"),
        ("Jogging.2", "Jogging-2"),
        ("jogging_2", "Jogging-2"),
        ("skating21", "Skating2-1"),
        ("Human4-2", "Human4"),
        ("Human4", "Human4"),
        ("Jogging", None),
        ("Human4-1", None),
    ],
)
def test_names_in_any_spelling(spelled: str, name: str | None) -> None:
    assert NAMES.find(spelled) == name


def test_names_that_are_one_are_refused() -> None:
    with pytest.raises(InputError, match=r"'Deer' and 'de\.er' are spellings of one name"):
        Names(["Deer", "de.er"])


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".json", ".mat"])
def test_the_base_that_is_given_counts(tmp_path: Path, suffix: str, base: int) -> None:
    file = write(tmp_path / "Mine" / f"Deer{suffix}")
    stored = BOXES if suffix == ".csv" else np.array(ROWS)
    found = read(file, base=base)["Mine"]["Deer"]
    np.testing.assert_allclose(found, stored - [base, base, 0, 0], atol=1e-12)
    tracker = tmp_path / "All.json"
    tracker.write_text(json.dumps({"Deer": ROWS}))
    found = read(tracker, base=base)["All"]["Deer"]
    np.testing.assert_array_equal(found, np.array(ROWS) - [base, base, 0, 0])


@pytest.mark.parametrize("separator", [",", "\t", " ", ", ", "   ", ";", "; "])
def test_text_with_any_separator(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "Deer_Mine.txt"
    lines = [separator.join(map(str, row)) for row in ROWS]
    file.write_text("\r\n".join(["# x y w h", *lines, ""]))
    np.testing.assert_array_equal(read(file)["Mine"]["Deer"], BOXES)


def test_a_row_that_is_no_box_is_nan_throughout(tmp_path: Path) -> None:
    text = tmp_path / "Deer_A.txt"
    text.write_text("1,2,3,4\nNaN,NaN,NaN,NaN\n5,6,inf,8\n1,1,-1e308,1\n")
    listed = tmp_path / "B.json"
    listed.write_text(
        '{"Deer": [[1, 2, 3, 4], [null, 2, 3, 4], [5, NaN, 7, 8], [1, 1, 1, 1000000001]]}'
    )
    found = read(text, listed)
    for boxes in (found["A"]["Deer"], found["B"]["Deer"]):
        np.testing.assert_array_equal(boxes, [[0, 1, 3, 4], *[[np.nan] * 4] * 3])


@pytest.mark.parametrize("rows", [np.uint8(ROWS), np.uint16(ROWS), np.int16(ROWS)])
def test_small_integers_do_not_wrap_round(tmp_path: Path, rows: np.ndarray) -> None:
    rows[0] = [0, 0, 30, 40]
    savemat(tmp_path / "Deer_A.mat", cell({"res": rows, "type": "rect"}))
    savemat(tmp_path / "Deer_B.mat", {"result": rows})
    found = read(tmp_path)
    for tracker in "AB":
        np.testing.assert_array_equal(found[tracker]["Deer"], rows - [1.0, 1, 0, 0])


def test_one_frame_is_read(tmp_path: Path) -> None:
    for suffix in (".txt", ".csv", ".json", ".mat"):
        file = write(tmp_path / suffix[1:] / f"Deer{suffix}", ROWS[:1])
        assert read(file)[suffix[1:]]["Deer"].shape == (1, 4)


def test_two_files_of_one_target_are_named(tmp_path: Path) -> None:
    first, second = write(tmp_path / "Mine" / "Deer.csv"), write(tmp_path / "Mine" / "deer.txt")
    with pytest.raises(InputError, match="two results of Mine on Deer") as caught:
        read(tmp_path / "Mine")
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)

    whole = tmp_path / "Mine.json"
    whole.write_text(json.dumps({"Human4": ROWS, "Human4.2": ROWS}))
    with pytest.raises(InputError, match=r"'Human4' in .*Mine\.json and 'Human4\.2' in"):
        read(whole)
    whole.write_text(json.dumps({"Deer": ROWS}))
    with pytest.raises(InputError, match=r"Deer\.csv and 'Deer' in .*Mine\.json"):
        read(first, whole)
    with pytest.raises(InputError, match="two results"):
        read(first, first)
    first, second = write(tmp_path / "Deer_KCF.txt"), write(tmp_path / "deer_kcf.csv")
    with pytest.raises(InputError, match="two results of KCF"):
        read(first, second)


def test_a_folder_of_trackers_files_is_all_of_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = json.dumps({"Deer": ROWS, "Skiing": ROWS[:1]})
    (tmp_path / "KCF.json").write_text(text)
    (tmp_path / "My_Tracker.json.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "README.txt").write_text("no boxes")
    found = read(tmp_path)
    assert {tracker: list(boxes) for tracker, boxes in found.items()} == {
        "KCF": ["Deer", "Skiing"],
        "My_Tracker": ["Deer", "Skiing"],
    }
    np.testing.assert_array_equal(found["My_Tracker"]["Deer"], BOXES)
    assert "called so: README.txt" in caplog.text and "json" not in caplog.text
    found = read(tmp_path, base=0)  # which holds for them, too
    np.testing.assert_array_equal(found["KCF"]["Deer"], ROWS)


def test_beside_targets_files_a_trackers_file_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "Mine" / "Deer.txt")
    (tmp_path / "Mine" / "summary.json.gz").write_bytes(gzip.compress(b"{}"))
    assert list(read(tmp_path / "Mine")) == ["Mine"]
    assert "called so: summary.json.gz" in caplog.text


def test_what_toolkits_write_beside_the_boxes_is_no_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "Mine" / "Deer.txt")
    for name in ("Deer_time", "Deer_all_scores", "deer_object_presence_scores", "Deer_confidence"):
        (tmp_path / "Mine" / f"{name}.txt").write_text("0.1\n0.1\n0.1\n")
    for paths in ([tmp_path / "Mine"], sorted((tmp_path / "Mine").iterdir())):
        assert {name: [*boxes] for name, boxes in read(*paths).items()} == {"Mine": ["Deer"]}
    assert caplog.text == ""


def test_a_folder_of_got10ks_toolkit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracker = tmp_path / "SiamFC"
    for name in ("Deer", "Skiing"):
        write(tracker / name / f"{name}_001.txt")
        (tracker / name / f"{name}_time.txt").write_text("0.1\n")
    write(tracker / "Deer" / "Deer_002.txt", ROWS[:1])
    (tracker / "notes").mkdir()
    expected = {"SiamFC": ["Deer", "Skiing"], "SiamFC, run 2": ["Deer"]}
    for paths in ([tracker], [tracker / "Deer", tracker / "Skiing"]):
        found = read(*paths)
        assert {name: [*boxes] for name, boxes in found.items()} == expected
    np.testing.assert_array_equal(found["SiamFC"]["Deer"], BOXES)
    assert caplog.text == ""


def test_a_folder_of_mdnets_python_code(tmp_path: Path) -> None:
    for name in ("Deer", "jogging-2"):
        file = tmp_path / "MDNet" / name / "result.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"res": ROWS, "type": "rect", "fps": 1.0}))
    for paths in ([tmp_path / "MDNet"], sorted((tmp_path / "MDNet").glob("*/result.json"))):
        found = read(*paths)
        assert {name: [*boxes] for name, boxes in found.items()} == {"MDNet": ["Deer", "Jogging-2"]}
        np.testing.assert_array_equal(found["MDNet"]["Deer"], BOXES)


def test_a_folder_of_otbs_python_toolkit(tmp_path: Path) -> None:
    run = {"tracker": "IVT", "seqName": "Deer", "evalType": "OPE", "resType": "rect", "res": ROWS}
    file = write(tmp_path / "IVT" / "Deer.json", [run])
    (tmp_path / "IVT" / "attributes").mkdir()
    (tmp_path / "IVT" / "attributes" / "IV.json").write_text("{}")
    np.testing.assert_array_equal(read(tmp_path / "IVT")["IVT"]["Deer"], BOXES)
    write(file, [run, run])
    with pytest.raises(InputError, match="holds 2 runs, of another evaluation"):
        read(tmp_path / "IVT")


def test_ground_truth_of_pysot_is_read(tmp_path: Path) -> None:
    file = tmp_path / "OTB100.json"
    entry = {"video_dir": "Deer", "init_rect": ROWS[0], "img_names": ["1.jpg"], "gt_rect": ROWS}
    file.write_text(json.dumps({"Deer": entry}))
    np.testing.assert_array_equal(read_targets(file)["Deer"], BOXES)


def box_of(run: dict[str, Any]) -> list[float]:
    (box,) = np.asarray(rows_of(run, "here"), float)
    return [round(float(value), 9) for value in box]


def test_affine_results_become_bounding_boxes(tmp_path: Path) -> None:
    # Twice as wide as the template and as high, round (50, 40); turned by a quarter; sheared.
    ivt = {"type": "ivtAff", "tmplsize": [[32, 20]]}
    assert box_of({**ivt, "res": [[50, 40, 2, 0, 0, 1]]}) == [18, 30, 64, 20]
    assert box_of({**ivt, "res": [[50, 40, 0, -1, 1, 0]]}) == [40, 24, 20, 32]
    assert box_of({**ivt, "res": [50, 40, 1, 0.5, 0, 1]}) == [29, 30, 42, 20]
    # The template's first pixel comes to row 11 and column 6; it has 15 rows and 12 columns.
    l1 = {"resType": "L1Aff", "tmplsize": [15, 12], "res": [[1, 0, 0, 1, 10, 5]]}
    assert box_of(l1) == [6, 11, 12, 15]
    corners = {"type": "4corner", "res": [[3, 9, 8, 2], [5, 6, 20, 19]]}
    assert box_of(corners) == [2, 5, 7, 15]
    res = np.array([[50, 40, 2, 0, 0, 1.0]] * 3)
    savemat(tmp_path / "Deer_IVT.mat", cell({"res": res, "type": "ivtAff", "tmplsize": [32, 20]}))
    np.testing.assert_array_equal(read(tmp_path)["IVT"]["Deer"], [[17, 29, 64, 20]] * 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"res": np.eye(6)[:, :4]},
        {"res": "abc"},
        {"res": {}},
        {"tmplsize": [3]},
        {"tmplsize": "x"},
        {"type": "4corner", "res": np.eye(3)},
        {"type": "L1Aff", "tmplsize": None},
    ],
)
def test_what_is_no_affine_result_is_said(wrong: dict[str, Any]) -> None:
    run = {"type": "ivtAff", "tmplsize": [32, 20], "res": np.eye(6), **wrong}
    with pytest.raises(InputError, match="here: its boxes are said to be of type"):
        rows_of(run, "here")


def test_a_result_that_cannot_be_read_is_left_out_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "Deer_A.mat")
    for name in ("Skiing_A", "Deer_B"):
        savemat(tmp_path / f"{name}.mat", cell({"res": np.eye(6), "type": "LK_Aff"}))
    assert {name: [*boxes] for name, boxes in read(tmp_path).items()} == {"A": ["Deer"]}
    assert [record.getMessage().partition(": its")[0] for record in caplog.records] == [
        f"B: left out: {tmp_path / 'Deer_B.mat'}",
        f"A: left out: {tmp_path / 'Skiing_A.mat'}",
    ]


def test_what_is_kept_of_sweeps_is_read(tmp_path: Path) -> None:
    def job(target: str, seed: int, weight: float) -> dict[str, Any]:
        config = preset("tiny", attention_weight=weight)
        return made_run(target, seed, config, boxes=BOXES.tolist())

    jobs = [job("Deer", 0, 0.0), job("Deer", 1, 0.0), job("Skiing", 0, 5.0)]
    file = tmp_path / "runs.json.gz"
    keep(jobs, file)
    for path in (file, tmp_path):  # alone, or one of a folder's files
        found = read(path, base=1)  # of other results: a sweep's boxes are 0-based in any case
        assert {tracker: list(boxes) for tracker, boxes in found.items()} == {
            "attention_weight 0, seed 0": ["Deer"],
            "attention_weight 0, seed 1": ["Deer"],
            "attention_weight 5, seed 0": ["Skiing"],
        }
        np.testing.assert_array_equal(found["attention_weight 0, seed 1"]["Deer"], BOXES)


def test_a_folder_of_many_trackers_is_not_taken_for_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "otb100").mkdir()
    (tmp_path / "otb100" / "KCF.json.gz").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(InputError, match=r"no results in the folder .* give each") as caught:
        read(tmp_path)
    assert "remove" not in str(caught.value)


def test_names_of_no_target_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "Mine" / "Deer.txt")
    (tmp_path / "Mine" / "Deer-time.txt").write_text("0.1\n")
    (tmp_path / "Mine" / "notes.md").write_text("of no form: not looked at")
    (tmp_path / "All.json").write_text(json.dumps({"Deer": ROWS, "Dear": ROWS}))
    with caplog.at_level(logging.WARNING):
        found = read(tmp_path / "Mine", tmp_path / "All.json")
    assert [list(boxes) for boxes in found.values()] == [["Deer"], ["Deer"]]
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "left out, as no target is called so: Deer-time.txt",
        "left out, as no target is called so: Dear",
    ]


def test_only_what_is_wanted_is_opened(tmp_path: Path) -> None:
    write(tmp_path / "Mine" / "Deer.txt")
    (tmp_path / "Mine" / "Skiing.txt").write_text("broken")
    found = read_results([tmp_path / "Mine"], NAMES, ["Deer", "Couple"])
    assert list(found["Mine"]) == ["Deer"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "Deer_A.mat",
            cell({"res": np.eye(6), "type": "ivtAff"}),
            "said to be of type ivtAff, and are not",
        ),
        ("Deer_A.mat", cell({"res": np.eye(6), "type": "LK_Aff"}), "'LK_Aff'; only rect, ivtAff"),
        ("Deer_A.mat", cell(*[{"res": np.eye(4), "type": "rect"}] * 20), r"holds 20 runs.*OPE"),
        ("Deer_A.mat", cell({"boxes": np.eye(4)}), r"wanted the OTB toolkit's results\{1\}"),
        ("Deer_A.mat", {"boxes": np.eye(4)}, r"wanted the OTB toolkit's results\{1\}"),
        ("Deer_A.mat", {"result": np.eye(3)}, "wanted rows of four numbers"),
        ("Deer_A.mat", "MATLAB 7.3 MAT-file".ljust(124) + "\0\2IM", r"MATLAB 7\.3: save .* -v7"),
        ("Deer_A.mat", "no MATLAB", "is not a MATLAB file"),
        ("Deer_A.mat", "", "is not a MATLAB file"),
        ("Deer_A.txt", "1,2,3,4\n1,2,3\n", r"Deer_A\.txt, line 2: got '1,2,3'; wanted x,y,w,h"),
        ("Deer_A.txt", "1,2,3,4\n1,2,x,4\n", "line 2: got '1,2,x,4'"),
        ("Deer_A.txt", "1,2,3,4,5\n", "line 1: got '1,2,3,4,5'"),
        ("Deer_A.txt", " \n", "is empty"),
        ("Deer_A.csv", f"{SEVERAL_HEADER}\n0,0,1,2,3,4,5,1\n", "holds several targets"),
        ("Deer_A.csv", "1,2,3,4\n", "say with --base whether"),
        ("Deer_A.csv", f"{HEADER}\n0,1,2,3,4,5,1\n1,1,2\n", "wanted rows of four numbers"),
        ("A.json", '{"Deer": [[1, 2, 3]]}', r"'Deer' in .*A\.json: wanted rows of four numbers"),
        ("A.json", '{"Deer": [[1, 2, 3, 4], [1, 2]]}', "wanted rows of four numbers"),
        ("A.json", '{"Deer": {"res": 1, "type": "rect"}}', "wanted rows of four numbers"),
        ("A.json", '{"Deer": {"res": [[1, 2, 3, 4]]}}', "'Deer' in .*do not say their type"),
        ("A.json", '{"Deer": {"boxes": 1}}', "wanted rows of four numbers"),
        ("A.json", '{"Deer": []}', "wanted rows of four numbers"),
        ("A.json", "[[1, 2, 3, 4]]", "is to be named after it"),
        ("A.json", "{", "is not JSON"),
        ("A.json", "[" * 100_000, "nested too deeply"),
        ("A.json", f'{{"Deer": {"[" * 500}{"]" * 500}}}', "wanted rows of four numbers"),
        ("A.json", f'{{"Deer": [[1, 2, 3, {"9" * 400}]]}}', "wanted rows of four numbers"),
        ("A.json", f'{{"Deer": [[1, 2, 3, {"9" * 5000}]]}}', "is not JSON"),
        ("Deer_A.csv", f"x,y,w,h\n1,2,3,{'4' * 140_000}\n", r"is no CSV \(field larger"),
        ("Deer_A.csv", f"x,y,w,h,{'t' * 140_000}\n1,2,3,4\n", r"is no CSV \(field larger"),
        ("Deer_A.txt", "# nothing\n", "is empty"),
        (
            "Deer_A.mat",
            cell({"res": np.eye(4), "type": [1.0, 2.0]}),
            r"of type array\(\[1\., 2\.\]",
        ),
        ("Deer_A.mat", cell({"res": np.eye(4), "type": np.eye(3)}), "of type array"),
        ("Deer_A.mat", cell({"res": np.eye(4), "type": []}), "of type array"),
        ("Deer_A.mat", cell({"res": np.eye(4) * 1j, "type": "rect"}), "wanted rows of four"),
        ("Deer_A.mat", cell({"res": "rect", "type": "rect"}), "wanted rows of four numbers"),
        ("Deer_A.mat", {"result": csc_matrix(np.eye(4))}, "wanted rows of four numbers"),
        ("Deer_A.mat", {"result": np.array([["a", "b"]], object)}, "wanted rows of four numbers"),
        ("Deer_A.mat", {"results": np.zeros((0, 0))}, "wanted the OTB toolkit's"),
        ("Deer_A.mat", {"results": 3.0}, "wanted the OTB toolkit's"),
        ("A.json.gz", "no gzip", r"cannot read .*A\.json\.gz"),
        ("Deer.json.gz", "no gzip", "cannot read"),
        ("Dear_A.txt", "1,2,3,4\n", "its name is no target's; wanted <Tracker>"),
        ("Deer.pkl", "1,2,3,4\n", "its name is no target's"),
        ("folder/Dear.txt", "1,2,3,4\n", "no results in the folder"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, name: str, content: Any, message: str
) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    if isinstance(content, dict):
        savemat(file, content)
    else:
        file.write_text(content)
    path = file.parent if name.startswith("folder") else file
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_csv_of_boxes_alone_is_read_when_its_base_is_said(tmp_path: Path) -> None:
    (tmp_path / "Deer_A.csv").write_text("11,21,30,40\n")
    np.testing.assert_array_equal(read(tmp_path, base=1)["A"]["Deer"], [[10, 20, 30, 40]])


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read(tmp_path / "none.json")
    with pytest.raises(InputError, match="no results in the folder"):
        read(tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        read_targets(tmp_path / "none.json")


@pytest.mark.data
@pytest.mark.parametrize("tracker", ["KCF_GaussHog", "MDnet", "Struck"])
def test_both_published_forms_are_equal(tracker: str, data_root: Path) -> None:
    folder, file = (
        data_root / "results" / name for name in ("otb100_mat", f"otb100/{tracker}.json.gz")
    )
    if not (folder.is_dir() and file.is_file()):
        pytest.skip("needs published results: results/otb100 and otb100_mat in RLTRACK_DATA")
    matlab = read(*sorted(folder.glob(f"*_{tracker}.mat")))[tracker]
    listed = read(file)[tracker]
    assert sorted(matlab) == sorted(listed) == sorted(OTB)
    for name, boxes in matlab.items():
        np.testing.assert_array_equal(boxes, listed[name], err_msg=name)


@pytest.mark.parametrize("suffix", [".json", ".txt", ".csv", ".mat"])
@pytest.mark.filterwarnings("error")
def test_a_file_that_was_damaged_is_read_or_refused(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / "Mine" / f"Deer{suffix}")
    whole, rng = bytearray(file.read_bytes()), np.random.default_rng(0)
    for _ in range(60):
        damaged = whole.copy()
        for place in rng.integers(len(whole), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        file.write_bytes(damaged[: rng.integers(1, len(whole) + 1)])
        try:
            boxes = read(file)["Mine"]["Deer"]
        except InputError as error:
            assert file.name in str(error)
        else:
            assert boxes.shape[1:] == (4,) and boxes.dtype == np.float64


def test_compressed_mat_files_are_read_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.arange(4000.0).reshape(-1, 4)
    plain, packed = tmp_path / "Deer_A.mat", tmp_path / "Deer_B.mat"
    savemat(plain, {"other": np.zeros((3, 3)), "result": rows})
    savemat(packed, {"other": np.zeros((3, 3)), "result": rows}, do_compression=True)
    assert packed.stat().st_size < 8_000 < plain.stat().st_size
    for file in (packed, plain):
        assert np.array_equal(read_file(file, Base(0)), rows)

    bomb = tmp_path / "Deer_C.mat"
    savemat(bomb, {"result": np.zeros((500_000, 4))}, do_compression=True)  # 16 MB in 16 kB
    monkeypatch.setattr(result_files, "LARGEST", 2**20)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"Deer_C\.mat holds more than"):
        read_file(bomb, Base(0))
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()
