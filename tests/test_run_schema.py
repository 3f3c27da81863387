"""Runs of a sweep are checked when they are read; damaged ones are named and left out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import key, made_run

from rltrack.cli.main import main
from rltrack.errors import InputError
from rltrack.evaluation import run_files
from rltrack.evaluation.run_files import keep, load, read_result
from rltrack.evaluation.run_schema import checked_run

NAMES = "backbone", "commit", "device"
BOOK = Path(__file__).resolve().parents[1] / "book" / "results"


def changed(**fields: Any) -> dict[str, Any]:
    """A run with other values; without a field whose value is `...`."""
    return {name: v for name, v in {**made_run(), **fields}.items() if v is not ...}


def configured(**fields: Any) -> dict[str, Any]:
    return {**made_run(), "config": {**made_run()["config"], **fields}}


@pytest.mark.parametrize("file", sorted(BOOK.glob("*.json.gz")), ids=lambda file: file.name)
def test_the_runs_that_the_book_keeps_are_read_unchanged(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load(file) == json.loads(gzip.decompress(file.read_bytes()))["results"]
    assert not caplog.text


@pytest.mark.parametrize(
    "run",
    [
        changed(),
        changed(weights="analytic", machine="Some CPU", threads=2),
        changed(cle=None, frame_ms=None, commit=None),
        changed(frames=9, skipped=2, seed=2**63 - 1, seconds=0),
        configured(preset="mine", positive_iou=[0.7, 1]),
        {**changed(), "config": {"attention_weight": 1}},  # of before there were other fields
    ],
)
def test_what_a_sweep_can_write_is_accepted(run: dict[str, Any]) -> None:
    read = json.loads(json.dumps(run))
    assert checked_run(read) == json.loads(json.dumps(run))


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (None, "it is None; it must be an object"),
        ([made_run()], "it must be an object"),
        (changed(boxes=...), "it has no boxes"),
        (changed(tracker=...), "it has no tracker"),
        (changed(success=...), "it has no success"),
        (changed(os=7.0), r"os is 7\.0; it must be a number from 0 to 1"),
        (changed(os="0.5"), "os is '0.5'; it must be a number"),
        (changed(os=True), "os is True"),
        (changed(os=float("nan")), "os is nan"),
        (changed(os=None), "os is None"),
        (changed(dp20=-0.1), r"dp20 is -0\.1"),
        (changed(cle=float("inf")), "cle is inf"),
        (changed(cle=1e300), "cle is 1e\\+300"),
        (changed(cle=10**400), r"cle is 10+\.\.\.0+; it must be a number"),
        (changed(boxes=[0, 0, 0]), r"boxes is \[0, 0, 0\]; it must be rows of four numbers"),
        (changed(boxes=[]), "boxes is"),
        (changed(boxes=[[0, 0, 1]]), "boxes is"),
        (changed(boxes=[[0, 0, 1, "1"]] * 11), "boxes is"),
        (changed(boxes=[[0, 0, 1, 10**400]] * 11), "boxes is"),
        (changed(boxes=[[0, 0, 1, 1]] * 10), "it has 10 boxes and 11 scores for 11 frames"),
        (changed(frames=12), "it has 11 boxes and 11 scores for 12 frames"),
        (changed(confidence=["high"] * 11), "confidence is"),
        (changed(success=[0.5] * 20), "success is .*; it must be 21 numbers from 0 to 1"),
        (changed(precision=[2] * 51), "precision is"),
        (changed(target="../Deer"), r"target is '\.\./Deer'; it must be the name of a target"),
        (changed(target=["Deer"]), "target is"),
        (changed(seed=-1), "seed is -1"),
        (changed(seed=0.0), r"seed is 0\.0"),
        (changed(seed=True), "seed is True"),
        (changed(tracker="../../../..."), "tracker is .*; it must be 12 hexadecimal digits"),
        (changed(tracker=key(1) + "\n"), "tracker is"),
        (changed(backbone="b" * 256), "backbone is"),
        (changed(backbone=3), "backbone is 3"),
        (changed(weights=None), "weights is None"),
        (changed(threads=0), "threads is 0"),
        (changed(versions={"torch": 2}), "versions is"),
        (changed(note="?"), "unknown field 'note'"),
        (changed(config=[]), "config is"),
        (configured(os=0.5), "its configuration has the unknown field 'os'"),
        (configured(attention_weight="5"), "attention_weight is '5'"),
        (configured(attention_weight=10**400), "must be a finite number, not negative"),
        (configured(positive_iou=[0.5]), "positive_iou is"),
        (configured(map_at=["conv1"]), "map_at is"),
        (configured(preset=["paper"]), "its preset must be a name"),
        (configured(preset="p" * 300), "its preset must be a name"),
    ],
)
def test_what_is_wrong_with_a_run_is_said(run: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        checked_run(run)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("field", made_run())
@pytest.mark.parametrize("value", [{}, [[]], "\x1b[2J", 10**400, [[[[[[1]]]]]], -1e308])
def test_a_value_of_another_type_is_refused_in_any_field(field: str, value: Any) -> None:
    run = changed(**{field: value})
    # A name may hold any characters, and an old configuration may lack any field.
    if (field, value) in [*((name, "\x1b[2J") for name in NAMES), ("config", {}), ("versions", {})]:
        assert checked_run(run) == run
    else:
        with pytest.raises(InputError):
            checked_run(run)


def write(folder: Path, run: Any, name: str | None = None) -> Path:
    file = folder / (name or f"{run['tracker']}/{run['target']}-{run['seed']}.json.gz")
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_bytes(gzip.compress(json.dumps(run).encode()))
    return file


def test_a_run_is_what_the_name_of_its_file_says(tmp_path: Path) -> None:
    run = made_run()
    tracker = run["tracker"]
    assert read_result(write(tmp_path, run)) == json.loads(json.dumps(run))
    for name in (f"{tracker}/Deer-1", f"{tracker}/Girl-0", f"{key('other')}/Deer-0"):
        with pytest.raises(InputError, match=rf"{name}.*holds the run {tracker}/Deer-0\.json\.gz"):
            read_result(write(tmp_path, run, f"{name}.json.gz"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sweep of five targets, of which two runs are damaged."""
    place = tmp_path / "sweep"
    for target in ("Deer", "Girl", "Skiing", "Couple"):
        write(place, made_run(target))
    write(place, made_run("Girl", os=7.0))
    write(place, made_run("Bolt")).write_bytes(b"\x1f\x8b nothing")
    return place


