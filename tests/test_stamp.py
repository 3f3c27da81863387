"""The notebooks that Colab opens: what their added cells run there, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
URL = "https://github.com/ann/tracker"
COMMIT = "0123abc"

nbformat = pytest.importorskip("nbformat", reason="needs the extra 'book'")
inputtransformer2 = pytest.importorskip(
    "IPython.core.inputtransformer2", reason="needs the extra 'book'"
)


@pytest.fixture
def stamp() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BOOK)
        import stamp
    found: ModuleType = stamp
    return found


def notebook(parameters: str) -> dict[str, Any]:
    """A title, parameters, and a cell that uses them."""
    made = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    made.cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("import rltrack"),
    ]
    found: dict[str, Any] = json.loads(nbformat.writes(made))
    return found


class Shell:
    """Notes the commands that an IPython cell would run."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def system(self, command: str) -> None:
        self.commands.append(command)

    def run_line_magic(self, name: str, line: str) -> None:
        self.commands.append(f"{name} {line}")


def commands(made: dict[str, Any], monkeypatch: pytest.MonkeyPatch, colab: bool) -> list[str]:
    """What the cells of a notebook run, on Colab or not; the last one, its own, is left."""
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    shell = Shell()
    names: dict[str, Any] = {"get_ipython": lambda: shell}
    for cell in made["cells"][:-1]:
        if cell["cell_type"] == "code":
            source = inputtransformer2.TransformerManager().transform_cell("".join(cell["source"]))
            exec(source, names)
    return shell.commands


@pytest.mark.parametrize("name", [None, "Tesla T4"])
def test_stamped_notebook_first_installs_the_commit_and_looks_for_a_gpu_on_colab(
    stamp: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str | None,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: name is not None)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: name)
    stamped = stamp.stamped(notebook("seed: int = 0"), URL, COMMIT)
    codes = [cell for cell in stamped["cells"] if cell["cell_type"] == "code"]
    assert "google.colab" in "".join(codes[0]["source"])
    assert commands(stamped, monkeypatch, colab=True) == [
        "cd -q /content",
        f"[ -d rltrack-book ] || git clone -q {URL} rltrack-book",
        f"git -C rltrack-book checkout -q {COMMIT}",
        "pip install -q ./rltrack-book",
        "cd -q rltrack-book/book",
    ]
    (line,) = capsys.readouterr().out.splitlines()
    assert (name or "Runtime, choose Change runtime type") in line
    assert stamped["metadata"]["accelerator"] == "GPU"


def test_parameters_become_a_form_of_colab(stamp: ModuleType) -> None:
    form = stamp.form(
        'sequence: str | None = None  # a video, "Deer" or #3\n'
        "# Of the tracker:\n"
        'kept: str = "a # b"\n'
        "weight: float = 5.0  # λ\n\n"
        "seed: int = 0\n"
        "fast: bool = True  # preset tiny"
    )
    assert form.splitlines()[1:] == [
        'sequence = None  # @param {type: "raw"}',
        '# @markdown `sequence`: a video, "Deer" or #3 (None, or a text in quotes)',
        "# @markdown Of the tracker:",
        'kept = "a # b"  # @param {type: "string"}',
        'weight = 5.0  # @param {type: "number"}',
        "# @markdown `weight`: λ",
        'seed = 0  # @param {type: "integer"}',
        'fast = True  # @param {type: "boolean"}',
        "# @markdown `fast`: preset tiny",
    ]


@pytest.mark.parametrize("wrong", ["seed = 0", "print(1)", "seed: int"])
def test_a_cell_with_more_than_parameters_is_refused(stamp: ModuleType, wrong: str) -> None:
    with pytest.raises(ValueError, match="is not of the form 'name: type = value'"):
        stamp.form(wrong)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_form_is_right_below_the_first_cell_and_sets_the_same_values(
    stamp: ModuleType, path: Path
) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    before, after = (
        [cell for cell in made["cells"] if cell["cell_type"] == "code"][1]
        for made in (stored, stamp.stamped(stored, URL, COMMIT))
    )
    assert all("parameters" in cell["metadata"].get("tags", []) for cell in (before, after)), (
        "the cell of parameters is the first code cell after that of book/stamp.py"
    )
    values: list[dict[str, Any]] = [{}, {}]
    for cell, names in zip((before, after), values, strict=True):
        exec("".join(cell["source"]), {}, names)
    values[0].pop("__annotations__", None)
    assert values[0] == values[1]
    assert "".join(after["source"]).count("# @param {type: ") == len(values[1])


def test_stamped_notebook_runs_nothing_elsewhere(
    stamp: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped = stamp.stamped(notebook("seed: int = 0"), URL, COMMIT)
    assert commands(stamped, monkeypatch, colab=False) == []


@pytest.mark.parametrize("kind", ["stored", "stamped"])
def test_without_the_package_the_first_cell_says_what_to_install(
    stamp: ModuleType, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    given = notebook("seed: int = 0")
    made = (
        stamp.with_first_cell(given, stamp.FIND)
        if kind == "stored"
        else stamp.stamped(given, URL, COMMIT)
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package rltrack.*venv.*pip"):
        commands(made, monkeypatch, colab=False)


def test_the_cell_comes_after_the_title_and_takes_the_place_of_an_older_one(
    stamp: ModuleType,
) -> None:
    given = notebook("seed: int = 0")
    before = json.dumps(given)
    made = stamp.with_first_cell(stamp.with_first_cell(given, "pass"), stamp.FIND)
    assert json.dumps(given) == before
    assert [cell for cell in made["cells"] if cell in given["cells"]] == given["cells"]
    assert len(made["cells"]) == len(given["cells"]) + 1
    assert "".join(made["cells"][1]["source"]) == stamp.FIND
    assert stamp.with_first_cell(made, stamp.FIND) == made


def test_executed_cells_are_counted_on(stamp: ModuleType) -> None:
    given = notebook("seed: int = 0")
    for count, cell in enumerate(given["cells"][1:], 1):
        cell["execution_count"] = count
    made = stamp.with_first_cell(given, stamp.FIND)
    assert [cell["execution_count"] for cell in made["cells"][1:]] == [1, 2, 3]
    again = stamp.with_first_cell(made, "pass")
    assert [cell["execution_count"] for cell in again["cells"][1:]] == [1, 2, 3]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_with_the_cell(stamp: ModuleType, path: Path) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    # `python book/stamp.py --stored` puts it in.
    assert stamp.with_first_cell(stored, stamp.FIND) == stored


def test_all_notebooks_of_the_book_are_stamped(tmp_path: Path) -> None:
    script = [sys.executable, str(BOOK / "stamp.py"), URL, COMMIT, str(tmp_path / "book")]
    subprocess.run(script, check=True)
    written = sorted((tmp_path / "book").iterdir())
    assert [path.name for path in written] == [path.name for path in NOTEBOOKS]
    for path in written:
        nbformat.validate(nbformat.read(path, as_version=4))
        assert COMMIT in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_is_stored_with_a_stamp(path: Path) -> None:
    assert "git clone" not in path.read_text(encoding="utf-8")
