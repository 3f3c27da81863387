"""The command line, as a person meets it: options, messages, exit status, files."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from small_presets import QUICKER

import rltrack
from rltrack.backbones.cards import Card
from rltrack.backbones.filter_banks import random_bank
from rltrack.backbones.weights import save_backbone
from rltrack.cli import progress, track
from rltrack.cli.demo import make_demo
from rltrack.cli.main import main
from rltrack.data import fetch
from rltrack.data.failures import FetchError
from rltrack.errors import InputError
from rltrack.tracking import presets
from rltrack.tracking.tracker import Tracker
from rltrack.video.writer import VideoWriter

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's")

BOX = "20,24,20,16"
FAST = ["--preset", "tiny", "--backbone", "random", "--attention-weight", "0"]


@pytest.fixture(autouse=True)
def _quicker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(presets._CHANGES, "tiny", QUICKER)
    monkeypatch.setenv("RLTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """An OTB folder: a patch that moves 2 pixels a frame; the last frame has no box."""
    return make_sequence(tmp_path / "Patch", 4)


def moving_patch(frames: int) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (72, 96, 3)).astype(np.uint8), (9, 9), 3)
    for i in range(frames):
        image = ground.copy()
        left = 20 + 2 * (i % 20)
        image[24:40, left : left + 20] = (255, 40, 20)
        image[28:36, left + 5 : left + 15] = (255, 255, 255)
        yield image


def make_sequence(folder: Path, frames: int) -> Path:
    (folder / "img").mkdir(parents=True)
    for i, image in enumerate(moving_patch(frames)):
        cv2.imwrite(str(folder / "img" / f"{i + 1:04d}.png"), image[..., ::-1])
    rows = [f"{21 + 2 * (i % 20)},25,20,16" for i in range(frames - 1)]
    (folder / "groundtruth_rect.txt").write_text("\n".join([*rows, "NaN,NaN,NaN,NaN"]))
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def frames_in(path: Path) -> int:
    with av.open(str(path)) as video:  # OpenCV would begin to say what FFmpeg thinks of each file
        return sum(1 for _ in video.decode(video=0))


# --- Done: 0 ------------------------------------------------------------------------------------


def test_track_a_sequence(sequence: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outputs = ["--out", "out/boxes.csv", "--video", "out/v.mp4", "--json", "out/summary.json"]
    assert main(["track", str(sequence), *FAST, "--seed", "3", *outputs]) == 0
    shown, errors = capfd.readouterr()
    assert errors == ""  # no progress bar where there is no terminal
    assert re.search(r"metrics +DP20 \d\.\d{3}, OS .* CLE .* px, OS50 .*; 1 frames without", shown)
    for word in ("Patch", "preset tiny", "lambda 0", "backbone random", "seed 3", "FPS", "MiB"):
        assert word in shown
    for phase in ("decode", "crop", "features", "score", "first fit", "update"):
        assert re.search(rf"\b{phase} \d", shown)
    assert len(rows_of(Path("out/boxes.csv"))) == frames_in(Path("out/v.mp4")) == 4
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["frames"] == 4 and 0 <= summary["os"] <= 20 / 21
    assert (summary["preset"], summary["seed"], summary["device"]) == ("tiny", 3, "cpu")
    assert summary["version"] == rltrack.__version__


def test_long_work_has_lines_in_a_log(
    sequence: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0)
    assert main(["track", str(sequence), *FAST, "--out", "b.csv"]) == 0
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "Patch: frame 1 of 4"
    for number, line in enumerate(others, 2):
        assert re.fullmatch(rf"Patch: frame {number} of 4, about 0:\d\d:\d\d left", line)
    assert len(others) == 3


def test_a_line_comes_now_and_then_and_says_what_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    lines = progress.Lines()
    for frame in range(1, 14):
        lines.advance("clip: frame", frame, 100)
        clock[0] += 10
    lines.advance("clip: frame", 14, None)
    assert capsys.readouterr().err.splitlines() == [
        "clip: frame 4 of 100, about 0:16:00 left",
        "clip: frame 7 of 100, about 0:15:30 left",
        "clip: frame 10 of 100, about 0:15:00 left",
        "clip: frame 13 of 100, about 0:14:30 left",
    ]


def test_track_a_video_file_from_a_box(capsys: pytest.CaptureFixture[str]) -> None:
    with VideoWriter("clip.mp4", 10) as video:
        for image in moving_patch(3):
            video.write(image)
    assert main(["track", "clip.mp4", "--box", BOX, *FAST, "--out", "b.csv"]) == 0
    assert len(rows_of(Path("b.csv"))) == 3
    assert "metrics" not in capsys.readouterr().out


def test_track_several_targets(sequence: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = ["--box", BOX, "--box", "50,40,20,16"]
    outputs = ["--out", "b.csv", "--video", "v.mp4", "--json", "s.json"]
    assert main(["track", str(sequence), *boxes, *FAST, *outputs]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"frames +4, found in \d, \d \(2 targets\)", shown)
    assert "metrics" not in shown and "FPS" in shown
    rows = rows_of(Path("b.csv"))
    assert [(row["frame"], row["target"]) for row in rows] == [(f, t) for f in "0123" for t in "01"]
    assert [float(rows[1][key]) for key in ("x", "y", "w", "h")] == [50, 40, 20, 16]
    assert frames_in(Path("v.mp4")) == 4
    summary = json.loads(Path("s.json").read_text())
    assert summary["targets"] == 2 and summary["frames"] == 4 and summary["os"] is None


def test_track_the_target_that_is_asked_for(
    sequence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sequence / "groundtruth_rect.txt").rename(sequence / "groundtruth_rect.1.txt")
    (sequence / "groundtruth_rect.2.txt").write_text("nan\n51,41,20,16\n51,41,20,16\n")
    assert main(["track", str(sequence), "--target", "2", *FAST, "--json", "s.json"]) == 0
    summary = json.loads(Path("s.json").read_text())
    assert summary["first_box"] == [50, 40, 20, 16] and summary["frames"] == 3
    assert summary["os"] is not None
    assert "the first true box is in frame 1" in capsys.readouterr().err


def test_ground_truth_that_cannot_be_used_does_not_refuse_a_box(
    sequence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sequence / "groundtruth_rect.txt").write_text("m20,24,20,16,0,320\n" * 4)
    assert main(["track", str(sequence), "--box", BOX, *FAST, "--json", "s.json"]) == 0
    shown, errors = capsys.readouterr()
    assert "metrics" not in shown and json.loads(Path("s.json").read_text())["os"] is None
    assert re.search(r"^warning: no metrics are given: .*line 1: it holds a mask", errors)


def test_attentive_features_come_without_attention_weight(sequence: Path) -> None:
    options = ["--variant", "attentive-features", "--preset", "tiny", "--backbone", "random"]
    assert main(["track", str(sequence), *options, "--json", "s.json"]) == 0
    summary = json.loads(Path("s.json").read_text())
    assert summary["variant"] == "attentive-features" and summary["attention_weight"] == 0


def test_a_run_that_writes_nothing_says_so(
    sequence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", str(sequence), *FAST]) == 0
    assert capsys.readouterr().err.startswith("warning: nothing is written")


def test_the_preset_that_the_device_suggests_is_told_in_one_line(
    sequence: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(presets._CHANGES, "realtime", QUICKER)
    options = ["--backbone", "random", "--device", "cpu", "--json", "s.json"]
    assert main(["track", str(sequence), *options]) == 0
    shown, errors = capsys.readouterr()
    assert errors == "info: preset realtime, which suits the device; --preset chooses another\n"
    assert "preset realtime" in shown
    config = json.loads(Path("s.json").read_text())["config"]
    assert (config["preset"], config["border"]) == ("realtime", "target")


def test_demo(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--frames", "4", "--preset", "tiny", "--backbone", "random", "--out", "here"]
    assert main(["demo", *options]) == 0
    shown, errors = capsys.readouterr()
    assert errors == ""
    assert re.search(r"^tiny +0 +4 ", shown, re.M) and re.search(r"^tiny +5 +4 ", shown, re.M)
    runs = [f"demo-lambda{weight}" for weight in (0, 5)]
    expected = {"figure.png", *(f"{run}.{end}" for run in runs for end in ("csv", "mp4", "json"))}
    assert {path.name for path in Path("here").iterdir()} == expected
    for run, weight in zip(runs, (0.0, 5.0), strict=True):
        assert len(rows_of(Path(f"here/{run}.csv"))) == frames_in(Path(f"here/{run}.mp4")) == 4
        summary = json.loads(Path(f"here/{run}.json").read_text())
        assert summary["attention_weight"] == weight and summary["dp20"] is not None
    figure = cv2.imread("here/figure.png")
    assert figure is not None and figure.shape[1] > 800 and figure.std() > 10


def test_a_second_demo_does_not_replace_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out/demo").mkdir(parents=True)
    Path("out/demo/figure.png").write_text("an earlier one")
    assert main(["demo", "--frames", "2", "--preset", "tiny", "--backbone", "random"]) == 0
    assert "figure.png are in out/demo-2" in capsys.readouterr().out
    assert Path("out/demo/figure.png").read_text() == "an earlier one"
    assert Path("out/demo-2/figure.png").exists()


def test_the_demo_finds_files_of_others_before_it_tracks(tmp_path: Path) -> None:
    (tmp_path / "demo-lambda5.csv").write_text("mine")
    with pytest.raises(
        InputError, match=r"demo-lambda5\.csv: there is a file that rltrack did not"
    ):
        make_demo(tmp_path, frames=2, config="tiny", backbone="random", device="cpu")
    assert [file.name for file in tmp_path.iterdir()] == ["demo-lambda5.csv"]


@pytest.mark.filterwarnings("error")
def test_the_demos_figure_names_a_backbone_in_any_script() -> None:
    save_backbone(random_bank(), "\u6570.safetensors", Card("\u6570", "x", "y"))
    make_demo("here", frames=2, config="tiny", backbone="\u6570.safetensors", device="cpu")
    assert Path("here/figure.png").stat().st_size > 1000


def test_info_names_versions_and_backbones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    shown = capsys.readouterr().out
    for name in ("rltrack", "python", "torch", "numpy", "opencv", "device", "cache"):
        assert re.search(rf"^{name} +\S", shown, re.M)
    assert "backbone random: ready" in shown
    assert re.search(r"backbone vggm: .*missing.*rltrack fetch vggm", shown)


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rltrack {rltrack.__version__}\n"
    assert main([]) == 0
    bare = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == bare
    for command in ("track", "demo", "info", "fetch"):
        assert command in bare
        assert main([command, "--help"]) == 0


def test_help_does_not_load_pytorch() -> None:
    code = (
        "import sys; from rltrack.cli.main import main; main(['track', '--help']); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'cv2', 'matplotlib', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


# --- Bad input: 2, one line, before any tracking -------------------------------------------------

ATTENTIVE = ["--variant", "attentive-features", "--attention-weight", "1"]
BAD_OPTIONS: dict[str, tuple[list[str], str]] = {
    "no source": (["track"], "SOURCE"),
    "no such source": (["track", "nowhere.mp4"], "nowhere.mp4"),
    "no such webcam": (["track", "99", "--box", BOX], "webcam"),
    "empty folder": (["track", "empty"], "no frames"),
    "not a video": (["track", "text.mp4"], "text.mp4"),
    "not an image": (["track", "text.png"], "text.png"),
    "ground truth malformed": (["track", "malformed"], "line 1"),
    "no first box": (["track", "Patch/img"], "--box"),
    "no such target": (["track", "Patch", "--target", "3"], "no target 3"),
    "box outside": (["track", "Patch", "--box", "900,9,9,9"], "900,9,9,9"),
    "second box outside": (["track", "Patch", "--box", BOX, "--box", "900,9,9,9"], "900,9,9,9"),
    "box empty": (["track", "Patch", "--box", "9,9,0.5,9"], "at least 1 pixel"),
    "box of a kilometre": (["track", "Patch", "--box=-1e9,-1e9,2e9,2e9"], "at most 10 times"),
    "box NaN": (["track", "Patch", "--box", "nan,9,9,9"], "finite"),
    "box of three": (["track", "Patch", "--box", "1,2,3"], "'1,2,3'"),
    "box in words": (["track", "Patch", "--box", "a,b,c,d"], "'a,b,c,d'"),
    "two boxes": (["track", "Patch", "--box", BOX, "--select"], "--select"),
    "no display": (["track", "Patch", "--select"], "display"),
    "unknown preset": (["track", "Patch", "--preset", "papr"], "'papr'"),
    "unknown backbone": (["track", "Patch", "--backbone", "vgg"], "'vgg'"),
    "backbone not fetched": (["track", "Patch", "--backbone", "vggm"], "rltrack fetch vggm"),
    "unknown variant": (["track", "Patch", "--variant", "other"], "'other'"),
    "negative weight": (["track", "Patch", "--attention-weight", "-1"], "attention_weight"),
    "NaN weight": (["track", "Patch", "--attention-weight", "nan"], "attention_weight"),
    "weight in words": (["track", "Patch", "--attention-weight", "much"], "--attention-weight"),
    "weight not for variant": (["track", "Patch", *ATTENTIVE], "attention_weight"),
    "unknown device": (["track", "Patch", "--device", "meta"], "'meta'"),
    "no GPU": (["track", "Patch", "--device", "cuda:63"], "cuda:63"),
    "negative seed": (["track", "Patch", "--seed", "-1"], "seed"),
    "unknown overlay": (["track", "Patch", "--overlay", "x", "--video", "v.mp4"], "'x'"),
    "overlay on nothing": (["track", "Patch", "--overlay", "attention"], "video"),
    "boxes to a folder": (["track", "Patch", "--out", "empty"], "folder"),
    "boxes nowhere": (["track", "Patch", "--out", ""], "empty"),
    "boxes at a null character": (["track", "Patch", "--out", "a\0b"], "null"),
    "boxes at a long name": (["track", "Patch", "--out", "x" * 5000], "too long"),
    "video of nobody": (["track", "Patch", "--video", "~nobody-here/v.mp4"], "home directory"),
    "weights at a long name": (
        ["track", "Patch", "--backbone", f"{'x' * 5000}.safetensors"],
        "long",
    ),
    "boxes under a file": (["track", "Patch", "--out", "text.png/b.csv"], "text.png/b.csv"),
    "video of no kind": (["track", "Patch", "--video", "v.xyz"], ".mp4"),
    "summary to a folder": (["track", "Patch", "--json", "empty"], "folder"),
    "unknown option": (["track", "Patch", "--fast"], "--fast"),
    "unknown command": (["follow"], "follow"),
    "demo under a file": (["demo", "--out", "text.png"], "text.png"),
    "demo of no frames": (["demo", "--frames", "0"], "frames"),
    "demo without end": (["demo", "--frames", "999999999"], "10000"),
    "demo nowhere": (["demo", "--out", ""], "empty"),
    "comparison of nobody": (
        ["compare", "Patch", "--peers", "mil", "--out", "~nobody-here"],
        "home",
    ),
    "report of nobody": (["report", "~nobody-here"], "home directory"),
    "report at a long name": (["report", "x/" * 2500], "too long"),
    "sequences to nobody": (["fetch", "otb2015", "--dest", "~nobody-here"], "home directory"),
    "sequences at a null character": (["fetch", "otb2015", "--dest", "a\0b"], "null"),
    "demo with unknown preset": (["demo", "--preset", "papr"], "'papr'"),
    "demo without GPU": (["demo", "--device", "cuda:63"], "cuda:63"),
    "unknown asset": (["fetch", "imagenet"], "imagenet"),
}


@pytest.mark.parametrize(("arguments", "named"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
@pytest.mark.usefixtures("sequence")
def test_bad_input(
    arguments: list[str],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    Path("empty").mkdir()
    Path("malformed").mkdir()
    Path("malformed/groundtruth_rect.txt").write_text("one,two\n")
    Path("malformed/1.png").write_bytes(Path("Patch/img/0001.png").read_bytes())
    Path("text.mp4").write_text("no video")
    Path("text.png").write_text("no image")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)

    def fit(*_: object) -> Any:
        raise AssertionError("the first frame was fitted")

    monkeypatch.setattr("rltrack.tracking.tracker.fitted_regressor", fit)
    before = sorted(Path().rglob("*"))
    assert main(arguments) == 2
    shown, errors = capfd.readouterr()
    assert shown == ""
    assert errors.startswith("error: ") and errors.count("\n") == 1
    assert named in errors and len(errors) < 2200
    assert [path for path in sorted(Path().rglob("*")) if path.is_file()] == [
        path for path in before if path.is_file()
    ]


def test_a_long_message_keeps_its_beginning_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", "x", "x" * 3000]) == 2
    errors = capsys.readouterr().err
    assert re.fullmatch(
        r"error: .*extra argument\S* \(x+ \[...\] x+\) \(rltrack track --help shows how\)\n", errors
    )
    assert len(errors) < 2200


LIBRARIES = """
import os, sys, warnings
from rltrack.cli.terminal import libraries_silent
with libraries_silent():
    os.write(2, b"libpng warning\\n")
    warnings.warn("decompression bomb")
    print("error: in our words", file=sys.stderr)
