"""Tracks as files that annotation tools read: CVAT, MOT and YOLO.

A target that is not found in a frame has no box there: in CVAT's file it is outside, and in the
others it is left out. `rltrack.data.first_boxes` reads the same forms.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from rltrack.files import SIGNATURE

__all__ = ["FORMATS", "TrackedBox", "Tracks"]


class TrackedBox(NamedTuple):
    """One target in one frame.

    Attributes:
        frame: number of the frame in the video, or among the images of the folder, from 0.
        target: number of the target, from 0.
        box: x, y, w, h in 0-based pixels.
        found: whether it was found there.
        size: width and height of this frame in pixels.
    """

    frame: int
    target: int
    box: tuple[float, float, float, float]
    found: bool
    size: tuple[int, int]


class Tracks(NamedTuple):
    """What a run found.

    Attributes:
        boxes: of all frames and targets, frame by frame; at least one.
        labels: the name of each target's class, or its number.
        images: names of the frames' files; empty for a video.
    """

    boxes: Sequence[TrackedBox]
    labels: Sequence[str]
    images: Sequence[str] = ()


def _cvat(tracks: Tracks) -> bytes:
    """Return CVAT's XML for video, version 1.1."""
    width, height = tracks.boxes[0].size  # CVAT asks for one; boxes are in pixels
    last = max(each.frame for each in tracks.boxes)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<!-- {SIGNATURE} -->",
        "<annotations>",
        "  <version>1.1</version>",
        f"  <meta><task><size>{last + 1}</size><mode>interpolation</mode><original_size>"
        f"<width>{width}</width><height>{height}</height></original_size></task></meta>",
    ]
    for target, label in enumerate(tracks.labels):
        lines.append(f'  <track id="{target}" label={quoteattr(_xml_text(label))} source="auto">')
        for each in tracks.boxes:
            if each.target == target:
                x, y, w, h = each.box
                lines.append(
                    f'    <box frame="{each.frame}" outside="{not each.found:d}" occluded="0" '
                    f'keyframe="1" xtl="{x:.2f}" ytl="{y:.2f}" xbr="{x + w:.2f}" '
                    f'ybr="{y + h:.2f}" z_order="0"></box>'
                )
        lines.append("  </track>")
    return "\n".join([*lines, "</annotations>", ""]).encode()


def _xml_text(name: str) -> str:
    """Return a name without the characters that XML cannot hold."""
    return "".join(char for char in name if char.isprintable()) or "target"


def _mot(tracks: Tracks) -> bytes:
    """Return MOT's lines: frame, id, x, y, w, h, 1, class, 1. Frames, ids and pixels are from 1."""
    lines = []
    for each in tracks.boxes:
        if each.found:
            x, y, w, h = each.box
            label = tracks.labels[each.target]
            of = int(label) if _is_number(label) and int(label) > 0 else 1
            sides = ",".join(f"{side:.2f}" for side in (x + 1, y + 1, w, h))
            lines.append(f"{each.frame + 1},{each.target + 1},{sides},1,{of},1\n")
    return "".join(lines).encode()


def _yolo(tracks: Tracks) -> bytes:
    """Return an archive in CVAT's YOLO form: a file of lines ``class x y w h`` for each frame."""
    names = list(dict.fromkeys(tracks.labels))
    if all(map(_is_number, names)):  # labels of a YOLO or MOT file keep their numbers
        names = [f"class_{number}" for number in range(max(map(int, names)) + 1)]
        classes = [int(label) for label in tracks.labels]
    else:
        classes = [names.index(label) for label in tracks.labels]
    by_frame: dict[int, list[str]] = {}
    for each in tracks.boxes:
        lines = by_frame.setdefault(each.frame, [])
        if each.found and (sides := _inside(each.box, each.size)):
            lines.append(" ".join([f"{classes[each.target]}", *(f"{side:.6f}" for side in sides)]))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:

        def add(name: str, lines: Sequence[str]) -> None:
            # No time of writing: the same tracks are the same file.
            archive.writestr(zipfile.ZipInfo(name), "".join(f"{line}\n" for line in lines))

        images = {frame: _image(tracks, frame) for frame in by_frame}
        add("obj.names", [" ".join(name.split()) for name in names])
        add(
            "obj.data",
            [f"classes = {len(names)}", "train = data/train.txt", "names = data/obj.names"],
        )
        add("train.txt", [f"data/obj_train_data/{image}" for image in images.values()])
        for frame, lines in by_frame.items():
            add(f"obj_train_data/{images[frame].rpartition('.')[0]}.txt", lines)
        archive.comment = SIGNATURE.encode()
    return content.getvalue()


def _is_number(label: str) -> bool:
    return label.isdecimal() and len(label) < 4


def _image(tracks: Tracks, frame: int) -> str:
    """Return the name of a frame's image, which for a video is the one that CVAT gives it."""
    if frame >= len(tracks.images):
        return f"frame_{frame:06}.jpg"
    return tracks.images[frame].encode("utf-8", "replace").decode()  # a name may be of any bytes


def _inside(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """Return centre and size in parts of the image, cut to it; None if nothing is inside."""
    width, height = size
    left, right = (min(max(x, 0), width) for x in (box[0], box[0] + box[2]))
    top, bottom = (min(max(y, 0), height) for y in (box[1], box[1] + box[3]))
    if right <= left or bottom <= top:
        return None
    return (
        (left + right) / 2 / width,
        (top + bottom) / 2 / height,
        (right - left) / width,
        (bottom - top) / height,
    )


FORMATS: dict[str, Callable[[Tracks], bytes]] = {".xml": _cvat, ".txt": _mot, ".zip": _yolo}
"""By the ending of a file's name: CVAT's XML, MOT's text, an archive of YOLO's labels."""
