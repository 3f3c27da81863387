"""What a GPU computes agrees with the CPU; and what `make gpu` measures is what it says."""

from __future__ import annotations

import pytest
import torch
from small_presets import QUICKER

from rltrack.speed.gpu import agreement, calls, film, same_boxes
from rltrack.tracking.presets import preset

PAPER = preset("paper")


def test_the_cpu_agrees_with_itself_in_every_stage() -> None:
    found = agreement("cpu", PAPER, dtype=torch.float64, boxes=2)
    assert set(found) == {"crops", "features", "region", "scores", "maps", "weights"}
    assert set(found.values()) == {0.0}


def test_float32_differs_from_float64_by_its_precision() -> None:
    found = agreement("cpu", PAPER, backbone="analytic", dtype=torch.float32, boxes=4)
    assert found.pop("crops") == 0  # they are whole numbers
    assert all(0 < difference < 1e-4 for difference in found.values()), found


def test_a_cpu_starts_no_kernels_and_follows_the_film_twice() -> None:
    tiny = preset("tiny", **QUICKER)
    counted = calls("cpu", tiny, frames=2)
    assert counted.pop("longest") == {}
    assert set(counted.values()) == {0.0}
    assert same_boxes("cpu", tiny, frames=2) == {"iou": [1.0, 1.0], "pixels": [0.0, 0.0]}
    overlaps = film("cpu", tiny, frames=3, seeds=1)
    assert overlaps.keys() == {"cpu"} and overlaps["cpu"][0] > 0.5


@pytest.mark.gpu
@pytest.mark.parametrize("backbone", ["lite0", "analytic"])
def test_a_gpu_agrees_with_the_cpu(backbone: str) -> None:
    found = agreement("cuda", PAPER, backbone=backbone, dtype=torch.float64)
    assert found.pop("crops") <= 1  # a value halfway may be rounded the other way
    assert found.pop("region") < 0.05  # its image is resampled, too
    assert all(difference < 1e-8 for difference in found.values()), found


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("precision", "bound", "of_maps"),
    # A CPU in bfloat16 is off by 0.022, and its maps are by 0.30.
    [("float32", 1e-3, 1e-2), ("tf32", 2e-2, 0.2), ("bfloat16", 0.1, 0.6)],
)
def test_a_gpu_is_as_exact_as_its_precision(precision: str, bound: float, of_maps: float) -> None:
    found = agreement("cuda", preset("paper", precision=precision), backbone="lite0")
    del found["crops"], found["region"]
    assert found.pop("maps") < of_maps
    assert all(difference < bound for difference in found.values()), found


@pytest.mark.gpu
def test_a_gpu_starts_kernels() -> None:
    counted = calls("cuda", preset("tiny"), frames=3)
    assert counted["launches"] > 0 and counted["longest"]
    # The scores, and the corrections of the chosen boxes; and the upload of the image.
    assert counted["waits"] <= 4, counted


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["tiny", "realtime"])
def test_a_gpu_finds_the_boxes_that_a_cpu_finds(name: str) -> None:
    found = same_boxes("cuda", preset(name), frames=6)
    assert min(found["iou"]) > 0.95, found


@pytest.mark.gpu
def test_a_gpu_follows_the_film_as_the_cpu_does() -> None:
    overlaps = film("cuda", preset("realtime"), frames=30, seeds=1)
    assert abs(overlaps["cpu"][0] - overlaps["cuda"][0]) < 0.15, overlaps
