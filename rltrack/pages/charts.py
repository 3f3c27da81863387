"""Charts as SVG in a page: lines, and differences with their intervals.

Sizes of text and lines are the page's, however wide the chart is: places are in percent of it, and
what is drawn to scale is stretched without its strokes. Colours are the page's too, so that a chart
can be read in the light and in the dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from rltrack.pages.markup import Html, number, tag

__all__ = ["STYLES", "Line", "intervals", "legend", "line_chart", "spans_of", "thinned"]

Array = NDArray[np.float64]

STYLES = 7
"""How many colours there are; see `Line.style`."""

_MOST = 1500
"""Points of a line that are drawn. A screen does not show more."""


class Line(NamedTuple):
    """One line of a chart."""

    label: str
    """What it shows, as plain text."""
    y: Array
    """(N,) values, one for each place of the chart's x. At NaN the line has a gap."""
    style: int
    """A number from 0 on. It chooses one of `STYLES` colours, and the dashes."""


def line_chart(
    x: ArrayLike,
    lines: Sequence[Line],
    *,
    title: str,
    about: str,
    x_label: str,
    y_range: tuple[float, float],
    level: float | None = None,
    bands: Iterable[tuple[float, float]] = (),
    of_frames: bool = False,
    with_legend: bool = True,
) -> Html:
    """Return a figure of lines over a common x.

    Args:
        x: (N,) increasing places.
        lines: at least one.
        title: above the chart.
        about: what is seen, in words, for those who cannot see it and as a caption.
        x_label: below the chart.
        y_range: the lowest and the highest value that the chart has room for.
        level: a value at which there is a line across.
        bands: pairs (start, end) of x between which the background is tinted.
        of_frames: whether x are frames of which a reader can step through some. The chart then
            marks the one that is shown.
        with_legend: whether the chart names several lines itself; see `legend`.
    """
    places = np.asarray(x, np.float64)
    x_range = float(places[0]), float(places[-1])
    x_ticks = _ticks(*x_range, 6, whole=of_frames)
    y_ticks = _ticks(*y_range, 5)
    parts = [
        *(_row(_share(value, *y_range), _words(value)) for value in y_ticks),
        *(_column(_share(value, *x_range), _words(value)) for value in x_ticks),
    ]
    drawn = [_band(_share(start, *x_range), _share(end, *x_range)) for start, end in bands]
    if level is not None:
        height = 1000 - 1000 * _share(level, *y_range)
        drawn.append(tag("path", d=f"M0 {number(height)}H1000", class_="level"))
    alone = len(lines) == 1
    drawn += [_path(places, line, x_range, y_range, alone) for line in lines]
    if of_frames:
        drawn.append(tag("path", d="M0 0V1000", class_="cursor", data_last=places[-1]))
    scaled = tag(
        "svg", *drawn, viewBox="0 0 1000 1000", preserveAspectRatio="none", width="100%",
        height="100%",
    )  # fmt: skip
    chart = tag("svg", *parts, scaled, role="img", aria_label=f"{title}. {about}")
    return tag(
        "figure",
        tag("figcaption", tag("b", title), " ", tag("span", about)),
        *([legend(lines)] if with_legend and len(lines) > 1 else []),
        tag("div", chart, class_="plot"),
        tag("p", x_label, class_="axis", aria_hidden="true"),
        class_="chart",
    )


def legend(lines: Iterable[Line]) -> Html:
    """Return a list that says which line is which."""
    return tag(
        "ul",
        *(tag("li", _sample(line.style), " ", line.label) for line in lines),
        class_="legend",
    )


