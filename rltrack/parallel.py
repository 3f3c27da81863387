"""Work that is split into parts, which run side by side on a CPU's threads.

Each part runs on one thread from its beginning to its end. (PyTorch would run each operation on all
threads.) So nothing waits at the end of each operation, the data of a part stays in its thread's
cache, and a result does not depend on the number of threads.
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
    """Return ``[work(part) for part in parts]``, computed side by side if ``device`` is a CPU.

    It uses as many threads as PyTorch. ``work`` runs in other threads, so it has to set what
    PyTorch keeps for each thread, such as ``no_grad``, itself.
    """
    parts = list(parts)
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    return list(_pool(threads).map(work, parts))


@lru_cache
def _pool(workers: int) -> ThreadPoolExecutor:
    # PyTorch counts threads per thread, but its last set_num_threads() also holds for threads
    # that have not asked yet. So start all now, let each ask, then give that number back.
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
