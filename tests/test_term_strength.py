"""How strongly the term pulls: the ratio of two gradients, and what changes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from figure_checks import legible
from small_presets import QUICKER

from rltrack import InputError, preset, synthetic
from rltrack.array_files import load_arrays
from rltrack.chapters import term_strength
from rltrack.chapters.book_results import kept_results
from rltrack.chapters.term_strength import (
    Strength,
    strength_curves,
    strength_lines,
    trace_strength,
)

FILM = synthetic(2)


def traced(every: int = 2, **changes: Any) -> np.ndarray[Any, Any]:
    config = preset("tiny", **{**QUICKER, "attention_weight": 5.0, **changes})
    return trace_strength(FILM[0], FILM.ground_truth[0], config, every=every, device="cpu")


@pytest.fixture(scope="module")
def five() -> np.ndarray[Any, Any]:
    return traced()


def test_the_ratio_is_proportional_to_lambda_at_the_start(five: np.ndarray[Any, Any]) -> None:
    one = traced(attention_weight=1.0)
    assert five.shape == (3,) and (five > 0).all()
    assert five[0] == pytest.approx(5 * one[0], rel=1e-5)


def test_a_sum_is_as_many_times_a_mean_as_there_are_samples(five: np.ndarray[Any, Any]) -> None:
    assert traced(reduction="sum")[0] == pytest.approx(2 * five[0], rel=1e-4)


def test_looking_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Watched(term_strength.Pupil):
        def learn(self, *given: Any) -> None:
            super().learn(*given)
            seen.append(self.classifier.state_dict())

    monkeypatch.setattr(term_strength, "Pupil", Watched)
    assert (len(traced(every=1)), len(traced(every=5))) == (5, 1)
    often, once = seen
    assert all(torch.equal(often[name], value) for name, value in once.items())


def test_a_pupil_does_not_learn_attentive_features() -> None:
    with pytest.raises(InputError, match="cannot learn the variant attentive-features"):
        traced(variant="attentive-features", attention_weight=0.0)


def test_the_kept_ratios_are_drawn() -> None:
    runs, about = load_arrays(kept_results() / "term_strength.npz", Strength)
    assert [*runs] == ["lite0", "analytic"]
    assert len(about["targets"]) == len(runs["lite0"].ratios) == 5
    # What chapter 6 says of them.
    medians = [float(np.median(found.ratios)) for found in runs.values()]
    assert 0.07 < medians[0] < 0.14 and 1 / 40 < medians[1] < 1 / 25
    assert strength_lines(runs).startswith(f"lite0: median {medians[0]:.3f}, from ")
    legible(strength_curves(runs))