def intervals(
    rows: Mapping[str, tuple[ArrayLike, tuple[float, float] | None, str]],
    *,
    title: str,
    about: str,
) -> Html:
    """Return a figure that shows single values around 0, and their mean and its interval, by name.

    Args:
        rows: by name the single numbers (N,), the interval of their mean or None, and words for
            them.
        title: above the chart.
        about: what is seen, in words.
    """
    values = [0.0]
    for dots, interval, _ in rows.values():
        values += [*np.asarray(dots, np.float64), *(interval or ())]
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or 1.0
    ends = low - room, high + room
    strips = []
    for name, (dots, interval, words) in rows.items():
        single = np.asarray(dots, np.float64)
        places = [_percent(_share(float(dot), *ends)) for dot in single]
        marks = [_upright(_share(0, *ends), "level")]
        marks += [tag("circle", cx=place, cy="50%", r=4, class_="dot") for place in places]
        if interval is not None:
            start, end = (_percent(_share(value, *ends)) for value in interval)
            marks.append(tag("line", x1=start, x2=end, y1="50%", y2="50%", class_="interval"))
        middle = _percent(_share(float(single.mean()), *ends))
        diamond = tag("path", d="M0-7L7 0 0 7-7 0Z", class_="mean")
        marks.append(tag("svg", diamond, x=middle, y="50%", overflow="visible"))
        strip = tag("svg", *marks, role="img", aria_label=f"{name}: {words}", height=28)
        told = tag("p", tag("span", name), " ", tag("b", words))
        strips.append(tag("li", told, tag("div", strip, class_="strip")))
    axis = [_column(_share(value, *ends), _words(value)) for value in _ticks(*ends, 5)]
    return tag(
        "figure",
        tag("figcaption", tag("b", title), " ", tag("span", about)),
        tag("ul", *strips, class_="strips"),
        tag("div", tag("svg", *axis, aria_hidden="true", height=4), class_="strip scale"),
        class_="chart",
    )


def spans_of(mask: ArrayLike) -> list[tuple[int, int]]:
    """Return the first and last index of each stretch in which a mask (N,) is true."""
    padded = np.concatenate([[False], np.asarray(mask, np.bool_), [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return [(int(start), int(end) - 1) for start, end in edges.reshape(-1, 2)]


def thinned(count: int, *values: Array) -> NDArray[np.intp]:
    """Return the indices of the points that are drawn of a line of ``count`` points.

    All are, unless there are too many. Of each stretch of a long line these are the ends, and where
    the values (count,) are lowest and highest, so that no peak is lost.
    """
    if count <= _MOST:
        return np.arange(count)
    kept: set[int] = {0, count - 1}
    for part in np.array_split(np.arange(count), _MOST // (2 * len(values)) or 1):
        for each in values:
            finite = part[np.isfinite(each[part])]
            if len(finite):
                kept |= {int(finite[each[finite].argmin()]), int(finite[each[finite].argmax()])}
            else:
                kept.add(int(part[0]))  # the gap stays
    return np.array(sorted(kept))


def _path(
    x: Array,
    line: Line,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    alone: bool,
) -> Html:
    words, pen_down = [], False
    for index in thinned(len(x), line.y):
        if not np.isfinite(line.y[index]):
            pen_down = False
            continue
        across = 1000 * _share(x[index], *x_range)
        down = 1000 - 1000 * _share(float(line.y[index]), *y_range)
        # A point alone gets a length of 0, which round ends make a dot.
        words.append(f"{'L' if pen_down else 'M'}{across:.1f} {down:.1f}" + "h0" * (not pen_down))
        pen_down = True
    kind = f"line {_classes(line.style)}" + " solid" * alone
    return tag("path", d=Html("".join(words)), class_=kind)


def _classes(style: int) -> str:
    return f"s{style % STYLES} d{style // STYLES % 4}" if style >= STYLES else f"s{style}"


def _sample(style: int) -> Html:
    stroke = tag("path", d="M1 5H27", class_=f"line {_classes(style)}")
    return tag("svg", stroke, width=28, height=10, aria_hidden="true")


def _row(share: float, words: str) -> Html:
    """Return a line across, with words left of it."""
    y = _percent(1 - share)
    label = tag("text", words, x=0, y=y, dx=-8, dy="0.35em", class_="tick end")
    return Html(tag("line", x1="0", x2="100%", y1=y, y2=y, class_="grid") + label)


def _column(share: float, words: str) -> Html:
    """Return a short line down, with words below it."""
    x = _percent(share)
    mark = tag("svg", tag("path", d="M0 0V5", class_="grid"), x=x, y="100%", overflow="visible")
    return Html(mark + tag("text", words, x=x, y="100%", dy="1.5em", class_="tick"))


def _upright(share: float, kind: str) -> Html:
    x = _percent(share)
    return tag("line", x1=x, x2=x, y1="0", y2="100%", class_=kind)


def _band(start: float, end: float) -> Html:
    left, right = (1000 * min(max(share, 0.0), 1.0) for share in (start, end))
    return tag("rect", x=left, y=0, width=max(right - left, 2), height=1000, class_="band")


def _ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Return round numbers from ``low`` to ``high``."""
    found = MaxNLocator(most, integer=whole, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return [float(value) for value in found if low - slack <= value <= high + slack]


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _percent(share: float) -> str:
    return f"{number(100 * share)}%"


def _words(value: float) -> str:
    return f"{value:.6g}".replace("-", "−") if abs(value) > 1e-9 else "0"
