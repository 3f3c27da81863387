from __future__ import annotations

import numpy as np
import pytest
import torch
from figure_checks import legible
from torch import Generator

from rltrack.backbones.cards import Card
from rltrack.backbones.filter_banks import analytic_bank
from rltrack.plots.style import PAGE_WIDTH
from rltrack.pretraining.figures import filter_sheets, loss_curves, scene_sheet
from rltrack.pretraining.scenes import render


def test_scenes_show_the_targets_box_at_each_moment() -> None:
    scenes = render(2, 3, Generator().manual_seed(0))
    figure = scene_sheet(scenes)
    assert figure.get_figwidth() == PAGE_WIDTH
    axes = figure.axes
    assert len(axes) == 2 * 3
    for ax, boxes in zip(axes, scenes.boxes.flatten(0, 1).tolist(), strict=True):
        first = ax.patches[1].get_bbox()  # over its black edge
        assert [first.x0, first.y0, first.width, first.height] == pytest.approx(boxes[0])


def test_filters_lie_in_rows_of_sixteen_each_on_its_own_scale() -> None:
    weights = analytic_bank()["conv1.weight"].clone()
    weights[17] *= 1000
    figure = filter_sheets({"analytic": weights})
    legible(figure)
    (axes,) = figure.axes
    sheet = np.asarray(axes.images[0].get_array())
    assert sheet.shape == (6 * 8 - 1, 16 * 8 - 1, 3)
    tile = torch.from_numpy(sheet[8:15, 8:15] * 2 - 1).permute(2, 0, 1)  # row 1, column 1
    torch.testing.assert_close(tile, weights[17] / weights[17].abs().max())


def test_a_curve_puts_the_mean_of_a_part_at_its_middle() -> None:
    def course(steps: int, losses: str) -> Card:
        return Card("trained", "", "MIT", {"steps": str(steps), "losses": losses})

    cards = {"neighbours": course(100, "0.4 0.2"), "instances": course(60, "3.0")}
    figure = loss_curves(cards)
    legible(figure)
    first, second = figure.axes
    np.testing.assert_allclose(first.lines[0].get_xydata(), [[25, 0.4], [75, 0.2]])
    np.testing.assert_allclose(second.lines[0].get_xydata(), [[30, 3]])
    assert [axes.get_title() for axes in (first, second)] == ["neighbours", "instances"]
