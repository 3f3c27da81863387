"""Many runs: several at a time in one process, or a sweep of jobs over one machine or many.

A sweep's folder holds one file for each job (:mod:`rltrack.benchmarks.jobs`). Running the same
sweep on the same folder again, or at the same time elsewhere, does what is not there yet and
nothing twice.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

from rltrack.backbones.registry import check_backbone
from rltrack.benchmarks.jobs import Job, run_job, unfinished
from rltrack.errors import InputError
from rltrack.evaluation.run_files import read_result
from rltrack.tracking.inputs import pick_device
from rltrack.video.run import track
from rltrack.video.signals import HeldSignals
from rltrack.video.tracks import Step, Track

__all__ = ["Outcome", "SweepError", "results_of", "sweep", "track_all"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_GPU = "GPU"
"""The resource of dask's workers of which each job on CUDA takes one."""


def track_all(jobs: Sequence[Mapping[str, Any]], workers: int) -> list[Track | Exception]:
    """Make each run in a thread of its own: on a CPU with one core, on CUDA with a stream.

    >>> jobs = [{"source": clip, "box": box, "seed": seed} for seed in range(3)]  # doctest: +SKIP
    >>> first, second, third = track_all(jobs, workers=3)                         # doctest: +SKIP

    The results do not depend on the number of workers. If one run fails, the others go on. A Ctrl-C
    stops all runs, each in the way in which it would stop alone, and starts no more.

    Args:
        jobs: arguments of `rltrack.track`, by name.
        workers: how many runs to make at a time, 1 or more.

    Returns:
        A list in the order of the jobs. Each entry is the track, or the exception that `track`
        raised, or `concurrent.futures.CancelledError` for a run that was not started.
    """
    with _SideBySide(workers) as pool:
        runs = [pool.submit(track, job) for job in jobs]
        with suppress(KeyboardInterrupt):
            pool.listen(partial(wait, runs))
    return [_outcome(run) for run in runs]


class Outcome(NamedTuple):
    """How a job of a sweep ended."""

    job: Job
    file: Path | None
    """Its result; None if it failed."""
    error: Exception | None


def sweep(
    jobs: Sequence[Job],
    out: Path,
    *,
    data: Path,
    device: str = "auto",
    local: int = 1,
    scheduler: str | None = None,
) -> Generator[Outcome, None, None]:
    """Run the jobs whose results are not in ``out``, and yield each one when it ends.

    A result that is damaged, or of other frames or ground truth than its sequence in ``data`` has
    now, is renamed, and its run is done again. Jobs that another worker runs come last, and
    this call waits for them. If that worker dies, they are run here. If one job fails, the others
    go on. A result is on disk when it is yielded. After a Ctrl-C, the jobs that were running are
    given up, and the same call runs them later.

    Args:
        jobs: the jobs to run.
        out: the sweep's folder. The workers of a scheduler must see it under the same name.
        data: the folder that holds ``otb/``. The same is true of it.
        device: as in `rltrack.track`.
        local: how many jobs to run at a time in this process. If it is more than one, each has one
            core of a CPU.
        scheduler: address of a `dask.distributed` scheduler whose workers run the jobs instead.
            With a CUDA ``device``, each job takes one of the resource ``GPU``, and waits for a
            worker that declares it.

    Raises:
        InputError: a backbone of a job that is to be run here cannot be loaded; the scheduler
            cannot be reached, its workers declare no ``GPU`` for a CUDA ``device``, or dask is not
            installed.
    """
    given: dict[str, Any] = {"data": data, "out": out, "device": device}

    def attempts(left: Sequence[Job], wait: bool) -> Iterator[Outcome]:
        if scheduler is not None:
            return _on_cluster(left, {**given, "wait": wait}, scheduler)
        if local > 1:
            return _in_threads(left, {**given, "wait": wait}, local)
        return (_attempt(job, partial(run_job, job, wait=wait, **given)) for job in left)

    left = unfinished(jobs, data=data, out=out)
    if scheduler is None:
        for backbone in dict.fromkeys(job.backbone for job in left):
            check_backbone(backbone)
    elsewhere = []
    for outcome in attempts(left, wait=False):
        if outcome.file is None and outcome.error is None:
            elsewhere.append(outcome.job)
        else:
            yield outcome
    if elsewhere:
        yield from attempts(elsewhere, wait=True)


class SweepError(RuntimeError):
    """Some jobs were not done. The results of the others are kept. The message is one line."""


def results_of(jobs: Sequence[Job], out: Path, **given: Any) -> list[dict[str, Any]]:
    """Run the jobs of a sweep that are not done yet, and read the results of all its jobs.

    Args:
        jobs: as in `sweep`.
        out: as in `sweep`.
        given: the other arguments of `sweep`.

    Raises:
        SweepError: jobs failed.
        InputError: as in `sweep`.
    """
    left = [outcome for outcome in sweep(jobs, out, **given) if outcome.file is None]
    if left:
        job, _, error = left[0]
        raise SweepError(
            f"{len(left)} of {len(jobs)} jobs are not done, the first {job.target} with seed "
            f"{job.seed}: {error}; the same call goes on"
        )
    return [read_result(job.file(out)) for job in jobs]


