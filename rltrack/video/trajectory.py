"""The path of a target through a video, drawn over the first frame."""

from __future__ import annotations

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from rltrack.pages.charts import STYLES, thinned
from rltrack.pages.elements import image_data, shrunk
from rltrack.pages.markup import Html, number, tag
from rltrack.video.key_frame_views import box_shapes

__all__ = ["Trajectory"]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_SIDE, _BYTES = 960, 90_000

_PARTS = 12
"""Colours along the path of a single target, from violet to yellow."""


class Trajectory:
    """The first frame of a video, and the paths over it.

    Args:
        image: (H, W, 3) uint8 RGB, the first frame.
    """

    def __init__(self, image: Image) -> None:
        self.size = image.shape[1], image.shape[0]
        grey = cv2.cvtColor(np.ascontiguousarray(shrunk(image, _SIDE)), cv2.COLOR_RGB2GRAY)
        # Grey and dark, so that all colour is the path.
        self._data = image_data((20 + 0.45 * grey).astype(np.uint8), _BYTES)

    def figure(self, boxes: Array, truth: Array | None = None) -> Html:
        """Return the figure.

        Args:
            boxes: (T, K, 4), the boxes of K targets in each frame.
            truth: (T, 4), the true boxes of a single target, NaN where not known.
        """
        width, height = self.size
        count = boxes.shape[1]
        centres = boxes[..., :2] + boxes[..., 2:] / 2
        shapes = []
        if truth is not None:
            shapes.append(
                tag("path", d=_path(truth[:, :2] + truth[:, 2:] / 2), class_="trail truth")
            )
        for k in range(count):
            whole = _path(centres[:, k])
            shapes.append(tag("path", d=whole, class_="trail casing"))
            if count > 1:
                shapes.append(tag("path", d=whole, class_=f"trail p{k % STYLES}"))
            else:
                shapes += _coloured(centres[:, 0])
        for k in range(count):
            shapes += [*box_shapes(boxes[0, k], k, True), *box_shapes(boxes[-1, k], k, False)]
        radius = max(width, height) / 110
        shapes += [tag("circle", r=radius, class_="here")] * count
        long = np.linalg.norm(np.diff(centres[:, 0], axis=0), axis=1).sum()
        far = np.linalg.norm(centres[-1, 0] - centres[0, 0])
        about = f"The path is {long:.0f} px long, and its ends are {far:.0f} px apart."
        said = "Solid: the first frame's box. Dashed: the last frame's."
        if truth is not None:
            said += " Dotted: the path of the ground truth."
        alt = f"The path of the box's centre over the first frame. {about}"
        return tag(
            "figure",
            tag(
                "span",
                tag("img", src=self._data, width=width, height=height, alt=alt),
                tag("svg", *shapes, viewBox=f"0 0 {width} {height}", aria_hidden="true"),
                class_="picture",
            ),
            *([_time_bar()] if count == 1 else []),
            tag("figcaption", said, *([f" {about}"] if count == 1 else [])),
            class_="trajectory",
        )


def _path(points: Array) -> Html:
    """Return the path through points (T, 2), with a gap where one is not known."""
    words, pen_down = [], False
    for x, y in points[thinned(len(points), points[:, 0], points[:, 1])]:
        if not (np.isfinite(x) and np.isfinite(y)):
            pen_down = False
            continue
        words.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
    return Html("".join(words))


def _colours() -> list[str]:
    shades = mpl.colormaps["plasma"](np.linspace(0.3, 0.97, _PARTS))
    return [mpl.colors.to_hex(shade) for shade in shades]


def _coloured(points: Array) -> list[Html]:
    """Return the path in parts, coloured by time."""
    cuts = np.linspace(0, len(points) - 1, _PARTS + 1).round().astype(int)
    return [
        tag("path", d=_path(points[start : end + 1]), class_="trail", stroke=colour)
        for colour, start, end in zip(_colours(), cuts, cuts[1:], strict=False)
        if end > start
    ]


def _time_bar() -> Html:
    share = 100 / _PARTS
    # One percent wider than its part: no seam shows.
    bars = [
        tag("rect", x=f"{number(k * share)}%", width=f"{number(share + 1)}%", height="100%", fill=c)
        for k, c in enumerate(_colours())
    ]
    bar = tag("svg", *bars, aria_hidden="true")
    words = "first frame", "last frame"
    return tag("div", tag("span", words[0]), bar, tag("span", words[1]), class_="timebar")
