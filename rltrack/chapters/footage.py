"""Footage of a chapter: the bundled film, or what a reader has."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.film import synthetic
from rltrack.video import open_source

__all__ = ["Shot", "first_frame"]

FILM = "film"


class Shot(NamedTuple):
    """A frame with its target."""

    name: str
    """Of the footage, in words."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    box: NDArray[np.float64]
    """(x, y, w, h), 0-based pixels."""


def first_frame(sequence: str | None, data: str | None, example: str) -> Shot:
    """The first frame of the footage that a chapter's parameters ask for.

    Args:
        sequence: ``"film"``, the bundled one; the name of a benchmark sequence, if ``data`` is
            given; or a sequence's folder. None: the film, or with ``data`` the ``example``.
        data: the folder that has ``otb/`` in it.
        example: the benchmark sequence of the paper's figure.

    Raises:
        InputError: nothing there, or no ground truth with it.
    """
    sequence = sequence or (example if data else FILM)
    if sequence == FILM:
        film = synthetic(1)
        return Shot("the bundled film", film[0], film.ground_truth[0])
    source = open_source(Path(data) / "otb" / sequence if data else sequence)
    image = next(iter(source))
    if image is None or source.ground_truth is None:
        raise InputError(f"sequence: {sequence} has no ground truth, wanted a target's box with it")
    return Shot(sequence, image, source.ground_truth[0])
