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


def commands(stamped: dict[str, Any], monkeypatch: pytest.MonkeyPatch, colab: bool) -> list[str]:
    """What the cells of a stamped notebook run, on Colab or not; the last one, its own, is left."""
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    shell = Shell()
    names: dict[str, Any] = {"get_ipython": lambda: shell}
    for cell in stamped["cells"][:-1]:
        if cell["cell_type"] == "code":
            source = inputtransformer2.TransformerManager().transform_cell("".join(cell["source"]))
            exec(source, names)
    return shell.commands


def test_stamped_notebook_installs_the_commit_first_on_colab(
    stamp: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped = stamp.stamped(notebook("seed: int = 0"), URL, COMMIT)
    assert "google.colab" in "".join(stamped["cells"][0]["source"])
    assert commands(stamped, monkeypatch, colab=True) == [
        "cd -q /content",
        f"git clone -q {URL} rltrack-book",
        f"git -C rltrack-book checkout -q {COMMIT}",
        "pip install -q ./rltrack-book",
        "cd -q rltrack-book/book",
    ]
    assert stamped["metadata"]["accelerator"] == "GPU"


@pytest.mark.parametrize(("backbone", "fetched"), [("embedded", False), ("vggm", True)])
def test_stamped_notebook_fetches_vggm_only_if_asked(
    stamp: ModuleType, monkeypatch: pytest.MonkeyPatch, backbone: str, fetched: bool
) -> None:
    parameters = f'seed: int = 0\nbackbone: str = "{backbone}"'
    stamped = stamp.stamped(notebook(parameters), URL, COMMIT)
    run = commands(stamped, monkeypatch, colab=True)
    assert ("rltrack fetch vggm" in run) == fetched


def test_stamped_notebook_runs_nothing_elsewhere(
    stamp: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped = stamp.stamped(notebook('backbone: str = "vggm"'), URL, COMMIT)
    assert commands(stamped, monkeypatch, colab=False) == []


def test_stamping_leaves_the_notebook_as_it_is(stamp: ModuleType) -> None:
    given = notebook('backbone: str = "vggm"')
    before = json.dumps(given)
    stamped = stamp.stamped(given, URL, COMMIT)
    assert json.dumps(given) == before
    assert [cell for cell in stamped["cells"] if cell in given["cells"]] == given["cells"]


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
