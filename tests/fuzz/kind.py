"""What a kind of input is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import NamedTuple

from fuzz.surroundings import StillTracker

REAL = 1 / 50
"""The share of inputs on which the real tracker runs, which takes half a second."""


class Made(NamedTuple):
    """An input in its folder, which is the current one.

    Attributes:
        arguments: the command line.
        may_add: beginnings of the names of files that it may write.
        may_change: of those that it may also replace.
        must_refuse: why an exit status of 0 would be wrong; empty if it would not be.
    """

    arguments: list[str]
    may_add: tuple[str, ...] = ("out",)
    may_change: tuple[str, ...] = ("out",)
    must_refuse: str = ""


class Kind:
    """A kind of input."""

    short = 40
    """How many inputs the short run makes."""

    lines = 6
    """How many lines standard error may have."""

    def make(self, rng: Random, place: Path) -> Made:
        """Write an input's files into an empty folder, the current one."""
        raise NotImplementedError

    def around(self, rng: Random) -> AbstractContextManager[object]:
        """Return what an input runs in."""
        return nullcontext()

    @contextmanager
    def input(self, rng: Random, place: Path) -> Iterator[Made]:
        """Make an input, and have it run within this context."""
        tracker = nullcontext() if rng.random() < REAL else StillTracker()
        with self.around(rng), tracker:
            yield self.make(rng, place)
