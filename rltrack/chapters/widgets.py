"""Pictures that a reader steps through on a page: real widgets, which need no kernel.

The browser itself links a slider to a stack of pictures. All pictures are made beforehand, so the
same widget works in a running notebook and on a page that was built from a stored one.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from itertools import count
from typing import Any, TypeVar

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from rltrack.errors import InputError

__all__ = ["choose", "explore", "strip"]

T = TypeVar("T")
Picture = Figure | NDArray[np.uint8]

_JPEG = {"quality": 75, "optimize": True}
# A widget is stored with its notebook under a name, which is random if nobody chooses it. Counted,
# names are the same in every run, and in one kernel no two widgets share one.
_NUMBERS = count()


def strip(pictures: Sequence[Picture], labels: Sequence[str], alt: str, start: int = 0) -> Any:
    """A widget that shows one of several pictures, chosen with a slider or played as a film.

    It works with mouse, touch and keyboard, and is never wider than the page. The notebook stores
    all the pictures: a dozen of 7 by 2.5 inches take about 300 kB.

    Args:
        pictures: one or more: figures, or (H, W, 3) uint8 RGB; all of one size.
        labels: of each picture, plain text, shown above it.
        alt: plain text, what the pictures show, for readers who do not see them; each one's label
            is added to it.
        start: index of the picture shown first.

    Returns:
        An `ipywidgets.VBox`: the controls, and the `ipywidgets.Stack` of pictures.

    Raises:
        InputError: no picture, not one label for each, or ipywidgets is not installed.
    """
    ipw = _ipywidgets()
    stack = _stack(ipw, pictures, labels, alt, start)
    steps = {"value": start, "min": 0, "max": len(pictures) - 1}
    play = _new(ipw.Play, interval=500, **steps)
    slider = _new(
        ipw.IntSlider, readout=False, layout={"flex": "1 1 12em", "width": "auto"}, **steps
    )
    _link(ipw, (play, "value"), (slider, "value"))
    _link(ipw, (slider, "value"), (stack, "selected_index"))
    controls = _new(ipw.HBox, children=[play, slider], layout={"flex_flow": "row wrap"})
    whole = _new(ipw.VBox, children=[controls, stack])
    return whole.add_class("rltrack-strip")


def choose(
    choices: Sequence[str], pictures: Sequence[Picture], labels: Sequence[str], alt: str
) -> Any:
    """Return a widget with a button for each of several pictures, which shows it.

    Args:
        choices: plain text, the words on the buttons. The first one is chosen at the start.
        pictures: as in `strip`.
        labels: as in `strip`.
        alt: as in `strip`.

    Raises:
        InputError: as in `strip`.
    """
    ipw = _ipywidgets()
    stack = _stack(ipw, pictures, labels, alt, 0)
    buttons = _new(ipw.ToggleButtons, options=list(choices), style={"button_width": "auto"})
    _link(ipw, (buttons, "index"), (stack, "selected_index"))
    whole = _new(ipw.VBox, children=[buttons, stack])
    return whole.add_class("rltrack-strip")


def explore(
    make: Callable[[T], Picture],
    values: Sequence[T],
    label: Callable[[T], str],
    alt: str,
    start: int = 0,
) -> Any:
    """A widget that shows what becomes of a picture as a value is moved: `strip` of all of them.

    >>> explore(draw_spot, [0.1, 0.2, 0.4], "radius {:.1f}".format, "A spot")  # doctest: +SKIP

    Args:
        make: from a value to its picture, called once for each.
        values: those that the slider goes through.
        label: from a value to the text above its picture.
        alt: as in `strip`.
        start: as in `strip`.
    """
    return strip(list(map(make, values)), list(map(label, values)), alt, start)


def _ipywidgets() -> Any:
    try:
        import ipywidgets  # type: ignore[import-untyped]
    except ImportError:
        raise InputError(
            'pictures to step through need ipywidgets: pip install "rltrack[book]"'
        ) from None
    return ipywidgets


def _stack(
    ipw: Any, pictures: Sequence[Picture], labels: Sequence[str], alt: str, start: int
) -> Any:
    """Return the widget that shows one picture of several, the one at its ``selected_index``."""
    if not len(pictures) or len(pictures) != len(labels):
        raise InputError(
            f"got {len(pictures)} pictures and {len(labels)} labels; "
            "give one or more pictures, and each its label"
        )
    pages = [
        _new(ipw.HTML, value=_page(*shown, alt)) for shown in zip(pictures, labels, strict=True)
    ]
    # ipywidgets 7, which is Colab's, has no Stack: there, each picture has a tab.
    return _new(getattr(ipw, "Stack", ipw.Tab), children=pages, selected_index=start)


def _link(ipw: Any, source: tuple[Any, str], target: tuple[Any, str]) -> None:
    """Let the browser copy one value to another, as `jslink` does, which takes no name."""
    _new(ipw.widgets.widget_link.Link, source=source, target=target)


def _new(kind: Any, **traits: Any) -> Any:
    name = f"rltrack-{next(_NUMBERS)}"
    for part in {"layout", "style"}.intersection(kind.class_trait_names()):
        # They are widgets, too.
        traits[part] = {"model_id": f"{name}-{part}", **traits.get(part, {})}
    return kind(model_id=name, **traits)


def _page(picture: Picture, label: str, alt: str) -> str:
    source = base64.b64encode(_jpeg(picture)).decode()
    return (
        f'<p style="margin: 0">{escape(label)}</p>'
        f'<img alt="{escape(alt)}: {escape(label)}" style="max-width: 100%" '
        f'src="data:image/jpeg;base64,{source}">'
    )


def _jpeg(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(buffer, format="jpeg", pil_kwargs=_JPEG)
    else:
        Image.fromarray(picture).save(buffer, format="jpeg", **_JPEG)
    return buffer.getvalue()