def test_a_report_leaves_damaged_files_out_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(folder)]) == 0
    shown = capsys.readouterr()
    assert "3 targets, seed 0" in shown.out
    (line,) = shown.err.splitlines()
    assert line.startswith("warning: left out, as damaged: 2 of 5 runs: ")
    assert "Bolt-0.json.gz" in line
    assert "Girl-0.json.gz is no result of a sweep: os is 7.0; it must be a number from" in line


def test_an_evaluation_leaves_damaged_files_out_and_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({name: np.ones((11, 4)).tolist() for name in ("Deer", "Girl")}))
    given = ["--dataset", "Deer,Girl", "--ground-truth", str(truth)]
    assert main(["evaluate", str(folder), *given]) == 0
    shown = capsys.readouterr()
    assert "preset paper, seed 0 has no Girl" in shown.out
    assert "left out, as damaged: 2 of 5 runs" in shown.err


def test_a_kept_file_gives_its_good_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.json.gz"
    keep([made_run("Deer"), changed(os=7.0), made_run("Girl")], file)
    assert main(["report", str(file), "--keep", str(tmp_path / "good.json.gz")]) == 0
    assert f"left out, as damaged: 1 of 3 runs: run 2 in {file}" in capsys.readouterr().err
    assert [run["target"] for run in load(tmp_path / "good.json.gz")] == ["Deer", "Girl"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "holds no kept results"),
        (b'{"results": []}', "holds no kept results"),
        (b'{"what": "runs of rltrack sweep", "results": {}}', "holds no kept results"),
        (b'{"what": "runs of rltrack sweep", "results": []}', "no results in"),
        (b'{"what": "runs of rltrack sweep", "results": [1, [[]]]}', "all 2 runs in .* damaged"),
        (b'{"what": ["runs of rltrack sweep"]}', "holds no kept results"),
    ],
)
def test_a_file_without_a_good_run_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    file = tmp_path / "kept.json.gz"
    file.write_bytes(gzip.compress(content))
    assert main(["report", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and str(file) in line
    with pytest.raises(InputError, match=message):
        load(file)


def test_more_than_can_be_read_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_files, "LARGEST", 10_000)
    with pytest.raises(InputError, match="20 runs are more than fit"):
        keep([made_run()] * 20, tmp_path / "kept.json.gz")
    assert not list(tmp_path.iterdir())


def test_trackers_with_a_presets_name_of_their_own_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [made_run("Deer"), {**configured(preset="mine"), "tracker": key("mine")}]
    keep(runs, tmp_path / "kept.json.gz")
    assert main(["report", str(tmp_path / "kept.json.gz")]) == 0
    assert "| preset mine |" in capsys.readouterr().out
