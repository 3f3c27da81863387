"""How long a chapter takes to read: what counts, and what the pages say."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

nodes = pytest.importorskip("docutils.nodes", reason="needs the extra 'book'")
EXTENSIONS = Path(__file__).resolve().parents[1] / "book" / "_ext"


@pytest.fixture
def reading_time(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXTENSIONS)
    import reading_time

    found: ModuleType = reading_time
    return found


def page(*parts: Any) -> Any:
    return nodes.section("", *parts)


def prose(words: int) -> Any:
    return nodes.paragraph("", " ".join(["word"] * words))


def cell(tags: str, code: str, *outputs: Any) -> Any:
    read = nodes.container("", nodes.literal_block(code, code), classes=["cell_input"])
    classes = ["cell", *(f"tag_{tag}" for tag in tags.split())]
    return nodes.container("", read, *outputs, classes=classes)


def output(*parts: Any) -> Any:
    return nodes.container("", *parts, classes=["cell_output"])


def test_two_hundred_words_take_a_minute(reading_time: ModuleType) -> None:
    assert reading_time.seconds(page(prose(150), prose(50))) == 60


def test_formulas_figures_and_code_take_their_time(reading_time: ModuleType) -> None:
    bare = reading_time.seconds(page(prose(200)))
    for part, more in (
        (nodes.math_block("", "a = b c d e"), reading_time.FORMULA_SECONDS),
        (nodes.image(uri="a.png"), reading_time.FIGURE_SECONDS),
        (nodes.paragraph("", "", nodes.math("", "a + b + c")), 0.3),  # one word
        (cell("", "a = 1\n\nb = 2"), 2 * reading_time.CODE_LINE_SECONDS),
    ):
        assert reading_time.seconds(page(prose(200), part)) == pytest.approx(bare + more)


def test_what_is_folded_takes_none(reading_time: ModuleType) -> None:
    solutions = nodes.container("", prose(400), design_component="dropdown")
    check = cell("check hide-input", "assert True\nprint()", output(prose(10)))
    assert reading_time.seconds(page(solutions, check)) == 3


def test_a_figure_in_several_formats_is_one(reading_time: ModuleType) -> None:
    formats = [nodes.container("", nodes.image(uri=f"a.{kind}")) for kind in ("svg", "png")]
    figure = cell(
        "hide-input", "draw()", output(nodes.container("", *formats, nb_element="mime_bundle"))
    )
    assert reading_time.seconds(page(figure)) == reading_time.FIGURE_SECONDS


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 minute"),
        (89, "1 minute"),
        (91, "2 minutes"),
        (5399, "90 minutes"),
        (5400, "1.5 hours"),
        (7300, "2 hours"),
        (8200, "2.5 hours"),
    ],
)
def test_times_are_round(reading_time: ModuleType, seconds: float, words: str) -> None:
    assert reading_time.in_words(seconds) == words


def notebook(*sources: str) -> str:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": source} for source in sources]
    language = {"language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 4})


@pytest.mark.slow  # imports Sphinx and MyST-NB
def test_pages_say_it(reading_time: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("myst_nb")
    sphinx = pytest.importorskip("sphinx.application")
    (tmp_path / "long.ipynb").write_text(notebook("# Long", "word " * 1000), encoding="utf-8")
    (tmp_path / "short.ipynb").write_text(notebook("# Short", "word " * 400), encoding="utf-8")
    text = "# Welcome\n\nAll: {reading-time}`all`. Short: {reading-time}`short`. {reading-time}`no`"
    index = f"{text}\n\n```{{toctree}}\nlong\nshort\n```\n"
    (tmp_path / "index.md").write_text(index, encoding="utf-8")
    warnings = io.StringIO()
    app = sphinx.Sphinx(
        tmp_path, None, tmp_path / "out", tmp_path / "trees", "text", freshenv=True,
        confoverrides={"extensions": ["myst_nb", "reading_time"], "nb_execution_mode": "off"},
        status=None, warning=warnings,
    )  # fmt: skip
    app.build()
    welcome, long, short = (
        (tmp_path / "out" / f"{name}.txt").read_text(encoding="utf-8")
        for name in ("index", "long", "short")
    )
    assert "All: 7 minutes. Short: 2 minutes." in welcome
    assert "to read" not in welcome
    assert "5 minutes to read" in long
    assert "2 minutes to read" in short
    assert "reading-time: no is no chapter" in warnings.getvalue()
    assert warnings.getvalue().count("\n") == 1
