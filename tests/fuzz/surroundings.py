"""What the inputs run in: no network, no waiting, and a tracker that stands still."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

QUICK = {
    "first_iterations": 2,
    "first_positives": 16,
    "first_negatives": 32,
    "regression_samples": 16,
    "candidates": 16,
    "averaged_candidates": 2,
    "update_positives": 4,
    "update_negatives": 8,
    "update_iterations": 1,
    "mined_negatives": 16,
    "batch_positives": 4,
    "batch_negatives": 8,
}
"""The preset `tiny` of the few inputs that the real tracker runs on."""


def prepare() -> None:
    """Change this process, which runs nothing but inputs."""
    os.environ["MPLBACKEND"] = "Agg"
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "RLTRACK_DATA"):
        os.environ.pop(name, None)

    import requests.adapters
    import torch
    import typer.main

    import rltrack.cli.main
    import rltrack.speed.bench
    from rltrack.backbones import filter_banks
    from rltrack.errors import InputError
    from rltrack.tracking import presets

    torch.set_num_threads(1)
    typer.main.get_command = cache(typer.main.get_command)  # it takes longer than most inputs
    filter_banks.random_bank = cache(filter_banks.random_bank)  # it takes seconds to make
    presets._CHANGES["tiny"] = QUICK

    slept = time.sleep
    time.sleep = lambda seconds: slept(min(max(seconds, 0), 0.001))

    send = requests.adapters.HTTPAdapter.send

    def send_here(self: Any, request: Any, *given: Any, **more: Any) -> Any:
        if not str(request.url).startswith("http://127.0.0.1"):
            raise requests.RequestException("there is no network")
        return send(self, request, *given, **more)

    requests.adapters.HTTPAdapter.send = send_here  # type: ignore[method-assign]

    def measure(*_: Any, **__: Any) -> Any:  # takes minutes
        raise InputError("nothing is measured here")

    rltrack.speed.bench.measure = measure


class StillTracker:
    """Puts a tracker that stands still in the place of the real one, which takes a second.

    The checks of its inputs are those of the real one.
    """

    def __enter__(self) -> None:
        from rltrack.tracking.inputs import checked_box
        from rltrack.tracking.result import Result
        from rltrack.tracking.rgb import to_rgb8
        from rltrack.tracking.tracker import Tracker

        def init(tracker: Tracker, image: Any, box: Sequence[float]) -> Result:
            x, y, w, h = checked_box(box, to_rgb8(image))
            tracker.still = Result((x, y, w, h), 1.0, True)  # type: ignore[attr-defined]
            return tracker.still  # type: ignore[attr-defined, no-any-return]

        def update(tracker: Tracker, image: Any) -> Result:
            if image is not None:
                to_rgb8(image)
            return tracker.still  # type: ignore[attr-defined, no-any-return]

        self._kept = Tracker.init, Tracker.update
        Tracker.init, Tracker.update = init, update  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        from rltrack.tracking.tracker import Tracker

        Tracker.init, Tracker.update = self._kept  # type: ignore[method-assign]
