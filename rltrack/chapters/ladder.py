"""What each step from the plain arithmetic to the tracker's is worth, on this machine.

Rungs of one ladder compute the same, each with one change to the rung before it, but for the last
ones, which compute less or with fewer bits and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack import crops as cropping
from rltrack import sampling
from rltrack.attention import (
    Gradient,
    at_features,
    attention_maps,
    double_backward,
    reciprocative_loss,
    through_jacobian,
)
from rltrack.backbones import load_backbone
from rltrack.config import preset
from rltrack.cost import timed
from rltrack.film import synthetic
from rltrack.jacobian import FeatureJacobian
from rltrack.memory import Samples
from rltrack.network import Classifier, FeatureExtractor, chunks
from rltrack.reference import ReferenceExtractor, iteration
from rltrack.region import Region
from rltrack.stage import local_response_norm
from rltrack.tracker import pick_device

__all__ = ["Rung", "crop_ladder", "feature_ladder", "iteration_ladder"]


class Rung(NamedTuple):
    """One way to compute something."""

    name: str
    milliseconds: float
    """The fastest of a few."""
    times_faster: float
    """Than the first rung."""


def crop_ladder(n: int = 256, *, device: str = "auto", repeats: int = 3) -> list[Rung]:
    """``n`` crops of one frame."""
    frame, boxes = _scene(n, pick_device(device))
    extents = cropping.crop_extents(boxes)
    ways = {"two matrix products": lambda: cropping.by_products(frame, extents)}
    if frame.device.type == "cpu":
        ways["two short loops"] = lambda: cropping.by_loops(frame, extents)
    return _climbed(ways, frame.device, repeats)


def feature_ladder(n: int = 64, *, device: str = "auto", repeats: int = 3) -> list[Rung]:
    """conv3 features of ``n`` crops."""
    frame, boxes = _scene(n, pick_device(device))
    where = frame.device
    net = load_backbone(device=where)
    narrow = load_backbone(device=where, precision="bfloat16")
    plain = ReferenceExtractor.of(net)
    pixels = cropping.crops(frame, boxes)

    @torch.no_grad()
    def by_tensors() -> None:
        for part in chunks(n, where):
            x = net.stem(net.pixels(pixels[part]))
            x = net.conv2(F.max_pool2d(local_response_norm(F.relu(x)), 3, 2))
            F.relu(net.conv3(F.max_pool2d(local_response_norm(F.relu(x)), 3, 2)))

    @torch.no_grad()
    def fused() -> None:
        for part in chunks(n, where):
            net(net.pixels(pixels[part]))

    ways: dict[str, Callable[[], object]] = {
        "PyTorch's layers": lambda: plain.features(pixels),
        "channels last, LRN as shifted sums": by_tensors,
    }
    if where.type == "cpu":
        ways["ReLU, LRN and pooling in one loop"] = fused
        ways["parts side by side on threads"] = lambda: net.features(pixels)
    ways["bfloat16 convolutions"] = lambda: narrow.features(pixels)
    ways["one map for all (interpolated)"] = lambda: Region(net, frame, boxes[0]).features(boxes)
    return _climbed(ways, where, repeats)


def iteration_ladder(n: int = 16, *, device: str = "auto", repeats: int = 3) -> list[Rung]:
    """The gradient of Eq. 5 at ``n`` targets and ``n`` background samples."""
    frame, boxes = _scene(2 * n, pick_device(device))
    where, config = frame.device, preset("paper")
    net = load_backbone(device=where)
    narrow = load_backbone(device=where, precision="bfloat16")
    library = load_backbone(device=where)
    for convolution in (library.conv1, library.conv2, library.conv3):
        setattr(convolution, "transpose_product", convolution.by_library)  # noqa: B010
    plain = ReferenceExtractor.of(net)
    classifier = Classifier(Generator(where).manual_seed(0), device=where)
    pixels = cropping.crops(frame, boxes)
    samples = Samples(net.features(pixels), pixels)
    positives, negatives = samples.take(slice(n)), samples.take(slice(n, None))
    parameters = list(classifier.parameters())

    def descend(gradient: Callable[[], Gradient]) -> Callable[[], object]:
        def step() -> None:
            maps = attention_maps(gradient(), config).split(n)
            loss = reciprocative_loss(classifier(samples.features), n, maps, config)
            torch.autograd.grad(loss.total, parameters)

        return step

    def jacobian(extractor: FeatureExtractor) -> Gradient:
        return through_jacobian(classifier, FeatureJacobian(extractor, extractor.pixels(pixels)))

    ways: dict[str, Callable[[], object]] = {
        "PyTorch's layers, twice through autograd": lambda: iteration(
            plain, classifier, positives, negatives, replace(config, clip_scope="fc")
        ),
        "channels last, one pass for both classes": descend(
            lambda: double_backward(classifier, net, net.pixels(pixels))
        ),
        "products with the Jacobian": descend(lambda: jacobian(library)),
    }
    if where.type == "cpu":
        ways["transposed convolutions as matrix products"] = descend(lambda: jacobian(net))
    ways["bfloat16 convolutions"] = descend(lambda: jacobian(narrow))
    ways["maps at conv3 (another map)"] = descend(lambda: at_features(classifier, samples.features))
    return _climbed(ways, where, repeats)


def _climbed(
    ways: Mapping[str, Callable[[], object]], device: torch.device, repeats: int
) -> list[Rung]:
    best = {name: 1000 * min(timed(work, repeats, device)) for name, work in ways.items()}
    first = next(iter(best.values()))
    return [Rung(name, milliseconds, first / milliseconds) for name, milliseconds in best.items()]


def _scene(n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """A frame of the film, and ``n`` candidates around the target in it."""
    film = synthetic(1)
    image = film[0]
    boxes = sampling.gaussian(
        torch.tensor(film.ground_truth[0], device=device, dtype=torch.float32),
        n,
        torch.tensor(image.shape[1::-1], device=device, dtype=torch.float32),
        translation=0.6,
        scale=1.05,
        generator=Generator(device).manual_seed(0),
    )
    frame = torch.tensor(np.ascontiguousarray(image), device=device).permute(2, 0, 1)
    return frame, boxes
