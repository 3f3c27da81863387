"""A figure of trackers by their speed and their accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from rltrack.plain_text import in_figure
from rltrack.plots.style import (
    BLUE,
    GREEN,
    LINE,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    page,
    wrapped,
)

if TYPE_CHECKING:
    from rltrack.benchmarks.kept_accuracy import KeptAccuracy

__all__ = ["speed_accuracy"]

_MARKS = ((VERMILION, "o"), (BLUE, "s"), (GREEN, "D"), (PINK, "^"), (ORANGE, "v"), (SKY, "P"))
_ACROSS = 48  # characters below the axes
_OTHERS = ("x", "+", "1", "2", "3", "4", "*", "|")
"""Marks of trackers whose accuracy is not known."""


def speed_accuracy(report: Mapping[str, Any], accuracy: KeptAccuracy) -> Figure:
    """Draw the speed that was measured on this machine against the accuracy of kept runs.

    A bar is the 95% interval of the mean OS over the targets. A dotted line is the OS of a
    published tracker, whose speed was not measured. A black mark at the bottom is the speed of a
    tracker of which no runs are kept. The legend has the numbers.

    Args:
        report: what `rltrack.speed.bench.measure` returned.
        accuracy: what `rltrack.benchmarks.kept_accuracy.kept_accuracy` returned for its trackers.
    """
    measured = {**report["trackers"], **report["peers"]}
    fps = {name: one["fps"] for name, one in measured.items() if "fps" in one}
    label = "\n".join(
        wrapped(line, _ACROSS)
        for line in (
            f"frames a second on {report['source']},",
            f"{report['threads']} threads of {report['machine']}",
        )
    )
    lines = len(fps) + bool(accuracy.published) + label.count("\n")
    figure = page(3.7 + LINE * lines)
    axes = figure.subplots()
    axes.set_xscale("log")
    ends = [*accuracy.published.values(), *(end for a in accuracy.ours.values() for end in a[1:3])]
    bottom, top = max(min(ends) - 0.08, 0), min(max(ends) + 0.05, 1)
    marks, others = iter(_MARKS), cycle(_OTHERS)
    handles: list[Any] = []
    for name in sorted(fps, key=lambda name: (name not in accuracy.ours, fps[name])):
        words = f"{in_figure(name)}: {_speed(fps[name])}"
        if name in accuracy.ours:
            os, low, high, _ = accuracy.ours[name]
            colour, mark = next(marks, ("black", "h"))
            handle: Any = axes.errorbar(
                fps[name], os, [[os - low], [high - os]], fmt=mark, color=colour, markersize=8,
                capsize=4, linewidth=1.4, zorder=3, label=f"{words}, OS {os:.3f}",
            )  # fmt: skip
        else:
            whose = "OpenCV's " if name in report["peers"] else ""
            (handle,) = axes.plot(
                fps[name], bottom + 0.05 * (top - bottom), next(others), color="black",
                markersize=9, markeredgewidth=1.6, linestyle="none", label=f"{whose}{words}",
            )  # fmt: skip
        handles.append(handle)
    for os in accuracy.published.values():
        axes.axhline(os, color="0.45", linestyle=":", linewidth=1.1, zorder=1)
    if accuracy.published:
        handles += axes.plot(
            [], [], ":", color="0.45", linewidth=1.1, label="OS of published boxes"
        )
    places = _apart(accuracy.published, 0.075 * (top - bottom))
    right = axes.secondary_yaxis("right")
    labels = [f"{in_figure(name)} {os:.3f}" for name, os in accuracy.published.items()]
    right.set_yticks([places[name] for name in accuracy.published], labels)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    axes.set_ylim(bottom, max(top, *places.values(), 0))
    axes.set_xlim(min(fps.values()) / 1.8, max(fps.values()) * 1.8)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.set_xlabel(label)
    axes.set_ylabel(f"OS, mean over {len(accuracy.targets)} targets of OTB")
    axes.grid(color="0.92", which="major")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(handles=handles, loc="outside lower left", frameon=False, labelspacing=0.3)
    return figure


def _speed(fps: float) -> str:
    return f"{fps:.2g} FPS" if fps < 99.5 else f"{fps:.0f} FPS"


def _apart(values: Mapping[str, float], least: float) -> dict[str, float]:
    """Move values that are nearer than ``least`` to each other apart, and keep their order.

    They move as little as can be, by the sum of squares: each is ``least`` times its rank above the
    isotonic regression of what is left of it without that.
    """
    names = sorted(values, key=lambda name: values[name])
    ranks = range(len(names))
    left = np.array([values[name] - least * rank for rank, name in enumerate(names)])
    return {
        name: least * rank
        + max(min(left[a : b + 1].mean() for b in ranks[rank:]) for a in ranks[: rank + 1])
        for rank, name in enumerate(names)
    }
