"""Markup, charts and pictures of pages."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from html_checks import Page, checked

from rltrack.pages.charts import Line, intervals, line_chart, spans_of, thinned
from rltrack.pages.document import page, write_page
from rltrack.pages.elements import image_data, settings_table, shrunk, table
from rltrack.pages.markup import Html, tag

EVIL = "<script>alert(1)</script>\"'&\x1b[2J\udcff\n"


def test_text_and_attributes_are_escaped() -> None:
    made = tag("p", EVIL, tag("b", "in"), title=EVIL, hidden=True, data_x=1.50, class_=None)
    shown = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;\\x1b[2J\\udcff\\n"
    assert made == f'<p title="{shown}" hidden data-x="1.5">{shown}<b>in</b></p>'


def test_void_elements_have_no_end() -> None:
    assert tag("img", alt="a") == '<img alt="a">'


def test_a_page_runs_no_script_but_its_own_and_loads_nothing() -> None:
    found = checked(page(EVIL, tag("h1", EVIL)))
    policy = next(m["content"] for m in found.all("meta") if "http-equiv" in m)
    script = re.search(r"<script>(.*)</script>", found.source, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert len(found.all("script")) == 1
    assert "alert" in found.text


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    write_page(file, "a", tag("h1", "b"))
    assert checked(file.read_text(encoding="utf-8")).text == "a b"
    assert [*tmp_path.iterdir()] == [file]


def test_tables_name_rows_and_columns() -> None:
    made = Page(table(("name", "OS"), [(EVIL, "0.5")], caption="what"))
    assert [th["scope"] for th in made.all("th")] == ["col", "col", "row"]
    (frame,) = made.all("div")
    assert frame["tabindex"] == "0" and frame["role"] == "region"  # scrolls by the keyboard
    assert made.text == "what name OS <script>alert(1)</script>\"'&\\x1b[2J\\udcff\\n 0.5"
    assert Page(settings_table({"a": "b"}, caption="c")).text == "c a b"


# --- Pictures ------------------------------------------------------------------------------------


def decoded(data: Html) -> np.ndarray:
    raw = base64.b64decode(data.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_pictures_keep_their_colours() -> None:
    image = np.full((40, 60, 3), (200, 40, 90), np.uint8)
    assert np.abs(decoded(image_data(image, 90_000)).astype(int) - image).max() <= 6


def test_pictures_are_bounded_also_of_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3)).astype(np.uint8)
    assert len(base64.b64decode(image_data(noise, 90_000).split(",")[1])) <= 90_000
    assert len(image_data(noise, 1)) < 90_000  # the lowest quality there is


@pytest.mark.parametrize(
    ("shape", "size"), [((1080, 1920), (360, 640)), ((9, 5), (9, 5)), ((5000, 2), (640, 1))]
)
def test_only_large_images_are_shrunk(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert shrunk(np.zeros((*shape, 3), np.uint8), 640).shape[:2] == size


# --- Charts --------------------------------------------------------------------------------------


def points(chart: Html) -> list[list[tuple[float, float]]]:
    """The strokes of a chart's first line, each with its points."""
    d = next(p["d"] for p in Page(chart).all("path") if "line" in p["class"].split())
    strokes = re.findall(r"M[^M]*", d)
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([-\d.]+)", s)] for s in strokes
    ]


def chart(y: list[float], **more: object) -> Html:
    lines = [Line(EVIL, np.array(y), 0)]
    settings = {"title": EVIL, "about": "x", "x_label": "frame", "y_range": (0, 2), **more}
    return line_chart(range(len(y)), lines, **settings)  # type: ignore[arg-type]


def test_a_line_goes_through_its_points_and_leaves_gaps() -> None:
    nan = float("nan")
    strokes = points(chart([0, 1, 2, nan, 1]))
    assert strokes == [[(0, 1000), (250, 500), (500, 0)], [(1000, 500)]]
    assert points(chart([2.0])) == [[(500, 0)]]  # of one frame


def test_what_a_chart_marks() -> None:
    made = Page(chart([0, 1, 2], level=1, bands=[(-0.5, 0.5)], of_frames=True))
    (band,) = (r for r in made.all("rect") if r["class"] == "band")
    assert (band["x"], band["width"]) == ("0", "250")
    assert any(p["d"] == "M0 500H1000" for p in made.all("path"))
    (cursor,) = (p for p in made.all("path") if p["class"] == "cursor")
    assert cursor["data-last"] == "2"
    ticks = [float(t) for t in made.texts if re.fullmatch(r"[\d.]+", t)]
    assert ticks == [0, 0.5, 1, 1.5, 2, 0, 1, 2]


def test_several_lines_have_a_legend_and_look_different() -> None:
    y = np.array([0.0, 1.0])
    lines = [Line(f"line {k}", y, k) for k in range(28)]
    made = line_chart(
        [0, 1], lines, title="t", about="a", x_label="x", y_range=(0, 1)
    )  # fmt: skip
    found = Page(made)
    assert [t.strip() for t in found.texts if t.startswith(" line ")] == [ln.label for ln in lines]
    kinds = [p["class"] for p in found.all("path") if p["class"].startswith("line ")]
    assert len(set(kinds)) == 28 and kinds[:28] == kinds[28:]
    bare = line_chart(
        [0, 1], lines, title="t", about="a", x_label="x", y_range=(0, 1), with_legend=False
    )
    assert "line 3" not in Page(bare).text


def test_long_lines_keep_their_peaks() -> None:
    y = np.zeros(1_000_000)
    y[123_456], y[777_777] = 9, -9
    y[500_000:600_000] = np.nan
    kept = thinned(len(y), y)
    assert len(kept) <= 3000
    assert {0, 123_456, 777_777, 999_999} <= {*kept.tolist()}
    assert np.isnan(y[kept]).any()
    assert len(thinned(1500, y[:1500])) == 1500


def test_spans() -> None:
    assert spans_of([True, True, False, True]) == [(0, 1), (3, 3)]
    assert spans_of([False]) == spans_of([]) == []


def test_intervals_are_where_their_numbers_are() -> None:
    made = Page(intervals({EVIL: ([-1.0, 1.0], (-0.5, 0.5), "+0.0")}, title="t", about="a"))
    dots = [float(c["cx"].rstrip("%")) for c in made.all("circle")]
    (bar,) = (ln for ln in made.all("line") if ln["class"] == "interval")
    ends = [float(bar[end].rstrip("%")) for end in ("x1", "x2")]
    assert dots[0] + dots[1] == pytest.approx(100) and sum(ends) == pytest.approx(100)
    assert (ends[1] - ends[0]) / (dots[1] - dots[0]) == pytest.approx(0.5, abs=0.001)
    assert intervals({"a": ([0.0], None, "+0.0")}, title="t", about="a")  # all the same
