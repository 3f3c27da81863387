"""Worker processes that stay alive, and are replaced if an input kills them or takes too long."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from fuzz.trial import MEBIBYTES, SECONDS, Outcome, tried

Task = tuple[str, int]
"""The kind and the number of an input."""


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    began: float = 0.0


def outcomes(tasks: Iterable[Task], workers: int) -> Iterator[tuple[Task, Outcome]]:
    """Run inputs in worker processes, and yield how each of them ended.

    An input that takes twice its time is stopped with its worker. One that kills its worker, by a
    signal or by the memory that it takes, counts as such.
    """
    waiting = iter(tasks)
    pool = [_started() for _ in range(workers)]
    try:
        for worker in pool:
            _give(worker, waiting)
        while busy := [worker for worker in pool if worker.task is not None]:
            wait([w.pipe for w in busy] + [w.process.sentinel for w in busy], timeout=0.5)
            for worker in busy:
                outcome = _outcome_of(worker)
                if outcome is not None and worker.task is not None:
                    yield worker.task, outcome
                    if not worker.process.is_alive():
                        pool[pool.index(worker)] = worker = _started()
                    _give(worker, waiting)
    finally:
        for worker in pool:
            worker.process.kill()
            worker.process.join()


def _outcome_of(worker: _Worker) -> Outcome | None:
    """Return how the worker's input ended; None if it has not."""
    spent = time.monotonic() - worker.began
    try:
        if worker.pipe.poll():
            found: Outcome = worker.pipe.recv()
            return found
    except (EOFError, OSError):
        worker.process.join(5)
    if worker.process.exitcode is not None:
        code = worker.process.exitcode
        return Outcome(None, f"the process died: {code}", "", spent)
    if spent > 2 * SECONDS:
        worker.process.kill()
        worker.process.join()
        return Outcome(None, "too slow", "stopped", spent)
    return None


def _give(worker: _Worker, tasks: Iterator[Task]) -> None:
    worker.task = next(tasks, None)
    if worker.task is not None:
        worker.began = time.monotonic()
        worker.pipe.send(worker.task)


def _started() -> _Worker:
    # Spawned and not forked: PyTorch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    worker = _Worker(process, ours)
    ours.recv()  # everything is imported: an input's time is its own
    return worker


def _work(pipe: Connection) -> None:
    from fuzz.surroundings import prepare

    prepare()
    _limit_memory()
    pipe.send(None)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            os._exit(0)
        pipe.send(tried(*task))


def _limit_memory() -> None:
    """Make an input that wants far too much memory fail, and not the machine."""
    try:
        import resource
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        return
    most = pages * resource.getpagesize() + 3 * MEBIBYTES * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
