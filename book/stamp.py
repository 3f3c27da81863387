"""Write the first code cell of the notebooks: `python book/stamp.py URL COMMIT FOLDER`.

In the book's own notebooks, this cell says what to install if the package is missing.
`python book/stamp.py --stored` writes it into all of them.

Colab has PyTorch, but not this book. The command with URL, COMMIT and FOLDER therefore writes a
copy of each notebook to FOLDER, for Colab. The first cell of a copy installs the book and its
package from the repository at URL, as they were at COMMIT, and says whether there is a GPU. Outside
Colab it does the same as the stored cell. The cell of parameters below it becomes a form.
"""

from __future__ import annotations

import argparse
import ast
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
# PyTorch. If the runtime was restarted, the clone is still there.
INSTALL = """\
# @title On Colab: install this book and its package, and look for a GPU
import sys

if "google.colab" in sys.modules:
    %cd -q {folder}
    ![ -d rltrack-book ] || git clone -q {url} rltrack-book
    !git -C rltrack-book checkout -q {commit}
    %pip install -q ./rltrack-book
    %cd -q rltrack-book/book

    import torch

    if torch.cuda.is_available():
        print(f"There is a GPU, {{torch.cuda.get_device_name()}}. The chapter uses it.")
    else:
        print("There is no GPU, so the chapter runs on the CPU. To get one, open the menu Runtime, "
              "choose Change runtime type and a GPU there, then run this cell again.")

"""

# The kinds of fields in Colab's forms, by the types that the cell of parameters declares. A value
# of any other type, such as `str | None`, is written in Python.
FIELDS = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}


def form(parameters: str) -> str:
    """Return the source of a cell of parameters as a form of Colab, with a field for each of them.

    Colab makes a field of a line that ends with `# @param`, and a text of `# @markdown`. It knows
    no annotations of types, so they become the kinds of the fields.

    >>> print(form("seed: int = 0  # of the samples"))
    # @title Parameters: change them, run this cell, and then the cells below
    seed = 0  # @param {type: "integer"}
    # @markdown `seed`: of the samples

    Raises:
        SyntaxError: a line is not complete Python.
        ValueError: a line is neither empty, nor a comment, nor of the form `name: type = value`.
    """
    lines = ["# @title Parameters: change them, run this cell, and then the cells below"]
    for line in parameters.splitlines():
        words = line
        for one in ast.parse(line).body:
            if not (isinstance(one, ast.AnnAssign) and one.value):
                raise ValueError(f"{line!r} is not of the form 'name: type = value'")
            name, value = ast.unparse(one.target), ast.get_source_segment(line, one.value)
            kind = FIELDS.get(ast.unparse(one.annotation), "raw")
            lines.append(f'{name} = {value}  # @param {{type: "{kind}"}}')
            words = line.encode()[one.end_col_offset :].decode().lstrip(" #")
            if kind == "raw":
                words += " (None, or a text in quotes)"
            words = f"`{name}`: {words}" if words else ""
        if words := words.lstrip("# "):
            lines.append(f"# @markdown {words}")
    return "\n".join(lines)


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


def stamped(
    notebook: dict[str, Any], url: str, commit: str, folder: str = "/content"
) -> dict[str, Any]:
    """Return a copy of a notebook for Colab, which installs the package and has a form.

    It asks Colab for a GPU.

    Args:
        notebook: the notebook as JSON. It is not changed.
        url: the address of the repository, for `git clone`.
        commit: the commit to check out.
        folder: where it is cloned to. The default is the folder in which Colab works.
    """
    source = INSTALL.format(url=url, commit=commit, folder=folder) + FIND
    made = with_first_cell(notebook, source)
    for place, cell in enumerate(made["cells"]):
        if "parameters" in cell["metadata"].get("tags", []):
            fields = form("".join(cell["source"])).splitlines(keepends=True)
            made["cells"][place] = {**cell, "source": fields}
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
