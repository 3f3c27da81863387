"""The drawings show the numbers they are given, and their words fit."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from figure_checks import legible
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, Rectangle

from rltrack.chapters.online_tracker import RunTrace
from rltrack.chapters.online_tracker_figures import (
    best_candidates,
    maps_and_results,
    scores_and_overlaps,
)
from rltrack.chapters.reciprocative_gradients import _ARROWS, _NODES, backward_graph
from rltrack.chapters.reciprocative_learning import (
    TrainingTrace,
    learning_curves,
    target_maps,
    training_maps,
)
from rltrack.tracking.crops import crop_extents


def a_lesson(scale: float) -> TrainingTrace:
    steps = np.arange(0, 201, 50)
    curve = scale / (1.0 + steps)
    maps = scale * np.random.default_rng(0).random((4, 51, 51)).astype(np.float32)
    return TrainingTrace(
        steps, curve, 2 * curve, 3 * curve, 4 * curve, curve, steps[1:], maps, maps
    )


def a_diary() -> RunTrace:
    rng = np.random.default_rng(0)
    frames, n = np.array([1, 3]), 20
    candidates = np.concatenate([rng.uniform(20, 60, (2, n, 2)), np.full((2, n, 2), 20.0)], 2)
    return RunTrace(
        boxes=np.tile([30.0, 30, 20, 20], (5, 1)),
        scores=np.array([1.0, 0.5, -0.5, 0.5, 0.5]),
        found=np.array([True, True, False, True, True]),
        learned=np.array([False, False, True, False, True]),
        overlaps=np.linspace(1, 0.5, 5),
        truth=np.tile([33.0, 31, 20, 20], (5, 1)),
        shape=np.array([96, 128]),
        frames=frames,
        attention=rng.random((2, 51, 51)).astype(np.float32),
        extents=np.tile([25.0, 25, 30, 30], (2, 1)),
        candidates=candidates,
        candidate_scores=rng.normal(size=(2, n)),
    )


def test_the_graphs_boxes_hold_their_words_and_keep_apart() -> None:
    figure = backward_graph()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    (axes,) = figure.axes
    boxes = [p.get_window_extent() for p in axes.patches if isinstance(p, FancyBboxPatch)]
    words = [t.get_window_extent(renderer) for t in axes.texts[: len(boxes)]]
    for box, text in zip(boxes, words, strict=True):
        assert box.x0 < text.x0 and text.x1 < box.x1
        assert box.y0 < text.y0 and text.y1 < box.y1
        assert box.x1 <= figure.bbox.x1
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_learning_curves_are_the_lessons() -> None:
    lessons = {"a": a_lesson(1), "b": a_lesson(2)}
    figure = learning_curves(lessons)
    legible(figure)
    entropy, unevenness, targets, background = figure.axes
    for axes, field in (
        (entropy, "cross_entropy"),
        (unevenness, "unevenness"),
        (targets, "on_targets"),
        (background, "on_background"),
    ):
        for line, seen in zip(axes.lines, lessons.values(), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), getattr(seen, field))


def test_lesson_maps_are_a_row_a_lesson_on_one_scale() -> None:
    lessons = {"a": a_lesson(1), "b": a_lesson(2)}
    lessons["a"].target_maps[1] *= 5
    figure = training_maps(lessons)
    assert [axes.get_title() for axes in figure.axes[:4]] == [
        f"step {s}" for s in (50, 100, 150, 200)
    ]
    first, second = (np.asarray(figure.axes[i].images[0].get_array()) for i in (0, 4))
    np.testing.assert_allclose(2 * first, second, rtol=1e-5)
    assert first.mean() == pytest.approx(0.5, abs=0.02)  # smoothing keeps the mean
    tops = [axes.images[0].get_clim()[1] for axes in figure.axes]
    assert tops[:4] == tops[4:]  # of a step, whatever lambda
    assert tops[0] == second.max() and tops[1] > 2 * tops[0]
    values = lessons["b"].target_maps[3]
    assert figure.axes[7].get_xlabel().endswith(f" {values.std() / values.mean():.2f}")


def test_a_crop_and_its_maps_have_the_targets_box() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (107, 107, 3), np.uint8)
    figure = training_maps({"a": a_lesson(1)}, crop)
    legible(figure)
    *_, beside = figure.axes
    assert len(figure.axes) == 5 and beside.get_title() == "crop"
    np.testing.assert_array_equal(beside.images[0].get_array(), crop)
    box = torch.tensor([[40.0, 60, 107, 214]])  # whose crop needs no rounding
    x, y, w, h = crop_extents(box)[0].tolist()
    inside = ((40 - x) / w, (60 - y) / h, 107 / w, 214 / h)
    for axes in figure.axes:
        (drawn, colour), *others = outlines(axes)
        assert not others and colour == "#ffffff"
        assert drawn == pytest.approx(inside)


def test_maps_of_a_row_are_on_one_scale_if_it_is_asked_for() -> None:
    ones = np.ones((9, 9))
    rows = {"a": [ones, 3 * ones], "b": [7 * ones, 5 * ones]}
    for one_scale, expected in (("row", [3, 3, 7, 7]), ("column", [7, 5, 7, 5])):
        axes = target_maps(None, rows, ["0", "1"], one_scale).axes
        assert [ax.images[0].get_clim() for ax in axes] == [(0, pytest.approx(v)) for v in expected]


def test_the_graph_is_cut_between_the_regulariser_and_what_it_would_teach() -> None:
    legible(backward_graph())
    (axes,) = backward_graph().axes
    boxes = dict(zip(_NODES, axes.patches, strict=False))
    (cut,) = axes.lines
    x = set(cut.get_xdata()).pop()
    assert boxes["R"].get_bbox().x1 < x < boxes["back"].get_bbox().x0
    assert {end for start, end, *_ in _ARROWS if start in ("ce", "term")} == {"sum"}


def test_the_trace_marks_updates_by_their_kind() -> None:
    figure = scores_and_overlaps({"a": a_diary()}, first=60, visible=np.ones(5))
    legible(figure)
    scores, overlaps = figure.axes
    score, long_term, short_term, _ = scores.lines
    np.testing.assert_array_equal(score.get_xdata(), np.arange(60, 65))
    np.testing.assert_array_equal(long_term.get_xdata(), [64])
    np.testing.assert_array_equal(short_term.get_xdata(), [62])
    np.testing.assert_array_equal(overlaps.lines[0].get_ydata(), a_diary().overlaps)


def outlines(axes: Axes) -> list[tuple[tuple[float, ...], str]]:
    """Boxes drawn on Axes, without their black edges, and their colours."""
    return [
        (patch.get_bbox().bounds, to_hex(patch.get_edgecolor()))
        for patch in axes.patches
        if isinstance(patch, Rectangle) and to_hex(patch.get_edgecolor()) != "#000000"
    ]


@pytest.mark.parametrize("with_images", [True, False])
def test_sightings_are_two_maps_and_a_result_a_frame(with_images: bool) -> None:
    images = {i: np.zeros((96, 128, 3), np.uint8) for i in (1, 3)} if with_images else None
    figure = maps_and_results({"a": a_diary(), "b": a_diary()}, [1, 3], images, first=10)
    rows = 3 if with_images else 2  # without images the boxes are on the confidence map
    assert len(figure.axes) == 2 * rows * 2
    assert [axes.get_title() for axes in figure.axes[:2]] == ["frame 11", "frame 13"]
    last = figure.axes[2 * rows - 1]
    assert "IoU 0.62" in last.get_xlabel()
    legible(figure)
    assert outlines(last) == [((30, 30, 20, 20), "#56b4e9"), ((33, 31, 20, 20), "#ffffff")]
    assert figure.get_figheight() < 12  # two pages of a browser; three columns make it lower
    FigureCanvasAgg(figure).draw()


def test_confidence_and_result_are_one_close_up_that_holds_the_boxes() -> None:
    diary = a_diary()
    diary.truth[1] = [90, 70, 20, 20]  # the tracker is elsewhere
    images = {1: np.zeros((96, 128, 3), np.uint8)}
    _, confidence, result = maps_and_results({"a": diary}, [1], images).axes
    assert confidence.get_xlim() == result.get_xlim()
    assert confidence.get_ylim() == result.get_ylim()
    assert result.get_xlim()[0] < 30 and result.get_xlim()[1] > 110
    assert result.get_ylim()[0] > 90 and result.get_ylim()[1] < 30
    low, high = confidence.get_xlabel().replace("−", "-").split(" to ")
    assert float(low) == pytest.approx(diary.candidate_scores[0].min(), abs=0.05)
    assert float(high) == pytest.approx(diary.candidate_scores[0].max(), abs=0.05)


def test_a_lost_target_is_dashed_and_an_unknown_truth_is_not_drawn() -> None:
    diary = a_diary()
    diary.found[3] = False
    diary.truth[3] = np.nan
    axes = maps_and_results({"a": diary}, [3]).axes[-1]
    assert outlines(axes) == [((30, 30, 20, 20), "#f0e442")]
    assert axes.patches[-1].get_linestyle() == "--"


def test_best_candidates_outline_their_mean() -> None:
    diary = a_diary()
    figure = best_candidates(np.zeros((96, 128, 3), np.uint8), diary, 3, 5)
    legible(figure)
    best = np.argsort(diary.candidate_scores[1])[-5:]
    mean = diary.candidates[1][best].mean(0)
    drawn = outlines(figure.axes[1])
    assert [colour for _, colour in drawn] == ["#009e73"] * 5 + ["#e69f00", "#56b4e9", "#ffffff"]
    np.testing.assert_allclose(drawn[5][0], mean)
    assert drawn[6][0] == (30, 30, 20, 20) and drawn[7][0] == (33, 31, 20, 20)
    words = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert words == ["the best 5", "their mean", "corrected", "truth"]
