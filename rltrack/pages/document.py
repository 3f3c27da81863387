"""A whole page: its head, the style and the script that all pages share, and the file."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from rltrack.files import SIGNATURE, write_bytes
from rltrack.pages.markup import Html, joined, tag

__all__ = ["page", "write_page"]


def page(title: str, *body: str) -> Html:
    """Return a page that needs nothing but itself.

    It has a light and a dark look, of which the reader's system chooses. A policy in its head
    keeps a browser from loading anything, and from running any script but the page's own.

    Args:
        title: of the page, as plain text.
        body: what the page shows; its first heading is an ``h1``.
    """
    style, script = _part("page.css"), _part("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="generator", content=SIGNATURE),
        tag("meta", http_equiv="Content-Security-Policy", content=Html(allowed)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", style),
    ]
    main = tag("main", *(joined([part, Html("\n")]) for part in body))
    whole = tag(
        "html", tag("head", *head), Html("\n"), tag("body", main, tag("script", script)), lang="en"
    )
    return Html(f"<!DOCTYPE html>\n{whole}\n")


def write_page(file: Path, title: str, *body: str) -> None:
    """Write a page, complete or not at all.

    Raises:
        WriteError: it cannot be written.
    """
    write_bytes(file, page(title, *body).encode())


@cache
def _part(name: str) -> Html:
    """Return a file of this folder that becomes a part of every page."""
    text = files("rltrack.pages").joinpath(name).read_text(encoding="utf-8")
    return Html(text.strip())
