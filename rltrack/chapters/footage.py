"""What a chapter shows: the bundled film, a benchmark's sequence, or the reader's own clip."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rltrack.errors import InputError
from rltrack.film import SyntheticSequence, synthetic
from rltrack.video import FrameSource, open_source

__all__ = ["FILM", "Scene", "footage", "scene"]

FILM = "film"
"""The name of the bundled film among sequences."""


def footage(
    sequence: str | None = None, data: str | Path | None = None, own: str = FILM
) -> FrameSource:
    """Open what a notebook's parameters ``sequence`` and ``data`` ask for.

    Args:
        sequence: "film"; or a sequence of OTB, such as "Girl", if there is ``data``; or, with or
            without, what `rltrack.open_source` takes: a video, a folder, a webcam's index. None is
            the film without ``data``, and ``own`` with it.
        data: the folder that has ``otb/`` in it.
        own: the chapter's own sequence.

    Raises:
        InputError: there is no such sequence, video or folder.
    """
    name = sequence or (FILM if data is None else own)
    if name == FILM:
        return synthetic()
    if data is not None and (folder := Path(data).expanduser() / "otb" / name).is_dir():
        return open_source(folder)
    try:
        return open_source(name)
    except InputError as error:
        looked = "data is not given" if data is None else f"nor in {Path(data) / 'otb'}"
        raise InputError(f"sequence is {name!r}: {error}; {looked}") from None


class Scene(NamedTuple):
    """A part of a sequence with an occlusion in it; frames are counted from 0."""

    start: int
    """Its first frame."""
    stop: int | None
    """The frame after its last; None is the sequence's end."""
    shown: tuple[int, ...]
    """Frames to look at, counted from ``start``."""
    number: int
    """What its first frame is called: the film's are counted from 0, a benchmark's from 1."""


# The paper's Figure 3 is of Girl's frames 2, 432 and 467.
_SCENES = {
    FILM: (Scene(66, 100, (1, 17, 31), 66), Scene(0, None, (1, 83, 97), 0)),
    "Girl": (Scene(420, 468, (1, 11, 46), 421), Scene(0, None, (1, 431, 466), 1)),
}


def scene(source: FrameSource, fast: bool = True, frames: int = 36) -> Scene:
    """The part of a source that chapter 5 tracks, and where it looks.

    The film's and Girl's are round an occlusion. Any other source gives its beginning, which is
    looked at after the first frame, in the middle and at the end.

    Args:
        source: with ground truth.
        fast: a part; else the whole.
        frames: how many of another source, if ``fast``.

    Raises:
        InputError: the source has no ground truth, or fewer than four frames of it.
    """
    name = FILM if isinstance(source, SyntheticSequence) else source.name
    if name in _SCENES:
        return _SCENES[name][0 if fast else 1]
    length = 0 if source.ground_truth is None else len(source.ground_truth)
    if length < 4:
        raise InputError(f"{source.name} has {length} frames with ground truth; wanted 4 or more")
    length = min(length, frames) if fast else length
    return Scene(0, length if fast else None, (1, length // 2, length - 1), 1)
