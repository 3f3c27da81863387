"""Signals that are held back until they can do no harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType, TracebackType

__all__ = ["HeldSignals"]


class HeldSignals:
    """Holds back Ctrl-C, and polite kills that the program handles, except where they do no harm.

    They are let through in the blocks of `let_through`. Only one is let through, because a second
    one must not interrupt what the first one's exception sets off. (`timeout`, for example, sends
    two.)
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[..., object]] = {}
        self._held: list[Callable[[], object]] = []
        self._open = False

    def __enter__(self) -> HeldSignals:
        # Other threads get no signals, and may not set handlers.
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                handler = None if number is None else signal.getsignal(number)
                if number is not None and callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Deliver a signal that was held back.

        In the block, deliver what comes, until something raises.
        """
        self._open = True
        try:
            while self._held and self._open:
                self._deliver(self._held.pop())
            yield
        finally:
            self._open = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        call = partial(self._handlers[number], number, frame)
        if self._open:
            self._deliver(call)
        else:
            self._held.append(call)

    def _deliver(self, call: Callable[[], object]) -> None:
        self._open = False
        call()
        self._open = True
