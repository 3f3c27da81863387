"""The benchmark's plots of precision and success, as the paper's Figure 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from rltrack.paper_values import PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["precision_and_success"]

# Okabe and Ito's without the yellow, which white swallows. There are seven colours and four lines,
# so that 28 trackers come before a pair of them is used again.
_COLOURS = ("#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1)))


def precision_and_success(report: Mapping[str, Any], *, top: int = 10) -> Figure:
    """Precision over the allowed centre error, success over the overlap asked for.

    A tracker looks the same in both panels. Legends are ranked by DP at 20 px and by OS, and give
    the number of targets where it is not all of them. Below stands what the paper's Figure 4 has
    for the same set, if it has: its numbers only, since its curves are not published.

    Args:
        report: of `rltrack.benchmark.compare`.
        top: trackers in each panel, the best ones.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    precision, success = figure.subplots(1, 2)
    _panel(precision, report, "precision", "dp20", top)
    precision.set(title=f"Precision, {report['dataset']}", xlabel="centre error of at most (px)")
    precision.axvline(20, color="0.6", linewidth=0.8, zorder=0)
    precision.legend(loc="lower right", title="DP at 20 px", fontsize=8, title_fontsize=8)
    _panel(success, report, "success", "os", top)
    success.set(title=f"Success, {report['dataset']}", xlabel="overlap (IoU) above")
    success.legend(loc="lower left", title="OS, area under curve", fontsize=8, title_fontsize=8)
    return figure


def _panel(axes: Axes, report: Mapping[str, Any], curve: str, score: str, top: int) -> None:
    scored = [tracker for tracker in report["trackers"] if tracker["means"]["targets"]]
    styles = {
        tracker["name"]: {
            "color": _COLOURS[index % len(_COLOURS)],
            "linestyle": _LINES[index % len(_LINES)],
        }
        for index, tracker in enumerate(scored)
    }
    ranked = sorted(scored, key=lambda tracker: -tracker["means"][score])[:top]
    every = len(report["targets"])
    for tracker in ranked:
        means = tracker["means"]
        of = "" if means["targets"] == every else f" ({means['targets']} of {every})"
        x = range(51) if curve == "precision" else [k / 20 for k in range(21)]
        axes.plot(
            x,
            means[curve],
            label=f"{tracker['name']} [{means[score]:.3f}]{of}",
            linewidth=1.8,
            **styles[tracker["name"]],
        )
    axes.set(xlim=(0, x[-1]), ylim=(0, 1), ylabel="share of frames, mean over targets")
    axes.grid(color="0.9")
    published = _published(report["dataset"], score)
    if published:
        words = "The paper's own values, not computed here: " + ", ".join(published)
        axes.text(
            0.5, -0.2, fill(words, 78), transform=axes.transAxes, ha="center", va="top", fontsize=8
        )


def _published(dataset: str, score: str) -> Sequence[str]:
    """The paper's trackers with their score, best first."""
    scores = {
        tracker: getattr(values, score)
        for tracker, values in PAPER.get(dataset, {}).items()
        if getattr(values, score) is not None
    }
    # No-break spaces: a name stays with its number.
    return [f"{name}\u00a0{scores[name]:.3f}" for name in sorted(scores, key=lambda n: -scores[n])]
