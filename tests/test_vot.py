"""VOT-2016: the TraX entry, the workspace, what the toolkit makes of it, and what goes wrong."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from rltrack.benchmarks import trax_entry, vot_experiment, vot_report
from rltrack.benchmarks import vot_workspace as vot
from rltrack.benchmarks.vot_report import Score, VotReport, rank
from rltrack.benchmarks.vot_workspace import VotError
from rltrack.cli.main import main
from rltrack.data.sequences import read_boxes
from rltrack.errors import InputError
from rltrack.tracking.result import Result
from rltrack.video.own_files import is_own

FRAMES = 30
FAST = ["--preset", "tiny", "--backbone", "random", "--attention-weight", "0", "--device", "cpu"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two sequences in VOT's form."""
    for name in ("ant", "bee"):
        make_sequence(tmp_path / "data" / "vot" / name)
    return tmp_path / "data"


def make_sequence(folder: Path, frames: int = FRAMES) -> None:
    (folder / "img").mkdir(parents=True)
    ground = np.random.default_rng(0).integers(0, 255, (72, 96, 3)).astype(np.uint8)
    ground = cv2.GaussianBlur(ground, (9, 9), 3).astype(np.uint8)
    for i in range(frames):
        image = ground.copy()
        image[24:40, 20 + i : 40 + i] = (20, 40, 255)
        cv2.imwrite(str(folder / "img" / f"{i + 1:08d}.jpg"), image)
    rows = "\n".join(",".join(map(str, corners(20 + i, 24))) for i in range(frames))
    (folder / "groundtruth.txt").write_text(rows + "\n")


def corners(x: int, y: int) -> list[int]:
    return [x, y + 16, x, y, x + 20, y, x + 20, y + 16]


# --- The TraX entry -----------------------------------------------------------------------------


class FakeTracker:
    """Answers with the seed it ran with, and counts frames."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.boxes: list[tuple[float, ...]] = []

    def init(self, image: Any, box: tuple[float, ...]) -> Result:
        assert image.dtype == np.uint8
        self.boxes.append(box)
        self.frames = 0
        return self._result()

    def update(self, image: Any) -> Result:
        self.frames += 1
        return self._result()

    def _result(self) -> Result:
        return Result((float(self.seed), float(self.frames), 2.0, 3.0), 1.0, True)


class FakeServer:
    """Sends requests as `trax.Server` does, and keeps the answers."""

    def __init__(self, requests: list[tuple[str, Path]]) -> None:
        self._requests = [*requests, ("quit", Path())]
        self.answers: list[Any] = []

    def wait(self) -> Any:
        kind, path = self._requests.pop(0)
        region = SimpleNamespace(bounds=lambda: (20.0, 24.0, 20.0, 16.0))
        return SimpleNamespace(
            type=kind,
            image={"color": SimpleNamespace(path=lambda: str(path))},
            objects=[(region, {})],
            properties=SimpleNamespace(dict=lambda: {"seed": "7"}),
        )

    def status(self, objects: list[Any]) -> None:
        self.answers.append(objects)


@pytest.fixture
def trax(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A module in place of TraX's own, and a quick tracker."""
    module = SimpleNamespace(
        TraxStatus=SimpleNamespace(QUIT="quit", INITIALIZE="initialize"),
        ImageChannel=SimpleNamespace(COLOR="color"),
        Image=SimpleNamespace(PATH="path"),
        Region=SimpleNamespace(RECTANGLE="rectangle"),
        Rectangle=SimpleNamespace(create=lambda *box: box),
    )
    monkeypatch.setitem(sys.modules, "trax", module)
    monkeypatch.setattr(
        trax_entry, "make_tracker", lambda settings: FakeTracker(int(settings["seed"]))
    )
    return module


@pytest.mark.usefixtures("trax")
def test_a_repetition_has_its_own_seed_and_a_reset_has_not(data: Path) -> None:
    image = [data / "vot" / "ant" / "img" / f"{n:08d}.jpg" for n in (1, 2, 3)]
    server = FakeServer(
        [
            ("initialize", image[0]), ("frame", image[1]), ("initialize", image[2]),
            ("initialize", image[0]), ("frame", image[1]), ("frame", image[2]),
        ]
    )  # fmt: skip
    trax_entry.serve(server, finished=2)
    boxes = [answer[0][0] for answer in server.answers]
    assert [box[:2] for box in boxes] == [(9, 0), (9, 1), (9, 0), (10, 0), (10, 1), (10, 2)]
    assert {answer[0][0][2:] for answer in server.answers} == {(2.0, 3.0)}


