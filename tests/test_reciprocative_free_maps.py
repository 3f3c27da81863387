"""Free gradients start as the classifier's, and go where no classifier goes."""

from __future__ import annotations

import pytest
import torch
from torch import Generator

from rltrack import preset
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.chapters.first_frame import maps_at
from rltrack.chapters.reciprocative_free_maps import (
    free_maps,
    gradient_cosines,
    taught_by_one_crop,
)
from rltrack.chapters.reciprocative_gradients import attention_gradients
from rltrack.tracking.attention import regulariser
from rltrack.tracking.classifier import Classifier


def test_it_starts_at_the_classifiers_maps_and_descends() -> None:
    generator = Generator().manual_seed(0)
    classifier = Classifier(VGGM.feature_shape, generator, dtype=torch.float64)
    crop = torch.randint(0, 256, (1, 3, 107, 107), generator=generator, dtype=torch.uint8)
    net, config = load_vggm("analytic", dtype=torch.float64), preset("paper")
    path = free_maps(classifier, net, crop, config, steps=8, rate=0.05)
    assert len(path) == 9
    own = maps_at(classifier, net, crop, config)
    torch.testing.assert_close(path[0][1], own)
    assert path[0][0] == pytest.approx(regulariser(own, True, config).item())
    assert path[-1][0] < path[0][0] - 0.1
    for r, maps in path[::4]:
        assert regulariser(maps, True, config).item() == pytest.approx(r)


def test_a_classifier_is_taught_by_the_first_crop_and_itself_stays_as_it_was() -> None:
    generator = Generator().manual_seed(0)
    classifier = Classifier(VGGM.feature_shape, generator, dtype=torch.float64)
    kept = [weight.clone() for weight in classifier.parameters()]
    crops = torch.randint(0, 256, (2, 3, 107, 107), generator=generator, dtype=torch.uint8)
    net, config = load_vggm("analytic", dtype=torch.float64), preset("paper")
    before, after = taught_by_one_crop(classifier, net, crops, config, steps=6)
    own = regulariser(maps_at(classifier, net, crops, config), True, config).tolist()
    assert before == pytest.approx(own)
    assert before[0] - after[0] > 2 * abs(before[1] - after[1])
    assert before[0] - after[0] > 0.05
    assert all(map(torch.equal, kept, classifier.parameters()))


def test_gradient_cosines_are_between_the_gradients_written_out() -> None:
    generator = Generator().manual_seed(0)
    classifier = Classifier(VGGM.feature_shape, generator, dtype=torch.float64)
    net, config = load_vggm("analytic", dtype=torch.float64), preset("paper")
    two = torch.randint(0, 256, (2, 3, 107, 107), generator=generator, dtype=torch.uint8)
    crops = torch.cat([two[:1], two])  # the first twice, and the last as background
    attention, cross_entropy = gradient_cosines(classifier, net, crops, 2, config)

    by_hand = []
    for i in (1, 2):
        jacobian = FeatureJacobian(net, net.pixels(crops[i : i + 1]))
        gradients = attention_gradients(classifier, jacobian, 2 - i, config.attention_eps)
        by_hand.append(torch.cat([gradient.flatten() for gradient in gradients.values()]))
    expected = torch.nn.functional.cosine_similarity(*by_hand, dim=0)
    assert attention[1, 2].item() == pytest.approx(expected.item(), rel=1e-9)
    for cosines in (attention, cross_entropy):
        torch.testing.assert_close(cosines.diag(), torch.ones(3, dtype=torch.float64))
        assert cosines[0, 1].item() == pytest.approx(1)
    labels = torch.tensor([1, 0])
    loss = torch.nn.functional.cross_entropy(
        classifier(net.features(two)), labels, reduction="none"
    )
    steps = [
        torch.cat([g.flatten() for g in torch.autograd.grad(one, list(classifier.parameters()),
                                                            retain_graph=True)])
        for one in loss
    ]  # fmt: skip
    expected = torch.nn.functional.cosine_similarity(*steps, dim=0)
    assert cross_entropy[0, 2].item() == pytest.approx(expected.item(), rel=1e-9)
