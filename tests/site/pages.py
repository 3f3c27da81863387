"""Make the pages that `pages.test.mjs` looks at: of a run, of a stopped one, and of a sweep."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from made_runs import made_run
from small_presets import QUICK

from rltrack import preset, synthetic, track, track_several
from rltrack.benchmarks.report import report
from rltrack.benchmarks.report_page import write_report_page
from rltrack.video.tracks import Step

NAME = "A_very_long_name_of_a_film_without_any_place_to_break_it_<b>&amp;" + "_and_more" * 9


class Named:
    """The bundled film under a name that no page may break at."""

    name, fps = NAME, 25.0

    def __init__(self, frames: int) -> None:
        self._film = synthetic(frames)
        self.length, self.ground_truth = frames, self._film.ground_truth

    def __iter__(self) -> Iterator[Any]:
        return iter(self._film)


def stop(step: Step) -> None:
    """Stop a run as Ctrl-C does."""
    if step.index == 3:
        raise KeyboardInterrupt


def main(folder: Path) -> None:
    """Make them in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {"config": QUICK, "backbone": "random"}
    track(Named(14), html=folder / "track.html", **given)
    boxes = [Named(1).ground_truth[0] + (30 * k, 0, 0, 0) for k in range(3)]
    track_several(Named(9), boxes, html=folder / "stopped.html", on_frame=stop, **given)
    changes: list[dict[str, Any]] = [
        {"attention_weight": 0.0}, {}, {"map_at": "input"}, {"reduction": "sum"},
        {"map_statistics": "batch"}, {"score_seed": 10.0, "attention_dropout": True},
    ]  # fmt: skip
    targets = ("Basketball", "Bolt", "Boy", "Car4", "Couple", "Deer", "Girl", "Skiing")
    runs = [
        made_run(
            target, seed, preset("paper", **change), os=0.4 + 0.03 * k + 0.02 * n + 0.01 * seed,
            machine=NAME, threads=2,
        )
        for (k, target), (n, change), seed in itertools.product(
            enumerate(targets), enumerate(changes), (0, 1)
        )
    ]  # fmt: skip
    write_report_page(folder / "report.html", report(runs), runs, NAME)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
