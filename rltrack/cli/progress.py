"""The progress of long work in a log: a line now and then, where no bar can be drawn."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta

from rltrack.cli.printing import show

__all__ = ["Lines"]

EVERY = 30.0
"""The fewest seconds between two lines. Work that takes less than that prints none."""


class Lines:
    """Prints lines on standard error, if that is no terminal."""

    def __init__(self) -> None:
        self._silent = sys.stderr.isatty()
        self._said = time.monotonic()
        self._label, self._began, self._before = "", 0.0, 0

    def say(self, text: str) -> None:
        """Print what is being done now, if it is time for a line."""
        if not self._silent and time.monotonic() - self._said >= EVERY:
            self._said = time.monotonic()
            show(text, error=True)

    def advance(
        self, label: str, done: int, total: int | None, words: Callable[[int], str] = str
    ) -> None:
        """Print how far the work called ``label`` is, if it is time for a line.

        Args:
            label: the work. With a new label, the estimate of what is left begins anew.
            done: how much is done, with what was done before this call.
            total: how much there is to do; None if that is not known.
            words: puts such a number in words.
        """
        now = time.monotonic()
        if label != self._label:
            self._label, self._began, self._before = label, now, done
        text = f"{label} {words(done)}"
        if total is not None:
            text += f" of {words(total)}"
            if (since := done - self._before) > 0:
                seconds = (now - self._began) / since * max(0, total - done)
                text += f", about {timedelta(seconds=round(seconds))} left"
        self.say(text)
