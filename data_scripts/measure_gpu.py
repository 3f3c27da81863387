"""Measure everything that needs a GPU, in parts, and keep each part's result as it ends.

OUT is a folder. Each part writes OUT/<part>.json, or OUT/<part>.failed.txt with what went wrong. A
part that has a result is not run again, so the same command goes on where it was interrupted. No
part needs another one. The last part makes runs of the sweep that chapter 6 reports, several at a
time, for as long as time is left; its results are in OUT/sweep, and the same command adds to them.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from _run import exit_status

from rltrack.cache import data_dir
from rltrack.files import write_json
from rltrack.hardware import machine
from rltrack.speed import gpu
from rltrack.tracking.inputs import pick_device
from rltrack.tracking.presets import preset

logger = logging.getLogger("measure_gpu")

TRACKERS = {
    "paper": preset("paper"),
    "plain": preset("paper", attention_weight=0.0),
    "realtime": preset("realtime"),
}
PRECISIONS = ("float32", "tf32", "bfloat16")

Part = Callable[[str], Any]


def _parts() -> dict[str, Part]:
    parts: dict[str, Part] = {"agreement-float64": _agreement(torch.float64)}
    parts["agreement-float32"] = _agreement(torch.float32)
    for name, config in TRACKERS.items():
        for precision in PRECISIONS:
            chosen = replace(config, precision=precision)
            parts[f"speed-{name}-{precision}"] = lambda device, c=chosen: gpu.speed(device, c)
    for name, config in TRACKERS.items():
        parts[f"calls-{name}"] = lambda device, c=config: gpu.calls(device, c)
    parts["film"] = lambda device: gpu.film(device, preset("realtime"))
    return parts


def _agreement(dtype: torch.dtype) -> Part:
    return lambda device: gpu.agreement(device, preset("paper"), dtype=dtype)


PARTS = _parts()


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("out", type=Path, metavar="OUT")
    made.add_argument("--device", default="cuda", help="(%(default)s)")
    made.add_argument("--minutes", type=float, default=8, help="for all parts (%(default)g)")
    made.add_argument("--data", type=Path, default=data_dir(), help="has otb/ in it (%(default)s)")
    made.add_argument("--workers", type=int, default=8, help="runs at a time (%(default)s)")
    made.add_argument("--part", choices=PARTS, help="only this part, in this process")
    return made.parse_args()


def _main() -> None:
    chosen = _options()
    device = pick_device(chosen.device)
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.part:
        _measure(chosen.part, chosen.out, chosen.device)
        return
    end = time.monotonic() + 60 * chosen.minutes
    print(f"{machine(device)}: {len(PARTS)} parts, the GPU's tests and a sweep", flush=True)
    tests = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"]
    _run("tests", chosen.out, tests, end)
    for name in PARTS:
        of_part = [str(chosen.out), "--device", chosen.device, "--part", name]
        _run(name, chosen.out, [sys.executable, __file__, *of_part], end)
    _sweep(chosen, end)


def _measure(name: str, out: Path, device: str) -> None:
    result = PARTS[name](device)
    about = {"machine": machine(pick_device(device)), "torch": torch.__version__}
    write_json(out / f"{name}.json", {**about, "result": result})


def _run(name: str, out: Path, command: list[str], end: float) -> None:
    """Run a part in a process of its own, so that a part that breaks breaks no other."""
    result, failed = out / f"{name}.json", out / f"{name}.failed.txt"
    if result.exists():
        print(f"{name}: was done before", flush=True)
        return
    left = end - time.monotonic()
    if left < 5:
        print(f"{name}: no time left", flush=True)
        return
    start = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=left)
        problem = done.stdout + done.stderr if done.returncode else ""
    except subprocess.TimeoutExpired as error:
        problem = f"no end after {left:.0f} s\n{error.output or ''}"
    seconds = time.monotonic() - start
    if problem:
        failed.write_text(problem, encoding="utf-8")
        print(f"{name}: failed after {seconds:.0f} s; see {failed}", flush=True)
        return
    failed.unlink(missing_ok=True)
    if not result.exists():  # the tests
        write_json(result, {"result": done.stdout.strip().splitlines()[-1]})
    shown = json.dumps(json.loads(result.read_text(encoding="utf-8"))["result"])
    print(f"{name}: {seconds:.0f} s; {shown[:200]}", flush=True)


def _sweep(chosen: argparse.Namespace, end: float) -> None:
    """Make runs until the time is over. The workers share a folder, and each takes what is open."""
    if not (chosen.data / "otb").is_dir():
        print(f"sweep: no sequences in {chosen.data / 'otb'}", flush=True)
        return
    found = sorted(folder.name for folder in (chosen.data / "otb").iterdir() if folder.is_dir())
    command = [
        *(sys.executable, "-m", "rltrack", "sweep", "--dataset", ",".join(found)),
        *("--preset", "paper", "--attention-weight", "0,5", "--seeds", "3"),
        *("--backbone", "lite0", "--device", chosen.device, "--data", str(chosen.data)),
        *("--out", str(chosen.out / "sweep")),
    ]
    left = end - time.monotonic()
    if left < 5:
        print("sweep: no time left", flush=True)
        return
    workers = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
            worker.wait()
    runs = len(list((chosen.out / "sweep").glob("*/*.json.gz")))
    print(f"sweep: {runs} runs are done in {chosen.out / 'sweep'}", flush=True)


if __name__ == "__main__":
    if not torch.cuda.is_available():
        logger.warning("no CUDA device: --device cpu tries the parts, but measures nothing of use")
    sys.exit(exit_status(_main))
