"""Slides made from notebooks: what is on them, and MyST that becomes plain HTML."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"
PIXEL = base64.b64encode(b"a picture").decode()
IMAGE = f'<img alt="A dot" src="data:image/png;base64,{PIXEL}">'
WORKS = """
@inproceedings{one, author = {Lu{\\'c}a, Ann}, title = {A}, year = {2001}}
@inproceedings{two, author = {Bell, Bo and Cole, Cy}, title = {B}, year = {2002}}
@inproceedings{three, author = {Dow, D and Eck, E and Fox, F}, title = {C}, year = {2003}}
"""

nbformat = pytest.importorskip("nbformat", reason="needs the extra 'book'")
pytest.importorskip("mdit_py_plugins", reason="needs the extra 'book'")


@pytest.fixture(scope="module")
def modules() -> tuple[ModuleType, ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BOOK)
        import slide_text
        import slides
    return slides, slide_text


@pytest.fixture(scope="module")
def whole(modules: tuple[ModuleType, ModuleType]) -> Any:
    return modules[0].Book(BOOK)


@pytest.fixture
def text(modules: tuple[ModuleType, ModuleType], tmp_path: Path) -> Any:
    (tmp_path / "references.bib").write_text(WORKS, encoding="utf-8")
    (tmp_path / "a.png").write_bytes(b"a picture")
    pages = {"02_maps": "Maps & more", "using": "Using it"}
    return modules[1].SlideText(tmp_path, pages, ["here", "there"], ["here"])


# --- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{math}`a < b`", r"\(a &lt; b\)"),
        ("$a < b$", r"\(a &lt; b\)"),
        ("a $$x$$ b", r"\[x\]"),
        ("$$\nx\n$$", r"\[x\]"),
        ("$$\nx\n$$ (here)", r"\[x \tag{1}\]"),
        ("```{math}\n:label: here\n\nx\n```", r"\[x \tag{1}\]"),
        ("```{math}\nx\n```", r"\[x\]"),
        (r"\begin{align}x\end{align}", r"\[\begin{align}x\end{align}\]"),
        ("by {eq}`here`", "by (1)"),
        ("by {eq}`there` of chapter 4", "by (there) of chapter 4"),
        ("a {term}`map`", "a map"),
        ("{term}`maps <map>`", "maps"),
        ("{func}`rltrack.track`", "<code>rltrack.track</code>"),
        ("{class}`~rltrack.Tracker`", "<code>Tracker</code>"),
        ("{cite:p}`one`", "(Luća, 2001)"),
        ("{cite:p}`two,three`", "(Bell and Cole, 2002; Dow et al., 2003)"),
        ("{cite:t}`three`", "Dow et al. (2003)"),
        ("see [](02_maps)", "see Maps &amp; more<"),
        ("see [the *maps*](02_maps#top)", "see the <em>maps</em><"),
        ("[out](https://example.org)", '<a href="https://example.org">out</a>'),
        ("```{note}\nby {eq}`here`\n```", '<p class="title">Note</p><p>by (1)</p>'),
        (":::{admonition} Two words\nx\n:::", '<p class="title">Two words</p><p>x</p>'),
        ("````{dropdown} Solutions\n1. $x$\n````", "<summary>Solutions</summary><ol>"),
        ("```python\na < b\n```", "<pre><code>a &lt; b\n</code></pre>"),
        ("![A dot](a.png)", IMAGE),
        ("```{image} a.png\n:alt: A dot\n```", IMAGE),
        ("(place)=\n## Title", "<h2>Title</h2>"),
        ("| a |\n|---|\n| $x$ |", r"<td>\(x\)</td>"),
    ],
)  # fmt: skip
def test_myst_becomes_plain_html(text: Any, source: str, expected: str) -> None:
    assert expected in text.html(source).replace(">\n<", "><")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{weather}`x`", "role {weather}"),
        ("```{weather}\nx\n```", "directive {weather}"),
        ("{eq}`nowhere`", "no equation 'nowhere'"),
        ("[](03_other)", "no page '03_other'"),
        ("{cite:p}`four`", "no work 'four'"),
    ],
)
def test_what_a_slide_cannot_show_is_an_error(text: Any, source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        text.html(source)


@pytest.mark.parametrize("path", sorted(BOOK.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_text_of_the_book_could_be_on_a_slide(
    modules: tuple[ModuleType, ModuleType], whole: Any, path: Path
) -> None:
    text = modules[1].SlideText(BOOK, whole.pages, whole.labels, [])
    for cell in whole.notebooks[path.stem]["cells"]:
        if cell["cell_type"] == "markdown":
            made = re.sub(r"<code>.*?</code>", "", text.html("".join(cell["source"])), flags=re.S)
            assert not re.search(r"\{[\w:]+\}`|```|:::|\$\$", made)


# --- decks ---------------------------------------------------------------------------------------


def notebook(*cells: Any) -> str:
    made = nbformat.v4.new_notebook()
    made.cells = list(cells)
    return str(nbformat.writes(made))


def words(kind: str | None, source: str) -> Any:
    metadata = {"slideshow": {"slide_type": kind}} if kind else {}
    return nbformat.v4.new_markdown_cell(source, metadata=metadata)


def code(kind: str, *outputs: Any, tags: tuple[str, ...] = (), **metadata: Any) -> Any:
    slideshow = {"slideshow": {"slide_type": kind}, "tags": list(tags), **metadata}
    return nbformat.v4.new_code_cell(
        "%matplotlib inline\nshow(1)", outputs=list(outputs), metadata=slideshow
    )


def displayed(**data: Any) -> Any:
    kinds = {key.replace("_", "/"): value for key, value in data.items()}
    return nbformat.v4.new_output("display_data", data=kinds)


PRINTED = nbformat.v4.new_output("stream", name="stdout", text="1 < 2\n")


@pytest.fixture
def deck(modules: tuple[ModuleType, ModuleType], tmp_path: Path) -> Any:
    (tmp_path / "references.bib").write_text(WORKS, encoding="utf-8")

    def make(*cells: Any) -> str:
        (tmp_path / "01_one.ipynb").write_text(notebook(*cells), encoding="utf-8")
        found: str = modules[0].Book(tmp_path).deck("01_one")
        return found

    return make


def test_cells_go_where_their_metadata_says(deck: Any) -> None:
    made = deck(
        words("slide", "# Title"),
        words("-", "goes on"),
        words(None, "left out"),
        words("skip", "left out"),
        words("fragment", "next step"),
        words("subslide", "below"),
        words("notes", "for the speaker"),
        words("slide", "another"),
    )
    body = made[made.index('<div class="slides">') :]
    outline = re.sub(r"\s+", "", re.sub(r"</?[ph]\d?>", "", body[20 : body.index("</div></div>")]))
    assert outline == (
        "<section>"
        '<section>Titlegoeson<divclass="fragment">nextstep</div></section>'
        '<section>below<asideclass="notes">forthespeaker</aside></section>'
        "</section>"
        "<section><section>another</section></section>"
    )
    assert "<title>Title</title>" in made and "left out" not in made


def test_a_slide_of_code_has_its_sections_heading(deck: Any) -> None:
    made = deck(
        words(None, "# Title\n\n## Before $x$\n\nText\n\n## Here $x$\n\nText"),
        code("slide", PRINTED),
        code("-", PRINTED),
        words("slide", "## There"),
    )
    assert made.count("<h2>") == 2
    assert r"<h2>Here \(x\)</h2>" in made and "<h2>There</h2>" in made


def test_a_notebook_without_slides_has_no_deck(deck: Any) -> None:
    assert deck(words(None, "# Title"), words("skip", "left out")) is None


def test_code_is_shown_with_its_outputs_and_without_magic(deck: Any) -> None:
    made = deck(code("slide", PRINTED))
    assert "show" in made and "matplotlib" not in made
    assert '<pre class="printed">1 &lt; 2' in made


@pytest.mark.parametrize("tag", ["hide-input", "setup", "check", "parameters"])
def test_folded_code_is_not_on_a_slide(deck: Any, tag: str) -> None:
    made = deck(code("slide", PRINTED, tags=(tag,)))
    assert "show" not in made and "1 &lt; 2" in made


def test_a_figure_has_its_text(deck: Any) -> None:
    alt = {"image": {"alt": "A dot & more"}}
    for kind, data in {"image_png": PIXEL, "image_jpeg": PIXEL, "image_svg+xml": "<svg/>"}.items():
        made = deck(code("slide", displayed(**{kind: data, "text_plain": "<Figure>"}), mystnb=alt))
        assert f'<img alt="A dot &amp; more" src="data:{kind.replace("_", "/")};base64,' in made
        assert "Figure" not in made


def test_tables_that_a_cell_makes_are_shown(deck: Any) -> None:
    made = deck(code("slide", displayed(**{"text_markdown": "| a |\n|---|\n| {math}`x` |"})))
    assert r"<td>\(x\)</td>" in made


def test_pictures_to_step_through_need_no_widgets(
    modules: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    pytest.importorskip("ipywidgets", reason="needs the extra 'book'")
    import numpy as np
    from ipywidgets import Widget

    from rltrack.chapters.widgets import choose, strip

    pictures = [np.full((8, 8, 3), level, np.uint8) for level in (0, 90, 180)]
    labels = ["one", "two", "three"]
    widgets = [
        strip(pictures, labels, "A square", start=1),
        choose(["A", "B < C", "D"], pictures, labels, "A square"),
    ]
    made = nbformat.v4.new_notebook()
    kind = modules[0].WIDGET.replace("/", "_")
    views = [displayed(**{kind: {"model_id": widget.model_id}}) for widget in widgets]
    made.cells = [code("slide", *views)]
    made.metadata["widgets"] = {modules[0].STATE: Widget.get_manager_state()}
    (tmp_path / "references.bib").write_text(WORKS, encoding="utf-8")
    (tmp_path / "01_one.ipynb").write_text(nbformat.writes(made), encoding="utf-8")
    deck = modules[0].Book(tmp_path).deck("01_one")
    assert re.findall(r"<div( hidden)?><p[^>]*>(\w+)", deck) == [
        (" hidden", "one"),
        ("", "two"),
        (" hidden", "three"),
        ("", "one"),
        (" hidden", "two"),
        (" hidden", "three"),
    ]
    assert "<button>A</button><button>B &lt; C</button>" in deck
    assert 'type="range"' in deck and 'max="2" value="1"' in deck


def test_a_link_to_a_place_on_a_page_becomes_its_words(deck: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\n(here)=\n## Here\n", encoding="utf-8")
    made = deck(words("slide", "[the place](here), [](here)"))
    assert "<p>the place, Notes</p>" in made


def test_an_error_names_the_cell(deck: Any) -> None:
    cell = words("slide", "{weather}`x`")
    with pytest.raises(ValueError, match=rf"01_one, cell '{cell['id']}': .*role {{weather}}"):
        deck(cell)


def test_decks_load_only_what_lies_beside_them(
    modules: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    source, target, npm = (tmp_path / name for name in ("book", "slides", "npm"))
    for path in modules[0].LIBRARIES:
        (npm / path).parent.mkdir(parents=True, exist_ok=True)
        (npm / path).touch()
    source.mkdir()
    (source / "references.bib").write_text(WORKS, encoding="utf-8")
    (source / "01_a.ipynb").write_text(notebook(words("slide", "# A < B")), encoding="utf-8")
    (source / "02_b.ipynb").write_text(notebook(words(None, "# B")), encoding="utf-8")
    (target / "old").mkdir(parents=True)
    book = modules[0].Book(source)
    assert modules[0].write(book, ["01_a", "02_b"], npm, target) == ["01_a"]
    assert not (target / "old").exists() and not (target / "02_b.html").exists()
    index = (target / "index.html").read_text(encoding="utf-8")
    assert '<a href="01_a.html">A &lt; B</a>' in index
    deck = (target / "01_a.html").read_text(encoding="utf-8")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', deck)
    assert len(loaded) == 6 and all((target / path).is_file() for path in loaded)


def test_an_unknown_notebook_is_named() -> None:
    command = [sys.executable, str(BOOK / "slides.py"), "99_none"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "there is no notebook 99_none" in done.stderr


def test_cells_have_no_other_type_than_those_of_jupyter(whole: Any) -> None:
    types = {
        cell["metadata"]["slideshow"]["slide_type"]
        for notebook in whole.notebooks.values()
        for cell in notebook["cells"]
        if "slideshow" in cell["metadata"]
    }
    assert types <= {"slide", "subslide", "fragment", "notes", "skip", "-"}
