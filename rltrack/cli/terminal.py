"""What the command line shows: a progress bar, warnings, results; and how it is stopped."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, NoReturn, TextIO

from rltrack.cli.printing import console, one_line, show
from rltrack.cli.progress import Lines
from rltrack.plain_text import on_terminal

if TYPE_CHECKING:
    from rltrack.video.tracks import Step, Track

__all__ = [
    "Bar",
    "Warnings",
    "libraries_silent",
    "print_table",
    "print_track",
    "session",
    "stop_signals",
    "warnings_shown",
]


@contextmanager
def session() -> Iterator[Bar]:
    """A run with its progress bar, its log shown, and signals that stop it politely."""
    with warnings_shown(logging.INFO) as warnings:
        with stop_signals(), Bar(warnings) as bar:
            yield bar
        warnings.show()


@contextmanager
def libraries_silent() -> Iterator[None]:
    """Keep what libraries print off standard error: rltrack says what is wrong, in one line.

    In the block, file 2 of the process, to which C libraries write, leads nowhere. `sys.stderr`
    still leads to where it led before. Python's warnings are shown only if the interpreter was
    asked for them (``-W``).
    """
    stderr = sys.stderr
    with ExitStack() as stack:
        if not sys.warnoptions:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        try:
            kept = os.dup(2)
        except OSError:  # it is closed, so nothing is shown
            yield
            return
        stack.callback(os.close, kept)
        stack.callback(os.dup2, kept, 2)
        if _leads_to_file_2(stderr):
            stream = os.fdopen(os.dup(2), "w", 1, encoding=stderr.encoding, errors="replace")
            stack.enter_context(stream)
            stack.callback(setattr, sys, "stderr", stderr)
            sys.stderr = stream
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield


def _leads_to_file_2(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError):  # there is none, or a program has put its own there
        return False


@contextmanager
def warnings_shown(level: int = logging.WARNING) -> Iterator[Warnings]:
    """Show the package's warnings on standard error, once `Warnings.show` was called.

    Args:
        level: `logging.INFO` also shows what is only good to know.
    """
    warnings = Warnings(level)
    logger = logging.getLogger("rltrack")
    before = logger.level
    logger.setLevel(level)
    logger.addHandler(warnings)
    try:
        yield warnings
    finally:
        logger.removeHandler(warnings)
        logger.setLevel(before)


@contextmanager
def stop_signals() -> Iterator[None]:
    """Make a polite kill and a closed terminal stop the run as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    # A job in a script's background is started deaf to SIGINT; who sends one all the same means
    # it. SIGHUP stays ignored where it is: that is what nohup is for.
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Warnings(logging.Handler):
    """Warnings, held back until tracking works: bad input is told in one line."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._held: list[str] | None = []

    def emit(self, record: logging.LogRecord) -> None:
        """Hold or print one."""
        text = f"{record.levelname.lower()}: {one_line(record.getMessage())}"
        if self._held is None:
            show(text, error=True)
        else:
            self._held.append(text)

    def show(self) -> None:
        """Print what was held back, and from now on everything at once."""
        self.acquire()  # frames are read, and complained about, in another thread
        try:
            for text in self._held or ():
                show(text, error=True)
            self._held = None
        finally:
            self.release()


class Bar:
    """A progress bar on standard error: state, frames, FPS, time left.

    If that is no terminal, there are `rltrack.cli.progress.Lines`.
    """

    def __init__(self, warnings: Warnings) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console(stderr=True),
            transient=True,  # what stays is the summary, or one line about what went wrong
            disable=not sys.stderr.isatty(),
            speed_estimate_period=120,
        )
        self._lines = Lines()
        self._warnings = warnings
        self._label, self._seconds, self._frames = "", 0.0, 0

    def start(self, label: str) -> None:
        """Begin a run."""
        self._label, self._seconds, self._frames = on_terminal(label), 0.0, 0
        self._task = self._bars.add_task(
            f"{self._label}: fitting the first frame", total=None, speed=""
        )

    def advance(self, step: Step) -> None:
        """Take note of a frame."""
        self._warnings.show()
        found, number = sum(result.found for result in step.results), len(step.results)
        state = f"{found} of {number} found" if number > 1 else "found" if found else "LOST"
        state = "unreadable" if step.image is None else state
        if step.index and step.image is not None:
            self._frames += 1
            self._seconds += step.seconds
        self._bars.update(
            self._task,
            description=f"{self._label}: {state}",
            completed=step.index + 1,
            total=step.source.length,
            speed=f"{self._frames / self._seconds:.2f} FPS" if self._seconds else "",
        )
        self._lines.advance(f"{self._label}: frame", step.index + 1, step.source.length)

    def __enter__(self) -> Bar:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()


def print_track(tracks: Sequence[Track], written: Sequence[str], asked: bool) -> None:
    """Print the outcome of a run over one target or several, for people.

    Args:
        tracks: those of the targets.
        written: the files that were completed. One may have failed, say on a full disk.
        asked: whether any was asked for.
    """
    done = tracks[0]
    config, metrics = done.config, done.metrics
    found = ", ".join(str(each.found.sum()) for each in tracks)
    lines = [
        (
            "tracker",
            f"preset {config.preset}, {config.variant}, lambda {config.attention_weight:g}, "
            f"backbone {done.backbone}, seed {done.seed}, {done.device}",
        ),
        (
            "frames",
            f"{len(done)}, found in {found}"
            + (f" ({len(tracks)} targets)" if len(tracks) > 1 else "")
            + (f", {done.unreadable} unreadable" if done.unreadable else ""),
        ),
    ]
    if metrics is not None:
        left_out = f"; {metrics.skipped} frames without ground truth left out"
        lines.append(
            (
                "metrics",
                f"DP20 {metrics.dp20:.3f}, OS {metrics.os:.3f}, CLE {metrics.cle:.1f} px, "
                f"OS50 {metrics.os50:.3f}" + left_out * (metrics.skipped > 0),
            )
        )
    if done.fps is not None:
        lines.append(("speed", f"{done.fps:.2f} FPS (tracking alone, first frame left out)"))
    spent = ", ".join(f"{name.replace('_', ' ')} {s:.1f}" for name, s in done.timings.items())
    lines += [("seconds", spent), ("memory", _peak_memory(done.device))]
    hint = "" if asked else "; --out, --video, --json and --html would"
    lines.append(("written", ", ".join(written) or f"nothing{hint}"))
    show(done.name, *(f"  {name:<8} {text}" for name, text in lines))


def print_table(tracks: Sequence[Track]) -> None:
    """Print the demo's comparison."""
    show(f"{'preset':<14} {'lambda':>6} {'frames':>6}   DP20     OS    CLE   OS50    FPS")
    for done in tracks:
        metrics = done.metrics
        if metrics is None:
            continue
        config, fps = done.config, done.fps
        show(
            f"{config.preset:<14} {config.attention_weight:>6g} {len(done):>6}  "
            f"{metrics.dp20:.3f}  {metrics.os:.3f}  {metrics.cle:5.1f}  {metrics.os50:.3f}  "
            f"{'-' if fps is None else format(fps, '5.2f')}"
        )


def _peak_memory(device: str) -> str:
    """The most memory this process has held, in words."""
    from rltrack.hardware import peak_mib

    places = {"cpu": "at most"}
    if device.startswith("cuda"):
        places[device] = "on the GPU"
    peaks = {words: peak_mib(place) for place, words in places.items()}
    known = [f"{peak:.0f} MiB {words}" for words, peak in peaks.items() if peak is not None]
    return ", ".join(known) or "not known here"
