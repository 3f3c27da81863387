"""Work that splits into parts, done side by side on a CPU's threads.

Each part runs on one thread from end to end, instead of every operation on all of them: nothing
waits at the end of each operation, parts stay in their thread's cache, and a result does not
depend on how many threads there are.
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
    """Consecutive slices of at most ``size`` that together are ``range(n)``."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def each(work: Callable[[Part], Done], parts: Iterable[Part], device: torch.device) -> list[Done]:
    """``[work(part) for part in parts]``, on as many threads as PyTorch uses if on a CPU.

    ``work`` runs in other threads: what PyTorch keeps per thread (``no_grad``) it sets itself.
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
