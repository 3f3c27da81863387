"""Tables of the times that `rltrack bench` measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rltrack.plain_text import on_terminal
from rltrack.speed.timed_run import PHASES

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["tables"]

_LONG = 16
"""Characters of a tracker's name that are not too long for a column."""


def tables(result: dict[str, Any]) -> list[Table]:
    """Return tables, ready to print, of what `rltrack.speed.bench.measure` returned.

    They have what was measured before it was interrupted.
    """
    made = [_frames(result), _phases(result)]
    if result["ceilings"] is not None:
        made += [_limits(result), _machine(result)]
    return made


def _frames(result: dict[str, Any]) -> Table:
    width, height = result["size"]
    made = _table(
        f"{on_terminal(result['source'])}, {width}x{height}: {result['device']}, "
        f"{result['threads']} threads, backbone {on_terminal(result['backbone'])}",
        "a frame", "FPS", "ms", "slowest", "lost", "first, s", "faster", "MiB",
    )  # fmt: skip
    plain, rows = result["baseline"], {}
    if plain is not None:
        rows["baseline"] = {"frame_ms": plain["frame_ms"], "times_faster": 1.0}
    rows |= {name: result["trackers"][name] for name in reversed(result["trackers"])}
    rows |= {name: one for name, one in result["peers"].items() if "frame_ms" in one}
    for name, one in rows.items():
        ms = one["frame_ms"]
        made.add_row(
            _name(name),
            _number(1000 / ms),
            _number(ms),
            _number(one.get("slowest_ms")),
            _number(one.get("lost_ms")),
            _number(one.get("first_frame_s")),
            _number(one.get("times_faster")),
            "-" if one.get("peak_mib") is None else f"{one['peak_mib']:.0f}",
        )
    notes = [
        "ms: the mean, updates included; lost: without the target; faster: than the baseline, "
        "which is composed of its parts; MiB: the peak until then.",
    ]
    if plain is not None:
        less = _number(plain["composed"]["without_fixed_gradients_ms"])
        notes.append(f"The baseline takes {less} ms without the fixed layers' gradients.")
    notes += [
        f"{name} is not in the table: {on_terminal(one['failed'])}"
        for name, one in result["peers"].items()
        if "failed" in one
    ]
    made.caption, made.caption_justify = "\n".join([*notes, ""]), "left"
    return made


def _phases(result: dict[str, Any]) -> Table:
    every = dict(reversed(result["trackers"].items()))
    if result["baseline"] is not None:
        every = {"baseline": result["baseline"], **every}
    made = _table("median ms and interquartile range", "phase", *map(_name, every))

    def cell(spread: dict[str, float] | None) -> str:
        return "-" if spread is None else f"{spread['median_ms']:.1f} ({spread['iqr_ms']:.1f})"

    made.add_row("decode", *[cell(result["decode"])] * len(every))
    for name in PHASES:
        made.add_row(name, *(cell(one["phases"].get(name)) for one in every.values()))
    return made


def _limits(result: dict[str, Any]) -> Table:
    every = {name: one for name, one in reversed(result["trackers"].items()) if "at_best_ms" in one}
    made = _table("ms at best, and the fraction that is reached", "", *map(_name, every))

    def cell(one: dict[str, Any], phase: str) -> str:
        took = one["frame_ms"]
        if phase != "frame":
            took = one["phases"][phase]["median_ms"]
        best = one["at_best_ms"][phase]
        return f"{_number(best)} ({best / took:.2f})"

    for phase in ("features", "score", "iteration", "frame"):
        name = "a frame" if phase == "frame" else phase
        made.add_row(name, *(cell(one, phase) for one in every.values()))
    return made


def _machine(result: dict[str, Any]) -> Table:
    made, best = _table(on_terminal(result["machine"]), "", ""), result["ceilings"]
    made.add_row("best convolution", f"{best['convolution_gflops']:.0f} GFLOP/s")
    made.add_row("best matrix product", f"{best['matrix_gflops']:.0f} GFLOP/s")
    made.add_row("copy", f"{best['copy_gb_per_s']:.1f} GB/s")
    return made


def _table(title: str, *columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_header=any(columns),
    )
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index else "left", no_wrap=True)
    return made


def _name(tracker: str) -> str:
    """Return a tracker's name, and a long one in two lines, so that tables fit 80 columns."""
    name = on_terminal(tracker)
    return name.replace(", ", ",\n") if len(name) > _LONG else name


def _number(value: float | None) -> str:
    """Return three digits, or more before the point."""
    if value is None:
        return "-"
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"
