"""Run the book's notebooks and build its pages: `python book/build.py [-p NAME VALUE]...`.

The notebooks are run by papermill in a copy of this folder, `_build/src`, and stay untouched here.
One that was run before, with the same text, parameters and package, is not run again. The pages
come out in `_build/html`; any warning fails the build.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill
import yaml

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
BUILD = ROOT / "_build"
SOURCE = BUILD / "src"


def pages(toc: dict[str, Any]) -> list[str]:
    """Return the names of all pages of a table of contents, without suffix, in reading order."""
    names = [toc[key] for key in ("root", "file") if key in toc]
    for key in ("parts", "chapters", "sections"):
        for entry in toc.get(key, []):
            names += pages(entry)
    return names


def chosen_parameters(notebooks: list[Path], given: dict[str, Any]) -> dict[Path, dict[str, Any]]:
    """Return, for each notebook, those of the given parameters that it declares.

    papermill only warns about a name that a notebook does not declare, and runs it all the same.

    Raises:
        SystemExit: a notebook declares no parameters, or no notebook declares a given name.
    """
    declared = {path: papermill.inspect_notebook(path) for path in notebooks}
    for path, names in declared.items():
        if not names:
            sys.exit(f"error: {path.name} has no cell tagged 'parameters' with a parameter in it")
    known = {name for names in declared.values() for name in names}
    if unknown := sorted(set(given) - known):
        sys.exit(
            f"error: no notebook has a parameter {', '.join(unknown)}; "
            f"there are {', '.join(sorted(known))}"
        )
    return {
        path: {name: value for name, value in given.items() if name in names}
        for path, names in declared.items()
    }


def fingerprint(notebook: Path, parameters: dict[str, Any]) -> str:
    """Return the SHA-256 of all that an execution depends on: notebook, parameters, package."""
    package = (path for path in (ROOT / "rltrack").rglob("*") if "__pycache__" not in path.parts)
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in [notebook, ROOT / "constraints.txt", *sorted(package)]:
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def execute(notebook: Path, target: Path, parameters: dict[str, Any]) -> bool:
    """Run a notebook into `target`, unless that is what `target` already holds.

    Returns:
        Whether it was run.

    Raises:
        papermill.PapermillExecutionError: a cell failed; what ran is left beside the target.
    """
    mark = {"fingerprint": fingerprint(notebook, parameters)}
    if target.exists() and nbformat.read(target, as_version=4).metadata.get("rltrack") == mark:
        return False
    unfinished = target.with_name(f"{target.stem}.part.ipynb")
    papermill.execute_notebook(
        notebook,
        unfinished,
        parameters=parameters,
        kernel_name="python3",
        cwd=target.parent,
        progress_bar=False,
    )
    # papermill notes the paths of this machine and the time; readers can download the notebook.
    done = nbformat.read(unfinished, as_version=4)
    done.metadata.pop("papermill", None)
    for cell in done.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    done.metadata["rltrack"] = mark
    nbformat.write(done, unfinished)
    unfinished.replace(target)
    return True


def main() -> None:
    """Run what has to be run, then build the pages."""
    parser = argparse.ArgumentParser(description="Run the notebooks and build the book.")
    parser.add_argument(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter for every notebook that declares it, as a Python literal or a word",
    )
    given = {name: _literal(value) for name, value in parser.parse_args().p}

    names = pages(yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8")))
    notebooks = [path for name in names if (path := BOOK / f"{name}.ipynb").exists()]
    chosen = chosen_parameters(notebooks, given)

    ignored = shutil.ignore_patterns("*.ipynb", "*.py", "__pycache__", ".ipynb_checkpoints")
    shutil.copytree(BOOK, SOURCE, dirs_exist_ok=True, ignore=ignored)
    for path in notebooks:
        start = time.perf_counter()
        ran = execute(path, SOURCE / path.relative_to(BOOK), chosen[path])
        print(
            f"{path.name}: {f'run in {time.perf_counter() - start:.0f} s' if ran else 'unchanged'}",
            flush=True,
        )

    # Without --keep-going the first warning hides the others.
    command = ["jupyter-book", "build", "-q", "-W", "-n", "--keep-going", str(SOURCE)]
    command[0] = str(Path(sys.executable).with_name(command[0]))
    if status := subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(status)
    if missing := [name for name in names if not (BUILD / "html" / f"{name}.html").exists()]:
        sys.exit(f"error: the build made no page for {', '.join(missing)}")


def _literal(text: str) -> Any:
    """Return the Python value that a text spells, or the text itself: `3`, `True`, `paper`."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


if __name__ == "__main__":
    main()
