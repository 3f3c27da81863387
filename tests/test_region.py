"""The shared map: the same features as crops, where it holds them exactly, and near between."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

from rltrack.backbones.registry import load_backbone, load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.tracking import sampling
from rltrack.tracking.boxes import iou
from rltrack.tracking.crops import crops
from rltrack.tracking.frame import Frame, Stopwatch
from rltrack.tracking.presets import preset
from rltrack.tracking.region import Region, features_everywhere
from rltrack.tracking.tracker import Tracker

WH = torch.tensor([320.0, 240.0])


def frame(index: int = 0) -> tuple[Tensor, Tensor]:
    film = synthetic(index + 1)
    box = torch.tensor(film.ground_truth[index], dtype=torch.float32)
    return torch.from_numpy(film[index]).permute(2, 0, 1), box


def similarity(one: Tensor, other: Tensor) -> Tensor:
    return torch.nn.functional.cosine_similarity(one, other)


def test_every_eighth_window_is_in_the_map_exactly() -> None:
    net = load_vggm("analytic", dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (1, 3, 155, 155), generator=generator, dtype=torch.uint8)
    dense = net.dense(net.pixels(image))
    assert dense.shape == (1, 512, (155 - 107) // 8 + 5, 11)
    for row, column in ((0, 0), (2, 5), (6, 6)):
        window = image[:, :, 8 * row : 8 * row + 107, 8 * column : 8 * column + 107]
        cells = dense[:, :, row : row + 5 : 2, column : column + 5 : 2]
        torch.testing.assert_close(cells.flatten(1), net.features(window.contiguous()))


def test_the_map_is_as_large_as_the_constants_say() -> None:
    net = load_vggm("random")
    size, cells = net.dense_layout[:2]
    assert (size, cells) == (363, 37)
    assert net.dense(torch.zeros(1, 3, size, size)).shape[2:] == (cells, cells)


def test_the_targets_features_are_its_crops() -> None:
    """At the region's scale and at steps of 8 of its pixels, but for the resampling's rounding."""
    net, (image, _) = load_vggm("analytic"), frame()
    side = 107 / (1 + 32 / 107)  # its crop is 107 px: the region is the image's own pixels
    box = torch.tensor([160.5 - side / 2, 120.5 - side / 2, side, side])
    moved = box + torch.tensor([[0.0, 0, 0, 0], [8, 0, 0, 0], [-16, 24, 0, 0]])
    ours = Region(net, image, box).features(moved)
    torch.testing.assert_close(ours, net.features(crops(image, moved)), rtol=1e-3, atol=1e-3)
    between = box + torch.tensor([[4.0, 0, 0, 0], [3, -5, 6, 6]])
    theirs = net.features(crops(image, between))
    assert (similarity(Region(net, image, box).features(between), theirs) > 0.9).all()


def test_features_are_in_the_crops_order() -> None:
    """Channels first, then rows, then columns: a classifier could not tell them apart."""
    net, (image, box) = load_vggm("analytic"), frame()
    ours = Region(net, image, box).features(box[None])
    theirs = net.features(crops(image, box[None]))
    assert similarity(ours, theirs) > 0.98
    swapped = ours.view(-1, *VGGM.feature_shape).transpose(2, 3).flatten(1)
    assert similarity(swapped, theirs) < similarity(ours, theirs)


def test_boxes_outside_the_region_take_its_border() -> None:
    net, (image, box) = load_vggm("random"), frame()
    region = Region(net, image, box)
    far = torch.tensor([[-500.0, -500, 40, 40], [900, 900, 1, 300]])
    features = region.features(far)
    assert torch.isfinite(features).all()
    assert torch.equal(features[0], region.features(far[:1] - 50)[0])


def test_loops_interpolate_as_the_library_does() -> None:
    net, (image, box) = load_vggm("random"), frame()
    region = Region(net, image, box)
    at = 36 * torch.rand(70, 3, 2, generator=torch.Generator().manual_seed(0))
    at[0], at[1] = 0.0, 36.0  # the corners of the map
    torch.testing.assert_close(region._by_loops(at), region._by_library(at), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["analytic", "embedded"])
def test_a_narrower_region_has_the_same_features(name: str) -> None:
    """Where no cell lies beyond the map, but for the resampling's rounding."""
    net, (image, box) = load_backbone(name), frame()
    asked, wide = [(0.5, 1.0), (0.8, 1.2)], Region(net, image, box)
    narrow = Region(net, image, box, asked)
    assert narrow.extent[2] < 0.8 * wide.extent[2]
    shifts = torch.tensor([[0.0, 0], [0.5, 0.5], [-0.8, 0.8], [0.8, -0.8]])
    boxes = torch.cat([box[:2] + shifts * box[2:], box[2:].expand(4, 2)], dim=1)
    larger = boxes[:, :2] - 0.1 * box[2:], 1.2 * boxes[:, 2:]
    for at in (boxes, torch.cat(larger, dim=1)):
        assert (similarity(narrow.features(at), wide.features(at)) > 0.97).all()
        cells = narrow.cells(at)
        seen = narrow.map_cells()[[0, -1]]
        assert (cells >= seen[0] - 1e-3).all()
        assert (cells <= seen[1] + 1e-3).all()


