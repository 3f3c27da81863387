"""The chapters are laid out alike, and what says so finds each fault."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chapter_layout import BOOK, conventions, following
from PIL import Image

NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_chapter_is_laid_out_as_all_are(path: Path) -> None:
    found = conventions(path)
    assert not found, "\n- ".join([f"{path.stem} needs work:", *found])


def test_the_next_page_is_known() -> None:
    assert following(BOOK / "05_online_tracker.ipynb") == "06_what_matters"


# --- a chapter that meets them, and faults -------------------------------------------------------


def jpeg(width: int, density: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, 10)).save(file, "jpeg", dpi=(density, density))
    return base64.b64encode(file.getvalue()).decode()


def code(text: str, tags: str = "", prompt: str = "", **more: Any) -> dict[str, Any]:
    look = {"code_prompt_show": prompt, "code_prompt_hide": prompt} if prompt else {}
    outputs = more.pop("outputs", [])
    metadata = {"tags": tags.split(), "mystnb": look | more}
    return {"cell_type": "code", "metadata": metadata, "source": text, "outputs": outputs}


def printed(text: str) -> list[dict[str, Any]]:
    return [{"output_type": "stream", "name": "stdout", "text": text}]


def figure(width: int = 690, density: int = 150) -> list[dict[str, Any]]:
    return [{"output_type": "display_data", "data": {"image/jpeg": jpeg(width, density)}}]


def svg(points: float) -> list[dict[str, Any]]:
    drawing = f'<svg height="9pt" width="{points}pt">'
    return [{"output_type": "display_data", "data": {"image/svg+xml": drawing}}]


def chapter() -> dict[str, Any]:
    """The cells of a chapter that meets all conventions, by names that the faults use."""

    def text(words: str) -> dict[str, Any]:
        return {"cell_type": "markdown", "metadata": {}, "source": words}

    return {
        "opening": text("# Title\n\nA question?\n\n```{admonition} You will\n"
                        ":class: objectives\n- learn\n```\n"),
        "parameters": code("seed: int = 0", "parameters hide-input", "Parameters"),
        "setup": code("%matplotlib inline\nimport math", "setup hide-input", "Setup"),
        "middle": text("## Idea\n\nA formula, $a$."),
        "shown": code("draw()", image={"alt": "A line."}, outputs=figure()),
        "check": code("assert True\nprint()", "check hide-input", "The check",
                      outputs=printed("checked: it is true\n")),
        "summary": text("## Summary\n\n- one\n- two\n"),
        "exercises": text("## Exercises\n\n1. Why?\n\n````{dropdown} Solutions\n1. So.\n````\n\n"
                          "Next: [the regulariser](03_regulariser)."),
    }  # fmt: skip


def faults(tmp_path: Path, **changed: Any) -> list[str]:
    """What is found in that chapter with some of its cells changed."""
    path = tmp_path / "02_attention.ipynb"
    cells = [cell for cell in (chapter() | changed).values() if cell]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return conventions(path)


def test_nothing_is_found_where_all_is_right(tmp_path: Path) -> None:
    assert faults(tmp_path) == []


def rewritten(name: str, old: str, new: str) -> Callable[[], dict[str, Any]]:
    def change() -> dict[str, Any]:
        cell = chapter()[name]
        assert old in cell["source"]
        return {name: {**cell, "source": cell["source"].replace(old, new)}}

    return change


def replaced(name: str, cell: dict[str, Any] | None) -> Callable[[], dict[str, Any]]:
    return lambda: {name: cell}


PLACE = "/".join(("", "home", "ann", "film"))

FAULTS = [
    ("0 cells are tagged 'parameters'", replaced("parameters", None)),
    ("2 cells are tagged 'parameters'", replaced("setup", chapter()["parameters"])),
    ("is tagged 'parameters': tag it", replaced("parameters", code("seed: int = 0", "parameters"))),
    ("to 'Setup'", replaced("setup", code("import math", "setup hide-input", "Show"))),
    ("only imports", replaced("setup", code("import math"))),
    ("13 lines", replaced("shown", code("\n\n".join(["a = 1"] * 13)))),
    ("asserts", replaced("shown", code("a = 1\nassert a"))),
    ("asserts", replaced("shown", code("torch.testing.assert_close(a, b)"))),
    ("4.87 inches", replaced("shown", code("draw()", image={"alt": "A"}, outputs=figure(730)))),
    ("7.00 inches", replaced("shown", code("draw()", image={"alt": "A"}, outputs=svg(504)))),
    ("has no text", replaced("shown", code("draw()", outputs=figure()))),
    (f"shows the path {PLACE}", replaced("shown", code("a", outputs=printed(f"in {PLACE}")))),
    ("checks nothing", rewritten("check", "assert", "not")),
    ("there is {math}", rewritten("middle", "$a$", "{math}`a`")),
    ("class 'objectives'", rewritten("opening", "objectives", "note")),
    ("class 'objectives'", rewritten("opening", "# Title\n", "# Title\n\nWords first.\n\nMore.\n")),
    ("there is a section 'Check: it'", rewritten("middle", "## Idea", "## Check: it")),
    ("the last sections are ['Summary', 'More']", rewritten("exercises", "Exercises", "More")),
    ("0 points", rewritten("summary", "- ", "")),
    ("6 points", rewritten("summary", "- two", "\n".join("- a" for _ in range(5)))),
    ("no {dropdown} Solutions", rewritten("exercises", "{dropdown}", "{note}")),
    ("does not end with a link", rewritten("exercises", "03_regulariser", "01_the_tracker")),
]  # fmt: skip


@pytest.mark.parametrize(("words", "change"), FAULTS, ids=[words for words, _ in FAULTS])
def test_a_fault_is_found(tmp_path: Path, words: str, change: Callable[[], dict[str, Any]]) -> None:
    found = faults(tmp_path, **change())
    assert any(words in line for line in found), found


@pytest.mark.parametrize("text", ["", "true\n", "checked: a\nchecked: b\n", "checked:\n"])
def test_a_check_prints_one_line(tmp_path: Path, text: str) -> None:
    check = code("assert True", "check hide-input", "The check", outputs=printed(text))
    (found,) = faults(tmp_path, check=check)
    assert "print exactly one line" in found
