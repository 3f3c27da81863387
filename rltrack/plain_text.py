"""Names from outside as plain text: on a terminal, in a figure, in HTML, Markdown and LaTeX.

Names of files, trackers, targets and backbones may hold any characters. Some of them mean something
where the name is shown: an escape sequence moves a terminal's cursor, ``$`` begins a formula in a
figure, ``<`` an element of HTML, and ``|`` ends a cell of a Markdown table. The functions of this
module return a text that is shown there as the name itself.
"""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = ["in_figure", "in_html", "in_latex", "in_markdown", "on_terminal"]

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, formatting (such as a change of the direction of
writing), surrogates (bytes of a file name that are no UTF-8), and ends of lines and paragraphs."""

_MARKDOWN = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])")
"""What has a meaning within a line. Between letters or digits, ``_`` has none."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    # After the end of a table's row, [ begins an argument, and * is a part of the command.
    "[": "{[}",
    "*": "{*}",
    **{mark: rf"\{mark}" for mark in "{}$&#_%"},
}


def on_terminal(name: str) -> str:
    r"""Return one line in which characters that are not seen are written out.

    >>> on_terminal("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _HIDDEN else char
        for char in name
    )


def in_figure(name: str) -> str:
    r"""Return a text that matplotlib draws as it is, without a formula in it.

    In a legend, also a text that begins with ``_`` has to be set after the legend was made:
    matplotlib leaves lines with such a label out.

    >>> in_figure("$x^2$")
    '\\$x^2\\$'
    """
    return on_terminal(name).replace("$", r"\$")


def in_html(name: str) -> str:
    r"""Return HTML that is shown as the name, also as the value of an attribute.

    >>> in_html('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return html.escape(on_terminal(name))


def in_markdown(name: str) -> str:
    r"""Return Markdown that is shown as the name, also in a cell of a table.

    >>> in_markdown("attention_weight, _x|*y*")
    'attention_weight, \\_x\\|\\*y\\*'
    """
    return _MARKDOWN.sub(r"\\\g<0>", on_terminal(name))


def in_latex(name: str) -> str:
    r"""Return LaTeX that is typeset as the name, also in a cell of a table.

    >>> in_latex("50% & x_1")
    '50\\% \\& x\\_1'
    """
    text = "".join(_LATEX.get(char, char) for char in on_terminal(name))
    return re.sub(r"([-'])(?=\1)", r"\1{}", text)  # which would become a dash or a quotation mark
