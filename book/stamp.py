"""The first code cell of the notebooks: `python book/stamp.py URL COMMIT FOLDER`.

In the book's own notebooks it says what to install where the package is missing; `python
book/stamp.py --stored` puts it into those that lack it. Colab has PyTorch and not this book: each
notebook's copy in FOLDER first takes the book and its package from the repository at URL, as they
were at COMMIT, and fetches VGG-M; elsewhere it does as the stored one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

BOOK = Path(__file__).resolve().parent
ID = "package"  # the cell's

FIND = """\
# The book's package: what is installed is used.
from importlib.util import find_spec

if find_spec("rltrack") is None:
    raise ModuleNotFoundError(
        "This notebook needs the package rltrack. In a copy of the project, run "
        "`make venv` and start Jupyter from .venv, or run `%pip install -q ..` here."
    )"""

# Nothing that Colab has is replaced, PyTorch least of all, where it is new enough for the package.
INSTALL = """\
# On Colab: take this book, its package and the paper's filters, VGG-M's.
import sys

if "google.colab" in sys.modules:
    %cd -q /content
    !git clone -q {url} rltrack-book
    !git -C rltrack-book checkout -q {commit}
    %pip install -q ./rltrack-book
    %cd -q rltrack-book/book
    !rltrack fetch vggm || echo "VGG-M is not to be had now; the rest works without it."

"""


def with_first_cell(notebook: dict[str, Any], source: str) -> dict[str, Any]:
    """Return a notebook with ``source`` as its first code cell, in place of the one it may have.

    Args:
        notebook: its JSON, which stays as it is.
        source: of the cell. The pages do not show it.
    """
    cells = list(notebook["cells"])
    codes = [place for place, cell in enumerate(cells) if cell["cell_type"] == "code"]
    place = codes[0] if codes else len(cells)
    new = _cell(ID, source)
    if codes and cells[place]["id"] == ID:
        new["execution_count"] = cells.pop(place)["execution_count"]
    elif all(cells[code]["execution_count"] for code in codes):  # stored with outputs: count on
        new["execution_count"] = 1
        for code in codes:
            cells[code] = {**cells[code], "execution_count": cells[code]["execution_count"] + 1}
    cells.insert(place, new)
    return {**notebook, "cells": cells}


def stamped(notebook: dict[str, Any], url: str, commit: str) -> dict[str, Any]:
    """Return a notebook as Colab is to open it: with a GPU and the package.

    Args:
        notebook: its JSON, which stays as it is.
        url: of the repository, for `git clone`.
        commit: what to check out.
    """
    made = with_first_cell(notebook, INSTALL.format(url=url, commit=commit) + FIND)
    return {**made, "metadata": {**notebook["metadata"], "accelerator": "GPU"}}


def _cell(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {"tags": ["remove-cell"]},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def main() -> None:
    """Stamp all notebooks of the book, or renew the cell that they are stored with."""
    parser = argparse.ArgumentParser(description="Renew the first code cell of the notebooks.")
    parser.add_argument("stamp", nargs="*", metavar="URL COMMIT FOLDER", help="for Colab's copies")
    parser.add_argument("--stored", action="store_true", help="in the notebooks themselves")
    given = parser.parse_args()
    if len(given.stamp) != (0 if given.stored else 3):
        parser.error("give URL, COMMIT and FOLDER, or --stored alone")

    for path in sorted(BOOK.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if given.stored:
            write(with_first_cell(notebook, FIND), path)
        else:
            url, commit, folder = given.stamp
            write(stamped(notebook, url, commit), Path(folder) / path.name)


def write(notebook: dict[str, Any], path: Path) -> None:
    """Write a notebook as nbformat does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