@pytest.mark.usefixtures("trax")
def test_a_frame_before_the_start_is_an_error(data: Path) -> None:
    frame = data / "vot" / "ant" / "img" / "00000001.jpg"
    with pytest.raises(InputError, match="before the start"):
        trax_entry.serve(FakeServer([("frame", frame)]))


def test_what_went_wrong_is_in_the_log(
    trax: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def server(regions: list[str], images: list[str]) -> FakeServer:
        asked.extend([regions, images])
        return FakeServer([("initialize", tmp_path / "no\nimage.jpg")])

    trax.Server = server
    log = tmp_path / "log"
    monkeypatch.setenv(trax_entry.LOG, str(log))
    with pytest.raises(InputError):
        trax_entry.main()
    assert asked == [["rectangle"], ["path"]]
    first, blank, second = log.read_text().splitlines()[:3]
    assert first.startswith("InputError: cannot read the image") and "no image.jpg" in first
    assert (blank, second) == ("", "Traceback (most recent call last):")


# --- The workspace ------------------------------------------------------------------------------


@pytest.fixture
def _no_toolkit_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vot, "check_toolkit", lambda: None)


@pytest.mark.usefixtures("_no_toolkit_needed")
def test_init_links_the_sequences(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = data / "ws"
    assert main(["vot", "init", str(place), "--data", str(data), "--stack", "small", *FAST]) == 0
    assert "2 sequences, stack small" in capsys.readouterr().out
    assert (place / "sequences" / "list.txt").read_text() == "ant\nbee\n"
    for name in ("ant", "bee"):
        there, here = data / "vot" / name, place / "sequences" / name
        assert (here / "color").is_symlink() and (here / "color").samefile(there / "img")
        assert (here / "groundtruth.txt").samefile(there / "groundtruth.txt")
        assert "channels.color=color/%08d.jpg" in (here / "sequence").read_text()
    settings = (place / "trackers.ini").read_text()
    for line in ("arg_preset = tiny", "arg_attention_weight = 0.0", "arg_seed = 0"):
        assert line in settings.splitlines()
    assert "stack: stack.yaml" in (place / "config.yaml").read_text()


@pytest.mark.parametrize("content", [b"garbage", b"\xff", b"[other]\n"])
def test_a_damaged_list_of_trackers_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trackers.ini").write_bytes(content)
    with pytest.raises(InputError, match=r"trackers\.ini .*make a new one"):
        vot.our_section(tmp_path)


@pytest.mark.usefixtures("_no_toolkit_needed")
def test_init_copies_where_there_are_no_links(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert main(["vot", "init", str(data / "ws"), "--data", str(data / "vot"), *FAST]) == 0
    copied = data / "ws" / "sequences" / "ant" / "color" / "00000001.jpg"
    assert copied.read_bytes() == (data / "vot" / "ant" / "img" / "00000001.jpg").read_bytes()
    assert "stack: vot2016/rgb" in (data / "ws" / "config.yaml").read_text()


@pytest.mark.usefixtures("_no_toolkit_needed")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--stack", "vot2017"], "unknown stack 'vot2017'"),
        (["--preset", "papr"], "unknown preset 'papr'"),
        (["--attention-weight", "-1"], "attention_weight is -1"),
        (["--backbone", "gone.safetensors"], "gone.safetensors are missing"),
        (["--device", "cuda:63"], "'cuda:63'"),
        (["--seed", "-1"], "seed is -1"),
        (["--data", "{data}/vot/ant/img"], "no sequences in"),
        (["--data", "{data}/renamed"], "frame 1 is 0001.jpg; the toolkit wants 00000001.jpg"),
        (["--data", "{data}/short"], "must have a region for each frame"),
        (["--data", "{data}/broken"], "00000001.jpg cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_2(
    options: list[str], says: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("renamed", "short", "broken"):
        make_sequence(data / name / "cat", 3)
    (data / "renamed" / "cat" / "img" / "00000001.jpg").rename(
        data / "renamed" / "cat" / "img" / "0001.jpg"
    )
    (data / "broken" / "cat" / "img" / "00000001.jpg").write_bytes(b"no image")
    truth = data / "short" / "cat" / "groundtruth.txt"
    truth.write_text("\n".join(truth.read_text().splitlines()[:2]))
    given = [option.format(data=data) for option in options]
    arguments = ["--data", str(data), *FAST, *given]
    assert main(["vot", "init", str(data / "ws"), *arguments]) == 2
    shown, errors = capsys.readouterr()
    assert shown == ""
    assert errors.startswith("error: ") and says in errors and errors.count("\n") == 1
    assert not (data / "ws").exists()


@pytest.mark.usefixtures("_no_toolkit_needed")
def test_a_workspace_wants_a_folder_of_its_own(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["vot", "init", str(data), "--data", str(data), *FAST]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_half_a_workspace_is_not_left_behind(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, place: Path) -> None:
        place.mkdir() if place.name == "color" else place.touch()
        if "bee" in place.parts:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(vot, "_link", full)
    with pytest.raises(InputError, match=r"cannot make the workspace .*No space left"):
        vot.init(tmp_path / "ws", data=data, preset="tiny", backbone="random")
    assert list((tmp_path / "ws").iterdir()) == []
    assert len(list(data.rglob("*.jpg"))) == 2 * FRAMES


@pytest.mark.parametrize("command", ["init", "run", "report"])
def test_without_the_toolkit_it_says_what_to_install(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert main(["vot", command, "ws"]) == 2
    assert capsys.readouterr().err == (
        'error: this needs the VOT toolkit: pip install "rltrack[vot]"\n'
    )


# --- The runs, with a toolkit that does as it is told -------------------------------------------


class ToolkitError(Exception):
    """In place of the toolkit's base class."""


class FakeExperiment:
    repetitions = 2

    def __init__(self, fail: str = "", forget: bool = False) -> None:
        self.fail, self.forget = fail, forget
        self.results: dict[str, int] = {"ant": 1, "bee": 0}

    def transform(self, dataset: Any) -> list[Any]:
        return [SimpleNamespace(name=name) for name in self.results]

    def gather(self, tracker: Any, sequence: Any) -> list[int]:
        return [0] * self.results[sequence.name]

    def scan(self, tracker: Any, sequence: Any) -> tuple[bool]:
        return (self.results[sequence.name] == self.repetitions,)

    def execute(self, tracker: Any, sequence: Any, callback: Any) -> None:
        if sequence.name == self.fail:
            error = ToolkitError("the session ended")
            error.log = "@@TRAX:hello\nSegmentation\nfault\n\n"
            raise error
        if not self.forget:
            for done in range(self.results[sequence.name], self.repetitions):
                self.results[sequence.name] = done + 1
                callback((done + 1) / self.repetitions)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "logs").mkdir()
    toolkit = SimpleNamespace(ToolkitException=ToolkitError)
    monkeypatch.setitem(sys.modules, "vot", toolkit)
    monkeypatch.setattr(
        vot_experiment, "our_tracker", lambda workspace, environment=None: environment
    )
    return tmp_path


def use(experiment: FakeExperiment, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = SimpleNamespace(dataset=None), experiment
    monkeypatch.setattr(vot_experiment, "open_workspace", lambda workspace: opened)


def test_a_run_goes_on_where_it_was(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakeExperiment(), monkeypatch)
    told: list[tuple[str, int, int]] = []
    vot_experiment.run(workspace, on_progress=lambda *step: told.append(step))
    assert told == [("ant", 1, 2), ("ant", 2, 2), ("bee", 0, 2), ("bee", 1, 2), ("bee", 2, 2)]


@pytest.mark.usefixtures("_no_toolkit_needed")
@pytest.mark.parametrize(
    ("experiment", "wrote", "says"),
    [
        (FakeExperiment(fail="bee"), "KeyError: 'x'\n\nTraceback", "bee: KeyError: 'x'; more in"),
        (FakeExperiment(fail="bee"), None, "bee: the session ended; Segmentation; fault; more in"),
        (FakeExperiment(forget=True), None, "ant: the toolkit gave no error, but results are"),
    ],
)
def test_a_failing_tracker_surfaces(
    experiment: FakeExperiment,
    wrote: str | None,
    says: str,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(experiment, monkeypatch)
    log = workspace / "logs" / "rltrack.log"
    log.write_text("of a run before")
    if wrote is not None:
        execute = experiment.execute

        def logged(tracker: Any, sequence: Any, callback: Any) -> None:
            log.write_text(wrote)
            execute(tracker, sequence, callback)

        monkeypatch.setattr(experiment, "execute", logged)
    assert main(["vot", "run", str(workspace)]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {says}") and errors.count("\n") == 1


@pytest.mark.usefixtures("_no_toolkit_needed")
def test_a_signal_while_the_toolkit_waits_is_no_failure(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = FakeExperiment(fail="bee")
    execute = experiment.execute

    def interrupted(tracker: Any, sequence: Any, callback: Any) -> None:
        if sequence.name == "bee":
            signal.raise_signal(signal.SIGTERM)
        execute(tracker, sequence, callback)

    use(experiment, monkeypatch)
    monkeypatch.setattr(experiment, "execute", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["vot", "run", str(workspace)]) == 130
    assert signal.getsignal(signal.SIGTERM) == before
    assert "interrupted; the same command goes on" in capsys.readouterr().err


# --- The numbers --------------------------------------------------------------------------------


SCORES = {
    "rltrack": Score(0.25, 0.5, 2.0, 0.1),
    "Better": Score(0.5, 0.5, 1.0, 0.3),
    "Undefined": Score(math.nan, 0.4, 2.0, 0.1),
}


def made(**changes: Any) -> VotReport:
    settings: dict[str, Any] = {
        "stack": "small", "sequences": 2, "repetitions": 2, "eao_frames": (10, 100), "longest": 30,
        "scores": SCORES, "incomplete": (), "settings": {"preset": "tiny"},
    }  # fmt: skip
    return VotReport(**{**settings, **changes})


def test_ranks_share_places_and_count_failures_downwards() -> None:
    assert rank(SCORES, "eao") == {"rltrack": 2, "Better": 1, "Undefined": 3}
    assert rank(SCORES, "accuracy") == {"rltrack": 1, "Better": 1, "Undefined": 3}
    assert rank(SCORES, "failures") == {"rltrack": 2, "Better": 1, "Undefined": 2}
    assert made(scores={"rltrack": SCORES["rltrack"]}).ranks == {}


def test_only_the_whole_challenge_is_called_vot_2016() -> None:
    assert made(stack="vot2016", sequences=60).official
    assert not made(stack="vot2016").official
    assert not made(sequences=60).official


@pytest.mark.usefixtures("_no_toolkit_needed")
def test_report_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vot_report, "report", lambda workspace: made(incomplete=("Gappy",)))
    monkeypatch.setattr(metadata, "version", lambda name: "0.7.4")
    assert main(["vot", "report", "ws", "--json", str(tmp_path / "out.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert is_own(tmp_path / "out.json")
    assert lines[1].split() == ["rltrack", "0.250", "0.500", "2.00", "0.100", "2/1/2"]
    assert lines[3].split() == ["Undefined", "-", "0.400", "2.00", "0.100", "3/3/2"]
    shown = "\n".join(lines)
    for words in ("2 sequences", "2 repetitions", "Gappy", "only that the plumbing works", "A_r"):
        assert words in shown
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["scores"]["Undefined"]["eao"] is None
    assert content["ranks"]["Better"] == {"eao": 1, "accuracy": 1, "failures": 1}
    assert content["official"] is False and content["toolkit"] == "0.7.4"

    monkeypatch.setattr(
        vot_report, "report", lambda workspace: made(scores={"rltrack": SCORES["Better"]})
    )
    assert main(["vot", "report", "ws"]) == 0
    assert "rank" not in capsys.readouterr().out


# --- With the toolkit ---------------------------------------------------------------------------


@pytest.fixture
def toolkit() -> None:
    pytest.importorskip("vot", reason="needs the extra 'vot'")


def results(place: Path, tracker: str, name: str, repetition: int, rows: list[str]) -> None:
    folder = place / "results" / tracker / "baseline" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_{repetition:03d}.txt").write_text("\n".join(rows) + "\n")


def shorten(data: Path) -> None:
    """Leave six frames of each sequence."""
    for truth in data.glob("vot/*/groundtruth.txt"):
        truth.write_text("\n".join(truth.read_text().splitlines()[:6]))
        for image in sorted((truth.parent / "img").iterdir())[6:]:
            image.unlink()


def initialised(data: Path) -> Path:
    place = data / "ws"
    assert main(["vot", "init", str(place), "--data", str(data), "--stack", "small", *FAST]) == 0
    return place


@pytest.mark.usefixtures("toolkit")
def test_numbers_are_those_worked_out_by_hand(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = initialised(data)
    truth = (data / "vot" / "ant" / "groundtruth.txt").read_text().splitlines()
    perfect = ["1", *truth[1:]]
    failing = ["1", *truth[1:12], "2", *["0"] * 4, "1", *truth[18:]]
    shifted = ["1", *[f"{30 + i},24,20,16" for i in range(1, FRAMES)]]
    for name in ("ant", "bee"):
        for repetition in (1, 2):
            results(place, "rltrack", name, repetition, failing)
        results(place, "Perfect", name, 1, perfect)
        results(place, "Shifted", name, 1, shifted)
    results(place, "Gappy", "ant", 1, perfect)
    results(place, "Short", "ant", 1, perfect)
    results(place, "Short", "bee", 1, perfect[:-1])

    report = vot_report.report(place)
    assert list(report.scores) == ["rltrack", "Perfect", "Shifted"]
    assert report.incomplete == ("Gappy", "Short")
    assert (report.sequences, report.repetitions, report.longest) == (2, 2, FRAMES)
    assert report.scores["Perfect"] == pytest.approx((1, 1, 0, 1))
    # One run of 12 frames that fails, and counts as 0 from there on, and one of 13 that does not:
    # the curve is 1 at 10 and 11, and at 12 the mean of 11/12 and 1.
    ours = report.scores["rltrack"]
    assert ours == pytest.approx(((2 + 23 / 24) / 3, 1, 1, math.exp(-30 / FRAMES)))
    assert report.scores["Shifted"].accuracy == pytest.approx(1 / 3, abs=0.03)
    assert report.ranks["rltrack"] == {"eao": 2, "accuracy": 1, "failures": 3}
    assert report.settings["preset"] == "tiny"
    assert main(["vot", "report", str(place), "--json", str(data / "out.json")]) == 0
    written = json.loads((data / "out.json").read_text())
    assert written["scores"]["rltrack"] == pytest.approx(ours._asdict())

    for name in ("ant", "bee"):  # new results, new numbers
        results(place, "Perfect", name, 1, shifted)
    assert vot_report.report(place).scores["Perfect"] == report.scores["Shifted"]

    short = place / "results" / "rltrack" / "baseline" / "bee" / "bee_002.txt"
    short.write_text("")
    capsys.readouterr()
    assert main(["vot", "report", str(place)]) == 2
    assert "1 of 2 sequences are not finished" in capsys.readouterr().err
    short.unlink()
    short.with_suffix(".bin").write_bytes(b"\x01")  # a run was killed while it was written
    with pytest.raises(VotError, match="a result of rltrack on bee cannot be read"):
        vot_report.report(place)


@pytest.mark.usefixtures("toolkit")
def test_only_a_workspace_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("run", "report"):
        assert main(["vot", command, str(tmp_path)]) == 2
        assert "make one with `rltrack vot init`" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("toolkit")
def test_tracker_runs_and_is_the_same_when_it_goes_on(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shorten(data)
    place = initialised(data)
    assert main(["vot", "run", str(place)]) == 0
    folder = place / "results" / "rltrack" / "baseline" / "ant"
    first, second = (folder / f"ant_{n:03d}.bin" for n in (1, 2))
    kept = second.read_bytes()
    assert first.read_bytes() != kept
    second.unlink()
    assert main(["vot", "run", str(place)]) == 0
    assert second.read_bytes() == kept
    capsys.readouterr()
    assert main(["vot", "report", str(place), "--json", str(data / "out.json")]) == 0
    score = json.loads((data / "out.json").read_text())["scores"]["rltrack"]
    assert score["eao"] is None and score["failures"] >= 0  # 6 frames, and EAO starts at 10
    assert "rltrack      -" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("toolkit")
def test_tracker_that_fails_ends_with_1_and_its_words(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = initialised(data)
    (data / "vot" / "ant" / "img" / "00000002.jpg").write_bytes(b"no image")
    capsys.readouterr()
    assert main(["vot", "run", str(place)]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: ant: InputError: cannot read the image")
    assert "Traceback" in (place / "logs" / "rltrack.log").read_text()
    assert main(["vot", "report", str(place)]) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("toolkit")
def test_stopped_it_keeps_what_is_finished(data: Path) -> None:
    shorten(data)
    place = initialised(data)
    process = subprocess.Popen(
        [sys.executable, "-m", "rltrack", "vot", "run", str(place)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    )
    assert process.stdout is not None
    while "ant: 1 of 2" not in (line := process.stdout.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (
        130,
        "interrupted; the same command goes on from here\n",
    )
    assert (place / "results" / "rltrack" / "baseline" / "ant" / "ant_001.bin").exists()
    assert not (place / "results" / "rltrack" / "baseline" / "bee").exists()


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.usefixtures("toolkit")
def test_polygon_becomes_the_box_that_we_read(data_root: Path, tmp_path: Path) -> None:
    place = tmp_path / "ws"
    assert (
        main(["vot", "init", str(place), "--data", str(data_root), "--stack", "small", *FAST]) == 0
    )
    opened, _ = vot.open_workspace(place)
    for name in ("bag", "ball1"):
        sequence = opened.dataset[name]
        runtime = vot.our_tracker(place).runtime()
        started, _ = runtime.initialize(sequence.frame(0), sequence.groundtruth(0))
        runtime.stop()
        region = started[0].region
        truth = read_boxes(data_root / "vot" / name / "groundtruth.txt")[0]
        box = (region.x, region.y, region.width, region.height)
        assert box == pytest.approx(truth, abs=1e-3)
