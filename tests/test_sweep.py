"""Sweeps: what is run, what is kept, and what is never run twice."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from filelock import FileLock
from small_presets import QUICKER

from rltrack import preset, synthetic
from rltrack.benchmarks import jobs as jobs_module
from rltrack.benchmarks import sweep as sweep_module
from rltrack.benchmarks.jobs import Job, grid, run_job, targets_of, unfinished
from rltrack.benchmarks.selection import gathered
from rltrack.benchmarks.sweep import SweepError, results_of, sweep
from rltrack.cli.main import main
from rltrack.cli.options import comma_list
from rltrack.cli.sweep import numbers, values_of
from rltrack.data import benchmark_folders
from rltrack.data.sequences import read_sequence
from rltrack.errors import InputError
from rltrack.evaluation import run_files
from rltrack.evaluation.run_files import keep, load, packed, read_result
from rltrack.hardware import machine

FRAMES = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sequences with names of OTB: a few frames of the film."""
    place = tmp_path_factory.mktemp("data")
    film = synthetic(FRAMES)
    for name in ("Deer", "Skiing", "Couple"):
        folder = place / "otb" / name
        (folder / "img").mkdir(parents=True)
        for i, image in enumerate(film, 1):
            cv2.imwrite(str(folder / "img" / f"{i:04}.png"), np.asarray(image)[..., ::-1])
        boxes = film.ground_truth + [1, 1, 0, 0]
        np.savetxt(folder / "groundtruth_rect.txt", boxes, delimiter=",", fmt="%.2f")
    return place


def jobs_of(*targets: str, seeds: int = 1, **changes: Any) -> list[Job]:
    config = preset("tiny", **QUICKER, **changes)
    return grid([(config, "embedded")], targets_of(",".join(targets)), range(seeds))


def test_a_jobs_key_stands_for_its_tracker() -> None:
    one, other = jobs_of("Deer", seeds=2)
    assert one.key == other.key
    assert one.file(Path("out")).name == "Deer-0.json.gz"
    assert one.key != jobs_of("Deer", attention_weight=1.0)[0].key
    assert one.key != Job("Deer", 0, one.config, "random").key


def test_a_grid_goes_seed_by_seed() -> None:
    made = jobs_of("Deer", "Skiing", seeds=2)
    assert [(j.target, j.seed) for j in made] == [
        ("Deer", 0), ("Skiing", 0), ("Deer", 1), ("Skiing", 1)
    ]  # fmt: skip


def test_datasets_are_sets_or_lists() -> None:
    assert [t.name for t in targets_of("Skiing,Deer,Skiing")] == ["Skiing", "Deer"]
    assert len(targets_of("quick5")) == 5
    with pytest.raises(InputError, match="no target is called 'Dear'"):
        targets_of("Deer,Dear")
    with pytest.raises(InputError, match="no target is called 'Dear': a dataset is one of"):
        targets_of("Dear")


def test_a_result_says_what_ran_and_how_it_went(data: Path, tmp_path: Path) -> None:
    (job,) = jobs_of("Deer")
    file = run_job(job, data=data, out=tmp_path, device="cpu")
    assert file == job.file(tmp_path)
    found = read_result(file)
    assert (found["target"], found["seed"], found["tracker"]) == ("Deer", 0, job.key)
    assert found["config"]["first_iterations"] == QUICKER["first_iterations"]
    assert found["device"] == "cpu"
    assert found["machine"] == machine("cpu")
    assert found["threads"] == torch.get_num_threads()
    assert len(found["boxes"]) == len(found["confidence"]) == FRAMES
    assert len(found["success"]) == 21
    assert found["os"] == pytest.approx(np.mean(found["success"]), abs=1e-5)
    assert found["frame_ms"] > 0
    assert not list(tmp_path.rglob("*.part"))


