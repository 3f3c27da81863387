"""The repository itself: how notebooks are stored, nothing large or local, a light import."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rltrack

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def tags(cell: dict[str, Any]) -> list[str]:
    found: list[str] = cell["metadata"].get("tags", [])
    return found


# --- notebooks -----------------------------------------------------------------------------------


def test_the_book_has_notebooks() -> None:
    assert NOTEBOOKS


each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each_notebook
def test_notebook_is_stored_with_text_outputs(path: Path) -> None:
    # nbval compares text and never a picture: a notebook without text checks nothing.
    compared = [
        output
        for cell in code_cells(path)
        if "nbval-ignore-output" not in tags(cell)
        for output in cell["outputs"]
        if "text" in output or "text/plain" in output.get("data", {})
    ]
    assert compared


@each_notebook
def test_notebook_was_run_from_top_to_bottom(path: Path) -> None:
    counts = [cell["execution_count"] for cell in code_cells(path) if cell["source"]]
    again = f"python book/runner.py {path.stem} --store"
    assert counts == list(range(1, len(counts) + 1)), f"run it again: {again}"


@each_notebook
def test_notebook_stores_no_error(path: Path) -> None:
    outputs = [output for cell in code_cells(path) for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]


@each_notebook
def test_notebook_stores_no_warning(path: Path) -> None:
    outputs = [output for cell in code_cells(path) for output in cell["outputs"]]
    assert not [output["text"] for output in outputs if output.get("name") == "stderr"]


@each_notebook
def test_notebook_has_one_parameters_cell_and_stores_its_defaults(path: Path) -> None:
    all_tags = [tag for cell in code_cells(path) for tag in tags(cell)]
    assert all_tags.count("parameters") == 1
    assert "injected-parameters" not in all_tags


# What the parameters that chapters have in common are called, and what they are by default.
SHARED = {
    "sequence": ("str | None", None),  # the film without data, the chapter's own sequence with it
    "data": ("str | None", None),
    "device": ("str", "auto"),
    "seed": ("int", 0),
    "fast": ("bool", True),  # preset tiny and a short excerpt; else paper and the whole
}
READ_RUNS = ["06_what_matters", "07_benchmarks", "09_backbone"]
HAVE_ALL = [
    path.stem for path in NOTEBOOKS if path.stem not in {*READ_RUNS, "10_natural_images"}
]  # that one only shows what is kept


def parameters_of(path: Path) -> dict[str, tuple[str, Any]]:
    """A notebook's parameters: type and default by name."""
    (cell,) = (c for c in code_cells(path) if "parameters" in tags(c))
    return {
        ast.unparse(line.target): (ast.unparse(line.annotation), ast.literal_eval(line.value))
        for line in ast.parse("".join(cell["source"])).body
        if isinstance(line, ast.AnnAssign) and line.value is not None
    }


@pytest.mark.parametrize("name", HAVE_ALL)
def test_parameters_of_one_meaning_have_one_name(name: str) -> None:
    found = parameters_of(BOOK / f"{name}.ipynb")
    # The chapter on speed takes the paper's network apart, so it has VGG-M's layers.
    backbone = "analytic" if name == "08_real_time" else "lite0"
    expected = {**SHARED, "backbone": ("str", backbone)}
    assert {key: found.get(key) for key in expected} == expected
    assert not found.keys() & {"source", "preset", "frames", "first", "shown"}  # `fast` chooses


# What the chapters that read many runs have in common: several of what the others have one of.
SHARED_BY_RUNS = {
    "data": ("str | None", None),
    "device": ("str", "auto"),
    "seeds": ("int", 3),
    "run": ("bool", False),
    "out": ("str", "../out/runs"),
    "kept": ("str", "results"),
}


@pytest.mark.parametrize("name", READ_RUNS)
def test_parameters_of_chapters_on_runs_have_one_name(name: str) -> None:
    found = parameters_of(BOOK / f"{name}.ipynb")
    assert {key: found.get(key) for key in SHARED_BY_RUNS} == SHARED_BY_RUNS
    assert found["sequences"][0] == "str"  # a set, or names
    assert not found.keys() & {"sequence", "dataset", "source", "preset"}


@each_notebook
def test_figures_are_as_wide_as_a_page(path: Path) -> None:
    widths = [
        float(width)
        for cell in code_cells(path)
        for output in cell["outputs"]
        for width in re.findall(
            r"<Figure size ([\d.]+)x", "".join(output.get("data", {}).get("text/plain", ""))
        )
    ]
    assert not [width for width in widths if width > 700]


@each_notebook
def test_code_fits_beside_both_sidebars_of_a_laptop(path: Path) -> None:
    lines = [line for cell in code_cells(path) for line in "".join(cell["source"]).splitlines()]
    assert not [line for line in lines if len(line) > 85]


@each_notebook
def test_notebook_is_small(path: Path) -> None:
    assert path.stat().st_size <= 1_000_000


@each_notebook
def test_notebook_is_in_the_table_of_contents(path: Path, build: ModuleType) -> None:
    assert path.stem in toc_pages(build)


