"""The film tracked from good and bad first boxes: what is kept, what is shown, how it is made."""

from __future__ import annotations

import numpy as np
import pytest
from figure_checks import legible
from matplotlib.patches import Rectangle

from rltrack.array_files import load_arrays
from rltrack.chapters.book_results import kept_results
from rltrack.chapters.first_box import (
    FIRST_BOXES,
    FRAMES,
    SHOWN,
    FirstBoxRun,
    game,
    record,
    tracked_from,
)
from rltrack.demo_film.film import synthetic
from rltrack.evaluation.metrics import overlap
from rltrack.video.excerpt import Excerpt


@pytest.fixture(scope="module")
def kept() -> dict[str, FirstBoxRun]:
    runs, about = load_arrays(kept_results() / "first_box.npz", FirstBoxRun)
    assert about["preset"] == "realtime" and about["backbone"] == "lite0"
    return runs


def test_the_kept_runs_are_those_that_the_chapter_tells_of(kept: dict[str, FirstBoxRun]) -> None:
    assert list(kept) == list(FIRST_BOXES)
    truth = Excerpt(synthetic(), 0, FRAMES).ground_truth
    shares = {name: overlap(run.boxes, truth) for name, run in kept.items()}
    whole, middle, ground, half = shares.values()
    assert whole[0] == pytest.approx(1, abs=1e-4) and whole.min() > 0.3 and whole[-1] > 0.5
    assert kept["its middle"].found.mean() < 0.5 and middle[-1] == 0
    assert ground[0] == pytest.approx(0.25, abs=1e-3) and ground[-1] == 0
    assert half[0] == pytest.approx(1 / 3, abs=1e-3) and 0 < half[1:].max() < 0.4


@pytest.mark.slow
def test_a_run_is_made_again_as_it_was_kept(kept: dict[str, FirstBoxRun]) -> None:
    made = record(frames=3)
    assert list(made) == list(kept)
    for name, run in made.items():
        np.testing.assert_allclose(run.boxes, kept[name].boxes[:3], atol=0.5)
        np.testing.assert_array_equal(run.found, kept[name].found[:3])


def test_a_picture_has_the_runs_boxes_and_the_true_ones() -> None:
    boxes = np.arange(4.0 * FRAMES).reshape(-1, 4)
    run = FirstBoxRun(boxes, np.arange(FRAMES) < 30)
    truth = boxes + 0.5
    figure = tracked_from(run, [np.zeros((60, 80, 3), np.uint8)] * FRAMES, truth)
    words = [f"frame {i}" + ("" if i < 30 else ": lost") for i in SHOWN]
    assert [axes.get_title() for axes in figure.axes] == words
    for axes, i in zip(figure.axes, SHOWN, strict=True):
        drawn = [patch.get_bbox().bounds for patch in axes.patches if isinstance(patch, Rectangle)]
        np.testing.assert_allclose(drawn, [boxes[i], boxes[i], truth[i]])
    legible(figure)


def test_the_game_says_what_became_of_each_box(kept: dict[str, FirstBoxRun]) -> None:
    pytest.importorskip("ipywidgets", reason="needs the extra 'book'")
    buttons, stack = game(kept).children
    assert buttons.options == tuple(FIRST_BOXES)
    words = [page.value for page in stack.children]
    assert all("overlap with the ladybird" in text for text in words)
    assert "0.25 at first, 0.00 at the end" in words[2]