def test_regions_side_by_side_have_the_features_of_crops() -> None:
    net, (image, box) = load_backbone("embedded"), frame()
    generator = torch.Generator().manual_seed(0)
    boxes = sampling.whole_image(box, 200, WH, scale=1.2, aspect=1.1, generator=generator)
    boxes = torch.cat([boxes, WH.new_tensor([[0, 0, 40, 40], [280, 200, 40, 40]])])
    features = features_everywhere(net, image, boxes, box, 1.2 * 1.1)
    assert features is not None
    alike = similarity(features, net.features(crops(image, boxes, net.crop)))
    assert alike.median() > 0.93  # as around one box: between cells, features are interpolated
    assert alike.min() > 0.75
    one = features_everywhere(net, image, box.expand(20, 4), box, 1.0)
    assert one is not None
    torch.testing.assert_close(one[:1], Region(net, image, box).features(box[None]))


def test_crops_are_cheaper_than_regions_for_few_or_small_boxes() -> None:
    net, (image, box) = load_vggm("random"), frame()
    few = torch.tensor([[10.0, 10, 40, 40], [250, 170, 40, 40]])
    assert features_everywhere(net, image, few, box, 1.0) is None
    small = torch.tensor([100.0, 100, 4, 4])
    generator = torch.Generator().manual_seed(0)
    boxes = sampling.whole_image(small, 200, WH, scale=1.0, generator=generator)
    assert features_everywhere(net, image, boxes, small, 1.0) is None


@pytest.mark.parametrize("name", ["analytic", "embedded"])
def test_a_layout_is_narrowed_to_what_is_needed(name: str) -> None:
    net = load_backbone(name)
    layout = net.dense_layout
    span = layout.step * (layout.cells - 1)
    assert layout.narrowed(span + 1) == layout.narrowed(math.inf) == layout
    for dropped in (1, 2, 9):
        narrow = layout.narrowed(span - dropped * layout.step)
        assert narrow.cells == layout.cells - dropped
        assert layout.narrowed(span - (dropped + 0.9) * layout.step) == narrow
        image = torch.zeros(1, 3, narrow.size, narrow.size)
        assert net.dense(image).shape[2:] == (narrow.cells, narrow.cells)
    assert layout.narrowed(0).cells == 2


@pytest.mark.parametrize("attention_weight", [0.0, 1.0])
def test_realtime_follows_the_film(attention_weight: float) -> None:
    film = synthetic(25)
    config = preset(
        "realtime",
        attention_weight=attention_weight,
        first_negatives=300,
        first_iterations=30,
    )
    tracker = Tracker(config, device="cpu")
    tracker.init(film[0], film.ground_truth[0])
    assert all(samples.crops is None for samples in tracker._memory.long_term())
    boxes = torch.tensor([tracker.update(film[i]).box for i in range(1, 25)])
    overlap = iou(boxes, torch.tensor(film.ground_truth[1:25], dtype=boxes.dtype))
    assert overlap.mean() > 0.5
    target, background = tracker.attention(film[24], boxes[-1].tolist())
    assert target.shape == background.shape == (5, 5)
    assert target.max() > 0


def test_a_region_keeps_no_crops_for_attention() -> None:
    with pytest.raises(InputError, match="conv3"):
        preset("paper", features_from="region")
    assert preset("paper", features_from="region", attention_weight=0).features_from == "region"


def test_a_frame_copies_no_image_and_says_nothing_of_one_that_is_locked() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    locked = image.copy()
    locked.flags.writeable = False
    net, cpu = load_vggm("random"), torch.device("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shared, copied = (
            Frame(each, net, cpu, torch.float32, Stopwatch(cpu)) for each in (image, locked)
        )
    assert torch.equal(shared.image, copied.image)
    assert shared.image.data_ptr() == image.ctypes.data
    assert shared.image_wh.tolist() == [64, 48]
