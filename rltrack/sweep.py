"""Many runs in one process, several at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import torch

from rltrack.run import Step, Track, track
from rltrack.tracker import pick_device

__all__ = ["track_all"]


def track_all(jobs: Sequence[Mapping[str, Any]], workers: int) -> list[Track | Exception]:
    """Make each run in a thread: on a CPU with one core, on CUDA with a stream.

    >>> jobs = [{"source": clip, "box": box, "seed": seed} for seed in range(3)]  # doctest: +SKIP
    >>> first, second, third = track_all(jobs, workers=3)                         # doctest: +SKIP

    What comes out does not depend on the number of workers. One run's failure does not stop the
    others. A Ctrl-C stops all, each as it would stop alone, and begins no more.

    Args:
        jobs: arguments of `rltrack.run.track`, by name.
        workers: runs at a time, 1 or more.

    Returns:
        In the jobs' order, the track; or the exception that `track` raised; or
        `concurrent.futures.CancelledError`, of a run that was not begun.
    """
    stop = threading.Event()
    threads = torch.get_num_threads()
    # Parts of a run side by side would only get into another run's way.
    pool = ThreadPoolExecutor(workers, "rltrack-run", partial(torch.set_num_threads, 1))
    runs = [pool.submit(_run, job, stop) for job in jobs]
    try:
        wait(runs)
    except KeyboardInterrupt:
        stop.set()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # the last number set also holds for threads to come
    return [_outcome(run) for run in runs]


def _run(job: Mapping[str, Any], stop: threading.Event) -> Track:
    told = job.get("on_frame")

    def watch(step: Step) -> None:
        if told is not None:
            told(step)
        if stop.is_set():
            raise KeyboardInterrupt  # which reaches no other thread than the main one by itself

    device = pick_device(job.get("device", "auto"))
    on_cuda = device.type == "cuda"
    stream = torch.cuda.Stream(device) if on_cuda else None  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        return track(**{**job, "on_frame": watch})


def _outcome(run: Future[Track]) -> Track | Exception:
    try:
        return run.result()
    except Exception as error:
        return error
