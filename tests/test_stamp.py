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


def test_stamped_notebook_first_installs_the_commit_and_fetches_vggm_on_colab(
    stamp: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped = stamp.stamped(notebook("seed: int = 0"), URL, COMMIT)
    codes = [cell for cell in stamped["cells"] if cell["cell_type"] == "code"]
    assert "google.colab" in "".join(codes[0]["source"])
    *install, fetch = commands(stamped, monkeypatch, colab=True)
    assert install == [
        "cd -q /content",
        f"git clone -q {URL} rltrack-book",
        f"git -C rltrack-book checkout -q {COMMIT}",
        "pip install -q ./rltrack-book",
        "cd -q rltrack-book/book",
    ]
    assert fetch.startswith("rltrack fetch vggm || echo ")
    assert stamped["metadata"]["accelerator"] == "GPU"


def test_a_fetch_that_fails_is_told_and_stops_nothing(
    stamp: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped = stamp.stamped(notebook("seed: int = 0"), URL, COMMIT)
    fetch = commands(stamped, monkeypatch, colab=True)[-1].replace("rltrack fetch vggm", "false")
    done = subprocess.run(fetch, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("VGG-M cannot be fetched now")


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
