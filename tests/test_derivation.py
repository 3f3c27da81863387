"""The gradient written out is the one that differentiating twice gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Generator

from rltrack import preset
from rltrack.backbones import load_backbone
from rltrack.chapters.derivation import gradient_of_r, slopes
from rltrack.jacobian import FeatureJacobian
from rltrack.memory import Samples
from rltrack.network import Classifier
from rltrack.reference import ReferenceExtractor, iteration


def test_slopes_are_those_of_the_quotients() -> None:
    maps = torch.rand(2, 3, 4, generator=Generator().manual_seed(0), dtype=torch.float64)
    maps.requires_grad_()
    mean, deviation = maps.mean((1, 2)), maps.flatten(1).std(1, correction=0)
    for quotient, found in zip((deviation / mean, mean / deviation), slopes(maps), strict=True):
        (expected,) = torch.autograd.grad(quotient.sum(), maps, retain_graph=True)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("positives", [1, 2])
def test_products_give_what_double_backward_gives(positives: int) -> None:
    generator = Generator().manual_seed(0)
    classifier = Classifier(generator, dtype=torch.float64)
    net = load_backbone("embedded", dtype=torch.float64)
    crops = torch.randint(0, 256, (3, 3, 107, 107), generator=generator, dtype=torch.uint8)
    samples = Samples(net.features(crops), crops)
    on = preset("paper", attention_weight=2.0)
    full, off = (
        iteration(
            ReferenceExtractor.of(net),
            classifier,
            samples.take(slice(positives)),
            samples.take(slice(positives, 3)),
            config,
        ).gradients
        for config in (on, replace(on, attention_weight=0.0))
    )
    found = gradient_of_r(classifier, FeatureJacobian(net, net.pixels(crops)), positives)
    for name, gradient in full.items():
        expected = (gradient - off[name]) / on.attention_weight
        if name in found:
            assert (found[name] - expected).norm() < 1e-12 * expected.norm()
        else:
            assert name.endswith("bias")
            assert expected.abs().max() < 1e-12
