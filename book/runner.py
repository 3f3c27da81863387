"""Run notebooks with checked parameters: `python book/runner.py 07_benchmarks -p run True`.

The cell of a notebook that is tagged `parameters` declares them, for example `seed: int = 0`. An
unknown name or a value of another type is an error before anything runs. (papermill only warns
about an unknown name, and does not check types.) A notebook runs in its own folder, and relative
paths in its parameters start from there. The notebook itself is not changed. The executed copy is
written to another folder, complete or not at all. If an executed copy of the same content is
already there, the notebook is not run again.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat
import papermill
from traitlets.config import Config

from rltrack.errors import InputError

# papermill warns about types that it cannot read, such as `str | None`. It knows no more about
# types than `declared`, so its warnings are turned off.
logging.getLogger("papermill").setLevel(logging.ERROR)

# A kernel that supports encryption warns if there is none.
ENCRYPTED = Config(KernelManager={"transport_encryption": "auto"})

BOOK = Path(__file__).resolve().parent
ROOT = BOOK.parent

# For each type that a notebook may declare, the types of values that it accepts. A bool is not
# accepted for an int, but an int is accepted for a float.
TYPES: dict[str, set[type]] = {
    "int": {int},
    "float": {float, int},
    "bool": {bool},
    "str": {str},
    "None": {type(None)},
}


def declared(notebook: Path) -> dict[str, str]:
    """Return the type of each parameter of a notebook as it is written there, such as `str | None`.

    Raises:
        InputError: the notebook has no cell tagged `parameters`, or this cell contains something
            other than parameters with a type.
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
                f"'name: type = value', where type is {', '.join(TYPES)}, or several joined by |"
            )
        found[ast.unparse(line.target)] = kind
    return found


def chosen_parameters(notebooks: list[Path], given: dict[str, Any]) -> dict[Path, dict[str, Any]]:
    """Return for each notebook the given parameters that it declares.

    Raises:
        InputError: as in `declared`; or no notebook declares a given name; or a notebook declares
            the name with another type.
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
    """Return the SHA-256 of everything that an execution depends on.

    These are the parameters, the notebook, the pinned versions, the package, and the kept results.
    The speed of the machine is not part of it.
    """
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    package = (path for path in (ROOT / "rltrack").rglob("*") if "__pycache__" not in path.parts)
    results = (notebook.parent / parameters.get("kept", "results")).glob("*")
    for path in [notebook, ROOT / "constraints.txt", *sorted(results), *sorted(package)]:
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def execute(notebook: Path, target: Path, parameters: dict[str, Any]) -> bool:
    """Run a notebook and write the executed copy to `target`.

    If `target` already holds an execution of the same content, nothing is run. A notebook with the
    parameter ``run=True`` is always run.

    Returns:
        Whether the notebook was run.

    Raises:
        papermill.PapermillExecutionError: a cell failed. The cells that ran are kept in a file
            beside the target, see `part`.
    """
    mark = {"fingerprint": fingerprint(notebook, parameters)}
    # With run=True a notebook makes runs of trackers. It finds out itself which of them are done.
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
        config=ENCRYPTED,
    )
    # papermill stores local paths and times in the metadata. They are removed, because readers can
    # download the notebook.
    done = nbformat.read(unfinished, as_version=4)
    done.metadata.pop("papermill", None)
    for cell in done.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            # Where the sequences were on this machine says nothing to a reader.
            cell.source = re.sub("(?m)^data = .*$", 'data = "..."  # has otb/ in it', cell.source)
    done.metadata["rltrack"] = mark
    nbformat.write(done, unfinished)
    unfinished.replace(target)
    return True


def store(executed: Path, notebook: Path) -> None:
    """Copy the outputs of an executed copy into the notebook itself."""
    stored, ran = (nbformat.read(path, as_version=4) for path in (notebook, executed))
    for cell, copy in zip(stored.cells, ran.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = copy.outputs, copy.execution_count
    if "widgets" in ran.metadata:  # the state of the widgets in the outputs
        stored.metadata["widgets"] = ran.metadata["widgets"]
    nbformat.write(stored, notebook)


def part(target: Path) -> Path:
    """Return the path that an executed copy is written to until it is complete."""
    return target.with_name(f"{target.stem}.part.ipynb")


def run(targets: dict[Path, Path], given: dict[str, Any]) -> None:
    """Run notebooks, write each executed copy to its target, and print how each run ended.

    As many run at a time as there are cores, each on one of them. A notebook with ``"timed": true``
    in its metadata runs alone, because it measures time.

    Raises:
        SystemExit: with status 2 if a parameter is wrong, which is found before anything runs; with
            status 1 if a cell fails. Notebooks that are running then still end.
    """
    try:
        chosen = chosen_parameters(list(targets), given)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

    def run_one(notebook: Path) -> str:
        start = time.perf_counter()
        ran = execute(notebook, targets[notebook], chosen[notebook])
        return f"run in {time.perf_counter() - start:.0f} s" if ran else "unchanged"

    timed = [path for path in targets if nbformat.read(path, as_version=4).metadata.get("timed")]
    several = [path for path in targets if path not in timed]
    _side_by_side(timed, 1, run_one, targets)
    workers = min(os.cpu_count() or 1, len(several))
    if workers > 1:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # the kernels inherit it
    _side_by_side(several, max(1, workers), run_one, targets)


def _side_by_side(
    notebooks: list[Path], workers: int, work: Callable[[Path], str], targets: dict[Path, Path]
) -> None:
    with ThreadPoolExecutor(workers) as pool:
        runs = {pool.submit(work, notebook): notebook for notebook in notebooks}
        for each in as_completed(runs):
            notebook = runs[each]
            try:
                print(f"{notebook.name}: {each.result()}", flush=True)
            except papermill.PapermillExecutionError as error:
                pool.shutdown(wait=False, cancel_futures=True)
                print(error, file=sys.stderr)
                sys.exit(
                    f"error: {notebook.name} failed in cell [{error.exec_count}] with "
                    f"{error.ename}: {error.evalue}; the cells that ran are in "
                    f"{part(targets[notebook])}"
                )


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the option `-p NAME VALUE`. `dict` of its `p` can be given to `run`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "-p",
        nargs=2,
        type=literal,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter in every notebook that declares it; a Python literal or a plain word",
    )
    return parser


def literal(text: str) -> Any:
    """Return the value of a text such as `3` or `True`, or the text itself (`paper`, `0,5`)."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return value if type(value) in set().union(*TYPES.values()) else text


def main() -> None:
    """Run the notebooks that the command line names."""
    parser = arguments("Run notebooks of the book with parameters.")
    parser.add_argument("notebook", nargs="+", metavar="NAME", help="such as 07_benchmarks")
    parser.add_argument(
        "--to",
        type=Path,
        default=ROOT / "out" / "book",
        metavar="DIR",
        help="the folder for the executed copies; the default is out/book/",
    )
    parser.add_argument(
        "--store",
        action="store_true",
        help="copy the outputs into the notebooks themselves; only with default parameters",
    )
    given = parser.parse_args()
    if given.store and given.p:
        parser.error("--store keeps the outputs of default parameters: use it without -p")
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
