"""Notebooks find what the book keeps, wherever they are started."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rltrack.chapters.book_results import kept_results
from rltrack.errors import InputError

BOOK = Path(__file__).resolve().parents[1] / "book"


def test_the_kept_results_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BOOK)
    assert kept_results() == Path("results")
    (tmp_path / "results").mkdir()  # of something else
    monkeypatch.chdir(tmp_path)
    assert kept_results().samefile(BOOK / "results")
    (tmp_path / "mine").mkdir()
    assert kept_results("mine") == Path("mine")
    with pytest.raises(InputError, match="kept is absent; there is no such folder"):
        kept_results("absent")


@pytest.mark.parametrize("path", sorted(BOOK.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_reads_nothing_by_a_path_of_its_own(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    text = "\n".join(code for code in codes if "kept: str" not in code)  # but for the parameters
    assert not re.findall(r"""["']results\b[^"']*["']|Path\(kept\)|=kept\)(?<!kept=kept\))""", text)
    # What chapters keep is asked for by `kept_results`.
    assert "kept_results(" in text or not re.search(r"load_arrays|gathered|over_backbones", text)
