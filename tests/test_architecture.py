"""The package's rooms: imports lead one way, there are no circles, and modules stay small."""

from __future__ import annotations

import ast
import json
import re
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "rltrack"

# From the ground up. A room may import from those before it and from the package's own modules,
# such as `rltrack.errors`, which import from no room.
ROOMS = (
    "backbones",
    "tracking",
    "data",
    "evaluation",
    "demo_film",
    "pages",
    "video",
    "speed",
    "benchmarks",
    "plots",
    "pretraining",
    "chapters",
    "cli",
)
# The program itself, which starts at the top; and the public names, loaded at first use.
ABOVE = {"rltrack.__main__", "rltrack"}


def modules() -> dict[str, Path]:
    """All modules of the package by their full names."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """The package's modules that one imports: at the top, in functions, for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                found.add(name if name in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in MODULES}


IMPORTS = {name: imports(path) - {name} for name, path in MODULES.items()}


def floor(module: str) -> int:
    """The number of a module's room in `ROOMS`, counted from 1; 0 for the package's own modules."""
    room = module.split(".")[1] if module.count(".") else ""
    return ROOMS.index(room) + 1 if room in ROOMS else 0


def test_every_folder_is_a_room() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ROOMS)
    assert {path.parent for path in PACKAGE.rglob("*.py")} == {
        PACKAGE,
        *(PACKAGE / room for room in ROOMS),
    }


@pytest.mark.parametrize("module", sorted(MODULES.keys() - ABOVE))
def test_imports_lead_down(module: str) -> None:
    upwards = {other for other in IMPORTS[module] - {"rltrack"} if floor(other) > floor(module)}
    assert not upwards, f"{module} imports from a room above its own"


def test_there_are_no_circles() -> None:
    # The package itself only forwards public names, at their first use.
    graph = {name: needs - {"rltrack"} for name, needs in IMPORTS.items() if name not in ABOVE}
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_is_read_in_one_sitting(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 320


def private_imports(path: Path) -> list[str]:
    return [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rltrack")
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_private_helpers_stay_in_their_module(module: str) -> None:
    assert not private_imports(MODULES[module])


def exported(module: str) -> set[str]:
    """What a module's ``__all__`` has."""
    for node in ast.parse(MODULES[module].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_what_is_used_elsewhere_is_exported(module: str) -> None:
    taken = [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for alias in node.names
        if f"{node.module}.{alias.name}" not in MODULES and alias.name != "__version__"
    ]
    assert not [f"{other}.{name}" for other, name in taken if name not in exported(other)]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_lives_in_it(room: str) -> None:
    text = ast.get_docstring(ast.parse(MODULES[f"rltrack.{room}"].read_text(encoding="utf-8")))
    assert text and 2 <= len(text.splitlines()) <= 6


# --- Names and paths in prose --------------------------------------------------------------------

ROOT = PACKAGE.parent
DOTTED = re.compile(r"(?<![\w/])rltrack(?:\.\w+)+")
PATH = re.compile(r"`((?:rltrack|tests|book|data_scripts)/[\w./-]+\.(?:py|md|ipynb|yml))`")


def written() -> list[Path]:
    """All files with prose: modules, pages, notebooks, tests left out."""
    folders = PACKAGE.rglob("*.py"), ROOT.glob("*.md"), ROOT.glob("book/*.md")
    more = ROOT.glob("book/*.ipynb"), ROOT.glob("book/**/*.py"), ROOT.glob("data_scripts/*")
    return sorted(path for paths in (*folders, *more) for path in paths if path.is_file())


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    known = [n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in MODULES]
    if not known:
        return False
    thing = import_module(".".join(parts[: known[0]]))
    for part in parts[known[0] :]:
        fields = getattr(thing, "__annotations__", {})  # of classes, without a default
        if not hasattr(thing, part) and part in fields:
            return True
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


@pytest.mark.parametrize("path", written(), ids=lambda path: str(path.relative_to(ROOT)))
def test_names_and_paths_in_prose_are_right(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells)
    files = {"rltrack.csv", "rltrack.log", "rltrack.json"}
    names = set(DOTTED.findall(text)) - files
    assert not {name for name in names if not resolves(name)}
    assert not {found for found in PATH.findall(text) if not (ROOT / found).exists()}
