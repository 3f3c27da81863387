"""A symbol of the notation's tables is linked to its table where a chapter first uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chapter_layout import cells_of, source

BOOK = Path(__file__).resolve().parents[1] / "book"
METHOD = sorted(BOOK.glob("0[1-5]_*.ipynb"))
TABLES = ("symbols-network", "symbols-attention", "symbols-tracking")

# They mean several things, and each chapter says which.
AMBIGUOUS = {"$x$", "$y$", "$s$", "$B$", "$c$", "$r$", "$L$", "$W$", "$b$", "$M$", "$T$"}


def symbols() -> list[tuple[str, str]]:
    """The symbols of the tables, each with the label of its table."""
    found, table = {}, ""
    for line in (BOOK / "notation.md").read_text(encoding="utf-8").splitlines():
        if label := re.fullmatch(r"\((symbols-\w+)\)=", line):
            table = label[1]
        if line.startswith("| $") and table in TABLES:
            for symbol in re.findall(r"\$[^$]+\$", line.split(" | ")[0]):
                found.setdefault(symbol, table)
    return [pair for pair in found.items() if pair[0] not in AMBIGUOUS]


def prose(path: Path) -> str:
    """The text of a chapter without its tables, headings and displayed formulas."""
    text = "\n\n".join(source(cell) for cell in cells_of(path, "markdown"))
    text = re.sub(r"(?ms)^\$\$$.*?^\$\$.*?$", "", text)
    return "\n".join(line for line in text.splitlines() if not line.startswith(("|", "#")))


def test_there_are_symbols_and_chapters() -> None:
    assert len(symbols()) > 25 and len(METHOD) == 5


@pytest.mark.parametrize(("symbol", "table"), symbols())
def test_a_symbol_is_linked_where_it_is_first_used(symbol: str, table: str) -> None:
    for path in METHOD:
        if (first := (text := prose(path)).find(symbol)) >= 0:
            link = f"[{symbol}]({table})"
            assert text[first - 1 :].startswith(link), (
                f"{path.stem} first uses {symbol} in {text[max(0, first - 40) : first + 20]!r}; "
                f"write {link} there"
            )
            return
