"""What every page has to be, read with Python's own parser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"br", "img", "input", "meta"}


class Page(HTMLParser):
    """A page's elements, in their order, with their attributes and the text inside them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def checked(source: str) -> Page:
    """The page, if it is well-formed, needs nothing else, and can be read without seeing it."""
    page = Page(source)
    # Nothing is loaded: pictures are in the page, and there is no other kind of reference.
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "base", "a", "form"), tag
        assert not {"href", "srcset", "style", "action"} & attributes.keys(), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        if "src" in attributes:
            assert attributes["src"].startswith("data:image/jpeg;base64,")
    outside_data = re.sub(r"base64,[A-Za-z0-9+/=]+", "", source)
    assert not re.search(r"https?:|url\(|@import", outside_data)
    # One h1, and no level is left out on the way down.
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert all(len(image["alt"]) > 10 for image in page.all("img"))
    for svg in page.all("svg"):
        assert svg.get("role") != "img" or svg["aria-label"]
    assert page.all("html")[0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    return page
