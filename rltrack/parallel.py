"""Split work into parts, and run the parts at the same time on the threads of a CPU.

Each part runs on one thread from its beginning to its end, whereas PyTorch would run each operation
on all threads. This has three advantages. Threads do not wait for each other at the end of each
operation, the data of a part stays in the cache of its processor core, and a result does not depend
on the number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch

__all__ = ["batches", "each"]

Part = TypeVar("Part")
Done = TypeVar("Done")


def batches(n: int, size: int) -> list[slice]:
    """Return consecutive slices of at most ``size`` that together cover ``range(n)``."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def each(work: Callable[[Part], Done], parts: Iterable[Part], device: torch.device) -> list[Done]:
    """Return ``[work(part) for part in parts]``, computed in parallel if ``device`` is a CPU.

    As many threads are used as PyTorch uses. ``work`` runs in other threads than the caller.
    PyTorch keeps some settings for each thread separately, such as ``no_grad``, and ``work`` has to
    make these settings itself.
    """
    parts = list(parts)
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    return list(_pool(threads).map(work, parts))


@lru_cache
def _pool(workers: int) -> ThreadPoolExecutor:
    # Each thread has its own number of PyTorch threads. A thread that has not asked for this
    # number yet gets the value of the last set_num_threads(), whichever thread made that call.
    # So all workers start now, and each sets the number to 1 and asks for it. Then the caller
    # restores its own number.
    started = threading.Barrier(workers + 1)

    def start() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()
        started.wait()

    pool = ThreadPoolExecutor(workers, "rltrack", initializer=start)
    for _ in range(workers):
        pool.submit(int)
    started.wait()
    torch.set_num_threads(workers)
    return pool
