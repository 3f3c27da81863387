"""Make the notebooks that Colab opens: `python book/stamp.py URL COMMIT FOLDER`.

Colab has PyTorch and not this book. Each notebook's copy in FOLDER begins with a cell that takes
the book and its package from the repository at URL, as they were at COMMIT; elsewhere the cell does
nothing. One that has the parameter `backbone` fetches VGG-M if that asks for it.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

BOOK = Path(__file__).resolve().parent

# Nothing that Colab has is replaced, PyTorch least of all, where it is new enough for the package.
INSTALL = """\
# On Colab: take this book and its package. Elsewhere the package that is installed is used.
import sys

if "google.colab" in sys.modules:
    %cd -q /content
    !git clone -q {url} rltrack-book
    !git -C rltrack-book checkout -q {commit}
    %pip install -q ./rltrack-book
    %cd -q rltrack-book/book"""

FETCH = """\
if "google.colab" in sys.modules and backbone == "vggm":
    !rltrack fetch vggm"""


def stamped(notebook: dict[str, Any], url: str, commit: str) -> dict[str, Any]:
    """Return a notebook as Colab is to open it: with a GPU and the package.

    Args:
        notebook: its JSON, which stays as it is.
        url: of the repository, for `git clone`.
        commit: what to check out.
    """
    cells = [_cell("install", INSTALL.format(url=url, commit=commit))]
    for cell in notebook["cells"]:
        cells.append(cell)
        is_parameters = "parameters" in cell["metadata"].get("tags", [])
        if is_parameters and re.search("^backbone:", "".join(cell["source"]), re.M):
            cells.append(_cell("fetch", FETCH))
    metadata = {**notebook["metadata"], "accelerator": "GPU"}
    return {**notebook, "cells": cells, "metadata": metadata}


def _cell(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def main() -> None:
    """Stamp all notebooks of the book."""
    parser = argparse.ArgumentParser(description="Make the notebooks that Colab opens.")
    parser.add_argument("url", metavar="URL")
    parser.add_argument("commit", metavar="COMMIT")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    given = parser.parse_args()

    given.folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(BOOK.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(stamped(notebook, given.url, given.commit), indent=1, ensure_ascii=False)
        (given.folder / path.name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
