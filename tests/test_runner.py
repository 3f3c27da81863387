"""The runner of the book's notebooks: what it accepts, what it runs, and what it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rltrack.errors import InputError

BOOK = Path(__file__).resolve().parents[1] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
nbformat = pytest.importorskip("nbformat", reason="needs the extra 'book'")
papermill = pytest.importorskip("papermill", reason="needs the extra 'book'")


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BOOK)
        import runner
    found: ModuleType = runner
    return found


def write_notebook(path: Path, *sources: str) -> Path:
    """Write a notebook whose first cell is its parameters."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": ""}
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, path)
    return path


def printed(path: Path) -> str:
    """What the last cell of an executed notebook printed."""
    output: str = nbformat.read(path, as_version=4).cells[-1].outputs[0].text
    return output


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_of_the_book_have_types_and_defaults_of_them(
    runner: ModuleType, path: Path
) -> None:
    defaults: dict[str, Any] = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if "parameters" in cell.metadata.get("tags", []):
            exec(cell.source, defaults)
    names = runner.declared(path)
    given = {name: defaults[name] for name in names}
    assert runner.chosen_parameters([path], given) == {path: given}


def test_types_are_read_as_they_are_written(runner: ModuleType, tmp_path: Path) -> None:
    text = "seed: int = 0  # of all\ndata: str | None = None\nrun: bool = False\nrate: float = .1"
    assert runner.declared(write_notebook(tmp_path / "one.ipynb", text)) == {
        "seed": "int",
        "data": "str | None",
        "run": "bool",
        "rate": "float",
    }


def test_parameters_go_to_the_notebooks_that_declare_them(
    runner: ModuleType, tmp_path: Path
) -> None:
    one = write_notebook(tmp_path / "one.ipynb", "seed: int = 0\nfast: bool = True")
    two = write_notebook(tmp_path / "two.ipynb", "seed: int = 0")
    chosen = runner.chosen_parameters([one, two], {"seed": 3, "fast": False})
    assert chosen == {one: {"seed": 3, "fast": False}, two: {"seed": 3}}


def test_unknown_parameter_is_an_error(runner: ModuleType, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", "seed: int = 0")
    with pytest.raises(InputError, match=r"no notebook has a parameter sede; there are seed"):
        runner.chosen_parameters([notebook], {"sede": 3})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "3"),
        ("int", 3.0),
        ("int", True),
        ("bool", 1),
        ("bool", "yes"),
        ("float", "fast"),
        ("float", False),
        ("str", 5),
        ("str", None),
        ("str | None", 5),
    ],
)
def test_value_of_another_type_is_an_error(
    runner: ModuleType, tmp_path: Path, kind: str, value: object
) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", f"given: {kind} = 0")
    with pytest.raises(InputError) as caught:
        runner.chosen_parameters([notebook], {"given": value})
    of = type(value).__name__
    assert str(caught.value) == (f"one.ipynb: given is {value!r}, of type {of}; it must be {kind}")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", -2),
        ("float", 2),
        ("float", 0.5),
        ("bool", False),
        ("str", "a"),
        ("str | None", None),
    ],
)
def test_value_of_the_type_is_taken(
    runner: ModuleType, tmp_path: Path, kind: str, value: object
) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", f"given: {kind} = 0")
    assert runner.chosen_parameters([notebook], {"given": value}) == {notebook: {"given": value}}


def test_wrong_type_in_any_of_several_notebooks_is_an_error(
    runner: ModuleType, tmp_path: Path
) -> None:
    one = write_notebook(tmp_path / "one.ipynb", "size: float = 1")
    two = write_notebook(tmp_path / "two.ipynb", "size: int = 1")
    with pytest.raises(InputError, match=r"two\.ipynb: size is 0\.5"):
        runner.chosen_parameters([one, two], {"size": 0.5})


@pytest.mark.parametrize("text", ["seed = 0", "seed: dict = {}", "seed: int = 0\nprint(seed)"])
def test_what_is_no_typed_parameter_is_an_error(
    runner: ModuleType, tmp_path: Path, text: str
) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", text)
    with pytest.raises(InputError, match=r"one\.ipynb has '.*' among its parameters; write them"):
        runner.declared(notebook)


def test_no_parameters_are_an_error(runner: ModuleType, tmp_path: Path) -> None:
    empty = write_notebook(tmp_path / "one.ipynb", "# nothing")
    with pytest.raises(InputError, match=r"one\.ipynb has no cell tagged 'parameters'"):
        runner.chosen_parameters([empty], {})
    notebook = nbformat.read(empty, as_version=4)
    notebook.cells[0].metadata["tags"] = []
    nbformat.write(notebook, empty)
    with pytest.raises(InputError, match=r"one\.ipynb has no cell tagged 'parameters'"):
        runner.chosen_parameters([empty], {})


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("True", True), ("0.5", 0.5), ("paper", "paper"), ("0,5", "0,5")]
)
def test_text_of_a_value(runner: ModuleType, text: str, value: object) -> None:
    found = runner.literal(text)
    assert found == value and type(found) is type(value)


# --- runs ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_notebook_runs_once_for_the_same_content(
    runner: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out" / "one.ipynb"
    notebook = write_notebook(
        tmp_path / "one.ipynb", "seed: int = 1", "from pathlib import Path\nprint(seed, Path.cwd())"
    )
    stored = notebook.read_bytes()

    assert runner.execute(notebook, target, {"seed": 2})
    assert printed(target) == f"2 {tmp_path}\n"
    assert not runner.execute(notebook, target, {"seed": 2})
    assert runner.execute(notebook, target, {"seed": 3})
    assert notebook.read_bytes() == stored
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one.ipynb"]
    assert "without encryption" not in capfd.readouterr().err


