"""Key frames as a page shows them: pictures with their boxes, and the attention beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np

from rltrack.evaluation.metrics import overlap
from rltrack.pages.charts import STYLES
from rltrack.pages.markup import Html, tag
from rltrack.tracking.result import Result
from rltrack.video.key_frames import KeyFrame

__all__ = ["box_shapes", "key_frame_list", "stage"]


def stage() -> Html:
    """Return the large view of one key frame, with a slider. It is hidden where no script runs."""
    slider = tag("input", type="range", min="0", value="0", step="1", aria_label="key frame")
    return tag(
        "div",
        tag("div", class_="view"),
        tag(
            "div",
            tag("button", "←", type="button", aria_label="key frame before"),
            slider,
            tag("button", "→", type="button", aria_label="next key frame"),
            class_="steps",
        ),
        class_="stage",
        hidden=True,
    )


def key_frame_list(frames: Sequence[KeyFrame]) -> Html:
    """Return all key frames, side by side where there is room. A script that runs folds them."""
    items = []
    for frame in frames:
        centres = [_centre(result) for result in frame.results]
        items.append(
            tag("li", _figure(frame), data_frame=frame.index, data_centres=json.dumps(centres))
        )
    summary = tag("summary", f"All {len(items)} key frames" if len(items) > 1 else "The key frame")
    return tag("details", summary, tag("ol", *items, class_="keyframes"), open=True)


def box_shapes(box: Sequence[float], colour: int, found: bool) -> list[Html]:
    """Return a box over a picture, of which the page's units are the frame's pixels."""
    x, y, w, h = (float(side) for side in box)
    if not all(map(math.isfinite, (x, y, w, h))):
        return []
    place = {"x": x, "y": y, "width": max(w, 0), "height": max(h, 0)}
    kind = f"box p{colour % STYLES}" + " lost" * (not found)
    return [tag("rect", **place, class_="casing"), tag("rect", **place, class_=kind)]


def _figure(frame: KeyFrame) -> Html:
    width, height = frame.size
    several = len(frame.results) > 1
    shapes = []
    for k, result in enumerate(frame.results):
        # A single target that is lost changes its colour too.
        colour = k if several or result.found else 3
        shapes += box_shapes(result.box, colour, result.found)
        if several and shapes:
            size = max(width, height) / 26
            x, y = float(result.box[0]) + size / 4, float(result.box[1]) + size
            mark = f"mark p{colour % STYLES}"
            shapes.append(tag("text", str(k), x=x, y=y, font_size=size, class_=mark))
    if frame.truth is not None and np.isfinite(frame.truth).all():
        x, y, w, h = map(float, frame.truth)
        place = {"x": x, "y": y, "width": max(w, 0), "height": max(h, 0)}
        shapes += [tag("rect", **place, class_=kind) for kind in ("casing thin", "truth")]
    boxes = tag("svg", *shapes, viewBox=f"0 0 {width} {height}", aria_hidden="true")
    told = _told(frame)
    image = tag(
        "img", src=frame.data, width=width, height=height,
        alt=f"Frame {frame.index} with {'the boxes' if several else 'the box'}: {told}.",
    )  # fmt: skip
    maps = [
        tag(
            "img", src=each.data, width=each.size[0], height=each.size[1],
            alt=f"Attention map{f' of target {k}' if several else ''} in frame {frame.index}, "
            f"over the crop at the box; {_unevenness(each.unevenness)}.",
        )
        for k, each in enumerate(frame.maps)
    ]  # fmt: skip
    evenness = ", ".join(_unevenness(each.unevenness) for each in frame.maps).replace(", σ/μ", ",")
    return tag(
        "figure",
        tag("span", image, boxes, class_="picture"),
        *([tag("div", *maps, class_="maps")] if maps else []),
        tag(
            "figcaption",
            tag("span", tag("b", f"Frame {frame.index}"), " ", told, class_="words"),
            *([tag("span", f"; attention {evenness}")] if evenness else []),
        ),
        class_="keyframe",
    )


def _told(frame: KeyFrame) -> str:
    """Return a key frame's results in words."""
    if len(frame.results) > 1:
        found = sum(result.found for result in frame.results)
        return f"{found} of {len(frame.results)} found"
    result = frame.results[0]
    words = ["found" if result.found else "not found"]
    if math.isfinite(result.score):
        words.append(f"score {result.score:+.2f}".replace("-", "−"))
    if frame.truth is not None and np.isfinite(frame.truth).all():
        iou = float(overlap(np.array([result.box]), frame.truth[None])[0])
        words.append(f"overlap {iou:.2f}")
    return ", ".join(words)


def _unevenness(value: float) -> str:
    return f"σ/μ {value:.2f}" if math.isfinite(value) else "an empty map"


def _centre(result: Result) -> tuple[float, float]:
    x, y, w, h = result.box
    return round(x + w / 2, 1), round(y + h / 2, 1)
