"""Benchmarks in folders of their own: found, read, and scored as their toolkits do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from figure_checks import legible
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from typer.testing import CliRunner

from rltrack.cli.evaluate import evaluate as command
from rltrack.data.benchmark_folders import BenchmarkFolder, find_benchmark
from rltrack.data.sequences import read_sequence
from rltrack.errors import InputError
from rltrack.evaluation.ground_truth import load
from rltrack.evaluation.protocols import PROTOCOLS, Situation
from rltrack.evaluation.ranking import compare
from rltrack.plots.benchmarks import precision_and_success

Array = NDArray[np.float64]


def write_boxes(file: Path, boxes: ArrayLike) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = np.atleast_2d(np.array(boxes, np.float64))
    file.write_text("".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows))
    return file


def write_frames(folder: Path, numbers: range, name: str = "{:08}.jpg") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        Image.new("RGB", (64, 48)).save(folder / name.format(number))


def write_got10k(folder: Path, name: str, boxes: ArrayLike, cover: list[int]) -> Path:
    """A sequence of GOT-10k: ground truth, labels and description."""
    place = write_boxes(folder / name / "groundtruth.txt", boxes).parent
    (place / "cover.label").write_text("".join(f"{value}\n" for value in cover))
    (place / "absence.label").write_text("".join(f"{value == 0:d}\n" for value in cover))
    (place / "meta_info.ini").write_text("[METAINFO]\nurl: x\nresolution: (100, 80)\n")
    return place


def find(dataset: str, data: Path) -> BenchmarkFolder:
    found = find_benchmark(dataset, data)
    assert found is not None
    return found


def scored(kind: str, boxes: ArrayLike, truth: ArrayLike, **known: Any) -> Any:
    true = np.array(truth, np.float64)
    absent = np.array(known.pop("absent", [False] * len(true)))
    situation = Situation(true, absent, known.pop("size", None))
    return PROTOCOLS[kind].score(np.array(boxes, np.float64), situation)


def run(*arguments: str | Path) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)))


# --- GOT-10k ----------------------------------------------------------------------------------

BOX = [10.0, 10.0, 20.0, 20.0]
HALF = [20.0, 10.0, 20.0, 20.0]  # overlaps BOX by 200 / 600 = 1/3
MOST = [12.0, 10.0, 20.0, 20.0]  # by 360 / 440 = 9/11


def test_got10k_leaves_out_the_first_frame_and_those_where_nothing_is_seen() -> None:
    found = scored("got10k", [HALF, BOX, HALF, MOST], [BOX] * 4, absent=[False, True, False, False])
    assert (found.frames, found.skipped) == (2, 2)
    assert found.scores == pytest.approx({"ao": (1 / 3 + 9 / 11) / 2, "sr50": 0.5, "sr75": 0.5})
    assert len(found.curves["success"]) == 101
    assert found.curves["success"][[0, 33, 34, 81, 82]].tolist() == [1, 1, 0.5, 0.5, 0]


def test_got10k_cuts_boxes_to_the_image_as_its_toolkit_does() -> None:
    # To the right of 100 nothing counts, but what is left of 0 is moved in: (0, 10, 20, 20).
    right = scored("got10k", [BOX, [90, 10, 40, 20]], [BOX, [80, 10, 40, 20]], size=(100, 80))
    left = scored("got10k", [BOX, [-10, 10, 20, 20]], [BOX, [0, 10, 20, 20]], size=(100, 80))
    assert right.scores["ao"] == pytest.approx(10 / 20) and left.scores["ao"] == 1
    assert scored("got10k", [BOX, [90, 10, 40, 20]], [BOX, [80, 10, 40, 20]]).scores["ao"] == 0.6


def test_got10k_counts_all_frames_alike(tmp_path: Path) -> None:
    place = tmp_path / "GOT-10k" / "val"
    write_got10k(place, "GOT-10k_Val_000001", [BOX] * 3, [8, 8, 0])
    write_got10k(place, "GOT-10k_Val_000002", [BOX] * 4, [8] * 4)
    (place / "list.txt").write_text("GOT-10k_Val_000001\nGOT-10k_Val_000002\n")
    results = tmp_path / "Mine"
    for number, boxes in ((1, [BOX, HALF, BOX]), (2, [BOX] * 4)):
        name = f"GOT-10k_Val_{number:06}"
        write_boxes(results / name / f"{name}_001.txt", boxes)
        (results / name / f"{name}_time.txt").write_text("0.1\n")
    report = compare(load("GOT10k", data=tmp_path), [results])
    (tracker,) = report["trackers"]
    assert tracker["name"] == "Mine" and report["benchmark"] == "GOT-10k"
    means = tracker["means"]
    # One frame of the first target counts, three of the second.
    assert means["ao"] == pytest.approx((1 / 3 + 3) / 4, abs=1e-6)
    assert (means["sr50"], means["sr75"], means["targets"]) == (0.75, 0.75, 2)
    assert tracker["scores"]["GOT-10k_Val_000001"]["ao"] == pytest.approx(1 / 3, abs=1e-6)
    assert not tracker["missing"] and not tracker["wrong_length"]


def test_got10k_agrees_with_its_toolkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiments = pytest.importorskip(
        "got10k.experiments", reason="needs GOT-10k's toolkit: pip install 'rltrack[got10k]'"
    )
    rng = np.random.default_rng(0)
    place, results = tmp_path / "GOT-10k" / "val", tmp_path / "results" / "GOT-10k" / "Mine"
    names = [f"GOT-10k_Val_{number:06}" for number in range(1, 4)]
    for name in names:
        frames = int(rng.integers(5, 12))
        truth = np.hstack([rng.uniform(-20, 90, (frames, 2)), rng.uniform(5, 50, (frames, 2))])
        cover = [8, *rng.integers(0, 3, frames - 1).tolist()]
        folder = write_got10k(place, name, truth.round(2), cover)
        (folder / "cut_by_image.label").write_text("0\n" * frames)
        write_frames(folder, range(1, frames + 1))
        write_boxes(results / name / f"{name}_001.txt", truth + rng.normal(0, 6, truth.shape))
        (results / name / f"{name}_time.txt").write_text("0.1\n" * frames)
    (place / "list.txt").write_text("\n".join(names))
    monkeypatch.chdir(tmp_path)
    theirs = experiments.ExperimentGOT10k(
        str(tmp_path / "GOT-10k"), "val", str(tmp_path / "results"), str(tmp_path / "reports")
    )
    monkeypatch.setattr(theirs, "plot_curves", lambda *_: None)
    overall = theirs.report(["Mine"])["Mine"]["overall"]
    (tracker,) = compare(load(str(tmp_path / "GOT-10k")), [results])["trackers"]
    assert tracker["means"]["ao"] == pytest.approx(overall["ao"], abs=1e-6)
    assert tracker["means"]["sr50"] == pytest.approx(overall["sr"], abs=1e-6)
    np.testing.assert_allclose(tracker["means"]["success"], overall["succ_curve"], atol=1e-6)


def test_a_part_without_ground_truth_is_said(tmp_path: Path) -> None:
    write_boxes(tmp_path / "test" / "GOT-10k_Test_000001" / "groundtruth.txt", BOX)
    with pytest.raises(InputError, match=r"only the first box of each target.*server does it"):
        load(str(tmp_path / "test"), data=tmp_path)


def test_a_sequence_of_got10k_is_tracked_without_frames_in_which_nothing_is_seen(
    tmp_path: Path,
) -> None:
    place = write_got10k(tmp_path, "GOT-10k_Val_000001", [BOX] * 3, [8, 0, 3])
    write_frames(place, range(1, 4))
    for sequence in (read_sequence(place), find(str(tmp_path), tmp_path).sequence(place.name)):
        assert sequence.ground_truth is not None and len(sequence.frames) == 3
        np.testing.assert_array_equal(sequence.ground_truth, [BOX, [np.nan] * 4, BOX])


@pytest.mark.parametrize("text", ["8\n8\n", "8\nx\n8\n", "\x00\x80"])
def test_labels_that_do_not_fit_are_said(tmp_path: Path, text: str) -> None:
    place = write_got10k(tmp_path, "GOT-10k_Val_000001", [BOX] * 3, [8, 0, 3])
    (place / "cover.label").write_bytes(text.encode("latin-1"))
    write_frames(place, range(1, 4))
    with pytest.raises(InputError, match=r"cover\.label"):
        load(str(tmp_path))
    assert "cover.label" in str(read_sequence(place).problem)


# --- Folders ----------------------------------------------------------------------------------


def test_one_row_more_or_less_is_named_and_not_fatal(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_got10k(tmp_path / "d", f"GOT-10k_Val_{number:06}", [BOX] * 4, [8] * 4)
        write_boxes(tmp_path / "Mine" / f"GOT-10k_Val_{number:06}.txt", [BOX] * (number + 2))
    write_boxes(tmp_path / "Mine" / "GOT-10k_Val_000002.txt", [BOX] * 2)
    done = run(tmp_path / "Mine", "--dataset", tmp_path / "d", "--json", tmp_path / "out.json")
    assert done.exit_code == 0, done.output
    lines = " ".join(done.output.split())
    for number, boxes in ((1, 3), (3, 5)):
        assert f"off by one: GOT-10k_Val_{number:06} has {boxes} boxes for 4 frames" in lines
    assert "wrong length, left out: GOT-10k_Val_000002 has 2 boxes for 4 frames in Mine" in lines
    (tracker,) = json.loads((tmp_path / "out.json").read_text())["trackers"]
    assert (tracker["means"]["targets"], tracker["means"]["ao"]) == (2, 1)


def test_boxes_in_csv_count_from_0_and_others_as_the_benchmark(tmp_path: Path) -> None:
    write_got10k(tmp_path / "d", "GOT-10k_Val_000001", [BOX] * 2, [8] * 2)
    write_boxes(tmp_path / "A" / "GOT-10k_Val_000001.txt", [BOX] * 2)
    (tmp_path / "B").mkdir()
    (tmp_path / "B" / "GOT-10k_Val_000001.csv").write_text("x,y,w,h\n" + "10,10,20,20\n" * 2)
    found = compare(load(str(tmp_path / "d")), [tmp_path / "A", tmp_path / "B"])["trackers"]
    assert [tracker["means"]["ao"] for tracker in found] == [1, 1]
    shifted = compare(load(str(tmp_path / "d")), [tmp_path / "A"], base=1)["trackers"][0]
    assert shifted["means"]["ao"] < 1


def test_a_folder_of_sequences_has_otbs_measures(tmp_path: Path) -> None:
    write_frames(tmp_path / "d" / "Mine" / "img", range(1, 4))
    write_boxes(tmp_path / "d" / "Mine" / "groundtruth_rect.txt", [BOX] * 3)
    write_boxes(tmp_path / "T" / "Mine.txt", [BOX, HALF, MOST])
    report = compare(load(str(tmp_path / "d")), [tmp_path / "T"])
    means = report["trackers"][0]["means"]
    assert list(report["scores"].values()) == ["DP", "OS", "CLE", "OS0.5"]
    assert means["dp20"] == 1 and means["os50"] == pytest.approx(2 / 3, abs=1e-6)


def test_a_target_that_is_never_seen_is_named_where_otbs_measures_are_used(tmp_path: Path) -> None:
    for name, flags in (("Mine", [0, 0]), ("Gone", [1, 1])):
        write_frames(tmp_path / "d" / name / "img", range(1, 3))
        write_boxes(tmp_path / "d" / name / "groundtruth_rect.txt", [BOX] * 2)
        (tmp_path / "d" / name / "out_of_view.txt").write_text("\n".join(map(str, flags)))
    with pytest.raises(InputError, match="of 1 of 2 targets has no box: Gone"):
        load(str(tmp_path / "d"))
    write_got10k(tmp_path / "g", "GOT-10k_Val_000001", [BOX] * 2, [0] * 2)
    assert len(load(str(tmp_path / "g")).truth) == 1


def test_a_benchmark_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"GOT-10k is not in .*--data"):
        load("got10k", data=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no targets are found in the folder .*GOT-10k"):
        load(str(tmp_path / "empty"), data=tmp_path)
    write_got10k(tmp_path, "GOT-10k_Val_000001", [BOX] * 2, [8] * 2)
    with pytest.raises(InputError, match="only OTB's have an official choice"):
        load(str(tmp_path), frames="official")


def test_a_folder_of_results_does_not_hide_a_set_or_a_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("quick5", "Deer", "got10k"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_benchmark("quick5", tmp_path) is None
    assert find_benchmark("deer", tmp_path) is None and find_benchmark("Deer", tmp_path) is None
    write_got10k(tmp_path / "data" / "GOT-10k", "GOT-10k_Val_000001", [BOX] * 2, [8] * 2)
    assert find("got10k", tmp_path / "data").folder.name == "GOT-10k"


def test_the_command_ranks_by_the_benchmarks_measure_and_draws_its_curves(tmp_path: Path) -> None:
    write_got10k(tmp_path / "d", "GOT-10k_Val_000001", [BOX] * 3, [8] * 3)
    write_boxes(tmp_path / "Good" / "GOT-10k_Val_000001.txt", [BOX, MOST, MOST])
    write_boxes(tmp_path / "Bad" / "GOT-10k_Val_000001.txt", [BOX, HALF, HALF])
    done = run(
        *(tmp_path / "Bad", tmp_path / "Good", "--dataset", tmp_path / "d"),
        *("--plot", tmp_path / "plot.svg"),
    )
    assert done.exit_code == 0, done.output
    assert "AO" in done.output and "SR.75" in done.output and "over frames" in done.output
    rows = [line.split() for line in done.output.splitlines() if "1/1" in line]
    assert rows == [
        ["1", "Good", "1/1", ".8182", "1.0000", "1.0000"],
        ["2", "Bad", "1/1", ".3333", ".0000", ".0000"],
    ]
    assert (tmp_path / "plot.svg").is_file()
    report = compare(load(str(tmp_path / "d")), [tmp_path / "Good"])
    axes, _ = precision_and_success(report).axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), np.arange(101) / 100)


def test_no_file_of_a_benchmark_is_written_over(tmp_path: Path) -> None:
    place = write_got10k(tmp_path / "d", "GOT-10k_Val_000001", [BOX] * 3, [8] * 3)
    write_boxes(tmp_path / "Good" / "GOT-10k_Val_000001.txt", [BOX, MOST, MOST])
    write_frames(place, range(1, 2), "{}.png")
    done = run(
        *(tmp_path / "Good", "--dataset", tmp_path / "d", "--plot", place / "1.png"),
    )
    assert isinstance(done.exception, InputError)
    assert "belongs to the input" in str(done.exception)


def test_attributes_are_otbs_alone(tmp_path: Path) -> None:
    write_got10k(tmp_path / "d", "GOT-10k_Val_000001", [BOX] * 3, [8] * 3)
    write_boxes(tmp_path / "Good" / "GOT-10k_Val_000001.txt", [BOX, MOST, MOST])
    done = run(tmp_path / "Good", "--dataset", tmp_path / "d", "--attributes")
    assert isinstance(done.exception, InputError)
    assert "--attributes is for OTB" in str(done.exception)


# --- LaSOT ------------------------------------------------------------------------------------


def write_lasot(folder: Path, name: str, boxes: ArrayLike, hidden: str, outside: str) -> Path:
    place = write_boxes(folder / name / "groundtruth.txt", boxes).parent
    (place / "full_occlusion.txt").write_text(hidden)
    (place / "out_of_view.txt").write_text(outside + "\n")
    return place


def test_lasot_divides_by_all_frames_also_those_that_are_left_out() -> None:
    boxes = [BOX, HALF, [70, 70, 5, 5], MOST, BOX]
    found = scored("lasot", boxes, [BOX] * 5, absent=[False, False, True, False, False])
    # Of 21 thresholds, overlaps of 1, 1/3 and 9/11 are above 20, 7 and 17.
    assert found.scores["os"] == pytest.approx((20 + 7 + 17 + 20) / 21 / 5)
    assert found.scores["dp20"] == 4 / 5
    assert found.scores["np20"] == 3 / 5  # HALF is off by half of a width
    assert (found.frames, found.skipped) == (4, 1)
    assert found.curves["normalised_precision"][[9, 10, 49, 50]].tolist() == [0.4, 0.6, 0.6, 0.8]


def test_lasot_measures_errors_in_widths_and_heights() -> None:
    truth = [[10, 10, 100, 10]] * 3
    boxes = [[10, 10, 100, 10], [30, 10, 100, 10], [10, 13, 100, 10]]  # 0.2 widths, 0.3 heights
    assert scored("lasot", boxes, truth).scores["np20"] == pytest.approx(2 / 3)


def test_lasots_boxes_that_are_none_count_as_precise_and_not_as_success() -> None:
    found = scored("lasot", [BOX, BOX], [BOX, [613, 731, 247, -11]])
    assert found.scores["dp20"] == found.scores["np20"] == 1
    assert found.scores["os"] == pytest.approx(20 / 21 / 2)
    assert scored("lasot", [BOX, [np.nan] * 4], [BOX, BOX]).scores["dp20"] == 0.5


def test_lasot_in_its_folders_and_as_its_toolkit_has_it(tmp_path: Path) -> None:
    parts = [("airplane", "airplane-1"), ("airplane", "airplane-11"), ("bird", "bird-2")]
    for kind, name in parts:
        place = write_lasot(tmp_path / "LaSOT" / kind, name, [BOX] * 3, "0,1,0", "0,0,0")
        write_frames(place / "img", range(1, 4))
        write_boxes(tmp_path / "annos" / f"{name}.txt", [BOX] * 3)
        (tmp_path / "annos" / "absent").mkdir(exist_ok=True)
        (tmp_path / "annos" / "absent" / f"{name}.txt").write_text("0\n1\n0\n")
        write_boxes(tmp_path / "Mine_tracking_result" / f"{name}.txt", [BOX, HALF, BOX])
    for dataset in ("lasot", str(tmp_path / "LaSOT"), str(tmp_path / "annos")):
        benchmark = load(dataset, data=tmp_path)
        assert list(benchmark.truth) == ["airplane-1", "airplane-11", "bird-2"]
        np.testing.assert_array_equal(benchmark.truth["bird-2"][0], [9, 9, 20, 20])  # from 1
        (tracker,) = compare(benchmark, [tmp_path / "Mine_tracking_result"])["trackers"]
        assert tracker["means"]["dp20"] == pytest.approx(2 / 3, abs=1e-6)
        assert tracker["means"]["targets"] == 3
    sequence = find("lasot", tmp_path).sequence("bird-2")
    assert sequence.ground_truth is not None
    np.testing.assert_array_equal(sequence.ground_truth[:, 0], [9, np.nan, 9])
    (tmp_path / "LaSOT" / "testing_set.txt").write_text("bird-2\n")
    assert list(load("lasot", data=tmp_path).truth) == ["bird-2"]


def test_lasots_plot_has_three_panels(tmp_path: Path) -> None:
    write_lasot(tmp_path / "d", "bird-2", [BOX] * 3, "0,1,0", "0,0,0")
    results = tmp_path / "A tracker with a rather long name"
    write_boxes(results / "bird-2.txt", [BOX] * 3)
    figure = precision_and_success(compare(load(str(tmp_path / "d")), [results]))
    legible(figure)
    panels = figure.axes[:3]
    assert all(axes.get_legend() is not None for axes in panels)
    assert [axes.get_title() for axes in panels] == [
        f"{title}, LaSOT" for title in ("Precision", "Norm. precision", "Success")
    ]
    for axes, end in zip(panels, (50, 0.5, 1), strict=True):
        assert axes.lines[0].get_xdata()[-1] == end


# --- UAV123 -----------------------------------------------------------------------------------


def test_uav123_counts_frames_without_a_box_as_precise_and_as_no_success() -> None:
    found = scored("uav123", [BOX, HALF, BOX], [BOX, BOX, [np.nan] * 4])
    assert found.scores["os"] == pytest.approx((20 + 7) / 21 / 3)
    assert found.scores["dp20"] == 1


def test_uav123_has_several_targets_in_one_video(tmp_path: Path) -> None:
    place = tmp_path / "UAV123"
    rows = {"bird1_2": 3, "car1_1": 2, "car11": 2, "car1_s": 2}
    for name, count in rows.items():
        boxes = [[1, 1, 20, 20], *[[np.nan] * 4] * (count - 1)]
        write_boxes(place / "anno" / "UAV123" / f"{name}.txt", boxes)
    (place / "anno" / "UAV123" / "att").mkdir()
    write_boxes(place / "anno" / "UAV20L" / "bird1.txt", [BOX] * 4)
    write_frames(place / "data_seq" / "UAV123" / "bird1", range(773, 779), "{:06}.jpg")
    write_frames(place / "data_seq" / "UAV123" / "car1", range(1, 4), "{:06}.jpg")
    write_frames(place / "data_seq" / "UAV123" / "car1_s", range(1, 3), "{:06}.jpg")

    folder = find("uav123", tmp_path)
    assert list(folder.targets) == ["bird1_2", "car1_1", "car1_s", "car11"]
    bird = folder.sequence("bird1_2")
    assert [file.stem for file in bird.frames] == ["000775", "000776", "000777"]
    assert bird.ground_truth is not None
    np.testing.assert_array_equal(bird.ground_truth[:, 0], [0, np.nan, np.nan])
    assert [file.stem for file in folder.sequence("car1_1").frames] == ["000001", "000002"]
    assert len(folder.sequence("car1_s").frames) == 2
    with pytest.raises(InputError, match=r"no frames of car11|cannot list the folder"):
        folder.sequence("car11")
    absent = place / "data_seq" / "UAV123" / "bird1" / "000776.jpg"
    content = absent.read_bytes()
    absent.unlink()
    with pytest.raises(InputError, match=r"lacks 1 of the frames 775 to 777 .*bird1_2.* 776: add"):
        folder.sequence("bird1_2")
    absent.write_bytes(content)
    assert list(find("UAV20L", tmp_path).targets) == ["bird1"]
    assert find(str(place), tmp_path).kind == "uav123"

    for name in rows:  # as pytracking names them; car1_1 and car11 are two targets
        write_boxes(tmp_path / "Mine" / f"uav_{name}.txt", [[1, 1, 20, 20]] * rows[name])
    (tracker,) = compare(load("uav123", data=tmp_path), [tmp_path / "Mine"])["trackers"]
    assert tracker["name"] == "Mine" and list(tracker["scores"]) == list(folder.targets)
    assert tracker["scores"]["car11"] == pytest.approx(
        {"os": 20 / 21 / 2, "dp20": 1, "frames": 2, "skipped": 0}, abs=1e-6
    )


# --- TrackingNet ------------------------------------------------------------------------------


def test_trackingnet_rounds_boxes_and_takes_areas_by_trapezes() -> None:
    # Rounded, the second box is (12, 10, 20, 20): 9/11 in overlap, off by 2 px and .1 widths.
    found = scored("trackingnet", [HALF, [11.6, 10.4, 20.4, 19.6]], [BOX, [10.3, 9.7, 20, 20]])
    # The curves are 1 up to 1 and 16/20, and from 0 and 2.5 px, 0 and .1 on.
    assert found.curves["success"].tolist() == [1] * 17 + [0.5] * 3 + [0]
    assert found.curves["precision"].tolist() == [0.5] + [1] * 20
    assert found.curves["normalised_precision"].tolist() == [0.5] * 4 + [1] * 17
    assert found.scores == pytest.approx(
        {
            "success_area": (0.5 + 16 + 1.5 + 0) / 20,
            "precision_area": (0.25 + 19 + 0.5) / 20,
            "normalised_precision_area": (0.25 + 1.5 + 16 + 0.5) / 20,
        }
    )


def test_trackingnet_in_its_folders(tmp_path: Path) -> None:
    for part, name in (("TRAIN_0", "-_DVlS"), ("TRAIN_0", "-_dvls"), ("TRAIN_1", "b_0")):
        place = tmp_path / "TrackingNet" / part
        write_boxes(place / "anno" / f"{name}.txt", [BOX] * 3)
        write_frames(place / "frames" / name, range(3), "{}.jpg")
        write_boxes(tmp_path / "Mine" / f"{name}.txt", [BOX] * 4)
    benchmark = load("trackingnet", data=tmp_path)
    assert len(benchmark.truth) == 3
    (tracker,) = compare(benchmark, [tmp_path / "Mine"])["trackers"]
    assert tracker["means"]["targets"] == len(tracker["off_by_one"]) == 3
    assert tracker["means"]["success_area"] == pytest.approx(0.975)
    part = find(str(tmp_path / "TrackingNet" / "TRAIN_1"), tmp_path)
    assert part.kind == "trackingnet" and list(part.targets) == ["b_0"]
    assert [file.name for file in part.sequence("b_0").frames] == ["0.jpg", "1.jpg", "2.jpg"]
    write_boxes(tmp_path / "TEST" / "anno" / "c_0.txt", BOX)
    with pytest.raises(InputError, match="only the first box"):
        load(str(tmp_path / "TEST"))


# --- NfS --------------------------------------------------------------------------------------


def write_nfs(place: Path, rate: int, rows: int, frames: int) -> None:
    lines = [f'0 {k} 10 {k + 20} 40 {k} 0 0 0 "a car"\n' for k in range(rows)]
    folder = place / str(rate)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{place.name}.txt").write_text("".join(lines))
    write_frames(folder / place.name, range(1, frames + 1), "{:05}.jpg")


@pytest.mark.parametrize(("rows", "frames"), [(4, 4), (5, 4), (4, 5), (32, 4), (33, 4)])
def test_nfs_has_corners_and_lengths_that_differ(
    tmp_path: Path, rows: int, frames: int, caplog: pytest.LogCaptureFixture
) -> None:
    write_nfs(tmp_path / "NfS" / "car_race", 30, rows, frames)
    folder = find("nfs", tmp_path)
    sequence = folder.sequence("car_race")
    assert sequence.ground_truth is not None
    assert len(sequence.frames) == len(sequence.ground_truth) == frames
    step = 8 if rows > 8 else 1
    np.testing.assert_array_equal(sequence.ground_truth[1], [step, 10, 20, 30])
    assert ("car_race.txt" in caplog.text) == (rows in (33, 5) or frames == 5)


def test_nfs_may_end_with_a_blank_line(tmp_path: Path) -> None:
    write_nfs(tmp_path / "NfS" / "car_race", 30, 3, 3)
    (file,) = (tmp_path / "NfS").rglob("30/*.txt")
    before = find("nfs", tmp_path).sequence("car_race").ground_truth
    file.write_text(file.read_text() + "\n \n")
    np.testing.assert_array_equal(find("nfs", tmp_path).sequence("car_race").ground_truth, before)


def test_nfs_at_both_rates(tmp_path: Path) -> None:
    write_nfs(tmp_path / "NFS" / "car_race", 30, 4, 4)
    write_nfs(tmp_path / "NFS" / "car_race", 240, 32, 32)
    write_boxes(tmp_path / "Mine" / "nfs_car_race.txt", [[k, 10, 20, 30] for k in range(33)])
    report = compare(load("nfs240", data=tmp_path), [tmp_path / "Mine"])
    assert report["trackers"][0]["off_by_one"] == {"car_race": {"boxes": 33, "frames": 32}}
    assert report["trackers"][0]["means"]["os50"] == 1
    assert len(load(str(tmp_path / "NFS")).truth["car_race"]) == 4
    file = tmp_path / "NFS" / "car_race" / "30" / "car_race.txt"
    for text, message in (("0 1 2\n", r"car_race\.txt, line 1: wanted NfS's"), ("", "is empty")):
        file.write_text(text)
        with pytest.raises(InputError, match=message):
            load("nfs", data=tmp_path)
    file.write_text("0 1 2 1e300 4 1 0 0 0\n0 1 2 3 4 1 0 0 0\n")
    truth = load("nfs", data=tmp_path).truth["car_race"]
    np.testing.assert_array_equal(truth, [[np.nan] * 4, [1, 2, 2, 2]])
