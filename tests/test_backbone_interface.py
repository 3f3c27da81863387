"""A backbone of another family than VGG-M's: everything takes sizes and shapes from it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_presets import QUICKER
from torch import Generator, Tensor, nn

from rltrack import Tracker, preset, synthetic
from rltrack.backbones.interface import Backbone
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.backbones.layout import CropLayout, DenseLayout, Heaviest, MultiplyAdds
from rltrack.backbones.linearised import Place
from rltrack.errors import InputError
from rltrack.speed.cost import flops
from rltrack.tracking.attention import (
    attention_maps,
    double_backward,
    reciprocative_loss,
    through_jacobian,
)
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.region import Region

Threads = Callable[[int], None]

STEM, TRUNK = 19 * 19 * 16 * 3 * 5 * 5, 9 * 9 * 24 * 16 * 3 * 3


class Two(Backbone):
    """Two convolutions: 5x5 with stride 4 and ReLU, 3x3 with stride 2 and ReLU."""

    crop = CropLayout(size=77, padding=10, fill=120)
    feature_shape = (24, 9, 9)
    dense_layout = DenseLayout(size=77 + 16 * 8, cells=9 + 16, first=6.5, step=8, spacing=8)
    multiply_adds = MultiplyAdds(STEM, TRUNK)

    def __init__(
        self,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 16, 5, 4), nn.Conv2d(16, 24, 3, 2)
        generator = Generator().manual_seed(0)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.1, generator=generator)
        self.requires_grad_(False)
        self.place(device, dtype, precision)

    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        super().place(device, dtype, precision)
        self.to(torch.device(device), dtype)

    def pixels(self, crops: Tensor) -> Tensor:
        return crops.to(self.dtype).sub(self.crop.fill).div(20)

    def stem(self, x: Tensor) -> Tensor:
        return self.one(x)

    def trunk(self, z: Tensor) -> Tensor:
        return F.relu(self.two(F.relu(z))).flatten(1)

    @torch.no_grad()
    def dense(self, x: Tensor) -> Tensor:
        return F.relu(self.two(F.relu(self.one(x))))

    def heaviest(self) -> Heaviest:
        return Heaviest(self.one, (3, 77, 77), STEM)


# To test a family of your own, put its class here.
each_family = pytest.mark.parametrize("family", [Two], ids=lambda family: family.__name__)


def map_shapes(net: Backbone) -> dict[str, tuple[int, ...]]:
    """The shapes of the maps at each place."""
    side, cells = net.crop.size, net.feature_shape[1:]
    stem = net.stem(net.pixels(torch.zeros(1, 3, side, side, dtype=torch.uint8)))
    return {"conv1": stem.shape[2:], "input": (side, side), "conv3": cells}


@each_family
@pytest.mark.parametrize(
    "changes",
    [
        {"attention_weight": 0},
        {},
        {"map_at": "input"},
        {"map_at": "conv3"},
        {"map_at": "conv3", "features_from": "region"},
        {"variant": "attentive-features"},
        {"clip_scope": "all"},
    ],
    ids=str,
)
def test_a_tracker_runs_on_it(family: type[Two], changes: dict[str, Any]) -> None:
    film = synthetic(4)
    config = preset("tiny", **QUICKER, update_interval=2, **changes)
    net = family()
    tracker = Tracker(config, backbone=net, device="cpu")
    images, truth = list(itertools.islice(film, 4)), film.ground_truth
    tracker.init(images[0], truth[0])
    for image in images[1:]:
        tracker.update(image)
    boxes, scores = tracker.candidates
    assert boxes.shape == (config.candidates, 4) and scores.std() > 0
    maps = tracker.attention(images[1], truth[1])
    assert [each.shape for each in maps] == [map_shapes(net)[config.map_at]] * 2


def test_two_has_the_shapes_that_its_layers_make() -> None:
    assert map_shapes(Two()) == {"conv1": (19, 19), "input": (77, 77), "conv3": (9, 9)}


@each_family
@pytest.mark.parametrize("at", ["conv1", "input"])
def test_its_jacobian_gives_the_gradient_of_double_backward(family: type[Two], at: Place) -> None:
    net, generator = family(dtype=torch.float64), Generator().manual_seed(1)
    side = net.crop.size
    classifier = Classifier(net.feature_shape, generator, dropout=0, dtype=torch.float64)
    crops = torch.randint(0, 256, (20, 3, side, side), generator=generator, dtype=torch.uint8)
    pixels, config = net.pixels(crops), preset("paper", map_at=at)
    learned = list(classifier.parameters())

    def gradients(of: Any) -> list[Tensor]:
        maps = attention_maps(of, config).split(8)
        loss = reciprocative_loss(classifier(net.features(crops)), 8, maps, config)
        return list(torch.autograd.grad(loss.attention, learned, allow_unused=True))

    ours = gradients(through_jacobian(classifier, FeatureJacobian(net, pixels, at)))
    expected = gradients(double_backward(classifier, net, pixels, at))
    assert all(b is not None and b.norm() > 0 for b in expected[::2])  # of the weights
    for a, b in zip(ours, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@each_family
def test_its_jacobian_is_the_same_in_several_threads(family: type[Two], threads: Threads) -> None:
    net, generator = family(), Generator().manual_seed(1)
    crops = torch.randint(0, 256, (64, 3, *2 * [net.crop.size]), generator=generator)
    pixels = net.pixels(crops.to(torch.uint8))
    a = torch.randn(net.stem(pixels).shape, generator=generator)
    threads(1)
    expected = FeatureJacobian(net, pixels, "conv1").product(a)
    threads(2)
    for _ in range(10):  # forward differentiation failed in two of three
        assert torch.equal(FeatureJacobian(net, pixels, "conv1").product(a), expected)


@each_family
def test_a_backbone_whose_weights_were_rounded_is_not_taken_for_an_exact_one(
    family: type[Two],
) -> None:
    rounded = family(precision="bfloat16")
    with pytest.raises(InputError, match="loaded in bfloat16, and float32 is asked for"):
        Tracker(preset("tiny", **QUICKER), backbone=rounded, device="cpu")
    assert rounded.placed("cpu", torch.float32, "bfloat16") is rounded


@each_family
def test_a_regions_map_holds_its_crops_features(family: type[Two]) -> None:
    """At the middle of a region that shows the image pixel by pixel, both ways are one."""
    net = family(dtype=torch.float64)
    whole, size = net.dense_layout.size, net.crop.size
    image = torch.randint(0, 256, (3, whole, whole), generator=Generator().manual_seed(2))
    image = image.to(torch.uint8)
    side, first = size / net.crop.enlargement, (whole - size) // 2
    corner = first + (size - side) / 2
    box = torch.tensor([[corner, corner, side, side]], dtype=torch.float64)
    region = Region(net, image, box[0])
    assert region.extent == (0, 0, whole, whole)
    crop = image[None, :, first : first + size, first : first + size]
    torch.testing.assert_close(region.features(box), net.features(crop))


@each_family
def test_its_cost_is_counted(family: type[Two]) -> None:
    config, net = preset("tiny", attention_weight=0), family()
    more = preset("tiny", attention_weight=0, update_positives=config.update_positives + 1)
    assert flops(more, net)["features"] - flops(config, net)["features"] == 2 * sum(
        net.multiply_adds
    )


def test_the_cost_of_two_is_that_of_its_convolutions() -> None:
    net, places = Two(), map_shapes(Two())
    assert net.multiply_adds == tuple(
        layer.weight.numel() * places[at][0] * places[at][1]
        for layer, at in ((net.one, "conv1"), (net.two, "conv3"))
    )


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_only_the_precision_tf32_lets_cudnn_round_to_it(precision: str) -> None:
    backbone, before = Two(), torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = precision != "tf32"
        Backbone.place(backbone, "cuda", torch.float32, precision)  # needs no GPU: it moves nothing
        assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
        torch.backends.cudnn.allow_tf32 = precision != "tf32"  # as another tracker may leave it
        assert backbone.placed("cuda", torch.float32, precision) is backbone
        assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
    finally:
        torch.backends.cudnn.allow_tf32 = before
