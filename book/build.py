"""Run the book's notebooks and build its pages: `python book/build.py [-p NAME VALUE]...`.

`runner.py` runs the notebooks and writes the executed copies to `_build/src`, which is a copy of
this folder. The pages are built from there into `_build/html`. Any warning makes the build fail.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from runner import BOOK, ROOT, arguments, run

BUILD = ROOT / "_build"
SOURCE = BUILD / "src"


def pages(toc: dict[str, Any]) -> list[str]:
    """Return the names of all pages in a table of contents, without suffix, in reading order."""
    names = [toc[key] for key in ("root", "file") if key in toc]
    for key in ("parts", "chapters", "sections"):
        for entry in toc.get(key, []):
            names += pages(entry)
    return names


def main() -> None:
    """Run the notebooks that changed, then build the pages."""
    given = dict(arguments("Run the notebooks and build the book.").parse_args().p)
    names = pages(yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8")))

    ignored = shutil.ignore_patterns("*.ipynb", "*.py", "__pycache__", ".ipynb_checkpoints")
    shutil.copytree(BOOK, SOURCE, dirs_exist_ok=True, ignore=ignored)
    notebooks = [path for name in names if (path := BOOK / f"{name}.ipynb").exists()]
    run({path: SOURCE / path.relative_to(BOOK) for path in notebooks}, given)

    # Without --keep-going, the first warning hides the others.
    command = ["jupyter-book", "build", "-q", "-W", "-n", "--keep-going", str(SOURCE)]
    command[0] = str(Path(sys.executable).with_name(command[0]))
    if status := subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(status)
    if missing := [name for name in names if not (BUILD / "html" / f"{name}.html").exists()]:
        sys.exit(f"error: the build made no page for {', '.join(missing)}")


if __name__ == "__main__":
    main()
