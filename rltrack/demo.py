"""The demo: the bundled film, tracked without and with reciprocative learning, side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.config import preset
from rltrack.figures import DemoRun, demo_figure
from rltrack.files import whole
from rltrack.film import synthetic
from rltrack.recorder import writable
from rltrack.run import Step, Track, track

__all__ = ["WEIGHTS", "Moment", "demo", "demo_run", "moment"]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

WEIGHTS = (0.0, 5.0)
"""The lambdas that are compared: the paper's baseline, and its tracker."""


def demo(
    folder: str | Path = "out/demo",
    *,
    frames: int = 30,
    config: str = "paper",
    backbone: str = "embedded",
    device: str = "auto",
    seed: int = 0,
    on_start: Callable[[str], None] | None = None,
    on_frame: Callable[[Step], None] | None = None,
) -> list[Track]:
    """Track the first frames of `rltrack.synthetic` with lambda 0, then 5, and leave the results.

    ``folder`` gets, for each lambda, ``demo-lambda0.mp4``, ``.csv`` and ``.json`` (see
    `rltrack.track`), and ``figure.png``, which compares the two.

    Args:
        folder: where the files go; made if it is not there.
        frames: how many.
        config: a preset's name.
        backbone: a backbone's name.
        device: see `rltrack.tracker.pick_device`.
        seed: of the trackers' randomness; the film is always the same.
        on_start: called before each run, with its name.
        on_frame: called after each frame.

    Returns:
        The runs, in the order of `WEIGHTS`; after a Ctrl-C, those until then.

    Raises:
        InputError: something given cannot be used.
        TrackingError: an error part-way.
    """
    folder = Path(folder).expanduser()
    # All that can be wrong is found before the first run, not between the two.
    configs = [preset(config, attention_weight=weight) for weight in WEIGHTS]
    picture = writable(folder / "figure.png", "figure")
    film = synthetic(frames)
    shown = frames * 4 // 5  # of 30, where the target and its look-alike touch
    tracks: list[Track] = []
    moments: list[Moment] = []

    def watch(step: Step) -> None:
        if step.index == shown and step.image is not None:
            moments.append(moment(step, step.image))
        if on_frame is not None:
            on_frame(step)

    for each in configs:
        name = f"demo-lambda{each.attention_weight:g}"
        if on_start is not None:
            on_start(name)
        tracks.append(
            track(
                film,
                config=each,
                backbone=backbone,
                device=device,
                seed=seed,
                out=folder / f"{name}.csv",
                video=folder / f"{name}.mp4",
                summary=folder / f"{name}.json",
                on_frame=watch,
            )
        )
        if tracks[-1].interrupted:
            return tracks
    runs = [demo_run(done, moment, shown) for done, moment in zip(tracks, moments, strict=True)]
    title = f"{film.name}, preset {config}, backbone {tracks[0].backbone}, seed {seed}"
    with whole(picture) as part:
        demo_figure(runs, film.ground_truth, title=title).savefig(part, format="png", dpi=160)
    return tracks


class Moment(NamedTuple):
    """What the figure shows of a run beside its boxes."""

    image: Image
    attention: NDArray[np.float32]
    extent: tuple[float, float, float, float]
    candidates: Array
    scores: Array


def moment(step: Step, image: Image) -> Moment:
    """What the figure shows, taken before the tracker goes on to the next frame."""
    attention, _ = step.tracker.attention(image, step.result.box)
    extent = step.tracker.crop_extent(step.result.box)
    return Moment(image, attention, extent, *step.tracker.candidates)


def demo_run(done: Track, moment: Moment, shown: int) -> DemoRun:
    """A run as `rltrack.figures.demo_figure` draws it, with its moment at frame ``shown``."""
    metrics = done.metrics
    words = (
        ""
        if metrics is None
        else (f"DP {metrics.dp20:.3f}, OS {metrics.os:.3f}, CLE {metrics.cle:.1f} px")
    )
    return DemoRun(
        name=f"λ = {done.config.attention_weight:g}",
        frame=shown,
        boxes=done.boxes,
        found=done.found,
        metrics=words,
        **moment._asdict(),
    )