@each_notebook
def test_notebook_is_on_the_welcome_page(path: Path) -> None:
    assert f"]({path.stem})" in (BOOK / "welcome.md").read_text(encoding="utf-8")


# --- the book ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """`book/build.py` as a module."""
    pytest.importorskip("papermill", reason="needs the extra 'book'")
    spec = importlib.util.spec_from_file_location("book_build", BOOK / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BOOK)
        spec.loader.exec_module(module)
    return module


def toc_pages(build: ModuleType) -> list[str]:
    yaml = pytest.importorskip("yaml")
    found: list[str] = build.pages(yaml.safe_load((BOOK / "_toc.yml").read_text("utf-8")))
    return found


def test_every_page_in_the_table_of_contents_exists(build: ModuleType) -> None:
    names = toc_pages(build)
    assert len(names) >= 2
    for name in names:
        assert [*BOOK.glob(f"{name}.md"), *BOOK.glob(f"{name}.ipynb")], name


def test_pages_come_in_reading_order(build: ModuleType) -> None:
    toc = {
        "root": "a",
        "parts": [
            {"chapters": [{"file": "b", "sections": [{"file": "c"}]}, {"file": "d"}]},
            {"chapters": [{"file": "e"}]},
        ],
    }
    assert build.pages(toc) == ["a", "b", "c", "d", "e"]


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """All files that are in the repository, or would be after `git add`."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_is_large(tracked: list[Path]) -> None:
    assert not [path.name for path in tracked if path.stat().st_size > 4_000_000]


LOCAL_PATH = re.compile(
    r"(?<![\w.:~/+-])(?:/(?:home|Users|root|tmp|work|mnt|scratch)/\w|[A-Z]:\\Users\\)"
)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("read from " + "/ho" + "me/ann/clip.mp4", True),
        ('"' + "/t" + 'mp/ipykernel_7"', True),
        ("C:" + r"\Users\ann", True),
        ("https://example.org/" + "home/page", False),
        ("in " + "book/ho" + "me/page.md", False),
        ("#!/usr/bin/env bash", False),
    ],
)
def test_local_paths_are_told_from_others(text: str, local: bool) -> None:
    assert bool(LOCAL_PATH.search(text)) == local


def test_no_file_names_a_place_on_one_machine(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.name}: {match.group()}" for match in LOCAL_PATH.finditer(text)]
    assert not found


# --- version and package -------------------------------------------------------------------------


def test_version_is_stated_once_and_repeated_rightly() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in pyproject
    assert '[tool.hatch.version]\npath = "rltrack/__init__.py"' in pyproject
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (\S+)$", citation, re.M) == [rltrack.__version__]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changelog, re.M)[0] == rltrack.__version__


def test_every_floor_is_tested_and_every_dependency_pinned() -> None:
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    floors = dict(re.split("[=>]=", line) for line in project["dependencies"])

    def pins(path: Path) -> dict[str, str]:
        lines = re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(encoding="utf-8"), re.M)
        return {name.replace("_", "-").lower(): version for name, version in lines}

    exact = pins(ROOT / "constraints.txt")
    assert not {re.split("[=>]=", line)[0] for line in [*floors, *extras]} - exact.keys()
    oldest = pins(ROOT / ".github" / "oldest.txt")
    assert oldest.keys() == floors.keys()
    for name, floor in floors.items():
        assert f"{oldest[name]}.".startswith(f"{floor}."), name


def test_lock_of_the_pages_libraries_has_hashes_and_names_no_registry() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    del packages[""]
    assert packages
    for name, package in packages.items():
        assert "integrity" in package and "resolved" not in package, name


def run_python(code: str) -> str:
    """Run code in a fresh interpreter at the repository's root; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy() -> None:
    loaded = run_python("import sys, rltrack; print(*sys.modules)").split()
    assert "rltrack" in loaded
    heavy = {
        "torch",
        "numba",
        "cv2",
        "matplotlib",
        "numpy",
        "scipy",
        "av",
        "rich",
        "typer",
        "requests",
    }
    assert not heavy & set(loaded)
    assert [name for name in loaded if name.startswith("rltrack")] == ["rltrack"]


def test_import_touches_no_file_but_source_code() -> None:
    watch = """
import sys
seen = []
watched = {"open", "os.mkdir", "os.rename", "subprocess.Popen", "socket.connect", "socket.bind"}
sys.addaudithook(lambda event, given: event in watched and seen.append((event, str(given[0]))))
import rltrack
seen = [(event, what) for event, what in seen if not what.endswith((".py", ".pyc"))]
print(seen)
"""
    assert run_python(watch).strip() == "[]"


def test_public_names_are_listed_before_they_are_loaded() -> None:
    listed = run_python("import rltrack; print(*dir(rltrack))").split()
    assert set(rltrack.__all__) <= set(listed)


@pytest.mark.parametrize("name", rltrack.__all__)
def test_public_name_exists(name: str) -> None:
    value = getattr(rltrack, name)
    assert value.__name__ == name
    assert value.__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'rltrack' has no attribute 'trakc'"):
        rltrack.trakc  # noqa: B018
