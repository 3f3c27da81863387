"""Chapter 11: a clip and the box in its first frame, chosen in a notebook."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from rltrack.errors import InputError
from rltrack.files import first_free, write_bytes
from rltrack.tracking.inputs import checked_box
from rltrack.tracking.rgb import to_rgb8
from rltrack.video.annotation import draw_box

__all__ = ["BoxPicker", "ClipPicker"]

Image = NDArray[np.uint8]


class _Shown:
    """Something that a notebook shows as a widget."""

    widget: Any

    def _repr_mimebundle_(self, **given: Any) -> Any:
        bundle = self.widget._repr_mimebundle_(**given)
        # A notebook stores its text, too: this one, not all bytes of the picture.
        return {**bundle, "text/plain": repr(self)}


class BoxPicker(_Shown):
    """A frame with a box on it, and sliders for the box's edges.

    As a cell's last line it is shown; the box is then at hand in every cell below. Without a
    kernel it does not move: show :meth:`picture` beside it.

    >>> picker = BoxPicker(first_image)                    # doctest: +SKIP
    >>> track("clip.mp4", picker.box)                      # doctest: +SKIP

    Args:
        image: (H, W, 3) uint8 RGB; what `rltrack.tracking.rgb.to_rgb8` takes.
        box: (x, y, w, h) in 0-based pixels, to begin with; rounded to whole pixels inside the
            image. None is the middle of the picture.

    Attributes:
        widget: the `ipywidgets.VBox` of sliders and picture.

    Raises:
        InputError: the image or the box cannot be used, or ipywidgets is not installed.
    """

    def __init__(self, image: Image, box: Sequence[float] | None = None) -> None:
        ipw = _ipywidgets()
        self._image = to_rgb8(image)
        height, width = self._image.shape[:2]
        if box is None:
            box = width * 3 / 8, height * 3 / 8, width / 4, height / 4
        x, y, w, h = checked_box(box, self._image)

        def edges(name: str, start: float, length: float, side: int) -> Any:
            value = (round(start), round(start + length))
            return ipw.IntRangeSlider(
                value=np.clip(value, 0, side).tolist(),
                min=0,
                max=side,
                description=name,
                readout=False,
                layout={"width": "auto"},
            )

        self._across = edges("left, right", x, w, width)
        self._down = edges("top, bottom", y, h, height)
        self._shown = ipw.Image(format="jpeg", layout={"max_width": "100%"})
        self._numbers = ipw.Label()
        self.widget = ipw.VBox([self._across, self._down, self._numbers, self._shown])
        for slider in (self._across, self._down):
            slider.observe(self._draw, "value")
        self._draw()

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x, y, w, h) in 0-based pixels: inside the image, one pixel or more a side."""
        x, w = _span(self._across)
        y, h = _span(self._down)
        return x, y, w, h

    def picture(self) -> Image:
        """The frame with the box on it, as `rltrack.video.annotation.draw_box` draws it."""
        return draw_box(self._image, self.box)

    def __repr__(self) -> str:
        x, y, w, h = self.box
        return f"box x, y, w, h = {x:.0f}, {y:.0f}, {w:.0f}, {h:.0f}"

    def _draw(self, _: object = None) -> None:
        buffer = io.BytesIO()
        PillowImage.fromarray(self.picture()).save(buffer, "jpeg")
        self._shown.value, self._numbers.value = buffer.getvalue(), repr(self)


class ClipPicker(_Shown):
    """A button to upload a video file; for a large one give its path instead.

    Attributes:
        widget: the `ipywidgets.FileUpload`.

    Raises:
        InputError: ipywidgets is not installed.
    """

    def __init__(self) -> None:
        self.widget = _ipywidgets().FileUpload(accept="video/*", description="a clip")

    def save(self, folder: str | Path = ".") -> Path | None:
        """Write the clip to ``folder`` under its own name, and return the file.

        If another file is there, ``-2`` or so is added to the name. None if nothing was uploaded.
        """
        given = self.widget.value
        # ipywidgets 8 has a sequence of files; 7, which is Colab's, has them by name.
        files = (
            [{"name": name, **file} for name, file in given.items()]
            if isinstance(given, dict)
            else given
        )
        if not files:
            return None
        name, content = Path(files[0]["name"]), bytes(files[0]["content"])
        path = first_free(
            str(Path(folder) / name.stem),
            lambda path: path.exists() and path.read_bytes() != content,
            name.suffix,
        )
        write_bytes(path, content)
        return path

    def __repr__(self) -> str:
        return "a button to upload a clip"


def _span(slider: Any) -> tuple[float, float]:
    """Start and length of what is between a slider's handles, at least one pixel of it."""
    low, high = slider.value
    low = min(low, slider.max - 1)
    return float(low), float(max(high - low, 1))


def _ipywidgets() -> Any:
    try:
        import ipywidgets  # type: ignore[import-untyped]
    except ImportError:
        raise InputError(
            'picking in a notebook needs ipywidgets: pip install "rltrack[book]"; '
            "or give the clip's path, and the box as four numbers"
        ) from None
    return ipywidgets
