"""How the book's chapters are laid out: `python tests/chapter_layout.py [NOTEBOOK]...`.

Prints for each chapter what does not agree with the conventions, and what to do about it.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from rltrack.plots.style import PAGE_WIDTH

BOOK = Path(__file__).resolve().parents[1] / "book"
LINES = 12
SUMMARY = 5
# A figure is stored with a margin around all that is drawn, as Jupyter does.
WIDEST = PAGE_WIDTH + 0.12

FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
PROMPTS = {"parameters": "Parameters", "setup": "Setup", "check": "The check"}

Cell = dict[str, Any]


def cells_of(path: Path, kind: str) -> list[Cell]:
    """Return the cells of a notebook that are of a kind, `code` or `markdown`."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


def source(cell: Cell) -> str:
    """Return what is written in a cell."""
    return "".join(cell["source"])


def start(cell: Cell) -> str:
    """Return the words that name a cell in a message."""
    return repr(next((line for line in source(cell).splitlines() if line.strip()), "")[:50])


def tags(cell: Cell) -> set[str]:
    """Return the tags of a cell."""
    return set(cell["metadata"].get("tags", []))


def mystnb(cell: Cell) -> dict[str, Any]:
    """Return what a cell's metadata say about its look."""
    found: dict[str, Any] = cell["metadata"].get("mystnb", {})
    return found