def test_execution_depends_on_parameters_text_and_results(
    runner: ModuleType, tmp_path: Path
) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", "seed: int = 1")
    marks = [runner.fingerprint(notebook, {}), runner.fingerprint(notebook, {"seed": 1})]
    (tmp_path / "results").mkdir()
    for text in ("{}", "[]"):
        (tmp_path / "results" / "runs.json").write_text(text)
        marks.append(runner.fingerprint(notebook, {}))
    write_notebook(notebook, "seed: int = 2")
    marks.append(runner.fingerprint(notebook, {}))
    elsewhere = {"kept": "others"}
    marks.append(runner.fingerprint(notebook, elsewhere))
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "runs.json").write_text("{}")
    marks.append(runner.fingerprint(notebook, elsewhere))
    assert len(set(marks)) == len(marks) == 7
    assert runner.fingerprint(notebook, {}) == marks[4]


def command(*given: object) -> subprocess.CompletedProcess[str]:
    """Run the runner from the command line."""
    line = [sys.executable, BOOK / "runner.py", *given]
    return subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_command_runs_with_parameters(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", "data: str | None = None", "print(data)")
    done = command(notebook, "-p", "data", "here", "--to", tmp_path / "out")
    assert done.returncode == 0
    assert "unknown parameter" not in done.stderr
    assert done.stdout.startswith("one.ipynb: run in ")
    assert printed(tmp_path / "out" / "one.ipynb") == "here\n"
    sources = [c.source for c in nbformat.read(tmp_path / "out" / "one.ipynb", as_version=4).cells]
    assert not any("here" in source for source in sources)  # a folder of the machine
    assert any('data = "..."' in source for source in sources)
    again = command(notebook, "-p", "data", "here", "--to", tmp_path / "out")
    assert again.stdout == "one.ipynb: unchanged\n"


@pytest.mark.slow
def test_outputs_of_default_parameters_can_be_stored(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", "seed: int = 4", "print(seed)")
    before = nbformat.read(notebook, as_version=4)
    done = command(notebook, "--to", tmp_path / "out", "--store")
    assert done.returncode == 0, done.stderr
    assert printed(notebook) == "4\n"
    after = nbformat.read(notebook, as_version=4)
    assert [cell.execution_count for cell in after.cells] == [1, 2]
    assert after.metadata == before.metadata  # nothing of the run but its outputs
    assert [cell.metadata for cell in after.cells] == [cell.metadata for cell in before.cells]
    wrong = command(notebook, "-p", "seed", "5", "--store", "--to", tmp_path / "out")
    assert wrong.returncode == 2
    assert printed(notebook) == "4\n"


@pytest.mark.slow
def test_failing_cell_is_named_and_nothing_is_kept_as_finished(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", "seed: int = 1", "print(seed)", "1 / 0")
    done = command(notebook, "--to", tmp_path / "out")
    assert done.returncode == 1
    assert "error: one.ipynb failed in cell [3] with ZeroDivisionError: division by zero" in (
        done.stderr
    )
    left = json.loads((tmp_path / "out" / "one.part.ipynb").read_text())
    assert any(cell.get("outputs") for cell in left["cells"])
    assert not (tmp_path / "out" / "one.ipynb").exists()


@pytest.mark.slow
@pytest.mark.skipif(os.cpu_count() == 1, reason="needs two cores")
def test_notebooks_run_side_by_side_and_those_that_measure_time_alone(tmp_path: Path) -> None:
    """Each of two ends only if the other has begun, the third only if none has."""
    meets = (
        "import pathlib, time; pathlib.Path({mine!r}).touch(); end = time.time() + 60\n"
        "while not pathlib.Path({other!r}).exists(): assert time.time() < end\n"
        "import os; print(os.environ['OMP_NUM_THREADS'])"
    )
    first, second = (
        write_notebook(tmp_path / f"{mine}.ipynb", "seed: int = 1", meets.format(**locals()))
        for mine, other in (("a", "b"), ("b", "a"))
    )
    alone = "import os; assert not {*'ab'} & {*os.listdir()}; print(os.getenv('OMP_NUM_THREADS'))"
    timed = write_notebook(tmp_path / "c.ipynb", "seed: int = 1", alone)
    notebook = nbformat.read(timed, as_version=4)
    notebook.metadata["timed"] = True
    nbformat.write(notebook, timed)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS", raising=False)
        done = command(first, second, timed, "--to", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [printed(tmp_path / "out" / f"{name}.ipynb") for name in "abc"] == [
        "1\n",
        "1\n",
        "None\n",
    ]


def test_what_the_command_cannot_use_is_said(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "one.ipynb", "seed: int = 1")
    wrong = command(notebook, "-p", "seed", "first", "--to", tmp_path / "out")
    assert wrong.returncode == 2
    assert "error: one.ipynb: seed is 'first', of type str; it must be int" in wrong.stderr
    absent = command("09_nothing", "--to", tmp_path / "out")
    assert absent.returncode == 2
    assert "there is no 09_nothing.ipynb" in absent.stderr
    assert not (tmp_path / "out").exists()
