"""Panels, checked by what is in them: the right outlines, crops and words."""

from __future__ import annotations

import numpy as np
import torch
from figure_checks import legible
from matplotlib.patches import Rectangle

from rltrack.chapters.the_tracker import boxes_on, crop_rows, responses

IMAGE = np.full((60, 80, 3), 90, np.uint8)


def test_every_box_is_outlined_on_its_panel_in_its_kinds_own_style() -> None:
    figure = boxes_on(IMAGE, [{"one": [(1, 2, 30, 20)], "two": [(5, 5, 9, 9)] * 3}, {"three": []}])
    left, right = figure.axes
    outlines = [patch for patch in left.patches if isinstance(patch, Rectangle)]
    assert [patch.get_bbox().bounds for patch in outlines[:2]] == [(1, 2, 30, 20), (5, 5, 9, 9)]
    assert len(outlines) == 4 and not right.patches
    styles = {(patch.get_edgecolor(), patch.get_linestyle()) for patch in outlines}
    assert len(styles) == 2
    words = [text.get_text() for axes in figure.axes for text in axes.get_legend().get_texts()]
    assert words == ["one", "two", "three"]
    assert left.get_xlim() == (0, 80) and left.get_ylim() == (60, 0)
    legible(figure)


def test_crops_stand_in_their_rows_under_their_titles() -> None:
    crops = torch.arange(3, dtype=torch.uint8)[:, None, None, None].expand(3, 3, 5, 5)
    figure = crop_rows({"up": (crops, ["a", "b", "c"]), "down": (crops.flip(0), ["d", "e", "f"])})
    shown = [np.asarray(axes.images[0].get_array())[0, 0, 0] for axes in figure.axes]
    assert shown == [0, 1, 2, 2, 1, 0]
    assert [axes.get_title() for axes in figure.axes] == [*"abcdef"]
    assert [part.get_suptitle() for part in figure.subfigs] == ["up", "down"]
    legible(figure)


def test_responses_stand_in_a_row_for_each_stage_beside_the_crop() -> None:
    stages = {"first": [np.eye(4), 3 * np.ones((4, 4))], "second": [np.zeros((2, 2)), np.eye(2)]}
    figure = responses(IMAGE[:, :60], stages)
    assert [axes.get_title() for axes in figure.axes] == ["crop", "first", "", "crop", "second", ""]
    shown = [axes.images[0] for axes in figure.axes]
    np.testing.assert_array_equal(shown[0].get_array(), IMAGE[:, :60])
    np.testing.assert_array_equal(shown[2].get_array(), 3 * np.ones((4, 4)))
    assert [one.get_clim() for one in shown[1:3]] == [(0, 1), (0, 3)]
    legible(figure)
