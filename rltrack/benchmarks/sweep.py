"""Many runs: several at a time in one process, or a sweep of jobs over one machine or many.

A sweep's folder holds one file a job (:mod:`rltrack.benchmarks.jobs`). Whoever runs the same sweep
on the same folder again, or beside another, does what is not there yet and nothing twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

from rltrack.benchmarks.jobs import Job, run_job, unfinished
from rltrack.errors import InputError
from rltrack.evaluation.run_files import read_result
from rltrack.tracking.inputs import pick_device
from rltrack.video.run import track
from rltrack.video.tracks import Step, Track

__all__ = ["Outcome", "SweepError", "results_of", "sweep", "track_all"]

T = TypeVar("T")

_GPU = "GPU"
"""The resource of dask's workers that a job on CUDA takes one of."""


def track_all(jobs: Sequence[Mapping[str, Any]], workers: int) -> list[Track | Exception]:
    """Make each run in a thread: on a CPU with one core, on CUDA with a stream.

    >>> jobs = [{"source": clip, "box": box, "seed": seed} for seed in range(3)]  # doctest: +SKIP
    >>> first, second, third = track_all(jobs, workers=3)                         # doctest: +SKIP

    What comes out does not depend on the number of workers. One run's failure does not stop the
    others. A Ctrl-C stops all, each as it would stop alone, and begins no more.

    Args:
        jobs: arguments of `rltrack.track`, by name.
        workers: runs at a time, 1 or more.

    Returns:
        In the jobs' order, the track; or the exception that `track` raised; or
        `concurrent.futures.CancelledError`, of a run that was not begun.
    """
    with _SideBySide(workers) as pool:
        runs = [pool.submit(track, job) for job in jobs]
        try:
            wait(runs)
        except KeyboardInterrupt:
            pool.stop()
    return [_outcome(run) for run in runs]


class Outcome(NamedTuple):
    """How a job of a sweep went."""

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
) -> Iterator[Outcome]:
    """Run the jobs whose results are not in ``out``; yields each as it ends.

    A result that is damaged, or that does not have as many frames as its sequence in ``data`` has
    now, is replaced.

    What another worker is at comes last and is waited for: should that one die, it is done here.
    One job's failure does not stop the others. Results are there as soon as they are yielded; on
    a Ctrl-C the jobs on their way are given up, and the same call does them later.

    Args:
        jobs: what to run.
        out: the sweep's folder; the workers of a scheduler must see it by the same name.
        data: folder that holds ``otb/``; likewise.
        device: as in `rltrack.track`.
        local: jobs at a time in this process; with more than one, each has one core of a CPU.
        scheduler: address of a `dask.distributed` scheduler whose workers run the jobs instead.
            With a CUDA ``device``, each job takes one of the resource ``GPU``, and waits for a
            worker that declares it.

    Raises:
        InputError: the scheduler cannot be reached, its workers declare no ``GPU`` for a CUDA
            ``device``, or dask is not installed.
    """
    given: dict[str, Any] = {"data": data, "out": out, "device": device}

    def attempts(left: Sequence[Job], wait: bool) -> Iterator[Outcome]:
        if scheduler is not None:
            return _on_cluster(left, {**given, "wait": wait}, scheduler)
        if local > 1:
            return _in_threads(left, {**given, "wait": wait}, local)
        return (_attempt(job, partial(run_job, job, wait=wait, **given)) for job in left)

    elsewhere = []
    for outcome in attempts(unfinished(jobs, data=data, out=out), wait=False):
        if outcome.file is None and outcome.error is None:
            elsewhere.append(outcome.job)
        else:
            yield outcome
    if elsewhere:
        yield from attempts(elsewhere, wait=True)


class SweepError(RuntimeError):
    """Some jobs were not done; the results of the others are kept. One line."""


def results_of(jobs: Sequence[Job], out: Path, **given: Any) -> list[dict[str, Any]]:
    """Run what is not there yet of a sweep, to its end, and read the results of all its jobs.

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
    with _SideBySide(workers) as pool:
        runs = {pool.submit(run_job, {"job": job, **given}): job for job in jobs}
        try:
            for run in as_completed(runs):
                yield _attempt(runs[run], run.result)
        except BaseException:  # a generator that is closed stops, too
            pool.stop()
            raise


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
    """Threads that each run a tracker; a context, which waits for those on their way."""

    def __init__(self, workers: int) -> None:
        self._stop = threading.Event()
        self._threads = torch.get_num_threads()
        # Parts of a run side by side would only get into another run's way.
        self._pool = ThreadPoolExecutor(workers, "rltrack-run", partial(torch.set_num_threads, 1))

    def __enter__(self) -> _SideBySide:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads)  # the last number set also holds for threads to come

    def submit(self, work: Callable[..., T], given: Mapping[str, Any]) -> Future[T]:
        """Have ``work(**given)`` done; it takes ``device`` and ``on_frame`` as `track` does."""
        return self._pool.submit(self._run, work, given)

    def stop(self) -> None:
        """Interrupt what runs and begin no more."""
        self._stop.set()

    def _run(self, work: Callable[..., T], given: Mapping[str, Any]) -> T:
        told = given.get("on_frame")

        def watch(step: Step) -> None:
            if told is not None:
                told(step)
            if self._stop.is_set():
                raise KeyboardInterrupt  # which reaches no other thread than the main one by itself

        device = pick_device(given.get("device", "auto"))
        on_cuda = device.type == "cuda"
        stream = torch.cuda.Stream(device) if on_cuda else None  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):
            return work(**{**given, "on_frame": watch})


def _outcome(run: Future[Track]) -> Track | Exception:
    try:
        return run.result()
    except Exception as error:
        return error
