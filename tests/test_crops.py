"""Crops, against an image library's own cropping and resizing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from rltrack.errors import InputError
from rltrack.speed import reference
from rltrack.tracking import crops as module
from rltrack.tracking.crops import crop_extents, crops

Resample = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def picture(height: int = 240, width: int = 320) -> torch.Tensor:
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


BOXES = [
    [100.0, 80.0, 50.0, 60.0],  # enlarged
    [20.3, 30.7, 250.0, 150.0],  # reduced: antialiased
    [60.0, 70.0, 200.0, 12.0],  # reduced one way, enlarged the other
    [-30.0, -20.0, 80.0, 70.0],  # partly outside
    [300.0, 200.0, 60.0, 90.0],
    [10.0, 10.0, 1.0, 1.0],  # one pixel
]


@pytest.mark.parametrize("resample", [module.by_loops, module.by_products])
@pytest.mark.parametrize("box", BOXES)
def test_crop_equals_the_image_librarys(box: list[float], resample: Resample) -> None:
    """To one grey level: the library also rounds between its two passes."""
    image = picture()
    boxes = torch.tensor([box])
    theirs = reference.crops(image.permute(1, 2, 0).numpy(), boxes)
    assert (resample(image, crop_extents(boxes)).int() - theirs.int()).abs().max() <= 1


def test_crops_far_outside_are_grey() -> None:
    assert (crops(picture(), torch.tensor([[900.0, 900.0, 40.0, 40.0]])) == 128).all()


def test_a_batch_equals_its_parts_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    image, boxes = picture(), torch.tensor(BOXES)
    together = crops(image, boxes)
    assert together.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(together, torch.cat([crops(image, b[None]) for b in boxes]))
    # What a GPU does is summed in another order: to one grey level on a rounding edge.
    products = module.by_products(image, crop_extents(boxes))
    assert products.is_contiguous(memory_format=torch.channels_last)
    assert (together.int() - products.int()).abs().max() <= 1
    assert (together != products).float().mean() < 1e-3
    monkeypatch.setattr(module, "_BUDGET", 1)
    one_by_one = module.by_products(image, crop_extents(boxes))
    assert (one_by_one.int() - products.int()).abs().max() <= 1


def test_extents_are_whole_pixels_around_the_box() -> None:
    extent = crop_extents(torch.tensor([[100.0, 80.0, 107.0, 107.0]]))
    assert extent.tolist() == [[84.0, 64.0, 139.0, 139.0]]


def test_a_crop_that_no_gpu_has_memory_for_is_refused() -> None:
    image = torch.zeros(3, 40, 60, dtype=torch.uint8)
    huge = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 90_000.0, 10.0]])
    with pytest.raises(InputError, match="needs a crop of 116916 pixels"):
        module.by_products(image, crop_extents(huge))