def test_a_sweep_does_what_is_left_and_nothing_twice(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, runs = jobs_module.track, Counter[str]()

    def counted(source: Any, **given: Any) -> Any:
        runs[source.name] += 1
        return real(source, **given)

    monkeypatch.setattr(jobs_module, "track", counted)
    wanted = jobs_of("Deer", "Skiing")
    first = list(sweep(wanted[:1], tmp_path, data=data, device="cpu"))
    assert [o.job.target for o in first] == ["Deer"]
    rest = list(sweep(wanted, tmp_path, data=data, device="cpu"))
    assert [(o.job.target, o.error) for o in rest] == [("Skiing", None)]
    assert list(sweep(wanted, tmp_path, data=data, device="cpu")) == []
    assert runs == {"Deer": 1, "Skiing": 1}


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Job], Path]:
    """Two jobs that are done, and their results."""
    jobs, out = jobs_of("Deer", "Skiing"), tmp_path_factory.mktemp("finished")
    assert len(results_of(jobs, out, data=data, device="cpu")) == 2
    return jobs, out


@pytest.fixture
def done(
    finished: tuple[list[Job], Path], data: Path, tmp_path: Path
) -> tuple[list[Job], Path, Path]:
    """Two jobs that are done, and copies of their results and of their data, to be spoilt."""
    jobs, results = finished
    place, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(data, place)
    shutil.copytree(results, out)
    return jobs, out, place


def cut_in_two(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def of_no_boxes(file: Path) -> None:
    file.write_bytes(gzip.compress(b'{"tracker": "", "target": "", "seed": 0, "os": 0}'))


def garbled(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[12] = 0xFF  # of deflate's first block, no kind that there is
    file.write_bytes(content)


def of_another_target(file: Path) -> None:
    changed = {**json.loads(gzip.decompress(file.read_bytes())), "target": "Skiing"}
    file.write_bytes(gzip.compress(json.dumps(changed).encode(), mtime=0))


@pytest.mark.parametrize("spoil", [cut_in_two, empty, of_no_boxes, garbled, of_another_target])
def test_a_damaged_result_is_run_again(
    done: tuple[list[Job], Path, Path],
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], None],
) -> None:
    jobs, out, data = done
    file, other = (job.file(out) for job in jobs)
    before = read_result(file)["boxes"]
    then = other.stat().st_mtime_ns
    spoil(file)
    spoilt = file.read_bytes()
    assert unfinished(jobs, data=data, out=out) == jobs[:1]
    again = list(sweep(jobs, out, data=data, device="cpu"))
    assert [(outcome.job, outcome.error) for outcome in again] == [(jobs[0], None)]
    assert read_result(file)["boxes"] == before
    assert other.stat().st_mtime_ns == then
    assert str(file) in caplog.text
    aside = file.with_name("Deer-0.json.gz.aside")
    assert f"it is now {aside.name}, and its run is done again" in caplog.text
    assert aside.read_bytes() == spoilt
    assert len(load(out)) == 2  # what was set aside is no result


def test_a_result_of_other_frames_than_there_are_now_is_run_again(
    done: tuple[list[Job], Path, Path],
) -> None:
    jobs, out, data = done
    frames = data / "otb" / "Skiing" / "img"
    shutil.copy(frames / "0003.png", frames / "0004.png")  # that was not there yet
    assert [o.job for o in sweep(jobs, out, data=data, device="cpu")] == jobs[1:]
    assert [len(read_result(job.file(out))["boxes"]) for job in jobs] == [3, 4]
    assert list(sweep(jobs, out, data=data, device="cpu")) == []


