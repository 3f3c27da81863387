"""Eq. 1 to 5: the maps, the regulariser, the loss and their gradients."""

from __future__ import annotations

import gc
from statistics import median

import pytest
import torch
from torch import Generator, Tensor

from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.tracking.attention import (
    BACKGROUND,
    TARGET,
    Maps,
    attention_map,
    attention_maps,
    double_backward,
    mean_and_deviation,
    reciprocative_loss,
    regulariser,
    through_jacobian,
)
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.memory import Samples
from rltrack.tracking.presets import preset
from rltrack.tracking.training import fit, optimizer


def make(dtype: torch.dtype = torch.float64, n: int = 3, seed: int = 0):
    extractor = load_vggm("random", dtype=dtype)
    generator = Generator().manual_seed(seed)
    classifier = Classifier(VGGM.feature_shape, generator, dtype=dtype)
    crops = torch.randint(0, 256, (n, 3, 107, 107), generator=generator, dtype=torch.uint8)
    return extractor, classifier, crops


@pytest.mark.parametrize("at", ["conv1", "input"])
def test_eq1_the_map_is_the_scores_derivative(at: str) -> None:
    """f(z + e d) - f(z - e d) = 2 e A . d, by the scores alone: finite differences."""
    extractor, classifier, crops = make(n=1)
    pixels = extractor.pixels(crops)
    jacobian = FeatureJacobian(extractor, pixels, at)
    gradient = through_jacobian(classifier, jacobian)(TARGET).detach()
    z, rest = (pixels, extractor) if at == "input" else (extractor.stem(pixels), extractor.trunk)
    direction = torch.randn(z.shape, generator=Generator().manual_seed(1), dtype=z.dtype)
    step = 1e-6
    ahead, behind = (classifier(rest(z + s * direction))[0, TARGET] for s in (step, -step))
    difference = (ahead - behind) / (2 * step)
    torch.testing.assert_close(difference, (gradient * direction).sum(), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("at", ["conv1", "input"])
def test_jacobian_products_are_adjoint_and_equal_autograd(at: str) -> None:
    extractor, _, crops = make()
    pixels = extractor.pixels(crops)
    jacobian = FeatureJacobian(extractor, pixels, at)
    torch.testing.assert_close(jacobian.features, extractor(pixels))
    z = (pixels if at == "input" else extractor.stem(pixels)).requires_grad_()
    features = extractor(z) if at == "input" else extractor.trunk(z)
    g = Generator().manual_seed(2)
    u = torch.randn(features.shape, generator=g, dtype=z.dtype)
    a = torch.randn(z.shape, generator=g, dtype=z.dtype)
    (expected,) = torch.autograd.grad(features, z, u)
    torch.testing.assert_close(jacobian.transpose_product(u), expected)
    torch.testing.assert_close((jacobian.product(a) * u).sum(), (a * expected).sum())


def configs() -> list[TrackerConfig]:
    return [
        preset("paper"),
        preset("released-code"),
        preset("paper", map_at="input"),
        preset("paper", reduction="sum"),
    ]


def fc_gradients(classifier: Classifier, maps: tuple[Maps, Maps], config: TrackerConfig):
    scores = torch.zeros(2, 2, dtype=maps[0].target.dtype, requires_grad=True)
    loss = reciprocative_loss(scores, 1, maps, config)
    return torch.autograd.grad(loss.attention, list(classifier.parameters()), allow_unused=True)


def relative_differences(config: TrackerConfig, dtype: torch.dtype, seed: int) -> list[float]:
    """Of the regulariser's fc gradients, by the two roads."""
    extractor, classifier, crops = make(dtype, n=4, seed=seed)
    pixels = extractor.pixels(crops)
    halves = pixels[:2], pixels[2:]
    by_jacobian = tuple(
        attention_maps(
            through_jacobian(classifier, FeatureJacobian(extractor, p, config.map_at)), config
        )
        for p in halves
    )
    by_autograd = tuple(
        attention_maps(double_backward(classifier, extractor, p, config.map_at), config)
        for p in halves
    )
    ours = fc_gradients(classifier, by_jacobian, config)
    reference = fc_gradients(classifier, by_autograd, config)
    return [
        float((one - other).norm() / other.norm())
        for one, other in zip(ours, reference, strict=True)
        if other is not None and other.norm() > 0
    ]


@pytest.mark.parametrize("config", configs(), ids=["paper", "released", "input", "sum"])
def test_jacobian_form_equals_double_backward(config: TrackerConfig) -> None:
    found = relative_differences(config, torch.float64, seed=0)
    assert len(found) == 3  # the weights of fc4-6; biases do not move a piecewise-linear slope
    assert max(found) <= 1e-9


@pytest.mark.parametrize("config", configs(), ids=["paper", "released", "input", "sum"])
def test_jacobian_form_equals_double_backward_in_float32(config: TrackerConfig) -> None:
    """SPEC: 5e-7 relative.

    Rounding decides whether a derivative near 0 counts as positive, and one that flips changes a
    gradient by more than rounding. Seldom in one batch: the median of three is judged.
    """
    worst = [max(relative_differences(config, torch.float32, seed)) for seed in range(3)]
    assert median(worst) <= 1e-5


def test_gradcheck_of_the_regulariser_in_the_classifier_weights() -> None:
    """Finite differences of R against autograd through the custom backward, in float64."""
    extractor, classifier, crops = make(n=2)
    jacobians = [FeatureJacobian(extractor, extractor.pixels(c[None])) for c in crops]
    config = preset("paper")

    def loss(rows4: Tensor, rows5: Tensor, rows6: Tensor) -> Tensor:
        parameters = dict(classifier.named_parameters())
        parameters["fc4.weight"] = torch.cat([rows4, parameters["fc4.weight"][1:].detach()])
        parameters["fc5.weight"] = torch.cat([rows5, parameters["fc5.weight"][1:].detach()])
        parameters["fc6.weight"] = rows6

        def call(features: Tensor, dropout: None) -> Tensor:
            return torch.func.functional_call(classifier, parameters, (features, dropout))

        maps = tuple(attention_maps(through_jacobian(call, j), config) for j in jacobians)
        return reciprocative_loss(rows6[:, :2].T, 1, maps, config).attention

    inputs = tuple(
        getattr(classifier, name)
        .weight.detach()[: 2 if name == "fc6" else 1]
        .clone()
        .requires_grad_()
        for name in ("fc4", "fc5", "fc6")
    )
    # fast_mode probes random directions of all 5632 numbers at once.
    assert torch.autograd.gradcheck(loss, inputs, eps=1e-7, atol=1e-5, rtol=1e-3, fast_mode=True)


def test_map_takes_positive_parts_and_sums_channels() -> None:
    gradient = torch.tensor([[[[1.0, -2.0]], [[3.0, 4.0]]]])  # (1, 2, 1, 2)
    assert attention_map(gradient).tolist() == [[[4.0, 4.0]]]
    assert attention_map(gradient, "all", "sum-of-squares").tolist() == [[[10.0, 20.0]]]
    assert attention_map(gradient, "positive", "sum-of-squares").tolist() == [[[10.0, 16.0]]]


def test_regulariser_by_hand() -> None:
    """A_p = (1, 3): mu 2, sigma 1. A_n = (2, 6): mu 4, sigma 2."""
    maps = Maps(torch.tensor([[[1.0, 3.0]]]), torch.tensor([[[2.0, 6.0]]]))
    config = preset("paper")
    assert regulariser(maps, True, config).tolist() == [0.5 + 2.0]
    assert regulariser(maps, False, config).tolist() == [2.0 + 0.5]


def test_batch_statistics_add_before_dividing() -> None:
    maps = Maps(
        torch.tensor([[[1.0, 3.0]], [[0.0, 8.0]]]), torch.tensor([[[2.0, 6.0]], [[2.0, 2.5]]])
    )
    batch = regulariser(maps, True, preset("paper", map_statistics="batch"))
    torch.testing.assert_close(batch, torch.tensor([(1 + 4) / (2 + 4) + (4 + 2.25) / (2 + 0.25)]))
    sample = regulariser(maps, True, preset("paper"))
    torch.testing.assert_close(sample, torch.tensor([0.5 + 2, 1.0 + 2.25 / 0.25]))


def test_reduction_sets_the_scale_of_lambda() -> None:
    maps = Maps(torch.rand(4, 5, 5) + 0.1, torch.rand(4, 5, 5) + 0.1)
    scores = torch.zeros(8, 2)
    mean = reciprocative_loss(scores, 4, (maps, maps), preset("paper"))
    total = reciprocative_loss(scores, 4, (maps, maps), preset("paper", reduction="sum"))
    torch.testing.assert_close(total.attention, 4 * mean.attention)
    torch.testing.assert_close(mean.total, mean.cross_entropy + 5 * mean.attention)
    torch.testing.assert_close(mean.cross_entropy, 8 * torch.log(torch.tensor(2.0)))


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_regulariser_ignores_the_maps_scale(scale: float) -> None:
    maps = Maps(torch.rand(4, 5, 5), torch.rand(4, 5, 5))
    scaled = Maps(*(scale * m for m in maps))
    config = preset("paper")
    torch.testing.assert_close(regulariser(scaled, True, config), regulariser(maps, True, config))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradients_are_finite_on_zero_and_constant_maps(value: float) -> None:
    flat = torch.full((2, 5, 5), value, requires_grad=True)
    for positive in (True, False):
        loss = regulariser(Maps(flat, flat), positive, preset("paper")).sum()
        (gradient,) = torch.autograd.grad(loss, flat)
        assert torch.isfinite(loss)
        assert torch.isfinite(gradient).all()


def test_mean_and_deviation_are_the_population_ones() -> None:
    maps = torch.rand(3, 7, 9, generator=Generator().manual_seed(0))
    mean, deviation = mean_and_deviation(maps, 1e-12)
    torch.testing.assert_close(mean, maps.flatten(1).mean(1))
    torch.testing.assert_close(deviation, maps.flatten(1).std(1, correction=0))


# --- What it does to the classifier ---------------------------------------------------------


def trained(weight: float, iterations: int, **changes: object):
    """A classifier fitted on crops of a bright square (targets) and of noise (background)."""
    generator = Generator().manual_seed(0)
    noise = torch.randint(0, 256, (40, 3, 107, 107), generator=generator, dtype=torch.uint8)
    targets = noise[:20].clone()
    targets[:, :, 30:77, 30:77] //= 4
    config = preset(
        "tiny",
        attention_weight=weight,
        batch_positives=4,
        batch_negatives=4,
        mined_negatives=8,
        first_learning_rate=1e-3,
        **changes,
    )
    extractor = load_vggm("analytic")
    classifier = Classifier(VGGM.feature_shape, generator)
    sets = [Samples(extractor.features(c), c) for c in (targets, noise[20:])]
    losses: list[float] = []
    fit(
        classifier,
        extractor,
        optimizer(classifier, config.first_learning_rate, config),
        *sets,
        iterations,
        config,
        generator,
        report=lambda step, loss: losses.append(loss.attention.item()),
    )
    maps = attention_maps(
        through_jacobian(classifier, FeatureJacobian(extractor, extractor.pixels(targets[:8]))),
        config,
    )
    return extractor, classifier, maps, losses


def ratio(maps: Maps) -> float:
    mean, deviation = mean_and_deviation(maps.target, 1e-12)
    return (deviation / mean).mean().item()


def test_lambda_changes_the_update_only_with_the_second_order() -> None:
    """The silent no-op that ports of the released code fall into, and its guard."""
    plain, attentive, first_order = (
        trained(weight, 2, second_order=second)[1].state_dict()
        for weight, second in ((0.0, True), (5.0, True), (5.0, False))
    )
    assert all(torch.equal(plain[k], first_order[k]) for k in plain)
    assert any(not torch.equal(plain[k], attentive[k]) for k in plain)


def test_fifty_iterations_even_out_the_targets_attention() -> None:
    _, _, without, _ = trained(0.0, 50)
    _, _, with_attention, losses = trained(5.0, 50)
    assert ratio(with_attention) < 0.98 * ratio(without)
    assert sum(losses[-5:]) < sum(losses[:5])


def test_no_state_leaks_from_training() -> None:
    extractor, classifier, _, _ = trained(5.0, 1)
    assert not any(p.requires_grad for p in extractor.parameters())
    assert all(p.requires_grad for p in classifier.parameters())
    assert all(p.grad is None for p in [*classifier.parameters(), *extractor.parameters()])
    for module in [*extractor.modules(), *classifier.modules()]:
        assert not module._forward_hooks
        assert not module._backward_hooks


def test_memory_is_flat_over_iterations() -> None:
    """Second-order graphs that keep themselves alive show as tensors left after each step."""
    generator = Generator().manual_seed(0)
    extractor = load_vggm("random")
    classifier = Classifier(VGGM.feature_shape, generator)
    crops = torch.randint(0, 256, (4, 3, 107, 107), generator=generator, dtype=torch.uint8)
    samples = Samples(extractor.features(crops), crops)
    config = preset("tiny", batch_positives=1, batch_negatives=1, mined_negatives=2)
    counts: list[int] = []

    def count(step: int, _: object) -> None:
        if step in (6, 30):  # equally far into the samples, which are 4 for each label
            gc.collect()
            counts.append(sum(type(o) is Tensor for o in gc.get_objects()))

    fit(
        classifier,
        extractor,
        optimizer(classifier, 1e-4, config),
        samples,
        samples,
        30,
        config,
        generator,
        report=count,
    )
    assert counts[1] <= counts[0]


def test_the_released_code_counts_the_fixed_layers_in_its_norm() -> None:
    """Their gradients enlarge the norm, so the clipped step is smaller; they are not moved."""

    def one_step(scope: str) -> tuple[VGGM, dict[str, Tensor]]:
        extractor, classifier, crops = make(torch.float32, n=4)
        extractor.requires_grad_(scope == "all")
        samples = Samples(extractor.features(crops), crops)
        config = preset(
            "paper", clip_scope=scope, clip_norm=1e-3, weight_decay=0, dropout=0,
            batch_positives=4, batch_negatives=4, mined_negatives=4,
        )  # fmt: skip
        before = {k: v.clone() for k, v in classifier.state_dict().items()}
        generator = Generator().manual_seed(0)
        fit(
            classifier, extractor, optimizer(classifier, 1.0, config), samples, samples, 1,
            config, generator,
        )  # fmt: skip
        return extractor, {k: v - before[k] for k, v in classifier.state_dict().items()}

    fixed, all_step = one_step("all")
    _, fc_step = one_step("fc")
    initial = load_vggm("random").state_dict()
    assert all(torch.equal(v, initial[k]) for k, v in fixed.state_dict().items())
    size = {n: sum(v.square().sum() for v in s.values()) for n, s in
            (("all", all_step), ("fc", fc_step))}  # fmt: skip
    assert size["all"] < size["fc"]


def test_background_map_is_of_the_other_score() -> None:
    extractor, classifier, crops = make(n=1)
    jacobian = FeatureJacobian(extractor, extractor.pixels(crops))
    gradient = through_jacobian(classifier, jacobian)
    maps = attention_maps(gradient, preset("paper"))
    torch.testing.assert_close(maps.target, attention_map(gradient(TARGET)))
    torch.testing.assert_close(maps.background, attention_map(gradient(BACKGROUND)))


def test_maps_are_split_into_those_of_the_first_samples_and_the_others() -> None:
    maps = Maps(torch.arange(4.0)[:, None, None], torch.arange(4.0, 8)[:, None, None])
    first, others = maps.split(1)
    assert [m.flatten().tolist() for m in first] == [[0], [4]]
    assert [m.flatten().tolist() for m in others] == [[1, 2, 3], [5, 6, 7]]
