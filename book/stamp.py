"""Write the first code cell of the notebooks: `python book/stamp.py URL COMMIT FOLDER`.

In the book's own notebooks, this cell says what to install if the package is missing.
`python book/stamp.py --stored` writes it into all of them.

Colab has PyTorch, but not this book. The command with URL, COMMIT and FOLDER therefore writes a
copy of each notebook to FOLDER, for Colab. The first cell of a copy installs the book and its
package from the repository at URL, as they were at COMMIT, and fetches VGG-M. Outside Colab it does
the same as the stored cell.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

BOOK = Path(__file__).resolve().parent
ID = "package"  # the id of the cell

FIND = """\
# The book's package: what is installed is used.
from importlib.util import find_spec

if find_spec("rltrack") is None:
    raise ModuleNotFoundError(
        "This notebook needs the package rltrack. In a copy of the project, run "
        "`make venv` and start Jupyter from .venv, or run `%pip install -q ..` here."
    )"""

# pip replaces no package of Colab that is new enough for this one. Above all, it keeps Colab's
# PyTorch.
INSTALL = """\
# On Colab: install this book and its package, and fetch VGG-M, whose filters the paper uses.
import sys

if "google.colab" in sys.modules:
    %cd -q /content
    !git clone -q {url} rltrack-book
    !git -C rltrack-book checkout -q {commit}
    %pip install -q ./rltrack-book
    %cd -q rltrack-book/book
    !rltrack fetch vggm || echo "VGG-M cannot be fetched now. Everything else works without it."

"""


def with_first_cell(notebook: dict[str, Any], source: str) -> dict[str, Any]:
    """Return a copy of a notebook with ``source`` as its first code cell.

    If the notebook already has such a cell, it is replaced.

    Args:
        notebook: the notebook as JSON. It is not changed.
        source: the source of the cell. The pages do not show this cell.
    """
    cells = list(notebook["cells"])
    codes = [place for place, cell in enumerate(cells) if cell["cell_type"] == "code"]
    place = codes[0] if codes else len(cells)
    new = _cell(ID, source)
    if codes and cells[place]["id"] == ID:
        new["execution_count"] = cells.pop(place)["execution_count"]
    elif all(cells[code]["execution_count"] for code in codes):  # it has outputs: renumber them
        new["execution_count"] = 1
        for code in codes:
            cells[code] = {**cells[code], "execution_count": cells[code]["execution_count"] + 1}
    cells.insert(place, new)
    return {**notebook, "cells": cells}


def stamped(notebook: dict[str, Any], url: str, commit: str) -> dict[str, Any]:
    """Return a copy of a notebook for Colab. It asks for a GPU and installs the package.

    Args:
        notebook: the notebook as JSON. It is not changed.
        url: the address of the repository, for `git clone`.
        commit: the commit to check out.
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
    """Write Colab's copies of all notebooks, or renew the first cell of the stored notebooks."""
    parser = argparse.ArgumentParser(description="Renew the first code cell of the notebooks.")
    parser.add_argument("stamp", nargs="*", metavar="URL COMMIT FOLDER", help="copies for Colab")
    parser.add_argument("--stored", action="store_true", help="the stored notebooks")
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
    """Write a notebook in the form in which nbformat writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
