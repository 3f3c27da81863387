"""Chapter 1: the same film tracked from several first boxes, good ones and bad ones.

The runs are stored with the book, `book/results/first_box.npz`. ``python -m
rltrack.chapters.first_box FILE`` makes them again, in about a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import log
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rltrack.array_files import save_arrays
from rltrack.chapters.widgets import choose
from rltrack.demo_film.film import synthetic
from rltrack.evaluation.metrics import overlap
from rltrack.plots.frames import filmstrip
from rltrack.tracking.box_regression import corrected
from rltrack.tracking.presets import preset
from rltrack.video.excerpt import Excerpt
from rltrack.video.run import track

__all__ = ["FIRST_BOXES", "FirstBoxRun", "game", "record", "tracked_from"]

Array = NDArray[np.float64]

FIRST_BOXES = {
    "the ladybird": (0.0, 0.0, 1.0),
    "its middle": (0.0, 0.0, 0.5),
    "with the ground around": (0.0, 0.0, 2.0),
    "half of it, half ground": (-0.5, 0.0, 1.0),
}
"""By name, how a first box differs from the true one.

The numbers are the shift of the centre to the right and down, in widths and heights of the true
box, and the factor of both sides.
"""

FRAMES = 61
SHOWN = (0, 20, 40, 60)
_DPI = 120  # of several pictures in one page, which is to stay small


class FirstBoxRun(NamedTuple):
    """A run of `FRAMES` frames."""

    boxes: Array
    """(T, 4) the tracker's boxes (x, y, w, h), in pixels. The first is the given one."""
    found: NDArray[np.bool_]
    """(T,) whether the target was found."""


def record(frames: int = FRAMES, seed: int = 0) -> dict[str, FirstBoxRun]:
    """Track the film from each of `FIRST_BOXES`, with the preset ``realtime`` on the CPU."""
    film = Excerpt(synthetic(), 0, frames)
    truth, runs = torch.tensor(film.ground_truth[:1], dtype=torch.float64), {}
    for name, (right, down, factor) in FIRST_BOXES.items():
        change = torch.tensor([[right, down, log(factor), log(factor)]], dtype=torch.float64)
        box = corrected(truth, change)[0].tolist()
        done = track(film, box=box, config=preset("realtime"), device="cpu", seed=seed)
        runs[name] = FirstBoxRun(np.asarray(done.boxes, float), np.asarray(done.found, bool))
    return runs


def tracked_from(run: FirstBoxRun, images: Sequence[Any], truth: Array) -> Figure:
    """Draw the frames `SHOWN` with the boxes of a run, and the true boxes of the ladybird."""
    results = [(run.boxes[i], bool(run.found[i])) for i in SHOWN]
    figure = filmstrip([images[i] for i in SHOWN], SHOWN, results, [truth[i] for i in SHOWN])
    figure.set_dpi(_DPI)
    return figure


def game(runs: Mapping[str, FirstBoxRun]) -> Any:
    """Return buttons, one for each first box, that show what became of it."""
    film = Excerpt(synthetic(), 0, FRAMES)
    images, truth = list(film), film.ground_truth

    def outcome(run: FirstBoxRun) -> str:
        shares = overlap(run.boxes, truth)
        return (
            f"found in {run.found.mean():.0%} of the frames; "
            f"overlap with the ladybird {shares[0]:.2f} at first, {shares[-1]:.2f} at the end"
        )

    pictures = [tracked_from(run, images, truth) for run in runs.values()]
    alt = "Four frames of the film with the tracker's box and the ladybird's true box"
    return choose(list(runs), pictures, list(map(outcome, runs.values())), alt)


if __name__ == "__main__":
    save_arrays(sys.argv[1], record(), {"preset": "realtime", "backbone": "lite0", "seed": 0})
