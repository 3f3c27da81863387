"""A lesson is the tracker's own first fit; what is seen of it is what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rltrack import InputError, TrackerConfig, preset, synthetic
from rltrack.chapters.reciprocative_learning import TrainingTrace, share_inside, trace_training


def learn(config: TrackerConfig, **given: object) -> TrainingTrace:
    film = synthetic(1)
    wanted = {"steps": 4, "every": 2, "shown": (2, 4), **given}
    return trace_training(film[0], film.ground_truth[0], config, **wanted)


@pytest.fixture(scope="module")
def config() -> TrackerConfig:
    return preset(
        "tiny",
        first_positives=8,
        first_negatives=16,
        batch_positives=2,
        batch_negatives=2,
        mined_negatives=8,
        first_learning_rate=2e-3,
    )


@pytest.fixture(scope="module")
def taught(config: TrackerConfig) -> TrainingTrace:
    return learn(config)


def test_looking_more_often_changes_nothing(config: TrackerConfig, taught: TrainingTrace) -> None:
    closer = learn(config, every=1, shown=(4,))
    np.testing.assert_array_equal(closer.steps, [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(closer.cross_entropy[::2], taught.cross_entropy)
    np.testing.assert_array_equal(closer.target_maps[0], taught.target_maps[1])


def test_the_term_matters_only_with_its_graph(config: TrackerConfig, taught: TrainingTrace) -> None:
    plain = learn(replace(config, attention_weight=0.0))
    broken = learn(replace(config, second_order=False))
    np.testing.assert_array_equal(plain.on_targets, broken.on_targets)
    assert plain.on_targets[0] == taught.on_targets[0]
    assert plain.on_targets[-1] != taught.on_targets[-1]


def test_it_learns_and_its_numbers_are_of_its_maps(taught: TrainingTrace) -> None:
    assert taught.cross_entropy[0] == pytest.approx(np.log(2), abs=0.05)
    assert taught.cross_entropy[-1] < taught.cross_entropy[0]
    assert taught.target_maps.shape == taught.background_maps.shape == (2, 49, 49)
    assert (taught.target_maps >= 0).all()
    # Both maps have nearly the same ratio at the start: Equation 3 gives it plus its inverse.
    ratio = taught.unevenness[0]
    assert taught.on_targets[0] == pytest.approx(ratio + 1 / ratio, abs=0.1)


def test_a_map_that_is_not_looked_at_cannot_be_shown(config: TrackerConfig) -> None:
    with pytest.raises(InputError, match="shown has 3"):
        learn(config, shown=(3,))


def test_share_inside_counts_places_by_their_middles() -> None:
    even = np.ones((10, 20))
    extent = (100.0, 50.0, 40.0, 10.0)  # a place is 2 wide and 1 high
    assert share_inside(even, extent, (100, 50, 40, 10)) == 1
    assert share_inside(even, extent, (104, 52, 8, 5)) == pytest.approx(4 * 5 / 200)
    one = np.zeros((10, 20))
    one[2, 7] = 3  # its middle is at (115, 52.5)
    assert share_inside(one, extent, (114.5, 52, 1, 1)) == 1
    assert share_inside(one, extent, (115.5, 52, 9, 1)) == 0
