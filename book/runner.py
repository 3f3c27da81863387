"""Run notebooks with checked parameters: `python book/runner.py 07_benchmarks -p run True`.

A notebook's cell tagged `parameters` says what it takes, as `seed: int = 0`. A name that is not
there and a value of another type are errors before anything runs: papermill only warns about the
one and does not look at the other. A notebook runs in the folder that it lies in, which relative
paths in its parameters start from, and stays untouched. The executed copy goes to a folder of its
own, whole or not at all. What is there already, of the same content, is not run again.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill

from rltrack.errors import InputError

# It warns about types that it cannot read, as `str | None`, and knows no more than `declared`.
logging.getLogger("papermill").setLevel(logging.ERROR)

BOOK = Path(__file__).resolve().parent
ROOT = BOOK.parent

# By what is written in a notebook. A bool is no int here, and an int does for a float.
TYPES: dict[str, set[type]] = {
    "int": {int},
    "float": {float, int},
    "bool": {bool},
    "str": {str},
    "None": {type(None)},
}


def declared(notebook: Path) -> dict[str, str]:
    """Return the type of each parameter of a notebook, as written there: `str | None`.

    Raises:
        InputError: it has no cell tagged `parameters`, or there is more in it than typed names.
    """
    cells = [
        cell.source
        for cell in nbformat.read(notebook, as_version=4).cells
        if "parameters" in cell.metadata.get("tags", [])
    ]
    if len(cells) != 1 or not (lines := ast.parse(cells[0]).body):
        raise InputError(f"{notebook.name} has no cell tagged 'parameters' with a parameter in it")
    found = {}
    for line in lines:
        kind = ast.unparse(line.annotation) if isinstance(line, ast.AnnAssign) else ""
        if not isinstance(line, ast.AnnAssign) or not set(kind.split(" | ")) <= TYPES.keys():
            raise InputError(
                f"{notebook.name} has {ast.unparse(line)!r} among its parameters; write them as "
                f"'name: type = value', the type of {', '.join(TYPES)}, or several of them with |"
            )
        found[ast.unparse(line.target)] = kind
    return found


def chosen_parameters(notebooks: list[Path], given: dict[str, Any]) -> dict[Path, dict[str, Any]]:
    """Return, for each notebook, those of the given parameters that it declares.

    Raises:
        InputError: as in `declared`; or no notebook declares a given name; or one declares it with
            another type.
    """
    types = {notebook: declared(notebook) for notebook in notebooks}
    known = {name for names in types.values() for name in names}
    if unknown := sorted(given.keys() - known):
        raise InputError(
            f"no notebook has a parameter {', '.join(unknown)}; "
            f"there are {', '.join(sorted(known))}"
        )
    chosen = {
        notebook: {name: value for name, value in given.items() if name in names}
        for notebook, names in types.items()
    }
    for notebook, values in chosen.items():
        for name, value in values.items():
            kind = types[notebook][name]
            if not any(type(value) in TYPES[one] for one in kind.split(" | ")):
                raise InputError(
                    f"{notebook.name}: {name} is {value!r}, of type {type(value).__name__}; "
                    f"it must be {kind}"
                )
    return chosen


def fingerprint(notebook: Path, parameters: dict[str, Any]) -> str:
    """Return the SHA-256 of all that an execution depends on, the machine's speed aside."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    package = (path for path in (ROOT / "rltrack").rglob("*") if "__pycache__" not in path.parts)
    results = (notebook.parent / parameters.get("kept", "results")).glob("*")
    for path in [notebook, ROOT / "constraints.txt", *sorted(results), *sorted(package)]:
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
    # One that runs trackers knows itself what of its runs is done.
    settled = target.exists() and not parameters.get("run")
    if settled and nbformat.read(target, as_version=4).metadata.get("rltrack") == mark:
        return False
    unfinished = part(target)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(
        notebook,
        unfinished,
        parameters=parameters,
        kernel_name="python3",
        cwd=notebook.parent,
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


def store(executed: Path, notebook: Path) -> None:
    """Take the outputs of an executed copy over into the notebook itself."""
    stored, ran = (nbformat.read(path, as_version=4) for path in (notebook, executed))
    for cell, copy in zip(stored.cells, ran.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = copy.outputs, copy.execution_count
    if "widgets" in ran.metadata:  # what the outputs' widgets show
        stored.metadata["widgets"] = ran.metadata["widgets"]
    nbformat.write(stored, notebook)


def part(target: Path) -> Path:
    """Return where a notebook is written until it is whole."""
    return target.with_name(f"{target.stem}.part.ipynb")


def run(targets: dict[Path, Path], given: dict[str, Any]) -> None:
    """Run notebooks, each into its target, and print how it went.

    Raises:
        SystemExit: 2 if the parameters are not right, which is found before anything runs; 1 if a
            cell fails.
    """
    try:
        chosen = chosen_parameters(list(targets), given)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    for notebook, target in targets.items():
        start = time.perf_counter()
        try:
            ran = execute(notebook, target, chosen[notebook])
        except papermill.PapermillExecutionError as error:
            print(error, file=sys.stderr)
            sys.exit(
                f"error: {notebook.name} failed in cell [{error.exec_count}] with {error.ename}: "
                f"{error.evalue}; what ran is in {part(target)}"
            )
        how = f"run in {time.perf_counter() - start:.0f} s" if ran else "unchanged"
        print(f"{notebook.name}: {how}", flush=True)


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows `-p NAME VALUE`; `dict` of its `p` is what `run` takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "-p",
        nargs=2,
        type=literal,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter for every notebook that declares it, as a Python literal or a word",
    )
    return parser


def literal(text: str) -> Any:
    """Return the value that a text spells, or the text itself: `3`, `True`, `paper`, `0,5`."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return value if type(value) in set().union(*TYPES.values()) else text


def main() -> None:
    """Run the notebooks that are named."""
    parser = arguments("Run notebooks of the book with parameters.")
    parser.add_argument("notebook", nargs="+", metavar="NAME", help="as 07_benchmarks")
    parser.add_argument(
        "--to",
        type=Path,
        default=ROOT / "out" / "book",
        metavar="DIR",
        help="where the executed copies go; by default out/book/",
    )
    parser.add_argument(
        "--store",
        action="store_true",
        help="take the outputs over into the notebooks themselves, which have those of defaults",
    )
    given = parser.parse_args()
    if given.store and given.p:
        parser.error("--store is for the outputs of default parameters: give no -p")
    paths = [BOOK / Path(name).with_suffix(".ipynb") for name in given.notebook]
    if absent := [path.name for path in paths if not path.is_file()]:
        parser.error(f"there is no {', '.join(absent)} in {BOOK}")
    targets = {path: given.to / path.name for path in paths}
    run(targets, dict(given.p))
    if given.store:
        for path, target in targets.items():
            store(target, path)


if __name__ == "__main__":
    main()
