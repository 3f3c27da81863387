"""Where tracking starts, and which ground truth its boxes are compared with."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rltrack.data.first_boxes import FirstBox
from rltrack.data.sequences import Sequence as SequenceFolder
from rltrack.errors import InputError
from rltrack.evaluation.metrics import center_error, is_box, overlap
from rltrack.tracking.inputs import checked_box
from rltrack.video.excerpt import Excerpt, Span
from rltrack.video.sources import FrameSource

__all__ = ["FAR", "Start", "first_box", "first_true_box", "matching_truth"]

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

Image = NDArray[np.uint8]

Box = Sequence[float] | Array

Start = Box | Callable[[Image], Box]

FAR = 0.2
"""A first box that overlaps the true one by less is not taken for the same target: our choice. A
box that was drawn by hand overlaps it by more."""


def first_box(box: Start, image: Image) -> list[float]:
    """Return the box to start from in the first image, or what the function ``box`` gives for it.

    Raises:
        InputError: it cannot be a target's. If it is of a file, the message names the file.
    """
    try:
        return checked_box(box(image) if callable(box) else box, image)
    except InputError as error:
        if isinstance(box, FirstBox):
            raise InputError(f"{box.file}: {error}") from None
        raise


def first_true_box(source: FrameSource, cure: str) -> tuple[FrameSource, list[float]]:
    """Return the source from its first true box on, and this box.

    The ground truth of a target that joins late begins with rows that hold no box.

    Args:
        source: the frames, with ground truth.
        cure: what to do if there is no true box, for the message.

    Raises:
        InputError: there is no true box.
    """
    truth = source.ground_truth
    if truth is None:
        sequence = _sequence(source)
        problem = sequence.problem if sequence else None
        why = problem or f"{source.name} has no ground truth to take it from"
        raise InputError(f"no first box: {why}; {cure}")
    rows = np.flatnonzero(is_box(truth))
    if not rows.size:
        raise InputError(f"no first box: the ground truth of {source.name} holds none; {cure}")
    start = int(rows[0])
    if start:
        log.warning(
            "%s: the first true box is in frame %d, counted from 0; tracking starts there, and it "
            "is frame 0 of the results",
            source.name,
            start + (source.first_number(math.nan) if isinstance(source, Span) else 0),
        )
        source = Excerpt(source, start)
    return source, truth[start].tolist()


def matching_truth(source: FrameSource, box: Sequence[float]) -> Array | None:
    """Return the ground truth that a run from a first box is compared with.

    A sequence folder may hold the ground truth of several targets. It is that of the target whose
    first true box is nearest to ``box``. A warning says if this is still far (`FAR`), and why there
    is no ground truth where a file of it cannot be used.

    Args:
        source: the frames.
        box: (x, y, w, h), the box in the first frame.

    Returns:
        (T, 4) float64, NaN rows where it is not known. None without any.
    """
    sequence = _sequence(source)
    others = sequence.others if sequence else ()
    truths = [truth for truth in (source.ground_truth, *others) if truth is not None]
    if not truths:
        if sequence and sequence.problem:
            log.warning("no metrics are given: %s", sequence.problem)
        return None
    starting = [truth for truth in truths if is_box(truth[:1]).any()]
    if not starting:
        return truths[0]

    def nearness(truth: Array) -> tuple[float, float]:
        first = truth[:1]
        return float(overlap([box], first)[0]), -float(center_error([box], first)[0])

    nearest = max(starting, key=nearness)
    if (shared := nearness(nearest)[0]) < FAR:
        log.warning(
            "%s: the first box overlaps that of the ground truth by %.2f; the metrics compare with "
            "the ground truth, which may be of another target",
            *(source.name, shared),
        )
    return nearest


def _sequence(source: FrameSource) -> SequenceFolder | None:
    """What was read of the sequence folder that a source was opened from; None of other sources."""
    return getattr(source, "sequence", None)
