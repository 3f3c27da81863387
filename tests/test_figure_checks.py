"""The check of figures finds what a reader would complain about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from figure_checks import legible
from matplotlib.axes import Axes

from rltrack.plots.style import page


def small(axes: Axes) -> None:
    axes.set_title("small", fontsize=9)


def cut_off(axes: Axes) -> None:
    text = axes.text(0.9, 0.5, "a long text at the right edge", transform=axes.transAxes)
    text.set_in_layout(False)  # else the axes would give way


def one_on_another(axes: Axes) -> None:
    for place in (0.50, 0.52):
        axes.text(0.4, place, "over", transform=axes.transAxes)


def crowded_ticks(axes: Axes) -> None:
    axes.set_xticks([0, 1, 2, 30], ["zero", "one", "two", "thirty"])


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (small, "'small' is of 9.0 points"),
        (cut_off, "cut off at the right"),
        (one_on_another, "'over' lies over .*'over'"),
        (crowded_ticks, "'zero' lies over"),
    ],
)
def test_a_fault_is_found(fault: Callable[[Axes], None], complaint: str) -> None:
    figure = page(3)
    axes = figure.subplots()
    axes.set(title="apart", xlabel="x")
    legible(figure)
    fault(axes)
    with pytest.raises(AssertionError, match=complaint):
        legible(figure)


def test_a_wide_figure_is_no_page() -> None:
    with pytest.raises(AssertionError, match=r"7\.5 inches across"):
        legible(page(3, 7.5))


def test_what_is_not_shown_is_not_judged() -> None:
    figure = page(3)
    axes = figure.subplots()
    axes.set_title("small", fontsize=5)
    axes.set_axis_off()
    axes.title.set_visible(False)
    axes.text(0.5, 0.5, "small", fontsize=5).set_visible(False)
    legible(figure)
