"""A Sphinx extension that says how long a chapter takes to read, and all chapters together.

A chapter is a notebook. Below its title stands a line such as "12 minutes to read". The role
`reading-time` stands for the time of one page, or of the whole book:

    The chapters take {reading-time}`all` to read, the first of them {reading-time}`01_the_tracker`.

What counts is what a page shows when it is opened: its words, formulas, figures and lines of code.
What is folded, such as the solutions of exercises and the code of checks, does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

WORDS_A_MINUTE = 200
FORMULA_SECONDS = 15  # one that stands in a line of its own; one within a line is a word
FIGURE_SECONDS = 15
CODE_LINE_SECONDS = 2

logger = logging.getLogger(__name__)


def shown(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield a node and all below it, in reading order, but nothing that a page shows folded."""
    if isinstance(node, nodes.Element):
        if node.get("design_component") == "dropdown" or isinstance(node, nodes.Invisible):
            return
        if "hide-input" in folded_parts(node):
            yield from (one for child in node.children if is_output(child) for one in shown(child))
            return
    yield node
    # An output comes in several formats, of which the page shows one.
    alternatives = isinstance(node, nodes.Element) and node.get("nb_element") == "mime_bundle"
    for child in node.children[-1:] if alternatives else node.children:
        yield from shown(child)


def folded_parts(cell: nodes.Element) -> Iterable[str]:
    """Return the tags of a cell of a notebook, of which some say what is folded."""
    return [name.removeprefix("tag_") for name in cell["classes"] if name.startswith("tag_")]


def is_output(node: nodes.Node) -> bool:
    """Return whether a node is the output of a cell."""
    return isinstance(node, nodes.Element) and "cell_output" in node["classes"]


def seconds(document: nodes.Element) -> float:
    """Return the time that a page takes to read."""
    words = formulas = figures = lines = 0
    for node in shown(document):
        if isinstance(node, nodes.math_block):
            formulas += 1
        elif isinstance(node, nodes.math):
            words += 1
        elif isinstance(node, nodes.image):
            figures += 1
        elif isinstance(node, nodes.literal_block):
            lines += sum(bool(line.strip()) for line in node.astext().splitlines())
        elif isinstance(node, nodes.Text) and not isinstance(
            node.parent, (nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)
        ):
            words += len(re.findall(r"\w[\w'’.-]*", node.astext()))
    return (
        60 * words / WORDS_A_MINUTE
        + FORMULA_SECONDS * formulas
        + FIGURE_SECONDS * figures
        + CODE_LINE_SECONDS * lines
    )


def in_words(time: float) -> str:
    """Return a time in whole minutes, or in halves of hours from an hour and a half.

    >>> in_words(700), in_words(60), in_words(9100)
    ('12 minutes', '1 minute', '2.5 hours')
    """
    if time >= 1.5 * 3600:
        return f"{round(2 * time / 3600) / 2:g} hours"
    minutes = max(1, round(time / 60))
    return f"{minutes} minute{'s' * (minutes != 1)}"


class ReadingTime(nodes.Inline, nodes.TextElement):
    """The time of a page, or of all chapters, which is known once all pages have been read."""


class ReadingTimeRole(SphinxRole):
    """The role `reading-time`: `all`, or the name of a chapter."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Leave a place for the time."""
        return [ReadingTime(of=self.text, line=self.lineno)], []


def times(env: BuildEnvironment) -> dict[str, float]:
    """Return the seconds of each chapter, by the name of its page."""
    if not hasattr(env, "reading_times"):
        env.reading_times = {}
    found: dict[str, float] = env.reading_times
    return found


def note(app: Sphinx, document: nodes.document) -> None:
    """Note how long a chapter takes, and say so below its title."""
    name = app.env.docname
    if not app.env.doc2path(name).endswith(".ipynb"):
        return
    times(app.env)[name] = time = seconds(document)
    for title in list(document.findall(nodes.title))[:1]:
        line = nodes.paragraph("", f"{in_words(time)} to read", classes=["reading-time"])
        title.parent.insert(title.parent.index(title) + 1, line)


def forget(app: Sphinx, env: BuildEnvironment, name: str) -> None:
    """Forget the time of a page that is read again, or is gone."""
    times(env).pop(name, None)


def merge(app: Sphinx, env: BuildEnvironment, names: Any, other: BuildEnvironment) -> None:
    """Take the times of the pages that another process has read."""
    times(env).update({name: times(other)[name] for name in names if name in times(other)})


def write(app: Sphinx, document: nodes.document, name: str) -> None:
    """Put the times in their places."""
    known = times(app.env)
    for place in list(document.findall(ReadingTime)):
        of = place["of"]
        if of != "all" and of not in known:
            logger.warning("reading-time: %s is no chapter", of, location=place)
        time = sum(known.values()) if of == "all" else known.get(of, 0)
        place.replace_self(nodes.Text(in_words(time)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension. Sphinx calls this."""
    app.add_role("reading-time", ReadingTimeRole())
    app.connect("doctree-read", note)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-resolved", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
