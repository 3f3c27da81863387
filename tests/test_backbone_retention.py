"""What one frame teaches is asked about later frames, and nothing is learned by asking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rltrack import Tracker, preset, synthetic
from rltrack.array_files import load_arrays
from rltrack.chapters import backbone as module
from rltrack.chapters.backbone import AHEAD, Retention, misordered, retention
from rltrack.errors import InputError
from rltrack.tracking.config import TrackerConfig

FILM = synthetic()
FEW = {"first_positives": 50, "first_negatives": 150, "regression_samples": 50}
CONFIG = preset("tiny", attention_weight=0.0, **FEW)


def test_what_is_learned_fades() -> None:
    found = retention(FILM, CONFIG, ahead=(0, 20), starts=2, device="cpu")
    assert found.ranked[0] > 0.95
    assert found.ranked[1] < found.ranked[0]
    assert found.target[0] > found.target[1] > found.background[1]


def test_a_threshold_below_all_scores_keeps_all() -> None:
    low = replace(CONFIG, success_threshold=-100.0)
    assert retention(FILM, low, ahead=(4,), starts=1, device="cpu").kept == [1.0]


def test_retention_is_kept_by_target_and_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fixed(source: str, config: TrackerConfig, *, backbone: str) -> Retention:
        assert (config.preset, config.attention_weight) == ("realtime", 0)
        return Retention(*(np.full(len(AHEAD), len(source) + len(backbone)) for _ in range(4)))

    monkeypatch.setattr(module, "retention", fixed)
    monkeypatch.setattr(module, "open_source", lambda path, target: path.name)
    file = tmp_path / "kept.npz"
    module.keep_retention(file, {"ours": "random"}, data=tmp_path, dataset="Deer,Skiing")
    runs, about = load_arrays(file, Retention)
    assert about["targets"] == ["Deer", "Skiing"]
    assert about["config"]["attention_weight"] == 0
    assert runs["ours"].ranked[:, 0].tolist() == [10, 12]


def test_pairs_in_the_wrong_order_are_counted_of_a_thousand() -> None:
    memory = Retention(*(np.array([[1.0, 0.98], [1.0, 0.99]]) for _ in range(4)))
    *_, steps, row = misordered({"ours": memory}, (1, 16)).splitlines()
    assert steps.split()[-2:] == ["1", "16"]
    assert row.split() == ["ours", "0", "15"]


def test_too_few_frames_are_named() -> None:
    with pytest.raises(InputError, match="need 10006 frames with ground truth"):
        retention(FILM, CONFIG, ahead=(10000,), device="cpu")


@pytest.mark.parametrize("name", ["tiny", "realtime"])
def test_scores_of_boxes_are_the_trackers_own(name: str) -> None:
    box = FILM.ground_truth[0]
    tracker, twin = (
        Tracker(preset(name, attention_weight=0.0, **FEW), device="cpu") for _ in range(2)
    )
    result = tracker.init(FILM[0], box)
    twin.init(FILM[0], box)
    aside = box + [60, 20, 0, 0]
    here, there = tracker.scores(FILM[0], [box, aside])
    assert here > there
    alone = [tracker.scores(FILM[0], [one])[0] for one in (box, aside)]
    assert alone == pytest.approx([here, there], abs=1e-5)
    assert tracker.scores(FILM[0], [box])[0] == pytest.approx(result.score, abs=1e-4)
    assert tracker.update(FILM[1]) == twin.update(FILM[1])
    assert np.isfinite(tracker.scores(FILM[1], [box, aside])).all()
