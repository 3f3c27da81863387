"""Make slides for lectures from the notebooks: `python book/slides.py [NAME]...`; `make slides`.

A cell says by Jupyter's metadata `slideshow.slide_type` where it goes: "slide" begins a slide,
"subslide" one below it, "-" continues a slide, "fragment" appears at the next step, and "notes" is
for the speaker alone (the key S shows it). Any other cell is left out. There is one deck for each
notebook with such cells, in `_build/slides`. With the files of reveal.js and MathJax beside the
decks, they need no network.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from slide_text import SlideText, image, labels_in

BOOK = Path(__file__).resolve().parent
ROOT = BOOK.parent
# What the decks load, from npm's folder, and its terms.
LIBRARIES = (
    "reveal.js/LICENSE",
    "reveal.js/dist/reveal.css",
    "reveal.js/dist/reveal.js",
    "reveal.js/dist/plugin/notes.js",
    "mathjax/LICENSE",
    "mathjax/es5/tex-svg-full.js",
)
NEW = {"slide", "subslide"}  # the types that begin a slide
SHOWN = {*NEW, "-", "fragment", "notes"}
NO_CODE = {"hide-input", "setup", "check", "parameters", "remove-input", "remove-cell"}
NO_OUTPUT = {"hide-output", "remove-output", "remove-cell"}
WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="vendor/reveal.js/dist/reveal.css">
<link rel="stylesheet" href="slides.css">
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<script>MathJax = {{ svg: {{ fontCache: "local" }} }};</script>
<script src="vendor/mathjax/es5/tex-svg-full.js"></script>
<script src="vendor/reveal.js/dist/reveal.js"></script>
<script src="vendor/reveal.js/dist/plugin/notes.js"></script>
<script src="slides.js"></script>
</body>
</html>
"""

INDEX = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides</title>
<link rel="stylesheet" href="slides.css">
</head>
<body class="index">
<h1>Slides</h1>
<ul>
{links}
</ul>
</body>
</html>
"""


class Book:
    """The notebooks of a folder, and what their texts refer to."""

    def __init__(self, folder: Path):
        """Read all notebooks of `folder`, and the titles of its pages."""
        self.folder = folder
        self.notebooks = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(folder.glob("*.ipynb"))
        }
        texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
        for name, notebook in self.notebooks.items():
            cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "markdown")
            texts[name] = "\n\n".join("".join(cell["source"]) for cell in cells)
        self.pages = {name: _title(text, name) for name, text in texts.items()}
        for name, text in texts.items():  # links may also go to a place on a page
            for place in re.findall(r"^\(([\w-]+)\)=$", text, re.M):
                self.pages[place] = self.pages[name]
        self.labels = {label for text in texts.values() for label in labels_in(text)}

    def deck(self, name: str) -> str | None:
        """Return the page with a notebook's slides, or None if it has none.

        Raises:
            ValueError: a cell has what slides do not know. The message names the cell.
        """
        notebook = self.notebooks[name]
        cells = [cell for cell in notebook["cells"] if _type(cell) in SHOWN]
        if not cells:
            return None
        markdown = ["".join(one["source"]) for one in cells if one["cell_type"] == "markdown"]
        shown = [label for source in markdown for label in labels_in(source)]
        text = SlideText(self.folder, self.pages, self.labels, shown)
        state = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})

        stacks: list[list[list[str]]] = []  # of slides, of parts
        for cell, heading in _under_headings(notebook["cells"]):
            kind = _type(cell)
            if kind not in SHOWN:
                continue
            if kind == "slide" or not stacks:
                stacks.append([[]])
            elif kind == "subslide":
                stacks[-1].append([])
            try:
                parts = list(_parts(cell, text, state))
                if cell["cell_type"] == "code" and heading and not stacks[-1][-1]:
                    parts.insert(0, text.html(heading))
            except ValueError as error:
                raise ValueError(f"{name}, cell {cell['id']!r}: {error}") from error
            if kind == "notes":
                parts = [f'<aside class="notes">{"".join(parts)}</aside>']
            elif kind == "fragment":
                parts = [f'<div class="fragment">{"".join(parts)}</div>']
            stacks[-1][-1] += parts
        slides = "\n".join(_section(map(_section, stack)) for stack in stacks)
        return PAGE.format(title=escape(self.pages[name]), slides=slides)


def _under_headings(cells: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each cell with the last section's heading above it: the title of a slide of code."""
    heading = ""
    for cell in cells:
        yield cell, heading
        if cell["cell_type"] == "markdown":
            found = re.findall(r"^## .+$", "".join(cell["source"]), re.M)
            heading = found[-1] if found else heading


def _section(parts: Iterable[str]) -> str:
    return "<section>\n" + "\n".join(parts) + "\n</section>"


def _title(text: str, name: str) -> str:
    found = re.search(r"^# +(.+)$", text, re.M)
    return found[1].strip() if found else name


def _type(cell: dict[str, Any]) -> str:
    return str(cell["metadata"].get("slideshow", {}).get("slide_type", ""))


