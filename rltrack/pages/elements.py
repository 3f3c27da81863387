"""What pages are put together from: facts, tables, and pictures that are a part of the page."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from rltrack.pages.markup import Html, joined, tag

__all__ = ["facts", "image_data", "section", "settings_table", "shrunk", "table"]

Image = NDArray[np.uint8]

_QUALITIES = (82, 70, 55, 40, 25, 10)
"""JPEG's, from the first on, until the picture is small enough."""


def section(heading: str, *content: str) -> Html:
    """Return a section of the page with an ``h2``."""
    return tag("section", tag("h2", heading), *content)


def facts(pairs: Mapping[str, tuple[str, str]]) -> Html:
    """Return a few facts that are seen first: by name a value, and words below it."""
    return tag(
        "dl",
        *(
            tag("div", tag("dt", name), tag("dd", tag("b", value), tag("small", words)))
            for name, (value, words) in pairs.items()
        ),
        class_="facts",
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str) -> Html:
    """Return a table whose first column names the rows.

    On a narrow screen the table scrolls within its own frame, also by the keyboard.

    Args:
        heads: of the columns.
        rows: of as many texts each.
        caption: what the table has, read out before it and written above it.
    """
    head = tag("tr", *(tag("th", text, scope="col") for text in heads))
    body = [
        tag("tr", tag("th", first, scope="row"), *(tag("td", text) for text in others))
        for first, *others in rows
    ]
    made = tag("table", tag("thead", head), tag("tbody", *body), aria_label=caption)
    # The caption is outside of what scrolls, where it can always be read.
    return joined(
        [
            tag("p", caption, class_="caption", aria_hidden="true"),
            tag("div", made, class_="scrolls", role="region", aria_label=caption, tabindex="0"),
        ]
    )


def settings_table(pairs: Mapping[str, str], *, caption: str) -> Html:
    """Return a table of names and values."""
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", text)) for name, text in pairs.items()
    ]
    return tag("table", tag("caption", caption), tag("tbody", *rows), class_="settings")


def shrunk(image: Image, side: int) -> Image:
    """Return an image whose longer side has at most so many pixels."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def image_data(image: Image, most: int) -> Html:
    """Return an image as an address that contains it.

    It is a JPEG. Its quality is lowered until it has at most ``most`` bytes.

    Args:
        image: (H, W, 3) uint8 RGB, or (H, W) uint8 for grey.
        most: bytes. The lowest quality is used if they are not enough for any.
    """
    turned = np.ascontiguousarray(image[..., ::-1] if image.ndim == 3 else image)
    for quality in _QUALITIES:
        settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
        encoded = cv2.imencode(".jpg", turned, settings)[1].tobytes()
        if len(encoded) <= most:
            break
    return Html(f"data:image/jpeg;base64,{base64.b64encode(encoded).decode()}")
