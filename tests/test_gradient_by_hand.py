"""The gradient written out is that of differentiating twice."""

from __future__ import annotations

import torch
from torch import Generator

from rltrack import preset
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.chapters.reciprocative_gradients import attention_gradients
from rltrack.tracking.attention import Maps, attention_maps, regulariser, through_jacobian
from rltrack.tracking.classifier import Classifier


def test_it_is_what_automatic_differentiation_finds() -> None:
    generator = Generator().manual_seed(1)
    net, config = load_vggm("analytic", dtype=torch.float64), preset("paper")
    crops = torch.randint(0, 256, (5, 3, 107, 107), generator=generator, dtype=torch.uint8)
    classifier = Classifier(VGGM.feature_shape, generator, dtype=torch.float64)
    jacobian = FeatureJacobian(net, net.pixels(crops))
    maps = attention_maps(through_jacobian(classifier, jacobian), config)
    term = sum(
        regulariser(Maps(*(m[part] for m in maps)), positive, config).mean()
        for part, positive in ((slice(2), True), (slice(2, 5), False))
    )
    wanted = torch.autograd.grad(term, list(classifier.parameters()), allow_unused=True)
    found = attention_gradients(classifier, jacobian, 2, config.attention_eps)
    for (name, _), gradient in zip(classifier.named_parameters(), wanted, strict=True):
        if name in found:
            torch.testing.assert_close(found[name], gradient, rtol=1e-9, atol=1e-12)
            assert found[name].norm() > 1e-3
        else:
            assert gradient is None or not gradient.any(), name
