"""The API reference: every public name is in it, and docstrings' equations are the book's."""

from __future__ import annotations

import importlib.util
import json
import re
from importlib import import_module
from operator import attrgetter
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


def test_every_module_is_in_the_reference() -> None:
    package = BOOK.parent / "rltrack"
    modules = {
        f"rltrack.{path.parent.name}.{path.stem}"
        for path in package.glob("*/*.py")
        if path.stem != "__init__" and path.parent.name != "cli"
    }
    missing = modules - set(re.findall(r"automodule:: (\S+)", PAGE))
    assert not missing, f"add to book/api.md: {', '.join(sorted(missing))}"


def book_labels() -> list[str]:
    """The labels of all equations of the book."""
    texts = [path.read_text(encoding="utf-8") for path in BOOK.glob("*.md")] + [
        "".join(cell["source"])
        for path in BOOK.glob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    ]
    written = r"^(?::label: |\$\$ \()([\w-]+)\)?$"  # in a directive, or behind dollars
    return [label for text in texts for label in re.findall(written, text, re.M)]


def test_each_equation_of_the_book_leads_back_from_what_implements_it(pages: ModuleType) -> None:
    tables = *pages.IMPLEMENTS.values(), pages.EQUATIONS.values()
    linked = [label for labels in tables for label in labels]
    assert sorted(linked) == sorted(book_labels())


def test_each_equation_of_the_paper_is_in_a_docstring_of_the_reference() -> None:
    found = {
        number
        for name in re.findall(r"automodule:: (\S+)", PAGE)
        for thing in vars(import_module(name)).values()
        if getattr(thing, "__module__", "") == name
        for number in re.findall(r"\bEq\. ([1-5])\b", thing.__doc__ or "")
    }
    assert found >= set("2345")  # Eq. 1 is in a module's own text
    assert "(Eq. 1)" in (import_module("rltrack.tracking.attention").__doc__ or "")


def test_what_implements_an_equation_is_in_the_reference(pages: ModuleType) -> None:
    for name in pages.IMPLEMENTS:
        module, _, rest = name.rpartition(".")
        if re.search(r"\.[A-Z]\w+$", module):  # a method
            module, _, owner = module.rpartition(".")
            rest = f"{owner}.{rest}"
        assert attrgetter(rest)(import_module(module)).__doc__, name
        listed = re.search(rf"automodule:: {re.escape(module)}\n   :members:(.*)", PAGE)
        if listed is None:
            assert re.search(rf":: {re.escape(name)}$", PAGE, re.M), name
        elif listed[1].strip():
            assert rest.split(".")[0] in listed[1], name


def test_a_docstring_ends_with_what_it_implements(pages: ModuleType) -> None:
    lines = ["Divide each channel."]
    pages.say_what_it_implements(
        None, "function", "rltrack.backbones.lrn_stage.local_response_norm", None, None, lines
    )
    assert lines == ["Divide each channel.", "", "Implements equation :eq:`lrn`.", ""]
    pages.say_what_it_implements(
        None, "function", "rltrack.backbones.lrn_stage.pooled", None, None, lines
    )
    assert len(lines) == 4


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