os.write(2, b"after\\n")
print("that", file=sys.stderr)
"""


def test_libraries_print_nothing_beside_the_message() -> None:
    run = subprocess.run([sys.executable, "-c", LIBRARIES], capture_output=True, text=True)
    assert run.stderr == "error: in our words\nafter\nthat\n"


def test_the_command_line_works_without_standard_error() -> None:
    command = [sys.executable, "-m", "rltrack", "--version"]
    run = subprocess.run(command, stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2))
    assert (run.returncode, run.stdout) == (0, f"rltrack {rltrack.__version__}\n".encode())


# --- Failed part-way: 1 --------------------------------------------------------------------------


def at_frame(monkeypatch: pytest.MonkeyPatch, frame: int, act: Any) -> None:
    """Call `act` in place of tracking this frame."""
    update, calls = Tracker.update, []

    def patched(self: Tracker, image: Any) -> Any:
        calls.append(1)
        return act() if len(calls) == frame else update(self, image)

    monkeypatch.setattr(Tracker, "update", patched)


def out_of_memory() -> None:
    raise RuntimeError("out of\nmemory")


@pytest.mark.parametrize("debug", [False, True])
def test_failing_part_way_keeps_what_was_tracked(
    debug: bool,
    sequence: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    at_frame(monkeypatch, 2, out_of_memory)
    outputs = ["--out", "b.csv", "--video", "v.mp4", "--json", "s.json"]
    assert main(["track", str(sequence), *FAST, *outputs, *["--debug"] * debug]) == 1
    shown, errors = capsys.readouterr()
    last = errors.splitlines()[-1]
    assert last.startswith("error: RuntimeError: out of memory; ") and "2 frames" in last
    assert ("Traceback" in errors) == debug and (errors.count("\n") == 1) == (not debug)
    assert "Patch" in shown
    assert len(rows_of(Path("b.csv"))) == frames_in(Path("v.mp4")) == 2
    assert json.loads(Path("s.json").read_text())["frames"] == 2


def test_an_output_that_failed_is_not_listed_as_written(
    sequence: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: VideoWriter) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(VideoWriter, "close", full)
    assert main(["track", str(sequence), *FAST, "--video", "v.mp4", "--json", "s.json"]) == 1
    assert re.search(r"written +s\.json$", capsys.readouterr().out, re.M)
    Path("s.json").unlink()
    assert main(["track", str(sequence), *FAST, "--video", "v.mp4"]) == 1
    assert re.search(r"written +nothing$", capsys.readouterr().out, re.M)


def test_a_demo_that_fails_keeps_what_was_tracked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_frame(monkeypatch, 2, out_of_memory)
    assert main(["demo", "--frames", "4", "--preset", "tiny", "--backbone", "random"]) == 1
    assert "out of memory" in capsys.readouterr().err
    assert len(rows_of(Path("out/demo/demo-lambda0.csv"))) == 2


# --- Interrupted: 130 ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_a_run_politely(
    number: signal.Signals,
    sequence: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(number)
    at_frame(monkeypatch, 2, lambda: signal.raise_signal(number))
    assert main(["track", str(sequence), *FAST, "--out", "b.csv"]) == 130
    assert signal.getsignal(number) == before
    assert len(rows_of(Path("b.csv"))) == 2
    assert "interrupted; what was tracked is kept" in capsys.readouterr().err


def two_signals_at_once() -> None:
    # What `timeout` does: one for the process, one for its group. Here both are for this thread:
    # one for the process would go at once to another, which does not block it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM])


def test_two_signals_at_once_stop_a_run_as_one_does(
    sequence: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_frame(monkeypatch, 2, two_signals_at_once)
    assert main(["track", str(sequence), *FAST, "--out", "b.csv"]) == 130
    assert len(rows_of(Path("b.csv"))) == 2
    assert "interrupted; what was tracked is kept" in capsys.readouterr().err


def test_an_interrupted_demo_leaves_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    at_frame(monkeypatch, 4, lambda: signal.raise_signal(signal.SIGINT))  # in the second run
    assert main(["demo", "--frames", "3", "--preset", "tiny", "--backbone", "random"]) == 130
    assert len(rows_of(Path("out/demo/demo-lambda0.csv"))) == 3
    assert len(rows_of(Path("out/demo/demo-lambda5.csv"))) == 2
    assert not Path("out/demo/figure.png").exists()


def read_all(terminal: int) -> bytes:
    drawn = b""
    try:
        while piece := os.read(terminal, 65536):
            drawn += piece
    except OSError:  # how Linux says that nobody has the other end any more
        pass
    return drawn


def test_ctrl_c_at_a_terminal(tmp_path: Path) -> None:
    folder = make_sequence(tmp_path / "long", 900)
    arguments = [str(folder), *FAST, "--out", "b.csv", "--video", "v.mp4", "--json", "s.json"]
    terminal, screen = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rltrack", "track", *arguments],
        stdout=subprocess.PIPE,
        stderr=screen,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "120"},
        text=True,
    )
    os.close(screen)
    with ThreadPoolExecutor() as pool:
        display = pool.submit(read_all, terminal)  # a terminal that nobody reads would block
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline and process.poll() is None:
            parts = [part.read_text() for part in Path().glob("b.csv.*.part")]
            if any(part.count("\n") >= 4 for part in parts):  # the header and three rows
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        shown, _ = process.communicate(timeout=100)
        drawn = display.result()
    os.close(terminal)
    assert process.returncode == 130, (shown, drawn[-2000:])
    rows = rows_of(Path("b.csv"))
    assert 3 <= len(rows) < 900 and not list(Path().glob("*.part"))
    assert [int(row["frame"]) for row in rows] == list(range(len(rows)))
    assert all(np.isfinite([float(row[key]) for key in ("x", "y", "w", "h")]).all() for row in rows)
    assert frames_in(Path("v.mp4")) == json.loads(Path("s.json").read_text())["frames"] == len(rows)
    assert b"fitting the first frame" in drawn and b"FPS" in drawn and b"/900" in drawn
    assert "metrics" in shown


# --- Drawing the box, fetching -------------------------------------------------------------------


def test_a_drawn_box_starts_the_run(sequence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(track, "_check_display", lambda: None)
    for name in ("namedWindow", "destroyWindow", "waitKey"):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    monkeypatch.setattr(
        cv2, "selectROI", lambda title, image, _: shown.append(image) or (8, 9, 30, 20)
    )
    assert main(["track", str(sequence), "--select", *FAST, "--out", "b.csv"]) == 0
    assert np.array_equal(shown[0], cv2.imread(str(sequence / "img" / "0001.png")))
    row = rows_of(Path("b.csv"))[0]
    assert [float(row[key]) for key in ("x", "y", "w", "h")] == [8, 9, 30, 20]


def test_no_box_drawn(
    sequence: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(track, "_check_display", lambda: None)
    for name in ("namedWindow", "destroyWindow", "waitKey"):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    monkeypatch.setattr(cv2, "selectROI", lambda *_: (0, 0, 0, 0))
    assert main(["track", str(sequence), "--select", *FAST]) == 2
    assert capsys.readouterr().err.startswith("error: no box was drawn")


def test_fetch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[object] = []

    def fetched(asset: str, dest: object, *, progress: object) -> Path:
        asked.extend([asset, dest])
        return Path("there")

    monkeypatch.setattr(fetch, "fetch", fetched)
    assert main(["fetch", "vggm", "--dest", "here"]) == 0
    assert asked == ["vggm", "here"] and capsys.readouterr() == ("there\n", "")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (FetchError("404; by hand: save it as x"), 1, "error: 404; by hand: save it as x"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from here"),
    ],
)
def test_a_fetch_that_does_not_end(
    error: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(fetch, "fetch", fail)
    assert main(["fetch", "otb2013"]) == status
    assert capsys.readouterr().err == f"{said}\n"