def test_a_result_of_another_ground_truth_is_set_aside_and_run_again(
    done: tuple[list[Job], Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    jobs, out, data = done
    file = jobs[0].file(out)
    before = file.read_bytes()
    truth = data / "otb" / "Deer" / "groundtruth_rect.txt"
    first, *rows = truth.read_text(encoding="utf-8").splitlines()
    truth.write_text("\n".join([first, *("7,7,9,9" for _ in rows)]), encoding="utf-8")
    assert [o.job for o in sweep(jobs, out, data=data, device="cpu")] == jobs[:1]
    assert f"{file} is of other frames or ground truth than its sequence has now" in caplog.text
    assert file.with_name("Deer-0.json.gz.aside").read_bytes() == before
    older = read_result(file)
    del older["truth"]  # which was not recorded
    file.write_bytes(packed(older))
    truth.write_text("\n".join([first, *("8,8,9,9" for _ in rows)]), encoding="utf-8")
    assert unfinished(jobs, data=data, out=out) == []


def test_results_count_without_their_data_and_folders_are_listed_once(
    done: tuple[list[Job], Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, out, data = done
    assert unfinished(jobs, data=tmp_path / "elsewhere", out=out) == []
    listed = Counter[str]()

    def counted(folder: Path, target: int | None) -> Any:
        listed[folder.name] += 1
        return read_sequence(folder, target)

    monkeypatch.setattr(benchmark_folders, "read_sequence", counted)
    assert unfinished(jobs * 20, data=data, out=out) == []
    assert listed == {"Deer": 1, "Skiing": 1}


def test_the_commit_is_of_our_repository_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        about = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *about, *arguments], cwd=tmp_path, check=True, capture_output=True)

    here = tmp_path / ".venv" / "jobs.py"
    here.parent.mkdir()
    here.write_text("")
    monkeypatch.setattr(jobs_module, "__file__", str(here))
    commit = jobs_module._commit.__wrapped__
    assert commit() is None  # in no repository
    git("init")
    (tmp_path / "theirs.py").write_text("")
    git("add", "theirs.py")
    git("commit", "-m", "theirs")
    assert commit() is None
    git("add", "-f", ".venv/jobs.py")
    git("commit", "-m", "ours")
    assert re.fullmatch("[0-9a-f]{12}", commit())
    here.write_text("changed")
    assert commit().endswith("+")


def test_a_whole_sweep_is_read_or_what_failed_is_said(data: Path, tmp_path: Path) -> None:
    found = results_of(jobs_of("Deer", "Skiing"), tmp_path, data=data, device="cpu")
    assert [r["target"] for r in found] == ["Deer", "Skiing"]
    with pytest.raises(SweepError, match=r"1 of 2 jobs are not done, the first Girl with seed 0: "):
        results_of(jobs_of("Girl", "Couple"), tmp_path, data=data, device="cpu")
    assert jobs_of("Couple")[0].file(tmp_path).exists()


def test_results_for_a_chapter_are_run_or_kept(data: Path, tmp_path: Path) -> None:
    trackers = {
        "attentive": preset("tiny", **QUICKER),
        "plain": preset("tiny", **QUICKER, attention_weight=0.0),
    }
    given = {"out": str(tmp_path / "out"), "data": str(data), "device": "cpu", "seeds": 2}
    ran = gathered(trackers, "Deer,Skiing", run=True, **given)
    assert Counter(r["tracker"] for r in ran) == {"attentive": 4, "plain": 4}
    keep(load(tmp_path / "out"), tmp_path / "kept" / "runs.json.gz")
    again = gathered(trackers, "Deer", kept=str(tmp_path / "kept"))
    assert len(again) == 4
    assert all(result in ran for result in again)
    (tmp_path / "nothing").mkdir()
    assert gathered(trackers, "Deer", kept=str(tmp_path / "nothing")) == []


def test_for_a_chapter_what_is_there_is_run(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = {"plain": preset("tiny", **QUICKER, attention_weight=0.0)}
    given: dict[str, Any] = {"data": str(data), "device": "cpu", "run": True}
    found = gathered(tracker, "Girl,Deer", **given, out=str(tmp_path))
    assert [result["target"] for result in found] == ["Deer"]
    assert "1 of 2 sequences, Girl" in caplog.text
    with pytest.raises(InputError, match="no sequence of Girl,Car4 is in"):
        gathered(tracker, "Girl,Car4", **given, out=str(tmp_path))


def test_a_sweep_goes_on_from_a_kept_file(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there, kept = tmp_path / "here", tmp_path / "there", tmp_path / "runs.json.gz"
    (done,) = jobs_of("Deer")
    written = run_job(done, data=data, out=here, device="cpu")
    assert written is not None
    run_job(jobs_of("Couple")[0], data=data, out=here, device="cpu")
    keep(load(here), kept)
    fields = [f"--set={name}={value}" for name, value in QUICKER.items()]
    args = ["sweep", "--dataset", "Deer,Skiing", "--preset", "tiny", *fields, "--device", "cpu"]
    args += ["--data", str(data), "--out", str(there), "--kept", str(kept)]
    assert main(args) == 0
    said = capsys.readouterr().err
    assert "Skiing seed 0" in said
    assert "Deer seed 0" not in said
    assert done.file(there).read_bytes() == written.read_bytes()
    assert {r["target"] for r in load(there)} == {"Deer", "Skiing"}
    kept.write_bytes(b"damaged")
    assert main(args) == 2
    assert load(there)


def test_two_workers_share_a_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, runs = jobs_module.track, Counter[str]()
    together = threading.Barrier(2, timeout=60)

    def counted(source: Any, **given: Any) -> Any:
        runs[source.name] += 1
        if sum(runs.values()) <= 2:
            together.wait()  # both are in a job at the same time
        return real(source, **given)

    monkeypatch.setattr(jobs_module, "track", counted)
    wanted = jobs_of("Deer", "Skiing", "Couple")
    failures: list[BaseException] = []

    def work() -> None:
        try:
            list(sweep(wanted, tmp_path, data=data, device="cpu"))
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    assert runs == {"Deer": 1, "Skiing": 1, "Couple": 1}
    assert all(job.file(tmp_path).exists() for job in wanted)


def test_what_another_worker_gives_up_is_done_here(data: Path, tmp_path: Path) -> None:
    other, mine = jobs_of("Deer", "Skiing")
    place = other.file(tmp_path).with_suffix(".lock")
    place.parent.mkdir(parents=True)
    lock = FileLock(place)
    lock.acquire()  # as one who is at it, and leaves nothing
    outcomes = []
    for outcome in sweep([other, mine], tmp_path, data=data, device="cpu"):
        outcomes.append(outcome)
        lock.release()
    assert [outcome.job for outcome in outcomes] == [mine, other]
    assert all(outcome.file for outcome in outcomes)


def test_a_tracker_that_is_there_twice_runs_once() -> None:
    tracker = preset("tiny"), "embedded"
    assert len(grid([tracker, tracker], targets_of("Deer"), range(2))) == 2


def test_side_by_side_gives_the_same(data: Path, tmp_path: Path) -> None:
    wanted = jobs_of("Deer", "Skiing")
    list(sweep(wanted, tmp_path / "one", data=data, device="cpu"))
    list(sweep(wanted, tmp_path / "two", data=data, device="cpu", local=2))
    for job in wanted:
        one, two = (read_result(job.file(tmp_path / name)) for name in ("one", "two"))
        assert one["boxes"] == two["boxes"]


def command(data: Path, out: Path, targets: str = "Deer,Skiing,Couple") -> list[str]:
    return [
        "sweep", "--dataset", targets, "--data", str(data), "--out", str(out),
        "--preset", "tiny", "--device", "cpu", "--attention-weight", "0",
    ]  # fmt: skip


def test_a_killed_sweep_goes_on(data: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "rltrack", *command(data, tmp_path)]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (done := list(tmp_path.rglob("*.json.gz"))):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = {file: file.stat().st_mtime_ns for file in done}
    assert len(before) < 3
    assert subprocess.run(arguments, capture_output=True).returncode == 0
    assert len(list(tmp_path.rglob("*.json.gz"))) == 3
    assert all(file.stat().st_mtime_ns == then for file, then in before.items())


@pytest.mark.parametrize("when", ["waiting", "telling"])
def test_the_first_ctrl_c_stops_runs_in_their_first_frame_and_others_do_no_harm(
    when: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = jobs_module.track
    learning, cut_short, told = list[str](), list[str](), list[str]()

    def long_fit(source: Any, **given: Any) -> Any:
        if source.name == "Deer":
            return real(source, **given)
        try:
            learning.append(source.name)
            if len(learning) == 2 and when == "waiting":
                while not told:
                    time.sleep(0.01)
                time.sleep(0.2)  # until the main thread waits again
                press_ctrl_c()
            for _ in range(6000):
                time.sleep(0.01)
        except KeyboardInterrupt:
            press_ctrl_c()
            time.sleep(0.2)  # while which the main thread waits for this one
            cut_short.append(source.name)
            raise

    def telling(file: Path) -> Any:
        """Read what is told of a finished run, in the main thread."""
        told.append(file.name)
        while when == "telling":
            if len(learning) == 2:
                raise KeyboardInterrupt
            time.sleep(0.01)
        return read_result(file)

    monkeypatch.setattr(jobs_module, "track", long_fit)
    monkeypatch.setattr(run_files, "read_result", telling)
    quicker = [f"--set={name}={value}" for name, value in QUICKER.items()]
    assert main([*command(data, tmp_path), *quicker, "--local", "2"]) == 130
    assert sorted(cut_short) == ["Couple", "Skiing"]
    said = capsys.readouterr().err.splitlines()
    assert said[-2].startswith("warning: interrupted: the runs under way are being stopped")
    assert said[-1] == "interrupted; 1 of 3 jobs are done, the same command goes on"
    assert [file.name for file in tmp_path.rglob("*.json.gz")] == ["Deer-0.json.gz"]


def test_between_two_outcomes_signals_are_the_callers(data: Path, tmp_path: Path) -> None:
    jobs = jobs_of("Deer", "Skiing")
    before = signal.getsignal(signal.SIGINT)
    outcomes = sweep(jobs, tmp_path, data=data, device="cpu", local=2)
    assert next(outcomes).file is not None
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c()
        time.sleep(1)
    outcomes.close()
    assert signal.getsignal(signal.SIGINT) is before


def press_ctrl_c() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_a_failing_sequence_fails_the_sweep_at_its_end(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "data"
    (broken / "otb" / "Couple").mkdir(parents=True)
    (broken / "otb" / "Deer").symlink_to(data / "otb" / "Deer")
    assert main(command(broken, tmp_path / "out", "Couple,Deer")) == 1
    shown = capsys.readouterr()
    assert "1 of 2 jobs are done" in shown.out
    assert "1 job failed: Couple seed 0; the others are kept" in shown.err
    assert "no frames in" in shown.err
    assert main(command(data, tmp_path / "out", "Couple,Deer")) == 0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (["--dataset", "Deer,Woman"], "1 of 2 sequences are not in"),
        (["--attention-weight", "0-8"], "must be numbers as 0,5 or a range as 0:8"),
        (["--shard", "3/2"], "--shard is '3/2'"),
        (["--set", "map_at"], "must be a field and values, as map_at=conv1,input"),
        (["--set", "map_at=conv2"], "map_at is 'conv2'"),
        (["--set", "positive_iou=0.7"], "positive_iou is 0.7; it must be two increasing numbers"),
        (["--set", "attention_weight=5"], "attention_weight is given twice"),
        (["--device", "abacus"], "abacus"),
        (["--set", "lambda=5"], "unknown configuration field 'lambda'"),
        (["--set", "name=tiny"], "unknown configuration field 'name'"),
        (["--set", "map_at={[]:1}"], "map_at is '{[]:1}'"),
        (["--set", f"candidates={'-' * 5000}"], "candidates is '---"),
        (["--set", f"candidates={'9' * 5000}"], "must be a whole number from 1 to 1,000,000"),
        (["--set", "candidates=1000001"], "must be a whole number from 1 to 1,000,000"),
        (["--set", "score_seed=1" + "0" * 400], "must be a finite number above 0"),
        (["--shard", f"1/{'9' * 5000}"], "--shard is '1/999"),
        (["--seeds", "1000001"], "more than the 1,000,000 jobs"),
        (["--set", "candidates=0:999999999"], "candidates is '0:999999999'"),
        (["--dataset", "~nobody-here"], "no target is called '~nobody-here'"),
        (["--data", "~nobody-here"], "--data cannot be '~nobody-here'"),
        (["--out", "x" * 5000], "the path of the results cannot be"),
        (["--out", "a\0b"], "null"),
        (["--backbone", f"{'x' * 5000}.safetensors"], "the backbone cannot be"),
        (["--preset", "paper,best"], "unknown preset 'best'"),
        (["--scheduler", "tcp://127.0.0.1:9"], "no scheduler answers|needs dask"),
    ],
)
def test_bad_options_are_named_before_anything_runs(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: list[str],
    says: str,
) -> None:
    assert main([*command(data, tmp_path / "out", "Deer"), *changed]) == 2
    error = capsys.readouterr().err
    assert any(one in error for one in says.split("|"))
    assert error.count("\n") == 1 and len(error) < 2200
    assert not list(tmp_path.rglob("*.json.gz"))


def test_missing_weights_are_told_before_the_first_job(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RLTRACK_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    assert main([*command(data, out), "--backbone", "random, vggm"]) == 2
    missing = capsys.readouterr().err
    assert main(["track", str(data / "otb" / "Deer"), "--backbone", "vggm"]) == 2
    assert capsys.readouterr().err == missing
    assert "vggm.safetensors are missing; run `rltrack fetch vggm`" in missing
    assert not list(out.rglob("*.json.gz"))
    # What is done already needs no weights.
    jobs = grid([(preset("tiny", attention_weight=0.0), "vggm")], targets_of("Deer"), range(1))
    random = grid([(preset("tiny", attention_weight=0.0), "random")], targets_of("Deer"), range(1))
    done = run_job(random[0], data=data, out=out, device="cpu")
    assert done is not None
    kept = {**read_result(done), "tracker": jobs[0].key, "backbone": "vggm", "weights": "vggm"}
    jobs[0].file(out).parent.mkdir()
    jobs[0].file(out).write_bytes(packed(kept))
    assert main([*command(data, out, "Deer"), "--backbone", "vggm"]) == 0


def test_bad_ground_truth_is_told_of_the_job(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "otb" / "Deer", tmp_path / "otb" / "Deer")
    truth = tmp_path / "otb" / "Deer" / "groundtruth_rect.txt"
    truth.write_text("one,two\n")
    assert main(command(tmp_path, tmp_path / "out", "Deer")) == 1
    said = capsys.readouterr().err
    assert f": failed: {truth}, line 1" in said and "--box" not in said
    truth.unlink()
    assert main(command(tmp_path, tmp_path / "out", "Deer")) == 1
    assert ": failed: Deer has no file of ground truth: add it" in capsys.readouterr().err


def test_lists_may_have_blanks_after_their_commas() -> None:
    assert comma_list("paper, realtime") == ["paper", "realtime"]
    assert values_of("x = conv1, (0.5, 1), 2") == ("x", ["conv1", (0.5, 1), 2])
    assert numbers("0, 5", "--attention-weight") == [0, 5]


def test_values_are_numbers_pairs_truth_values_or_names() -> None:
    spelled = "x=2,0.5,-3,1e3,(0.7,1),true,False,conv1,'\\d',((1),2),1_0"
    values = [2, 0.5, -3, 1000.0, (0.7, 1), True, False, "conv1", "'\\d'", "((1),2)", 10]
    assert values_of(spelled) == ("x", values)


def test_a_range_has_its_ends_and_not_too_many_values() -> None:
    assert numbers("0:8", "--attention-weight") == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert len(numbers("1:1000", "--attention-weight")) == 1000
    for text in ("0:1000", "0:999999999", ",".join(["1"] * 1001)):
        with pytest.raises(InputError, match="may have at most 1000 values"):
            numbers(text, "--attention-weight")


def test_every_field_can_be_swept(data: Path, tmp_path: Path) -> None:
    options = ["--set", "map_channels=sum,sum-of-squares", "--set", "first_iterations=2"]
    options += ["--set", "update_iterations=1", "--set", "second_order=false"]
    options += ["--set", "positive_iou=(0.7,1),(0.5,1)", "--variant", "reciprocative"]
    assert main([*command(data, tmp_path, "Deer"), *options]) == 0
    found = [read_result(file)["config"] for file in tmp_path.rglob("*.json.gz")]
    assert {config["map_channels"] for config in found} == {"sum", "sum-of-squares"}
    assert {config["first_iterations"] for config in found} == {2}
    assert {config["second_order"] for config in found} == {False}
    assert sorted(config["positive_iou"] for config in found) == 2 * [[0.5, 1]] + 2 * [[0.7, 1]]
    assert {config["attention_weight"] for config in found} == {0.0}


def test_shards_are_all_of_it_and_do_not_overlap(data: Path, tmp_path: Path) -> None:
    for part in ("1/2", "2/2"):
        assert main([*command(data, tmp_path / part[0]), "--shard", part]) == 0
    one, two = ({f.name for f in (tmp_path / p).rglob("*.json.gz")} for p in "12")
    assert one | two == {"Deer-0.json.gz", "Skiing-0.json.gz", "Couple-0.json.gz"}
    assert not one & two


def test_a_scheduler_runs_the_jobs(data: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    wanted = jobs_of("Deer", "Skiing")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        done = list(sweep(wanted, tmp_path, data=data, device="cpu", scheduler=address))
    assert {(o.job.target, o.error) for o in done} == {("Deer", None), ("Skiing", None)}
    assert all(job.file(tmp_path).exists() for job in wanted)


AT_WORK: list[str] = []


def stand_in(job: Job, *, out: Path, **_: Any) -> Path:
    """Leaves the name of the worker that did the job, and how many it did at that time."""
    from distributed import get_worker

    name = get_worker().name
    AT_WORK.append(name)
    time.sleep(0.05)
    file = job.file(out)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{name} {AT_WORK.count(name)}")
    AT_WORK.remove(name)
    return file


@contextmanager
def cluster_of(**workers: dict[str, float]) -> Iterator[str]:
    """Workers of two threads by name, with their resources; gives the scheduler's address."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    from distributed import Scheduler, SpecCluster, Worker

    options = {"nthreads": 2, "dashboard": False}
    with SpecCluster(
        scheduler={"cls": Scheduler, "options": {"dashboard": False, "port": 0}},
        workers={
            name: {"cls": Worker, "options": {**options, "name": name, "resources": resources}}
            for name, resources in workers.items()
        },
    ) as cluster:
        cluster.wait_for_workers(len(workers))
        yield cluster.scheduler_address


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_a_job_on_a_gpu_goes_to_a_worker_that_has_one_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr(sweep_module, "run_job", stand_in)
    wanted = jobs_of("Deer", "Skiing", "Couple", "Girl", seeds=2)
    with cluster_of(plain={}, gpu={"GPU": 1}) as address:
        done = list(sweep(wanted, tmp_path, data=tmp_path, device=device, scheduler=address))
    assert [outcome.error for outcome in done] == [None] * 8
    assert {job.file(tmp_path).read_text() for job in wanted} == {"gpu 1"}


def test_a_job_on_a_cpu_goes_to_any_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "run_job", stand_in)
    (wanted,) = jobs_of("Deer")
    with cluster_of(plain={}) as address:
        list(sweep([wanted], tmp_path, data=tmp_path, device="cpu", scheduler=address))
    assert wanted.file(tmp_path).read_text() == "plain 1"


def test_workers_without_a_gpu_are_told(tmp_path: Path) -> None:
    with (
        cluster_of(plain={}, other={"memory": 1}) as address,
        pytest.raises(InputError, match=r"declares the resource GPU, .* --resources GPU=1"),
    ):
        list(sweep(jobs_of("Deer"), tmp_path, data=tmp_path, device="cuda", scheduler=address))


def test_a_sweeps_folder_can_be_evaluated(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list(sweep(jobs_of("Deer", "Skiing", seeds=2), tmp_path, data=data, device="cpu"))
    given = ["--dataset", "Deer,Skiing", "--data", str(data), "--frames", "stored"]
    assert main(["evaluate", str(tmp_path), *given, "--json", str(tmp_path / "r.json")]) == 0
    shown = capsys.readouterr().out
    assert "preset tiny, seed 1" in shown
    trackers = json.loads((tmp_path / "r.json").read_text())["trackers"]
    assert len(trackers) == 2
    for tracker in trackers:
        seed = int(tracker["name"][-1])
        for target, scores in tracker["scores"].items():
            (file,) = tmp_path.glob(f"*/{target}-{seed}.json.gz")
            # Kept boxes are rounded to hundredths of a pixel.
            assert scores["os"] == pytest.approx(read_result(file)["os"], abs=0.02)


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    file = tmp_path / "Deer-0.json.gz"
    file.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"cannot read .*Deer-0\.json\.gz"):
        read_result(file)


@pytest.fixture
def handler_restored() -> Iterator[None]:
    """dask-jobqueue takes Ctrl-C over when it is imported; other tests have a use for it."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("handler_restored")
def test_the_slurm_script_of_the_book_asks_for_what_it_says() -> None:
    pytest.importorskip("dask_jobqueue", reason="the extra `cluster` is not installed")
    page = Path(__file__).parents[1] / "book" / "sweeps.md"
    snippet = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)[0]
    made = snippet.replace("cluster.scale(jobs=8)", "").replace('{"port": 8786}', '{"port": 0}')
    scope: dict[str, Any] = {}
    exec(made, scope)
    script = scope["cluster"].job_script()
    scope["cluster"].close()
    assert "#SBATCH --gres=gpu:1" in script
    assert "#SBATCH -t 08:00:00" in script
    assert "#SBATCH --cpus-per-task=4" in script
    assert "--resources GPU=1" in script
    assert "--nthreads 4" in script
    assert "--nworkers" not in script  # one worker a job


def test_a_sweep_over_a_benchmark_with_a_folder_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "GOT-10k" / "val" / "GOT-10k_Val_000001"
    place.mkdir(parents=True)
    film = synthetic(FRAMES)
    for i, image in enumerate(film, 1):
        cv2.imwrite(str(place / f"{i:08}.png"), np.asarray(image)[..., ::-1])
    np.savetxt(place / "groundtruth.txt", film.ground_truth, delimiter=",", fmt="%.2f")
    (place / "absence.label").write_text("0\n1\n0\n")
    options = [item for name, value in QUICKER.items() for item in ("--set", f"{name}={value}")]
    for dataset_given in ("got10k", str(tmp_path / "GOT-10k")):
        command = ["sweep", "--dataset", dataset_given, "--data", str(tmp_path)]
        command += ["--out", str(tmp_path / "runs"), "--preset", "tiny", *options]
        assert main(command) == 0
    (run,) = load(tmp_path / "runs")  # the second time, nothing was left to do
    assert (run["target"], run["frames"], run["skipped"]) == ("GOT-10k_Val_000001", 2, 1)
    # Counted from 0, as the ground truth: the first box is the true one.
    np.testing.assert_allclose(run["boxes"][0], film.ground_truth[0], atol=0.01)
    assert main(["report", str(tmp_path / "runs")]) == 0
    command = ["evaluate", str(tmp_path / "runs"), "--dataset", "got10k", "--data", str(tmp_path)]
    assert main(command) == 0
    assert "SR.75" in capsys.readouterr().out


def test_a_target_that_joins_late_runs_once_and_is_compared_frame_by_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = synthetic(5)
    for name, late in (("Later", 1), ("Latest", 2)):
        place = tmp_path / "own" / name
        (place / "img").mkdir(parents=True)
        for i, image in enumerate(film, 1):
            cv2.imwrite(str(place / "img" / f"{i:04}.png"), np.asarray(image)[..., ::-1])
        boxes = film.ground_truth + [1, 1, 0, 0]
        boxes[:late] = np.nan
        np.savetxt(place / "groundtruth_rect.txt", boxes, delimiter=",", fmt="%.2f")
    options = [item for name, value in QUICKER.items() for item in ("--set", f"{name}={value}")]
    dataset = ["--dataset", str(tmp_path / "own")]
    for _ in range(2):
        command = ["sweep", *dataset, "--out", str(tmp_path / "runs"), "--preset", "tiny"]
        assert main([*command, *options]) == 0
    assert "done again" not in caplog.text
    assert not list((tmp_path / "runs").rglob("*.aside*"))
    runs = {run["target"]: run for run in load(tmp_path / "runs")}
    assert [len(runs[name]["boxes"]) for name in ("Later", "Latest")] == [4, 3]
    file = tmp_path / "out.json"
    assert main(["evaluate", str(tmp_path / "runs"), *dataset, "--json", str(file)]) == 0
    (tracker,) = json.loads(file.read_text())["trackers"]
    assert not tracker["wrong_length"] and not tracker["off_by_one"]
    for name, run in runs.items():
        assert tracker["scores"][name]["os"] == pytest.approx(run["os"], abs=1e-4)
        assert tracker["scores"][name]["cle"] == pytest.approx(run["cle"], abs=0.02)


def test_a_job_of_a_benchmark_without_its_target_fails(tmp_path: Path) -> None:
    job = Job("GOT-10k_Val_000009", 0, preset("tiny", **QUICKER), benchmark=str(tmp_path / "x"))
    with pytest.raises(InputError, match="there is no target GOT-10k_Val_000009"):
        run_job(job, data=tmp_path, out=tmp_path / "runs")