def pictures(cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield the type and the data of each picture that a cell shows."""
    for output in cell["outputs"]:
        for kind, data in output.get("data", {}).items():
            if kind.startswith("image/"):
                yield kind, "".join(data)


def inches(kind: str, data: str) -> float:
    """Return how wide a stored picture is."""
    if kind == "image/svg+xml":
        width = re.search(r'<svg[^>]* width="([\d.]+)pt"', data)
        assert width, "an SVG without a width in points"
        return float(width[1]) / 72
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        pixels, density = picture.width, picture.info.get("dpi", (72, 72))[0]
    return float(pixels / density)


def machine_paths(path: Path) -> list[str]:
    """Return the paths of a machine in what the cells of a notebook show."""
    found = []
    for cell in cells_of(path, "code"):
        for output in cell["outputs"]:
            data = output.get("data", {})
            shown = {kind: data[kind] for kind in data if not kind.startswith("image/")}
            text = json.dumps([shown, output.get("text"), output.get("traceback")])
            found += re.findall(r"(?<![\w.~-])/(?:root|home|work|tmp|Users)/[^\s<>\"'\\]*", text)
    return found


def in_outputs(path: Path) -> Iterator[str]:
    """Yield what is wrong in what the cells of a chapter show."""
    for found in machine_paths(path):
        yield f"an output shows the path {found}: print a name in its place"
    for cell in cells_of(path, "code"):
        if any(pictures(cell)) and not mystnb(cell).get("image", {}).get("alt", "").strip():
            yield f"the figure of cell {start(cell)} has no text: set mystnb.image.alt"


def in_code(path: Path) -> Iterator[str]:
    """Yield what is wrong in the cells of code."""
    cells = [cell for cell in cells_of(path, "code") if "remove-cell" not in tags(cell)]
    if (count := sum("parameters" in tags(cell) for cell in cells)) != 1:
        yield f"{count} cells are tagged 'parameters': tag exactly one"
    for cell in cells:
        named = f"cell {start(cell)}"
        lines = [line for line in source(cell).splitlines() if line.strip()]
        for tag in sorted(PROMPTS.keys() & tags(cell)):
            prompts = [mystnb(cell).get(f"code_prompt_{when}") for when in ("show", "hide")]
            if "hide-input" not in tags(cell) or prompts != [PROMPTS[tag]] * 2:
                yield (
                    f"{named} is tagged '{tag}': tag it 'hide-input', too, and set "
                    f"mystnb.code_prompt_show and code_prompt_hide to {PROMPTS[tag]!r}"
                )
        if "check" in tags(cell):
            yield from in_check(cell)
        if only_imports(lines) and "setup" not in tags(cell):
            yield f"{named} only imports: tag it 'setup' and 'hide-input', or join it with another"
        if not FOLDED & tags(cell):
            if len(lines) > LINES:
                yield f"{named} has {len(lines)} lines: show at most {LINES}; move some to rltrack"
            if asserts(cell):
                yield f"{named} asserts: move that into a cell tagged 'check' and 'hide-input'"
        for kind, data in pictures(cell):
            if (width := inches(kind, data)) > WIDEST:
                yield f"the figure of {named} is {width:.2f} inches wide: draw it with style.page"


def only_imports(lines: list[str]) -> bool:
    """Return whether a cell does nothing but import and set."""
    code = "\n".join(line for line in lines if not line.lstrip().startswith("%"))
    return bool(lines) and all(
        isinstance(line, (ast.Import, ast.ImportFrom)) for line in ast.parse(code).body
    )


def asserts(cell: Cell) -> bool:
    """Return whether a cell checks something."""
    return bool(re.search(r"(?m)^\s*assert\b|\b(torch|np|numpy)\.testing\.", source(cell)))


def in_check(cell: Cell) -> Iterator[str]:
    """Yield what is wrong in a cell tagged `check`."""
    if not asserts(cell):
        yield f"check {start(cell)} checks nothing: it needs an assert or torch.testing"
    printed = "".join("".join(output.get("text", "?")) for output in cell["outputs"])
    if not re.fullmatch(r"checked: \S.*\n?", printed):
        yield (
            f"check {start(cell)} has the output {printed[:60]!r}: "
            "print exactly one line, which begins with 'checked: '"
        )


def in_text(path: Path, following: str) -> Iterator[str]:
    """Yield what is wrong in the text of a chapter; `following` is the page after it."""
    text = "\n\n".join(map(source, cells_of(path, "markdown")))
    if "{math}" in text:
        yield "there is {math}: write $...$ and $$ ... $$ (label), which Jupyter renders, too"
    # The question that a chapter answers may come first.
    opening = r"\s*# .*\n\s*([^#`:\n].*\n)*\s*(`{3,}|:{3,})\{admonition\}.*\n:class: objectives\b"
    if not re.match(opening, text):
        yield (
            "below the title, after one paragraph at most, an {admonition} of the class "
            "'objectives' must say what is learned"
        )
    headings = re.findall(r"(?m)^## +(.*?) *$", text)
    if headings[-2:] != ["Summary", "Exercises"]:
        yield f"the last sections are {headings[-2:]}: end with 'Summary' and 'Exercises'"
    if wrong := [heading for heading in headings if re.match(r"Checks?\b", heading)]:
        yield f"there is a section {wrong[0]!r}: fold the check away and drop the heading"
    parts = re.split(r"(?m)^## +", text)
    summary = next((part for part in parts if part.startswith("Summary")), "")
    points = len(re.findall(r"(?m)^(?:\d+\.|[-*]) ", summary))
    if not 1 <= points <= SUMMARY:
        yield f"the summary has {points} points: give it 1 to {SUMMARY}, as a list"
    solutions = re.search(r"(?s)(`{3,}|:{3,})\{dropdown\} Solutions?\b.*\n\1\s*?\n?(.*)", parts[-1])
    if not solutions:
        yield "the exercises have no {dropdown} Solutions"
    ending = solutions[2] if solutions else parts[-1]
    if not re.search(rf"\]\({following}(\.\w+)?\)|\{{doc\}}`[^`]*\b{following}\b", ending):
        yield f"the chapter does not end with a link to the next page, []({following})"


def following(path: Path) -> str:
    """Return the name of the page that the table of contents has after a chapter."""
    toc = (BOOK / "_toc.yml").read_text(encoding="utf-8")
    names: list[str] = re.findall(r"(?m)\bfile: *(\S+)$", toc)
    if path.stem not in names:
        raise ValueError(f"{path.stem} is not in book/_toc.yml: add it there first")
    return names[names.index(path.stem) + 1]


def conventions(path: Path) -> list[str]:
    """Return all that is wrong in a chapter."""
    return [*in_outputs(path), *in_code(path), *in_text(path, following(path))]


if __name__ == "__main__":
    for name in [Path(name) for name in sys.argv[1:]] or sorted(BOOK.glob("*.ipynb")):
        print(f"{name.stem}:", *conventions(name) or ["meets all conventions"], sep="\n- ")
