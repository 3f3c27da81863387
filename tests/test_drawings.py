"""The drawings show the numbers they are given, and their words fit."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch

from rltrack.chapters.diary import Diary
from rltrack.chapters.drawings import (
    backward_graph,
    best_candidates,
    diary_trace,
    learning_curves,
    lesson_maps,
    sightings,
)
from rltrack.chapters.lesson import Lesson


def a_lesson(scale: float) -> Lesson:
    steps = np.arange(0, 201, 50)
    curve = scale / (1.0 + steps)
    maps = scale * np.random.default_rng(0).random((4, 51, 51)).astype(np.float32)
    return Lesson(steps, curve, 2 * curve, 3 * curve, 4 * curve, curve, steps[1:], maps, maps)


def a_diary() -> Diary:
    rng = np.random.default_rng(0)
    frames, n = np.array([1, 3]), 20
    candidates = np.concatenate([rng.uniform(20, 60, (2, n, 2)), np.full((2, n, 2), 20.0)], 2)
    return Diary(
        boxes=np.tile([30.0, 30, 20, 20], (5, 1)),
        scores=np.array([1.0, 0.5, -0.5, 0.5, 0.5]),
        found=np.array([True, True, False, True, True]),
        learned=np.array([False, False, True, False, True]),
        overlaps=np.linspace(1, 0.5, 5),
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
    entropy, unevenness, targets, background = learning_curves(lessons).axes
    for axes, field in (
        (entropy, "cross_entropy"),
        (unevenness, "unevenness"),
        (targets, "on_targets"),
        (background, "on_background"),
    ):
        for line, seen in zip(axes.lines, lessons.values(), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), getattr(seen, field))


def test_lesson_maps_are_a_row_a_lesson() -> None:
    figure = lesson_maps({"a": a_lesson(1), "b": a_lesson(2)})
    assert [axes.get_title() for axes in figure.axes[:4]] == [
        f"step {s}" for s in (50, 100, 150, 200)
    ]
    first, second = (np.asarray(figure.axes[i].images[0].get_array()) for i in (0, 4))
    np.testing.assert_allclose(2 * first, second, rtol=1e-5)
    assert first.mean() == pytest.approx(0.5, abs=0.02)  # smoothing keeps the mean


def test_the_trace_marks_updates_by_their_kind() -> None:
    scores, overlaps = diary_trace({"a": a_diary()}, first=60, visible=np.ones(5)).axes
    score, long_term, short_term, _ = scores.lines
    np.testing.assert_array_equal(score.get_xdata(), np.arange(60, 65))
    np.testing.assert_array_equal(long_term.get_xdata(), [64])
    np.testing.assert_array_equal(short_term.get_xdata(), [62])
    np.testing.assert_array_equal(overlaps.lines[0].get_ydata(), a_diary().overlaps)


@pytest.mark.parametrize("with_images", [True, False])
def test_sightings_are_three_panels_a_frame(with_images: bool) -> None:
    images = {i: np.zeros((96, 128, 3), np.uint8) for i in (1, 3)} if with_images else None
    figure = sightings({"a": a_diary(), "b": a_diary()}, [1, 3], images, first=10)
    assert len(figure.axes) == 2 * 3 * 2
    assert [axes.get_title() for axes in figure.axes[:2]] == ["frame 11", "frame 13"]
    assert "IoU 0.62" in figure.axes[5].get_xlabel()
    FigureCanvasAgg(figure).draw()


def test_best_candidates_outline_their_mean() -> None:
    diary = a_diary()
    figure = best_candidates(np.zeros((96, 128, 3), np.uint8), diary, 3, 5)
    best = np.argsort(diary.candidate_scores[1])[-5:]
    mean = diary.candidates[1][best].mean(0)
    drawn = [patch.get_xy() for patch in figure.axes[1].patches]
    assert any(np.allclose(place, mean[:2]) for place in drawn)
    assert any(np.allclose(place, [30, 30]) for place in drawn)
