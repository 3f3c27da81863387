"""HTML as text in which everything from outside is plain text.

Elements are made by :func:`tag` alone. It escapes each text that is not already HTML, so that no
name of a file or a tracker can become a part of the page.
"""

from __future__ import annotations

from collections.abc import Iterable

from rltrack.plain_text import in_html

__all__ = ["Html", "joined", "number", "tag"]

_VOID = {"br", "img", "input", "meta"}
"""Elements without content and without an end."""


class Html(str):
    """Text that is HTML. Any other text is escaped where it becomes a part of a page."""

    __slots__ = ()


def tag(name: str, /, *content: str, **attributes: str | float | None) -> Html:
    """Return an element.

    Args:
        name: of the element.
        content: what is in it, in this order; `Html` as it is, any other text escaped.
        attributes: its attributes. A ``_`` stands for ``-`` (``aria_label``), and is left out at
            the end (``class_``). True is an attribute without a value. None and False leave it
            out. Numbers have at most two decimals.

    >>> tag("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    words = [name]
    for key, value in attributes.items():
        word = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(word)
        elif value is not None and value is not False:
            shown = value if isinstance(value, str) else number(value)
            words.append(f'{word}="{_escaped(shown)}"')
    start = f"<{' '.join(words)}>"
    return Html(start if name in _VOID else f"{start}{joined(content)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Return several parts as one, each that is not HTML escaped."""
    return Html("".join(map(_escaped, parts)))


def number(value: float) -> str:
    """Return a number with at most two decimals, as attributes have it.

    >>> number(12.50), number(3)
    ('12.5', '3')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _escaped(text: str) -> str:
    return text if isinstance(text, Html) else in_html(text)
