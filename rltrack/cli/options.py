"""Options that several commands read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rltrack.errors import InputError
from rltrack.paths import given_path

if TYPE_CHECKING:
    from rltrack.video.sources import FrameSource

__all__ = [
    "Backbone",
    "Debug",
    "Device",
    "Preset",
    "Seed",
    "comma_list",
    "first_boxes",
    "parsed_box",
]

Preset = Annotated[
    str,
    typer.Option(
        "--preset",
        metavar="paper|released-code|realtime|tiny",
        help="The configuration to start from.",
    ),
]
Backbone = Annotated[
    str,
    typer.Option(
        "--backbone",
        metavar="NAME",
        help="The backbone's name (`rltrack info` lists them) or a .safetensors file.",
    ),
]
Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="The device to compute on.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="The seed of all random numbers.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback if something fails.")]


def comma_list(text: str) -> list[str]:
    """``A, B`` as a list of names, without the blanks around them."""
    return [name.strip() for name in text.split(",")]


def parsed_box(text: str) -> list[float]:
    """``X,Y,W,H`` as four numbers.

    Raises:
        InputError: it is something else.
    """
    try:
        numbers = [float(item) for item in re.split(r"\s*,\s*|\s+", text.strip())]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise InputError(
            f"--box is {text!r}; wanted four numbers X,Y,W,H"
            " (or in rltrack track, a file of CVAT, .xml, or of MOT or YOLO, .txt)"
        )
    return numbers


def first_boxes(text: str, start: str | None, frames: FrameSource) -> list[Any]:
    """The first box that ``X,Y,W,H`` gives, or those that an annotation tool's file has in a frame.

    Args:
        text: what ``--box`` is given.
        start: what ``--start`` is given: the frame in which tracking starts. None is frame 0.
        frames: the source. A file counts all images of a sequence's folder, of which the source may
            be a part.

    Raises:
        InputError: it is neither, or the file cannot be used.
    """
    from rltrack.data.first_boxes import read_first_boxes
    from rltrack.video.moments import BEGINNING, Moment

    if not re.search(r"\.(xml|txt|csv)$", text, re.IGNORECASE):
        return [parsed_box(text)]
    file = given_path(text, "--box")
    if not file.is_file():
        raise InputError(f"--box is {text!r}: there is no such file")
    frame = (BEGINNING if start is None else Moment.parsed(start, "--start")).frame
    if frame is None:
        raise InputError(
            f"--start is {start!r}, and {file} has boxes by frame: give the number of a frame"
        )
    sequence = getattr(frames, "sequence", None)
    return list(read_first_boxes(file, frame + (sequence.before if sequence else 0)))
