"""Clipping's numbers are those of the step that the tracker takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Generator

from rltrack import preset, synthetic
from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.chapters.reciprocative_gradients import clipping, gradients
from rltrack.speed.reference import ReferenceExtractor, iteration
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.memory import Samples
from rltrack.tracking.training import fit


def test_two_parts_at_right_angles_share_a_length() -> None:
    alone = {"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([0.0])}
    both = {"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([4.0])}
    found = clipping(alone, both, 2.5)
    assert found == pytest.approx((3, 4, 0, 2.5 / 3, 0.5))
    assert clipping(alone, both, 4)[3:] == pytest.approx((1, 0.8))  # what is short enough stays


@pytest.mark.parametrize("weight", [0.0, 5.0])
def test_the_tracker_shortens_its_step_as_much(weight: float) -> None:
    generator = Generator().manual_seed(0)
    net = load_vggm("analytic", dtype=torch.float64)
    crops = torch.randint(0, 256, (4, 3, 107, 107), generator=generator, dtype=torch.uint8)
    samples = Samples(net.features(crops), crops)
    two, others = samples.take(slice(2)), samples.take(slice(2, 4))
    classifier = Classifier(
        VGGM.feature_shape, Generator().manual_seed(0), dropout=0.0, dtype=torch.float64
    )
    config = preset("paper", batch_positives=2, batch_negatives=2, mined_negatives=2, clip_norm=2.0)
    plain, full = (
        iteration(
            ReferenceExtractor.of(net), classifier, two, others, replace(config, attention_weight=w)
        ).gradients
        for w in (0.0, 5.0)
    )
    found = clipping(plain, full, config.clip_norm)
    assert found.together < found.alone < 1

    before = {name: p.detach().clone() for name, p in classifier.named_parameters()}
    descent = torch.optim.SGD(classifier.parameters(), lr=1.0)
    fit(
        classifier, net, descent, two, others, 1, replace(config, attention_weight=weight),
        generator,
    )  # fmt: skip
    shrink, gradients = (found.together, full) if weight else (found.alone, plain)
    for name, parameter in classifier.named_parameters():
        torch.testing.assert_close(
            before[name] - parameter.detach(), shrink * gradients[name], rtol=1e-4, atol=1e-9
        )


def test_a_batch_is_of_targets_and_of_background_and_gives_both_gradients() -> None:
    film, net = synthetic(1), load_vggm("analytic", dtype=torch.float64)
    classifier = Classifier(VGGM.feature_shape, Generator().manual_seed(0), dtype=torch.float64)
    config = preset("paper")

    def found(weight: float, n: int = 2) -> tuple[dict[str, torch.Tensor], ...]:
        return gradients(
            classifier, net, film[0], torch.tensor(film.ground_truth[0]), n,
            replace(config, attention_weight=weight), Generator().manual_seed(1),
        )  # fmt: skip

    alone, total = found(5.0)
    fourfold = found(20.0)[1]
    for name, gradient in alone.items():
        torch.testing.assert_close(found(0.0)[1][name], gradient)
        torch.testing.assert_close(fourfold[name] - gradient, 4 * (total[name] - gradient))
    # The bias of a class moves by what the softmax gives it and the labels do not.
    assert alone["fc6.bias"].sum().item() == pytest.approx(0, abs=1e-12)
    # A sum grows with its batch; a mean does not.
    more = clipping(*found(5.0, 8), 10.0)
    less = clipping(alone, total, 10.0)
    assert more.cross_entropy > 2 * less.cross_entropy
    assert more.attention < 1.5 * less.attention
