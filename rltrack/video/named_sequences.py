"""Opening a sequence by its name: the bundled film, a benchmark's sequence, or the reader's own."""

from __future__ import annotations

from pathlib import Path

from rltrack.data.otb import OTB
from rltrack.data.sequences import otb_folder
from rltrack.data.target_names import Names
from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.paths import given_path, is_folder
from rltrack.video.sources import FrameSource, open_source

__all__ = ["FILM", "open_sequence"]

FILM = "film"
"""The name of the bundled film."""


def open_sequence(
    sequence: str | None = None, data: str | Path | None = None, own: str = FILM
) -> FrameSource:
    """Open the sequence that a notebook's parameters ``sequence`` and ``data`` name.

    Args:
        sequence: "film" is the bundled film. If ``data`` is given, it may be a sequence of OTB,
            such as "Girl", in any spelling. It may also be what `rltrack.open_source` takes: a
            video, a folder, a webcam's index. None is the film if there is no ``data``, and
            otherwise ``own``.
        data: the folder that has ``otb/`` in it.
        own: the chapter's own sequence.

    Raises:
        InputError: there is no such sequence, video or folder.
    """
    name = sequence or (FILM if data is None else own)
    if name == FILM:
        return synthetic()
    if data is not None:
        place = given_path(data)
        if is_folder(folder := place / "otb" / name):
            return open_source(folder)
        target = OTB.get(Names(OTB).find(name) or "")
        if target is not None and is_folder(folder := otb_folder(place, target)):
            return open_source(folder, target=target.number)
    try:
        return open_source(name)
    except InputError as error:
        more = (
            "for a sequence of OTB, give data"
            if data is None
            else f"there is no such sequence in {Path(data) / 'otb'} either"
        )
        raise InputError(f"sequence is {name!r}: {error}; {more}") from None
