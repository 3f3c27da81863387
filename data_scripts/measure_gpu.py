"""Measure everything that needs a GPU, in parts, and keep each part's result as it ends.

OUT is a folder. Each part writes OUT/<part>.json, or OUT/<part>.failed.txt with what went wrong. A
part that has a result is not run again, so the same command goes on where it was interrupted. No
part needs another one. The last part makes runs of the sweep that chapter 6 reports, several at a
time, for as long as time is left. Its results are in OUT/sweep, and the same command adds to them.

With ``--device cpu``, small configurations take the place of the real ones. This tries the parts
without a GPU, and measures nothing of use.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _run import exit_status

from rltrack.benchmarks.jobs import missing, targets_of
from rltrack.cache import data_dir
from rltrack.evaluation.run_files import read_result
from rltrack.files import write_json
from rltrack.hardware import machine
from rltrack.speed import gpu
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.inputs import pick_device
from rltrack.tracking.presets import preset

logger = logging.getLogger("measure_gpu")

PRECISIONS = ("float32", "tf32", "bfloat16")
DATASET = "dev18"
ROOT = Path(__file__).resolve().parents[1]

SHORT = 120
"""The most seconds for the tests, and for each part. What hangs leaves time to the others."""

LEAST = 5
"""With fewer seconds left than this, nothing more is started."""

Part = Callable[[], Any]


def _parts(device: str) -> dict[str, Part]:
    trackers = _trackers(device)
    checked = trackers["paper"]
    boxes = 8 if device.startswith("cuda") else 2
    parts: dict[str, Part] = {
        f"agreement-{name}": partial(
            gpu.agreement, device, checked, dtype=getattr(torch, name), boxes=boxes
        )
        for name in ("float64", "float32")
    }
    for name in ("tiny", "realtime"):
        parts[f"boxes-{name}"] = partial(gpu.same_boxes, device, trackers[name])
    for name in ("paper", "plain", "realtime"):
        for precision in PRECISIONS:
            chosen = replace(trackers[name], precision=precision)
            parts[f"speed-{name}-{precision}"] = partial(gpu.speed, device, chosen)
        parts[f"calls-{name}"] = partial(gpu.calls, device, trackers[name])
    parts["film"] = partial(gpu.film, device, trackers["realtime"])
    return parts


def _trackers(device: str) -> dict[str, TrackerConfig]:
    names = {
        "paper": preset("paper"),
        "plain": preset("paper", attention_weight=0.0),
        "realtime": preset("realtime"),
        "tiny": preset("tiny"),
    }
    if device.startswith("cuda"):
        return names
    small: dict[str, Any] = {"first_iterations": 1, "update_iterations": 1, "update_interval": 2}
    small |= {"first_positives": 8, "first_negatives": 16, "regression_samples": 16}
    small |= {"candidates": 16, "update_positives": 4, "update_negatives": 8}
    small |= {"mined_negatives": 8, "batch_positives": 4, "batch_negatives": 4}
    return {name: replace(config, **small) for name, config in names.items()}


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("out", type=Path, metavar="OUT")
    made.add_argument("--device", default="cuda", help="(%(default)s)")
    made.add_argument("--minutes", type=float, default=8, help="for everything (%(default)g)")
    made.add_argument("--data", type=Path, default=data_dir(), help="has otb/ in it (%(default)s)")
    made.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="runs at a time (%(default)s)"
    )
    made.add_argument("--only", nargs="+", metavar="PART", help="these parts, in this process")
    return made.parse_args()


def _main() -> None:
    chosen = _options()
    device = pick_device(chosen.device)
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.only:
        _measure(chosen.only, chosen.out, chosen.device)
        return
    end = time.monotonic() + 60 * chosen.minutes
    names = list(_parts(chosen.device))
    print(f"{machine(device)}: the GPU's tests, {len(names)} parts and a sweep", flush=True)
    _run_tests(chosen.out, end)
    _run_parts(names, chosen, end)
    _sweep(chosen, end)


# --- The tests and the parts, each in a process that may break ------------------------------------


def _run_tests(out: Path, end: float) -> None:
    """Run the tests marked gpu, out of the files that have some."""
    left = min(SHORT, end - time.monotonic())
    if (out / "tests.json").exists() or left < LEAST:
        _say("tests", "done before" if left >= LEAST else "no time left")
        return
    marked = [file for file in sorted((ROOT / "tests").glob("test_*.py")) if _has_gpu(file)]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", *map(str, marked)]
    start = time.monotonic()
    with (out / "tests.log").open("w", encoding="utf-8") as log:
        try:
            status = subprocess.run(
                command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, timeout=left, env=_ours()
            ).returncode
        except subprocess.TimeoutExpired:
            status = 124
    told = (out / "tests.log").read_text(encoding="utf-8", errors="replace")
    ended = told.strip().splitlines()[-1:] or ["no output"]
    if status == 0:
        write_json(out / "tests.json", {"result": ended[0]})
        (out / "tests.failed.txt").unlink(missing_ok=True)
    else:
        (out / "tests.failed.txt").write_text(f"status {status}\n{told}", encoding="utf-8")
    how = "" if status == 0 else f"failed: status {status}; see {out / 'tests.failed.txt'}; "
    _say("tests", f"{time.monotonic() - start:.0f} s; {how}{ended[0]}")


def _has_gpu(file: Path) -> bool:
    return "mark.gpu" in file.read_text(encoding="utf-8")


def _ours() -> dict[str, str]:
    """The environment, in which this checkout's package is found without being installed."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _run_parts(names: Sequence[str], chosen: argparse.Namespace, end: float) -> None:
    """Run the parts that have no result, in one process: loading CUDA for each would take long.

    A part that breaks or hangs ends the process, and another one goes on after that part.
    """
    todo = [name for name in names if not (chosen.out / f"{name}.json").exists()]
    for name in names:
        if name not in todo:
            _say(name, "done before")
    while todo and end - time.monotonic() >= LEAST:
        todo = _run_some(todo, chosen, end)
    for name in todo:
        _say(name, "no time left")


