"""Tables of the times that `rltrack bench` measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rltrack.plain_text import on_terminal
from rltrack.speed.bench import PHASES, TRACKERS
from rltrack.speed.timing import Times

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["tables"]


def tables(result: dict[str, Any]) -> list[Table]:
    """Return tables, ready to print, of what `rltrack.speed.bench.measure` returned."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    def table(title: str, *columns: str) -> Table:
        made = Table(
            title=title,
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            show_header=any(columns),
        )
        for index, column in enumerate(columns):
            made.add_column(column, justify="right" if index else "left")
        return made

    def number(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    frame = table(
        f"{on_terminal(result['source'])}, {result['frames']} frames: preset {result['preset']}, "
        f"lambda {result['attention_weight']:g}, {result['device']}, {result['threads']} threads",
        "a frame", "ms", "FPS", "times faster", "first frame, s",
    )  # fmt: skip
    firsts = None, result["first_fit_s"], result["realtime_first_fit_s"]
    ratios = 1.0, result["faithful_ratio"], result["realtime_ratio"]
    for name, ratio, first in zip(TRACKERS, ratios, firsts, strict=True):
        ms = result[f"{name}_ms"]
        frame.add_row(
            f"{name} (composed)" if name == "baseline" else name,
            number(ms, ".1f"),
            number(ms and 1000 / ms, ".2f"),
            number(ratio, ".2f"),
            number(first, ".1f"),
        )

    frame.caption = (
        "the baseline without the fixed layers' gradients: "
        f"{result['composed']['without_fixed_gradients_ms']:.1f} ms"
    )
    frame.caption_justify = "left"

    times = result["phases"]
    phase = table("median ms and interquartile range", "phase", *TRACKERS)

    def cell(spread: Times | None) -> str:
        return "-" if spread is None else f"{spread['median_ms']:.1f} ({spread['iqr_ms']:.1f})"

    phase.add_row("decode", *[cell(times["source"]["decode"])] * len(TRACKERS))
    for name in PHASES:
        phase.add_row(name, *(cell((times[who] or {}).get(name)) for who in TRACKERS))

    machine = table("the machine, and the faithful tracker", "", "")
    best, counted = result["ceilings"], result["flops"]
    rows = [
        ("best convolution", f"{best['convolution_gflops']:.0f} GFLOP/s"),
        ("best matrix product", f"{best['matrix_gflops']:.0f} GFLOP/s"),
        ("copy", f"{best['copy_gb_per_s']:.1f} GB/s"),
    ]
    if counted is not None:
        rows += [
            ("a frame", f"{counted['frame'] / 1e9:.1f} GFLOP"),
            ("fraction of the ceiling", f"{result['fraction_of_ceiling']:.2f}"),
        ]
    rows.append(("peak memory", f"{number(result['peak_mib'], '.0f')} MiB"))
    for row in rows:
        machine.add_row(*row)
    return [frame, phase, machine]
