"""The tracker as VOT's toolkit meets it: it answers over TraX.

Its command is ``python -m rltrack.benchmarks.trax_entry``.

The toolkit starts this module once for a sequence and sends an image and a region to start at, then
image after image; after a failure it starts again further on (a reset), and so it does for each
repetition. The tracker's settings come with every start: they are the ``arg_...`` lines of the
workspace's ``trackers.ini``, see `rltrack.benchmarks.vot_workspace`.

Regions are rectangles in 0-based pixels both ways. Of a VOT polygon TraX's own library makes the
axis-aligned bounding box, because that is the only kind of region asked for here; it is the box
that `rltrack.data.sequences.read_boxes` reads from the same file.

Repetition n of a sequence, counted from 0, runs with the seed ``seed + n``: repetitions of the same
seed would be the same run. A reset starts with its repetition's seed.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rltrack.errors import InputError
from rltrack.tracking.presets import preset
from rltrack.tracking.tracker import Tracker
from rltrack.video.images import read_image

__all__ = ["FINISHED", "LOG", "main", "make_tracker", "serve"]

LOG = "RLTRACK_TRAX_LOG"
"""Environment variable: the file that gets what went wrong, in one line, then the traceback. The
toolkit keeps of it only what the tracker happened to print in time."""
FINISHED = "RLTRACK_TRAX_FINISHED"
"""Environment variable: how many repetitions of the sequence were finished before; 0 if not set."""


def make_tracker(settings: Mapping[str, str]) -> Tracker:
    """The tracker of ``preset``, ``attention_weight``, ``backbone``, ``device`` and ``seed``.

    Raises:
        InputError: one of them cannot be used.
    """
    return Tracker(
        preset(settings["preset"], attention_weight=float(settings["attention_weight"])),
        backbone=settings["backbone"],
        device=settings["device"],
        seed=int(settings["seed"]),
    )


def serve(server: Any, finished: int = 0) -> None:
    """Track what the toolkit sends, until it quits.

    Args:
        server: a ``trax.Server``.
        finished: repetitions of this sequence that other processes have finished.

    Raises:
        InputError: a setting, box or image cannot be used.
    """
    from trax import ImageChannel, Rectangle, TraxStatus

    tracker, first, seed, repetition = None, "", 0, finished
    while (request := server.wait()).type != TraxStatus.QUIT:
        path = request.image[ImageChannel.COLOR].path()
        image = read_image(path)
        if image is None:
            raise InputError(f"cannot read the image {path}: fetch the sequence again")
        if request.type == TraxStatus.INITIALIZE:
            if tracker is None:
                tracker, first = make_tracker(request.properties.dict()), path
                seed = tracker.seed
            elif path == first:  # resets come later in a sequence
                repetition += 1
            tracker.seed = seed + repetition
            region, _ = request.objects[0]
            result = tracker.init(image, region.bounds())
        elif tracker is None:
            raise InputError("a frame came before the start: the TraX client must initialize first")
        else:
            result = tracker.update(image)
        server.status([(Rectangle.create(*result.box), {})])


def main() -> None:
    """Serve the process that started this one, over standard input and output."""
    try:
        from trax import Image, Region, Server

        server = Server([Region.RECTANGLE], [Image.PATH])
        serve(server, int(os.environ.get(FINISHED, "0")))
    except Exception as error:
        if log := os.environ.get(LOG):
            line = " ".join(f"{type(error).__name__}: {error}".split())
            Path(log).write_text(f"{line}\n\n{traceback.format_exc()}", encoding="utf-8")
        raise


if __name__ == "__main__":
    main()
