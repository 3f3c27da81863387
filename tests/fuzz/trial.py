"""One input: made, given to the command line in this process, and judged by the rule."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fuzz.kinds import KINDS

SECONDS = 30.0
"""How long an input may take, on a machine that does other things too."""
MEBIBYTES = 1536
"""How much memory an input may take beyond what the process had before it."""
LONGEST_LINE = 2200
"""Characters. A message may quote what was given, of any length, but not all of it."""

_PROGRESS = re.compile(r"; \d+ of \d+ done, ")
"""In a line that a sweep prints for each run that ended."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Outcome:
    """How an input ended.

    Attributes:
        status: the exit status; None if there was none.
        fault: how the rule was broken, in words that faults of one cause share; empty if not.
        detail: more about it.
        seconds: how long it took.
        mebibytes: how much more memory the process had at its peak than before.
    """

    status: int | None
    fault: str = ""
    detail: str = ""
    seconds: float = 0.0
    mebibytes: float = 0.0


@dataclass
class _Printed:
    """What the command line, and the libraries under it, print."""

    out: str = ""
    err: str = ""


def tried(kind: str, number: int, folder: Path | None = None) -> Outcome:
    """Make the input of this kind and number, and run it.

    Args:
        kind: a key of `fuzz.kinds.KINDS`.
        number: which of its inputs.
        folder: where to leave what it consists of and what it wrote. By default it is removed.
    """
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_FASTEST) as made:
        place = Path(made).resolve() / "place" if folder is None else folder
        place.mkdir(parents=True)
        os.chdir(place)
        try:
            return _judged(kind, number, place)
        finally:
            os.chdir(before)


_FASTEST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where files of megabytes are made thousands of times."""


def _judged(kind: str, number: int, place: Path) -> Outcome:
    from rltrack.cli.main import main

    rng = Random(f"{kind} {number}")
    with KINDS[kind].input(rng, place) as made:
        inputs, printed, status, escaped = _contents(place), _Printed(), None, None
        began, held = time.perf_counter(), _memory(reset=True)
        with _captured(printed):
            try:
                status = main(made.arguments)
            except BaseException as error:
                escaped = error
        seconds = time.perf_counter() - began
        mebibytes = max(0.0, _memory() - held)
    fault, detail = _fault(status, escaped, printed, KINDS[kind].lines)
    after = _contents(place)
    changed = sorted(name for name, was in inputs.items() if after.get(name) != was)
    changed = [name for name in changed if not name.startswith(made.may_change)]
    added = sorted(n for n in after.keys() - inputs.keys() if not n.startswith(made.may_add))
    strays = [str(path) for path in place.parent.iterdir() if path != place]
    for wrong, names in (("an input was changed", changed), ("a file strayed", added + strays)):
        if names and not fault:
            fault, detail = wrong, ", ".join(names)
    if not fault and made.must_refuse and status == 0:
        fault, detail = "accepted", made.must_refuse
    if not fault and seconds > SECONDS:
        fault = "too slow"
    if not fault and mebibytes > MEBIBYTES:
        fault, detail = "too much memory", f"{mebibytes:.0f} MiB"
    shown = " ".join(map(_short, made.arguments))
    return Outcome(
        status, fault, f"{detail}\n  rltrack {shown}" if fault else "", seconds, mebibytes
    )


def _fault(
    status: int | None, escaped: BaseException | None, printed: _Printed, most: int
) -> tuple[str, str]:
    if escaped is not None:
        frames = traceback.extract_tb(escaped.__traceback__)
        ours = [f for f in frames if "/rltrack/" in f.filename] or list(frames)
        place = f"{Path(ours[-1].filename).name}, {ours[-1].name}" if ours else ""
        return f"traceback: {type(escaped).__name__} in {place}", _short(str(escaped))
    lines = [line for line in printed.err.splitlines() if not _PROGRESS.search(line)]
    if "Traceback" in printed.err:
        return "traceback printed", lines[-1]
    if status not in (0, 1, 2):
        return f"status {status}", printed.err[-300:]
    if status and not any(line.startswith("error: ") for line in lines):
        return f"status {status} without a reason", printed.err[-300:]
    if len(lines) > most or any(len(line) > LONGEST_LINE for line in lines):
        return "too much printed", f"{len(lines)} lines, the first: {_short(printed.err)}"
    if odd := _CONTROL.search(printed.out + printed.err):
        return "a control character printed", repr(odd[0])
    return "", ""


def _short(text: str) -> str:
    shown = repr(text)[1:-1]
    return shown if len(shown) <= 120 else f"{shown[:80]}...{shown[-20:]} ({len(text)})"


@contextmanager
def _captured(printed: _Printed) -> Iterator[None]:
    """Take what is printed through Python and around it, to files 1 and 2 of the process."""
    kept, streams = [os.dup(1), os.dup(2)], (sys.stdout, sys.stderr)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for number, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), number)
        sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = streams
            for number, file in ((1, kept[0]), (2, kept[1])):
                os.dup2(file, number)
                os.close(file)
            for name, file in (("out", out), ("err", err)):
                file.seek(0)
                setattr(printed, name, file.read().decode("utf-8", "replace"))


def _contents(place: Path) -> dict[str, str]:
    """Return the digests of all files, by their paths in the folder."""
    found = {}
    for folder, _, names in os.walk(place):
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                digest = hashlib.blake2b(path.read_bytes()).hexdigest()
                found[str(path.relative_to(place))] = digest
    return found


def _memory(reset: bool = False) -> float:
    """Return the most mebibytes that the process held since the last reset; 0 if not known."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        text = Path("/proc/self/status").read_text()
    except OSError:  # not Linux
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) / 1024 if found else 0.0
