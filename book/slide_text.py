"""Turn the Markdown of a notebook's cell into HTML for a slide.

The book is written in MyST, whose roles and directives Sphinx resolves across pages. A slide stands
alone: a term, a function, and a citation become their own words, and formulas go to MathJax.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from pybtex.database import parse_file

# Roles whose words are shown as code, and as text. `~a.b.c` names its last part alone.
CODE = {"class", "func", "meth", "attr", "mod", "data", "exc", "obj", "code"}
TEXT = {"term", "doc", "ref", "numref", "abbr"}
BOXES = {"note", "tip", "hint", "important", "warning", "caution", "admonition", "seealso"}

DIRECTIVE = re.compile(r"\{([\w:-]+)\}\s*(.*)")
OPTION = re.compile(r":([\w-]+):[ \t]*(.*)\n?")


class SlideText:
    """The Markdown of one deck, as HTML."""

    def __init__(
        self, folder: Path, pages: Mapping[str, str], labels: Iterable[str], shown: Sequence[str]
    ):
        """Prepare to read cells.

        Args:
            folder: where the book's pictures and `references.bib` are.
            pages: the title of each page of the book, by its name.
            labels: the labels of all equations in the book.
            shown: the labels of the deck's own equations. They are numbered in this order.
        """
        self.folder, self.pages, self.labels = folder, pages, {*labels}
        self.numbers = {label: number for number, label in enumerate(shown, 1)}
        self._works = parse_file(str(folder / "references.bib")).entries
        self._parser = MarkdownIt("commonmark").enable("table")
        for plugin in (amsmath_plugin, colon_fence_plugin, myst_block_plugin, myst_role_plugin):
            self._parser.use(plugin)
        self._parser.use(dollarmath_plugin, double_inline=True)
        for kind, rule in {
            "amsmath": lambda one: _display(one.content),
            "colon_fence": self._fence,
            "fence": self._fence,
            "image": lambda one: picture(self.folder / one.attrs["src"], one.content),
            "math_block": lambda one: _display(one.content),
            "math_block_label": lambda one: self._equation(one.content, one.info),
            "math_inline": lambda one: _inline(one.content),
            "math_inline_double": lambda one: _display(one.content),
            "myst_block_break": lambda one: "",
            "myst_line_comment": lambda one: "",
            "myst_role": self._role,
            "myst_target": lambda one: "",
        }.items():
            self._parser.renderer.rules[kind] = _rule(rule)

    def html(self, source: str) -> str:
        """Return a cell's Markdown as HTML.

        Raises:
            ValueError: it has a role or a directive that slides do not know, or names a page, an
                equation or a work that the book does not have.
        """
        tokens = self._parser.parse(source)
        for token in tokens:
            self._name_pages(token.children or [])
        return str(self._parser.renderer.render(tokens, self._parser.options, {}))

    def _name_pages(self, tokens: list[Token]) -> None:
        """Replace links to pages, which no deck has, by their words or the page's title."""
        opened: list[Token] = []
        for place, token in enumerate(tokens):
            if token.type == "link_open":
                opened.append(token)
                page = str(token.attrs["href"]).split("#")[0]
                if re.match(r"[a-z]+:", page):
                    continue
                if page not in self.pages:
                    raise ValueError(f"there is no page {page!r} in the book")
                token.type, token.tag = "html_inline", ""
                empty = tokens[place + 1].type == "link_close"
                token.content = escape(self.pages[page]) if empty else ""
            elif token.type == "link_close" and opened.pop().type == "html_inline":
                token.type, token.tag, token.content = "html_inline", "", ""

    def _role(self, token: Token) -> str:
        name, text = token.meta["name"].removeprefix("py:"), token.content
        titled = re.fullmatch(r"(.*?)\s*<(.*)>", text, re.S)
        if name == "math":
            return _inline(text)
        if name == "eq":
            return escape(self._reference(text))
        if name.split(":")[0] == "cite":
            return escape(self._citation(name, text))
        if titled:
            text = titled[1]
        elif text.startswith("~"):
            text = text.rsplit(".", 1)[-1]
        if name in CODE:
            return f"<code>{escape(text)}</code>"
        if name in TEXT:
            return escape(text)
        raise ValueError(f"slides do not know the role {{{name}}}")

    def _reference(self, label: str) -> str:
        if label not in self.labels:
            raise ValueError(f"there is no equation {label!r} in the book")
        return f"({self.numbers.get(label, label)})"

    def _citation(self, role: str, keys: str) -> str:
        said = []
        for key in map(str.strip, keys.split(",")):
            if key not in self._works:
                raise ValueError(f"there is no work {key!r} in references.bib")
            work = self._works[key]
            authors = work.persons["author"]
            names = [" ".join(map(str, one.rich_last_names)) for one in authors]
            who = names[0] if len(names) == 1 else " and ".join(names[:2])
            who = who if len(names) < 3 else f"{names[0]} et al."
            year = work.fields["year"]
            said.append(f"{who} ({year})" if role.startswith("cite:t") else f"{who}, {year}")
        return ", ".join(said) if role.startswith("cite:t") else f"({'; '.join(said)})"

    def _fence(self, token: Token) -> str:
        found = DIRECTIVE.fullmatch(token.info.strip())
        if not found:
            return f"<pre><code>{escape(token.content)}</code></pre>\n"
        name, title = found.groups()
        options, body = _options(token.content)
        if name == "math":
            return self._equation(body.strip(), options.get("label", ""))
        if name in ("image", "figure"):
            shown = picture(self.folder / title, options.get("alt", ""))
            return f"<figure>{shown}{self.html(body)}</figure>\n"
        if name == "dropdown":
            words = escape(title)
            return f"<details><summary>{words}</summary>{self.html(body)}</details>\n"
        if name in BOXES:
            words = escape(title or name.capitalize())
            return f'<div class="box"><p class="title">{words}</p>{self.html(body)}</div>\n'
        raise ValueError(f"slides do not know the directive {{{name}}}")

    def _equation(self, formula: str, label: str) -> str:
        number = self.numbers.get(label)
        return _display(rf"{formula.strip()} \tag{{{number}}}" if number else formula)


def picture(path: Path, alt: str) -> str:
    """Return the file of a picture as HTML that needs no other file."""
    kind = mimetypes.guess_type(path.name)[0] or "image/webp"
    return image(kind, base64.b64encode(path.read_bytes()).decode(), alt)


def image(kind: str, data: str, alt: str) -> str:
    """Return a picture as HTML, from its media type and its bytes in base 64."""
    return f'<img alt="{escape(alt)}" src="data:{kind};base64,{data}">'


def labels_in(source: str) -> list[str]:
    """Return the labels of the equations in a cell's Markdown."""
    fences = re.findall(r"^[`:]{3,}\{math\}\n:label:[ \t]*([\w:-]+)", source, re.M)
    return fences + re.findall(r"\$\$[ \t]*\(([\w:-]+)\)", source)


def _rule(rule: Any) -> Any:
    return lambda tokens, place, options, env: rule(tokens[place])


def _inline(formula: str) -> str:
    return rf"\({escape(formula)}\)"


def _display(formula: str) -> str:
    return rf'<div class="formula">\[{escape(formula.strip())}\]</div>' + "\n"


def _options(content: str) -> tuple[dict[str, str], str]:
    """Split a directive's lines into its options and its body."""
    options = {}
    while found := OPTION.match(content):
        options[found[1]] = found[2].strip()
        content = content[found.end() :]
    return options, content