def _run_some(todo: list[str], chosen: argparse.Namespace, end: float) -> list[str]:
    """Start a process for parts, follow it, and return those that are still to be run after it."""
    command = [sys.executable, __file__, str(chosen.out), "--device", chosen.device]
    log = chosen.out / "parts.log"
    with log.open("w", encoding="utf-8") as told:
        worker = subprocess.Popen(
            [*command, "--only", *todo], stdout=told, stderr=subprocess.STDOUT, env=_ours()
        )
        start = time.monotonic()
        try:
            while todo:
                ended = worker.poll() is not None  # known before its last result is looked for
                name, seconds = todo[0], time.monotonic() - start
                result = chosen.out / f"{name}.json"
                if result.exists():
                    (chosen.out / f"{name}.failed.txt").unlink(missing_ok=True)
                    found = json.loads(result.read_text(encoding="utf-8"))["result"]
                    _say(name, f"{seconds:.0f} s; {json.dumps(found)[:200]}")
                    todo, start = todo[1:], time.monotonic()
                elif ended or seconds > SHORT or time.monotonic() > end:
                    why = f"status {worker.returncode}" if ended else f"stopped at {seconds:.0f} s"
                    failed = chosen.out / f"{name}.failed.txt"
                    output = log.read_text(encoding="utf-8", errors="replace")
                    failed.write_text(f"{why}\n{output}", encoding="utf-8")
                    _say(name, f"failed: {why}; see {failed}")
                    return todo[1:]
                else:
                    time.sleep(0.1)
        finally:
            worker.kill()
            worker.wait()
    return []


def _measure(names: Sequence[str], out: Path, device: str) -> None:
    """Run parts, and write each one's result. After a failure, the state of CUDA is not trusted."""
    parts = _parts(device)
    about = {"machine": machine(pick_device(device)), "torch": torch.__version__}
    for name in names:
        try:
            write_json(out / f"{name}.json", {**about, "result": parts[name]()})
        except Exception:
            traceback.print_exc()
            sys.exit(1)


def _say(name: str, what: str) -> None:
    print(f"{name}: {what}", flush=True)


# --- The sweep ------------------------------------------------------------------------------------


def _sweep(chosen: argparse.Namespace, end: float) -> None:
    """Make runs until the time is over. The workers share a folder, and each takes what is open."""
    absent = missing(targets_of(DATASET), chosen.data)
    found = [target.name for target in targets_of(DATASET) if target.name not in absent]
    if not found:
        _say("sweep", f"no sequences of {DATASET} in {chosen.data / 'otb'}")
        return
    if end - time.monotonic() < LEAST:
        _say("sweep", "no time left")
        return
    out = chosen.out / "sweep"
    command = [
        *(sys.executable, "-m", "rltrack", "sweep", "--dataset", ",".join(found)),
        *("--preset", "paper", "--attention-weight", "0,5", "--seeds", "3"),
        *("--backbone", "lite0", "--device", chosen.device, "--data", str(chosen.data)),
        *("--out", str(out)),
    ]
    before, start = set(out.glob("*/*.json.gz")), time.monotonic()
    with (chosen.out / "sweep.log").open("w", encoding="utf-8") as log:
        workers = [
            # A thread each: the GPU computes, and threads of a CPU would only disturb each other.
            subprocess.Popen(
                command, stdout=log, stderr=log, env={**_ours(), "OMP_NUM_THREADS": "1"}
            )
            for _ in range(chosen.workers)
        ]
        try:
            for worker in workers:
                worker.wait(timeout=max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGINT)
            for worker in workers:
                _ended(worker)
    seconds = time.monotonic() - start
    runs = set(out.glob("*/*.json.gz"))
    frames = sum(len(read_result(file)["boxes"]) for file in runs - before)
    result = {
        "runs": len(runs),
        "runs_now": len(runs - before),
        "frames_now": frames,
        "seconds_now": seconds,
        "frames_per_second": frames / seconds,  # those of unfinished runs are not counted
        "workers": chosen.workers,
    }
    write_json(chosen.out / "sweep.json", {"machine": machine(chosen.device), "result": result})
    _say("sweep", f"{json.dumps(result)}; what the workers said is in {chosen.out / 'sweep.log'}")


def _ended(worker: subprocess.Popen[bytes]) -> None:
    """Wait for a worker that was interrupted. One that does not end is killed."""
    try:
        worker.wait(timeout=10)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


if __name__ == "__main__":
    if not torch.cuda.is_available():
        logger.warning("no CUDA device: --device cpu tries the parts, but measures nothing of use")
    sys.exit(exit_status(_main))
