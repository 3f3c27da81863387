"""The charts show the numbers they are given; the ladders measure what they name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from figure_checks import legible
from matplotlib.figure import Figure

from rltrack.backbones.cards import Card
from rltrack.backbones.registry import load_backbone
from rltrack.chapters.backbone import Retention, retained, trainings_table
from rltrack.chapters.real_time import (
    Speedup,
    crop_speedups,
    feature_speedups,
    frame_times,
    iteration_speedups,
    region_map,
    speedup_bars,
)
from rltrack.demo_film.film import synthetic
from rltrack.plots.style import PAGE_WIDTH
from rltrack.tracking.region import Region


def words(figure: Figure) -> str:
    figure.canvas.draw()
    texts = [t.get_text() for axes in figure.axes for t in axes.texts]
    labels = [t.get_text() for axes in figure.axes for t in axes.get_yticklabels()]
    return " ".join(texts + labels)


def test_frame_times_adds_the_update_so_that_all_is_shown() -> None:
    quick = {"crop": {"median_ms": 20.0}, "features": {"median_ms": 60.0}}
    report: dict[str, Any] = {
        "baseline": {"frame_ms": 1000.0, "phases": {"features": {"median_ms": 600.0}}},
        "trackers": {"paper": {"frame_ms": 100.0, "times_faster": 10.0, "phases": quick}},
    }
    figure = frame_times(report)
    legible(figure)
    shown = words(figure)
    assert "600 ms 400 ms baseline: 1000 ms a frame" in shown
    assert "20 ms 60 ms 20 ms paper: 100 ms a frame, 10 times faster" in shown
    (legend,) = figure.legends
    phases = [text.get_text() for text in legend.get_texts()]
    colours = [patch.get_facecolor() for patch in legend.get_patches()]
    bars = [bar.get_facecolor() for bar in figure.axes[0].patches]
    names = "features", "update and the rest"
    features, update = (colours[phases.index(phase)] for phase in names)
    assert bars[:2] == [features, update]


def test_ladders_write_times_and_ratios() -> None:
    figure = speedup_bars(
        {"a": [Speedup("plain", 100, 1), Speedup("fast", 8, 12.5)], "b": [Speedup("x", 1, 1)]}
    )
    legible(figure)
    shown = words(figure)
    assert "100 ms, 1.0x" in shown
    assert "8.0 ms, 12.5x" in shown
    assert "plain" in shown


@pytest.mark.parametrize("ladder", [crop_speedups, feature_speedups, iteration_speedups])
def test_a_ladder_starts_at_one(ladder: Any) -> None:
    rungs = ladder(2, device="cpu", repeats=1)
    assert rungs[0].times_faster == 1
    assert len(rungs) > 1
    for rung in rungs:
        assert rung.times_faster == pytest.approx(rungs[0].milliseconds / rung.milliseconds)


def test_region_map_draws_nine_cells_a_box() -> None:
    film = synthetic(1)
    box = torch.tensor(film.ground_truth[0], dtype=torch.float32)
    image = torch.from_numpy(film[0]).permute(2, 0, 1)
    region = Region(load_backbone("random"), image, box)
    figure = region_map(film[0], region, torch.stack([box, box + 5]))
    assert figure.get_figwidth() == PAGE_WIDTH
    drawn = [len(line.get_xdata()) for line in figure.axes[0].lines]
    assert drawn.count(9) == 2
    x, y, w, h = region.extent
    cells = region.cells(box[None])[0]
    # The middle cell is in the middle of the box, which is in the middle of the region.
    middle = torch.tensor([x + w / 2, y + h / 2])
    assert (cells[1] - middle).abs().max() <= 1


def test_retained_draws_means_over_targets_and_counts_errors() -> None:
    scores = np.array([[2.0, 0.0], [4.0, 2.0]])
    run = Retention(np.array([[1, 0.98], [1, 0.996]]), np.ones((2, 2)), scores, -scores)
    figure = retained({"one": run, "other": run}, [1, 8])
    legible(figure)
    shown = [axes for axes in figure.axes if axes.axison]
    assert len(shown) == 2
    assert "12 of 1000" in figure.axes[0].get_title()
    _, target, background = figure.axes[0].lines
    assert target.get_ydata().tolist() == [3, 1]
    assert background.get_ydata().tolist() == [-3, -1]


def test_a_training_without_form_and_light_had_one_of_both() -> None:
    facts = {"objective": "neighbours", "steps": "600", "seconds": "9", "scenes": "8"}
    card = Card("x", "", "MIT", {**facts, "moments": "4"})
    head, line = trainings_table({"x": card}).splitlines()
    assert dict(zip(head.split(), line.split()[1:], strict=True)) == {
        **facts, "moments": "4", "form": "1.0", "light": "1.0",
    }  # fmt: skip