def _parts(cell: dict[str, Any], text: SlideText, state: dict[str, Any]) -> Iterator[str]:
    """Yield what a slide shows of a cell, as HTML: its text, or its code and its outputs."""
    source, tags = "".join(cell["source"]), {*cell["metadata"].get("tags", [])}
    if cell["cell_type"] == "markdown":
        yield text.html(source)
        return
    lines = [line for line in source.splitlines() if not line.startswith("%")]
    if not tags & NO_CODE and lines:
        yield highlight("\n".join(lines), PythonLexer(), HtmlFormatter(cssclass="code"))
    if tags & NO_OUTPUT:
        return
    alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
    for output in cell["outputs"]:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            yield f'<pre class="printed">{escape("".join(output["text"]))}</pre>'
        elif data := output.get("data"):
            yield _shown({kind: _joined(value) for kind, value in data.items()}, alt, text, state)


def _joined(value: Any) -> Any:
    return "".join(value) if isinstance(value, list) else value


def _shown(data: dict[str, Any], alt: str, text: SlideText, state: dict[str, Any]) -> str:
    """Return an output as HTML, in the best of its forms."""
    if WIDGET in data and (pages := strip_pages(state, data[WIDGET]["model_id"])):
        return _strip(*pages)
    for kind in ("image/svg+xml", "image/png", "image/jpeg"):
        if kind in data:
            code = data[kind].strip()
            if kind == "image/svg+xml":
                code = base64.b64encode(code.encode()).decode()
            return f"<figure>{image(kind, code, alt)}</figure>"
    if "text/markdown" in data:
        return text.html(data["text/markdown"])
    return f'<pre class="printed">{escape(data.get("text/plain", ""))}</pre>'


def strip_pages(state: dict[str, Any], model: str) -> tuple[list[str], int, list[str]] | None:
    """Return what a widget of `rltrack.chapters.widgets` shows.

    Args:
        state: of all widgets of a notebook, by their names.
        model: the name of one of them. If it is no `strip` and no `choose`, the result is None.

    Returns:
        pages: the pictures with their labels, as HTML.
        start: the index of the first one shown.
        choices: the words on the buttons; of a `strip`, which has a slider, there are none.
    """

    def children(name: str) -> list[str]:
        found = state.get(name, {}).get("state", {}).get("children", [])
        return [child.removeprefix("IPY_MODEL_") for child in found]

    if "rltrack-strip" not in state.get(model, {}).get("state", {}).get("_dom_classes", []):
        return None
    control, stack = children(model)
    pages = [state[page]["state"]["value"] for page in children(stack)]
    choices = state[control]["state"].get("_options_labels", [])
    return pages, int(state[stack]["state"].get("selected_index") or 0), choices


def _strip(pages: list[str], start: int, choices: list[str]) -> str:
    """Return pictures to choose from, with controls of the browser's own; see `slides.js`."""
    parts = "".join(
        f"<div{'' if index == start else ' hidden'}>{page}</div>"
        for index, page in enumerate(pages)
    )
    control = (
        f'<input type="range" aria-label="Step through the pictures" '
        f'min="0" max="{len(pages) - 1}" value="{start}">'
    )
    if choices:
        buttons = "".join(f"<button>{escape(words)}</button>" for words in choices)
        control = f'<nav aria-label="Choose a picture">{buttons}</nav>'
    return f'<figure class="strip">{control}{parts}</figure>'


def write(book: Book, names: Iterable[str], libraries: Path, target: Path) -> list[str]:
    """Write the decks of notebooks, with all that they load, and a list of them.

    Args:
        book: the book.
        names: of the notebooks. One without slides gets no deck.
        libraries: npm's folder `node_modules`.
        target: the folder for the decks. What an earlier run left in it is removed.

    Returns:
        The names of the decks.

    Raises:
        ValueError: a cell has what slides do not know. Then `target` is as it was.
    """
    decks = {name: deck for name in names if (deck := book.deck(name))}
    if target.exists():
        shutil.rmtree(target)
    for path in LIBRARIES:
        copy = target / "vendor" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(libraries / path, copy)
    colours = HtmlFormatter(cssclass="code", style="tango").get_style_defs()
    style = (BOOK / "_assets" / "slides.css").read_text(encoding="utf-8")
    (target / "slides.css").write_text(f"{style}\n{colours}\n", encoding="utf-8")
    shutil.copy(BOOK / "_assets" / "slides.js", target)
    for name, deck in decks.items():
        (target / f"{name}.html").write_text(deck, encoding="utf-8")
    links = "\n".join(
        f'<li><a href="{name}.html">{escape(book.pages[name])}</a></li>' for name in decks
    )
    (target / "index.html").write_text(INDEX.format(links=links), encoding="utf-8")
    return list(decks)


def main() -> None:
    """Write the decks that the command line asks for."""
    parser = argparse.ArgumentParser(description="Make slides from the book's notebooks.")
    parser.add_argument("notebook", nargs="*", metavar="NAME", help="such as 02_attention")
    parser.add_argument(
        "--source",
        type=Path,
        default=BOOK,
        metavar="DIR",
        help="the folder of executed notebooks; the default is book/, _build/src has those of "
        "the last `make book`",
    )
    given = parser.parse_args()
    book = Book(given.source)
    if absent := sorted({*given.notebook} - book.notebooks.keys()):
        parser.error(f"there is no notebook {', '.join(absent)} in {given.source}")
    target = ROOT / "_build" / "slides"
    try:
        decks = write(book, given.notebook or book.notebooks, ROOT / "node_modules", target)
    except ValueError as error:
        sys.exit(f"error: {error}")
    print(f"{target / 'index.html'} lists the decks: {', '.join(decks) or 'there is none'}")


if __name__ == "__main__":
    main()
