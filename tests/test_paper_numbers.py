"""The list of the paper's numbers that the book quotes, in `paper.md`."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"


@pytest.fixture(scope="module")
def numbers() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BOOK / "_ext")
        import paper_numbers
    found: ModuleType = paper_numbers
    return found


def test_the_method_has_the_numbers_of_the_papers_section_5(numbers: ModuleType) -> None:
    # Typed from it: lambda, N1, H1, its rate, the mini-batch, N2, T, H2, its rate, the speed.
    said = ["5", "5500", "50", "0.0002", "32 + 32", "256", "10", "15", "0.0003", "1"]
    assert [one.value for one in numbers.constants()][: len(said)] == said


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("5", "With $\\lambda = 5$ it learns"),
        ("5500", "{math}`N_1` samples"),
        ("50", "After 50 iterations"),
        ("0.0002", "a rate of 2e-4"),
        ("32 + 32", "32 positive and 32 negative samples"),
        ("256", "the 256 candidates"),
        ("10", "every ten frames"),
        ("15", "fifteen steps"),
        ("0.0003", "$3 \\cdot 10^{-4}$"),
        ("1", "one frame per second"),
    ],
)
def test_a_setting_is_found_in_words(numbers: ModuleType, said: str, text: str) -> None:
    page = numbers.Page("A page", text, "")
    assert [row[0] for row in numbers.rows({"01_a": page})] == [said]


def test_results_are_found_with_all_their_digits_where_the_paper_is_named(
    numbers: ModuleType,
) -> None:
    pages = {
        "01_a": numbers.Page("A", "The paper has an OS of .704.\n\nOurs is 0.895.", ""),
        "02_b": numbers.Page("B", "## Table 4\n\nNot 1.47.\n\n## Ours\n\nIt is 0.704.", ""),
        "03_c": numbers.Page("C", "The paper: 0.7041, 10.704, -0.704, 91.1, +0.911", ""),
    }
    found = {row[0]: row for row in numbers.rows(pages)}
    assert {value: row[-1] for value, row in found.items()} == {"0.704": ["01_a"], "1.47": ["02_b"]}
    assert found["0.704"][1].count("(Table 1)") == 3 and "Ours, OTB2013" in found["0.704"][1]
    assert found["0.704"][2] == "Table 1, Table 2, Figure 4, Table 3"
    assert found["1.47"][1:3] == ("rank A of Ours (Table 4)", "Table 4")


def test_a_chapter_that_prints_a_table_quotes_all_of_it(numbers: ModuleType) -> None:
    printed = "0.911 0.671\n.932 .686\n.944 .704"
    assert [row[:3] for row in numbers.rows({"01_a": numbers.Page("A", "", printed)})] == [
        ("all", "6 numbers", "Table 2")
    ]
    assert not numbers.rows({"01_a": numbers.Page("A", "", printed.replace(".932", ".9321"))})


def test_the_list_is_put_into_its_page_and_names_pages_that_are_there(numbers: ModuleType) -> None:
    class App:
        srcdir = str(BOOK)

    source = [(BOOK / "paper.md").read_text(encoding="utf-8")]
    assert source[0].count(numbers.PLACE) == 1
    numbers.put_in(App(), "paper", source)
    assert numbers.PLACE not in source[0]
    lines = [line for line in source[0].splitlines() if "](" in line and line.startswith("| ")]
    linked = {name for line in lines for name in re.findall(r"\]\((\w+)\)", line)}
    assert linked and all(any(BOOK.glob(f"{name}.*")) for name in linked)
    # The chapters on the evidence print the paper's four tables.
    tables = [line for line in source[0].splitlines() if line.startswith("| all |")]
    assert len(tables) == 4


def test_code_of_the_list_is_there(numbers: ModuleType) -> None:
    from rltrack import preset
    from rltrack.evaluation import paper_values

    fields: Any = preset("paper")
    for row in numbers.rows(numbers.read_pages(BOOK)):
        for name in re.findall(r"`([a-z_]+)`", row[3]):
            assert hasattr(fields, name)
        for name in re.findall(r"paper_values\.(\w+)`", row[3]):
            assert hasattr(paper_values, name)
