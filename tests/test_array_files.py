"""An exhibit comes back as it was, in single precision."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from rltrack.array_files import load_arrays, save_arrays
from rltrack.chapters.online_tracker import RunTrace
from rltrack.chapters.reciprocative_learning import TrainingTrace

RESULTS = Path(__file__).resolve().parents[1] / "book" / "results"


class Pair(NamedTuple):
    values: np.ndarray
    flags: np.ndarray


def test_it_comes_back(tmp_path: Path) -> None:
    runs = {
        "λ = 0": Pair(np.array([1 / 3, np.nan]), np.array([True, False])),
        "b": Pair(np.zeros((2, 3), np.float32), np.arange(2)),
    }
    save_arrays(tmp_path / "e.npz", runs, {"seed": 1})
    found, about = load_arrays(tmp_path / "e.npz", Pair)
    assert about == {"seed": 1}
    assert list(found) == list(runs)
    np.testing.assert_array_equal(found["λ = 0"].values, np.float32([1 / 3, np.nan]))
    np.testing.assert_array_equal(found["λ = 0"].flags, [True, False])
    assert found["b"].values.shape == (2, 3)
    assert [file.name for file in tmp_path.iterdir()] == ["e.npz"]


def test_objects_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", about=np.array("{}"), **{"a/values": np.array([print])})
    with pytest.raises(ValueError, match="allow_pickle"):
        load_arrays(tmp_path / "e.npz", Pair)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("figure2_car4.npz", TrainingTrace),
        ("film_occlusion.npz", RunTrace),
        ("figure3_girl.npz", RunTrace),
        ("figure3_girl_late.npz", RunTrace),
    ],
)
def test_the_books_exhibits_say_what_made_them(name: str, kind: type) -> None:
    runs, about = load_arrays(RESULTS / name, kind)
    assert list(runs) == ["λ = 0", "λ = 5"]
    wanted = {"sequence", "preset", "precision", "backbone", "seed", "device", "commit"}
    assert wanted <= about.keys()
    # Maps of crops, boxes and numbers: nothing of a frame's size and colours is in it.
    for run in runs.values():
        assert all(3 not in array.shape[2:] for array in run)
