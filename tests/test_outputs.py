"""No command writes over what it reads, or one output over another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_runs import made_run

from rltrack.backbones.registry import backbone_files
from rltrack.benchmarks import report, report_tables, vot_workspace
from rltrack.cli.main import main
from rltrack.errors import InputError
from rltrack.evaluation.run_files import inputs_in, keep, packed
from rltrack.outputs import Folder, checked_folder, checked_outputs, free_folder
from rltrack.tracking.tracker import Tracker
from rltrack.video.excerpt import Excerpt
from rltrack.video.sources import open_source
from rltrack.video.writer import VideoWriter

KEY = "0123456789ab"
RUN = made_run("Girl", tracker=KEY)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something of each kind that commands read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RLTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RLTRACK_DATA", str(tmp_path / "data"))
    girl, vot = Path("data/otb/Girl"), Path("vot/sequences/cat")
    for folder in (girl / "img", vot, Path("results"), Path("runs") / KEY):
        folder.mkdir(parents=True)
    image = np.full((60, 80, 3), 90, np.uint8)
    for number in (1, 2):
        cv2.imwrite(str(girl / "img" / f"000{number}.png"), image)
    (girl / "groundtruth_rect.txt").write_text("11,11,20,16\n11,11,20,16\n")
    with VideoWriter("clip.mp4") as video:
        video.write(image)
    (Path("runs") / KEY / "Girl-0.json.gz").write_bytes(packed(RUN))
    keep([RUN], Path("kept.json.gz"))
    Path("results/Girl.txt").write_text("11,11,20,16\n11,11,20,16\n")
    Path("truth.json").write_text(json.dumps({"Girl": [[11, 11, 20, 16]] * 2}))
    Path("names.txt").write_text("Girl\n")
    Path("w.safetensors").write_text("weights")
    Path("vot/config.yaml").write_text("stack: vot2016/rgb\n")
    (vot / "color").symlink_to((girl / "img").resolve())
    Path("link.csv").symlink_to(girl / "img" / "0002.png")
    return tmp_path


GIRL = "data/otb/Girl"
EVALUATE = ["evaluate", "results", "--dataset", "names.txt", "--ground-truth", "truth.json"]
OVER_INPUT: dict[str, list[str]] = {
    "a frame": ["track", GIRL, "--out", f"{GIRL}/img/0002.png"],
    "a frame through a link": ["track", GIRL, "--out", "link.csv"],
    "a frame that is not there": ["track", GIRL, "--out", f"{GIRL}/img/0003.png"],
    "ground truth": ["track", GIRL, "--json", f"{GIRL}/groundtruth_rect.txt"],
    "the video": ["track", "clip.mp4", "--box", "10,10,20,16", "--video", "clip.mp4"],
    "weights": ["track", GIRL, "--backbone", "w.safetensors", "--out", "w.safetensors"],
    "one file for two": ["track", GIRL, "--out", "x", "--json", "./x"],
    "compare": ["compare", "out/compare.mp4", "--box", "10,10,20,16", "--peers", "mil"],
    "demo": ["demo", "--out", "out/demo", "--backbone", "timm:x=out/demo/figure.png"],
    "bench": ["bench", GIRL, "--json", f"{GIRL}/groundtruth_rect.txt"],
    "bench's weights": ["bench", "--backbone", "w.safetensors", "--json", "w.safetensors"],
    "results": [*EVALUATE, "--json", "results/Girl.txt"],
    "results that are not there": [*EVALUATE, "--json", "results/Deer.json"],
    "the file of ground truth": [*EVALUATE, "--plot", "truth.json"],
    "the file of names": [*EVALUATE, "--json", "names.txt"],
    "data": [*EVALUATE, "--json", f"{GIRL}/groundtruth_rect.txt"],
    "a run": ["report", "runs", "--keep", f"runs/{KEY}/Girl-0.json.gz"],
    "kept runs": ["report", "kept.json.gz", "--markdown", "kept.json.gz"],
    "a report's outputs": ["report", "runs", "--markdown", "x", "--latex", "x"],
}


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("arguments", OVER_INPUT.values(), ids=OVER_INPUT)
def test_no_command_writes_over_its_inputs(
    arguments: list[str],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if arguments[0] == "compare":
        Path("out").mkdir()
        Path("clip.mp4").rename("out/compare.mp4")
        arguments = [*arguments, "--out", "out"]
    if "figure.png" in arguments[-1]:
        Path("out/demo").mkdir(parents=True)
        Path("out/demo/figure.png").write_text("weights")

    def fit(*_: object) -> Any:
        raise AssertionError("it was tracked")

    monkeypatch.setattr(Tracker, "init", fit)
    before = content(here)
    assert main(arguments) == 2
    shown, errors = capsys.readouterr()
    assert shown == "" and errors.count("\n") == 1
    assert "belongs to the input; give another name" in errors or "cannot be one file" in errors
    assert content(here) == before


def test_results_without_a_given_place_go_where_nothing_is(here: Path) -> None:
    assert free_folder("out/x") == Path("out/x")
    Path("out/x").mkdir(parents=True)
    assert free_folder("out/x") == Path("out/x")  # an empty folder
    Path("out/x/boxes.csv").touch()
    Path("out/x-2").touch()
    Path("out/x-3").symlink_to("nothing")
    assert free_folder("out/x") == Path("out/x-4")
    assert free_folder("clip.mp4/x") == Path("clip.mp4/x")  # which is told when it is written to


def test_what_is_beside_the_inputs_may_be_written(here: Path) -> None:
    source = open_source(GIRL)
    assert checked_outputs({"boxes": f"{GIRL}/boxes.csv"}, source.inputs)  # type: ignore[attr-defined]
    assert checked_outputs({"results": "runs/kept.json.gz"}, inputs_in(Path("runs")))
    assert checked_outputs({"report": "vot/report.json"}, vot_workspace.inputs_of("vot"))


@pytest.mark.parametrize("path", ["vot/config.yaml", "vot/results/cat", f"{GIRL}/img/0001.png"])
def test_a_workspace_and_its_data_are_inputs(path: str, here: Path) -> None:
    with pytest.raises(InputError, match="belongs to the input"):
        checked_outputs({"report": path}, vot_workspace.inputs_of("vot"))


def test_an_excerpt_reads_what_its_source_reads(here: Path) -> None:
    with pytest.raises(InputError, match="belongs to the input"):
        checked_outputs({"boxes": "data/otb/Girl/img/0001.png"}, Excerpt(GIRL).inputs)


def test_a_name_that_looks_temporary_is_any_other_name(tmp_path: Path) -> None:
    given = {"boxes": tmp_path / "v.part.mp4", "video": tmp_path / "v.mp4"}
    assert checked_outputs(given) == given


def test_the_files_of_backbones() -> None:
    assert [path.name for path in backbone_files("rendered")] == ["rendered.safetensors"]
    assert [path.name for path in backbone_files("vggm")] == ["vggm.safetensors"]
    assert backbone_files("mine.safetensors") == (Path("mine.safetensors"),)
    assert backbone_files("timm:resnet18=mine.pt") == (Path("mine.pt"),)
    assert backbone_files("timm:resnet18=~/mine.pt") == (Path.home() / "mine.pt",)
    assert backbone_files("timm:resnet18") == backbone_files("embedded") == ()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("file/b.csv", "what should be its folder is a file"),
        ("a\0b", "null"),
        ("n" * 256, "File name too long"),
        ("d/" * 3000 + "b", "File name too long"),
        ("~nobody-of-that-name/b", "home"),
    ],
    ids=["empty", "under a file", "null byte", "long name", "long path", "home"],
)
def test_a_path_that_cannot_be_is_one_line(
    path: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(InputError, match="the path of the boxes cannot be") as caught:
        checked_outputs({"boxes": path})
    assert why in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="the path of the runs cannot be"):
        checked_folder(path, "runs")


def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is forbidden to root")
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        checked_outputs({"boxes": tmp_path / "b.csv"})


def test_no_folder_is_made_where_an_output_is_refused(tmp_path: Path) -> None:
    given = {"boxes": tmp_path / "new" / "b.csv", "summary": tmp_path / "s" / "1.png"}
    with pytest.raises(InputError):
        checked_outputs(given, [Folder(tmp_path / "s", lambda file: file.suffix == ".png")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        [*EVALUATE, "--json", "a.json"],
        ["bench", "--json", "a.json"],
        [*EVALUATE, "--plot", "a.png"],
    ],
    ids=" ".join,
)
def test_numbers_and_plots_replace_no_other_file(
    command: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Path(command[-1])
    mine.write_text('{"mine": 1}')
    assert main(command) == 2
    assert f"{mine}: there is a file that rltrack did not write" in capsys.readouterr().err
    assert mine.read_text() == '{"mine": 1}'


# --- A full disk ---------------------------------------------------------------------------------


def test_a_report_without_room_is_printed_and_says_what_is_missing(
    here: Path,
    room: Callable[[int], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(report, "report", lambda results: None)
    monkeypatch.setattr(report_tables, "markdown", lambda made: "| a table |")
    monkeypatch.setattr(report_tables, "latex", lambda made: "x")
    before = "<!-- rltrack -->\nbefore"
    Path("table.md").write_text(before)
    outputs = ["--markdown", "table.md", "--latex", "table.tex", "--keep", "all.json.gz"]
    with room(20):
        assert main(["report", "runs", *outputs]) == 1
    shown, errors = capsys.readouterr()
    assert shown == "| a table |\n"
    assert errors == (
        f"error: cannot write {here}/all.json.gz: File too large; cannot write {here}/table.md: "
        "File too large; the file that was there is unchanged\n"
    )
    assert Path("table.md").read_text() == before and not Path("all.json.gz").exists()
    assert Path("table.tex").read_text() == "% rltrack\nx\n"  # there is room for this one


def test_numbers_without_room_are_printed(
    here: Path,
    room: Callable[[int], AbstractContextManager[None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with room(100):
        assert main([*EVALUATE, "--json", "all.json"]) == 1
    shown, errors = capsys.readouterr()
    assert "results" in shown and errors.startswith("error: cannot write ")
    assert errors.count("\n") == 1 and not Path("all.json").exists()
    assert not list(here.glob("*.part"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_without_room_is_one_line(here: Path) -> None:
    with Path("/dev/full").open("w") as disk:
        done = subprocess.run(
            [sys.executable, "-m", "rltrack", "--version"], stdout=disk, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    assert done.stderr == b"error: [Errno 28] No space left on device\n"