def _attempt(job: Job, work: Callable[[], Path | None]) -> Outcome:
    try:
        return Outcome(job, work(), None)
    except Exception as error:
        return Outcome(job, None, error)


def _in_threads(jobs: Sequence[Job], given: dict[str, Any], workers: int) -> Iterator[Outcome]:
    with _SideBySide(workers, at_once=True) as pool:
        runs = {pool.submit(run_job, {"job": job, **given}): job for job in jobs}
        ended = as_completed(runs)
        while (run := pool.listen(partial(next, ended, None))) is not None:
            yield _attempt(runs[run], run.result)


def _on_cluster(jobs: Sequence[Job], given: dict[str, Any], address: str) -> Iterator[Outcome]:
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError:
        raise InputError(
            'a scheduler needs dask: pip install "rltrack[cluster]", or run without'
        ) from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise InputError(f"no scheduler answers at {address}: {error}") from error
    with client:
        resources = None
        if given["device"].startswith("cuda"):
            resources = {_GPU: 1}
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            # Without any workers yet, those to come are waited for.
            if workers and not any(worker["resources"].get(_GPU) for worker in workers):
                raise InputError(
                    f"none of the workers of {address} declares the resource {_GPU}, which jobs on "
                    f"{given['device']} take: start them with --resources {_GPU}=1, or give "
                    "another device"
                )
        runs = {
            client.submit(run_job, job, **given, resources=resources, pure=False): job
            for job in jobs
        }
        try:
            for run in completed(runs):
                yield _attempt(runs[run], run.result)
        finally:
            client.cancel(list(runs))


class _SideBySide:
    """Threads that each run a tracker.

    At the end of the context those that are running are stopped and waited for. No second Ctrl-C
    cuts this waiting short, because a program that ends while its threads compute crashes.

    Args:
        workers: the number of threads.
        at_once: whether a run may be stopped within its first frame, which takes long. What it has
            written by then is not put right. Otherwise it stops after the frame that it is in.
    """

    def __init__(self, workers: int, at_once: bool = False) -> None:
        self._at_once = at_once
        self._lock = threading.Lock()
        self._stopped = False
        self._tracked: dict[int, bool] = {}  # of the threads at work, whether they have a frame
        self._threads = torch.get_num_threads()
        # Parts of a run side by side would only get into another run's way.
        self._pool = ThreadPoolExecutor(workers, "rltrack-run", partial(torch.set_num_threads, 1))

    def __enter__(self) -> _SideBySide:
        return self

    def __exit__(self, *_: object) -> None:
        with HeldSignals():
            self._stop()
        torch.set_num_threads(self._threads)  # the last number set also holds for threads to come

    def listen(self, wait: Callable[[], T]) -> T:
        """Return what ``wait`` returns. A Ctrl-C stops the runs, and is raised when they ended."""
        with HeldSignals() as signals:
            try:
                with signals.let_through():
                    return wait()
            except KeyboardInterrupt:
                self._stop()
                raise

    def submit(self, work: Callable[..., T], given: Mapping[str, Any]) -> Future[T]:
        """Run ``work(**given)`` in a thread.

        It takes ``device`` and ``on_frame`` as `track` does.
        """
        return self._pool.submit(self._run, work, given)

    def _stop(self) -> None:
        """Interrupt the runs, start no more, and wait for their ends."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._stopped = True
            if self._at_once and self._tracked:
                logger.warning(
                    "interrupted: the runs under way are being stopped, and will start anew; "
                    "finished runs are kept"
                )
                for thread, tracked in self._tracked.items():
                    if not tracked:
                        _interrupt(thread)
        self._pool.shutdown()

    def _run(self, work: Callable[..., T], given: Mapping[str, Any]) -> T:
        told, thread = given.get("on_frame"), threading.get_ident()

        def watch(step: Step) -> None:
            with self._lock:
                self._tracked[thread] = True
            if told is not None:
                told(step)
            if self._stopped:
                raise KeyboardInterrupt  # which reaches no other thread than the main one by itself

        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            self._tracked[thread] = False
        try:
            device = pick_device(given.get("device", "auto"))
            on_cuda = device.type == "cuda"
            stream = torch.cuda.Stream(device) if on_cuda else None  # type: ignore[no-untyped-call]
            with torch.cuda.stream(stream):
                return work(**{**given, "on_frame": watch})
        finally:
            with self._lock:
                del self._tracked[thread]


def _interrupt(thread: int) -> None:
    """Raise KeyboardInterrupt in a thread, as soon as it executes Python's code again."""
    kind = ctypes.py_object(KeyboardInterrupt)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)


def _outcome(run: Future[Track]) -> Track | Exception:
    try:
        return run.result()
    except KeyboardInterrupt:
        return CancelledError()
    except Exception as error:
        return error
