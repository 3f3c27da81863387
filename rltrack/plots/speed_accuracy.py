"""A figure of trackers by their speed and their accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from rltrack.plain_text import in_figure
from rltrack.plots.style import BLUE, GREEN, ORANGE, PINK, SKY, VERMILION, page

if TYPE_CHECKING:
    from rltrack.benchmarks.kept_accuracy import KeptAccuracy

__all__ = ["speed_accuracy"]

_MARKS = ((VERMILION, "o"), (BLUE, "s"), (GREEN, "D"), (PINK, "^"), (ORANGE, "v"), (SKY, "P"))
_CENTRED: dict[str, Any] = {
    "textcoords": "offset points",
    "ha": "center",
    "fontsize": 9,
    "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
}


def speed_accuracy(report: Mapping[str, Any], accuracy: KeptAccuracy) -> Figure:
    """Draw the speed that was measured on this machine against the accuracy of kept runs.

    A bar is the 95% interval of the mean OS over the targets. A dotted line is the OS of a
    published tracker, whose speed was not measured. A tick at the bottom is the speed of a tracker
    of which no runs are kept.

    Args:
        report: what `rltrack.speed.bench.measure` returned.
        accuracy: what `rltrack.benchmarks.kept_accuracy.kept_accuracy` returned for its trackers.
    """
    measured = {**report["trackers"], **report["peers"]}
    fps = {name: one["fps"] for name, one in measured.items() if "fps" in one}
    figure = page(4.6)
    axes = figure.subplots()
    axes.set_xscale("log")
    ends = [*accuracy.published.values(), *(end for a in accuracy.ours.values() for end in a[1:3])]
    bottom, top = max(min(ends) - 0.16, 0), min(max(ends) + 0.05, 1)
    shown = [name for name in reversed(fps) if name in accuracy.ours]
    for (colour, mark), name in zip(_MARKS, shown, strict=False):
        os, low, high, _ = accuracy.ours[name]
        axes.errorbar(
            fps[name], os, [[os - low], [high - os]], fmt=mark, color=colour, markersize=9,
            capsize=4, linewidth=1.4, zorder=3,
        )  # fmt: skip
        text = f"{in_figure(name)}\nOS {os:.3f}, {_speed(fps[name])}"
        axes.annotate(text, (fps[name], low), (0, -5), va="top", **_CENTRED)
    others = {name: in_figure(name) for name in report["trackers"] if name not in accuracy.ours}
    others |= {name: f"OpenCV's {name}" for name in report["peers"] if name in fps}
    for name, label in others.items():
        axes.plot(fps[name], bottom, "|", color="0.2", markersize=16, markeredgewidth=2)
        text = f"{label}\n{_speed(fps[name])}"
        axes.annotate(text, (fps[name], bottom), (0, 10), va="bottom", **_CENTRED)
    right = axes.secondary_yaxis("right")
    places = _apart(accuracy.published, 0.05 * (top - bottom))
    for os in accuracy.published.values():
        axes.axhline(os, color="0.45", linestyle=":", linewidth=1.1, zorder=1)
    labels = [f"{in_figure(name)} {os:.3f}" for name, os in accuracy.published.items()]
    right.set_yticks([places[name] for name in accuracy.published], labels, fontsize=9)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    axes.set_ylim(bottom, top)
    axes.set_xlim(min(fps.values()) / 2.4, max(fps.values()) * 1.8)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.set_xlabel(f"frames a second on {in_figure(report['source'])}, {report['threads']} threads"
                    f"\n{in_figure(report['machine'])}")  # fmt: skip
    axes.set_ylabel(f"OS, mean over {len(accuracy.targets)} targets of OTB")
    if accuracy.published:
        axes.set_title("dotted: OS of boxes that the authors published", loc="right", fontsize=9)
    axes.grid(color="0.92", which="major")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _speed(fps: float) -> str:
    return f"{fps:.2g} FPS" if fps < 100 else f"{fps:.0f} FPS"


def _apart(values: Mapping[str, float], least: float) -> dict[str, float]:
    """Move values that are nearer than ``least`` to each other apart, and keep their order."""
    places: dict[str, float] = {}
    last = float("-inf")
    for name, value in sorted(values.items(), key=lambda item: item[1]):
        last = places[name] = max(value, last + least)
    return places
