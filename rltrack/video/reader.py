"""Frames of a file that a thread decodes before they are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

__all__ = ["AHEAD", "read_ahead"]

T = TypeVar("T")

AHEAD = 4  # frames that are decoded before they are asked for

_END = object()


def read_ahead(start: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Yield the frames of ``start()``, each decoded by a thread while earlier ones are in use."""
    frames = start()
    reader = ThreadPoolExecutor(1, "rltrack-reader")
    try:
        coming = deque(reader.submit(next, frames, _END) for _ in range(AHEAD))
        while (frame := coming.popleft().result()) is not _END:
            coming.append(reader.submit(next, frames, _END))
            yield cast("T", frame)
    finally:  # also where the caller stops half-way
        reader.shutdown(cancel_futures=True)
