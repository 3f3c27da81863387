"""The API reference: every public name is in it, and docstrings' equations are the book's."""

from __future__ import annotations

import importlib.util
import json
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import rltrack

BOOK = Path(__file__).resolve().parents[1] / "book"
PAGE = (BOOK / "api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """`book/_ext/api_pages.py` as a module."""
    pytest.importorskip("sphinx", reason="needs the extra 'book'")
    spec = importlib.util.spec_from_file_location("api_pages", BOOK / "_ext" / "api_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", rltrack.__all__)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    assert re.search(rf":: rltrack\.{name}$", PAGE, re.M)


@pytest.mark.parametrize("name", re.findall(r"automodule:: (\S+)", PAGE))
def test_a_module_has_the_members_that_the_reference_lists(name: str) -> None:
    module = import_module(name)
    assert module.__doc__
    listed = re.search(rf"automodule:: {re.escape(name)}\n   :members: (.+)", PAGE)
    for member in listed[1].split(", ") if listed else []:
        assert hasattr(module, member), member


def test_each_equation_of_the_paper_is_one_of_the_book(pages: ModuleType) -> None:
    labels = [
        label
        for path in BOOK.glob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
        for label in re.findall(r"^:label: (\S+)", "".join(cell["source"]), re.M)
    ]
    assert [labels.count(label) for label in pages.EQUATIONS.values()] == [1] * 5


def test_equations_in_docstrings_become_links(pages: ModuleType) -> None:
    lines = ["R of Eq. 3 (``positive``) or Eq. 4.", "Eq. 12 is not the paper's."]
    pages.link_equations(None, "function", "", None, None, lines)
    assert lines[0] == "R of :paper-equation:`3` (``positive``) or :paper-equation:`4`."
    assert lines[1] == "Eq. 12 is not the paper's."


def test_an_attributes_first_words_stay_words(pages: ModuleType) -> None:
    napoleon = pytest.importorskip("sphinx.ext.napoleon")
    lines = ["Paper 4: 1; released code: 5."]
    pages.keep_colons(None, "attribute", "", None, None, lines)
    made = napoleon.GoogleDocstring(lines, what="attribute", name="x").lines()
    assert ":type:" not in " ".join(made)
    assert "Paper 4: 1; released code: 5." in made
