"""The network's layers, against plain formulas and stored values."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor, nn

from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.backbones.lrn_stage import local_response_norm
from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import SHAPES, VGGM
from rltrack.parallel import batches
from rltrack.tracking.classifier import Classifier


def crops(n: int = 2) -> Tensor:
    generator = Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 3, 107, 107), generator=generator, dtype=torch.uint8)


def test_lrn_by_a_plain_loop() -> None:
    x = 100 * torch.randn(2, 9, 3, 4, generator=Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.empty_like(x)
    for c in range(9):
        near = x[:, max(0, c - 2) : c + 3].square().sum(1)
        expected[:, c] = x[:, c] / (2 + 1e-4 * near) ** 0.75
    torch.testing.assert_close(local_response_norm(x), expected)


def test_lrn_is_pytorchs_with_alpha_times_five() -> None:
    x = 100 * torch.randn(2, 96, 5, 5, generator=Generator().manual_seed(0))
    theirs = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)(x)
    torch.testing.assert_close(local_response_norm(x), theirs)


def test_lrn_has_correct_first_and_second_derivatives() -> None:
    x = torch.randn(1, 7, 2, 1, generator=Generator().manual_seed(0), dtype=torch.float64)
    x = (50 * x).requires_grad_()
    assert torch.autograd.gradcheck(local_response_norm, x)
    assert torch.autograd.gradgradcheck(local_response_norm, x, atol=1e-6)


def test_stages_have_the_papers_shapes() -> None:
    net = load_vggm("random")
    x = net.pixels(crops())
    assert x.min() >= -128
    assert x.max() <= 127
    assert net.stem(x).shape == (2, 96, 51, 51)
    assert net(x).shape == (2, 4608)
    assert Classifier(VGGM.feature_shape, Generator())(net(x)).shape == (2, 2)


def test_network_is_the_plain_pytorch_one() -> None:
    """Against stock modules, in the order that MDNet has them."""
    net = load_vggm("analytic")
    norm = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
    plain = nn.Sequential(
        nn.Conv2d(3, 96, 7, 2), nn.ReLU(), norm, nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, 2), nn.ReLU(), norm, nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 512, 3), nn.ReLU(), nn.Flatten(),
    )  # fmt: skip
    for index, layer in ((0, net.conv1), (4, net.conv2), (8, net.conv3)):
        plain[index].load_state_dict(layer.state_dict())
    x = crops()
    expected = plain(x.float() - 128)
    torch.testing.assert_close(net.features(x), expected, rtol=1e-4, atol=1e-4)


def test_features_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = load_vggm("random"), crops(5)
    whole = net.features(x)
    monkeypatch.setattr("rltrack.backbones.interface.chunks", lambda n, *_: batches(n, 2))
    torch.testing.assert_close(net.features(x), whole)


def test_features_name_a_wrong_shape() -> None:
    with pytest.raises(ValueError, match=r"\(1, 107, 107, 3\)"):
        load_vggm("random").features(torch.zeros(1, 107, 107, 3, dtype=torch.uint8))


def test_fixed_layers_are_fixed_and_memory_is_channels_last() -> None:
    net = load_vggm("random")
    assert not any(p.requires_grad for p in net.parameters())
    assert net.stem(net.pixels(crops())).is_contiguous(memory_format=torch.channels_last)


def test_classifier_starts_as_pytorchs_default_from_the_given_generator() -> None:
    one, two, other = (
        Classifier(VGGM.feature_shape, Generator().manual_seed(s)).state_dict() for s in (1, 1, 2)
    )
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert not torch.equal(one["fc4.weight"], other["fc4.weight"])
    bound = 4608**-0.5
    assert one["fc4.weight"].abs().max() <= bound
    assert one["fc4.weight"].std() == pytest.approx(bound / 3**0.5, rel=0.01)


def test_dropout_is_drawn_from_the_generator_and_keeps_the_mean() -> None:
    classifier = Classifier(VGGM.feature_shape, Generator().manual_seed(0))
    x = torch.ones(1, 4608)
    plain = classifier(x)
    assert torch.equal(plain, classifier(x))
    one, two = (classifier(x, dropout=Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, plain)
    dropped = classifier._drop(torch.ones(1, 100_000), Generator().manual_seed(0))
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_attentive_features_weigh_the_places_of_conv3() -> None:
    classifier = Classifier(VGGM.feature_shape, Generator().manual_seed(0), attentive_features=True)
    features = torch.rand(4, 4608, generator=Generator().manual_seed(1))
    weights = classifier.feature_weights(features)
    assert weights.shape == (4, 1, 3, 3)
    assert weights.min() > 0
    assert weights.max() < 2
    weighed = (features.view(4, 512, 3, 3) * weights).flatten(1)
    plain = Classifier(VGGM.feature_shape, Generator())
    plain.load_state_dict({k: v for k, v in classifier.state_dict().items() if k.startswith("fc")})
    torch.testing.assert_close(classifier(features), plain(weighed))
    with pytest.raises(ValueError, match="no attention module"):
        plain.feature_weights(features)


# From the seeded random weights, at three depths: any change in the network shows here.
GOLDEN = {
    "conv1": [0.548152487, 0.134390616, 0.585041675],
    "conv3": [11.7976032, 11.6748426, 11.5385956],
    "fc6": [-0.30691983, 0.0963401056],
}


def test_golden_values_at_three_depths() -> None:
    net = load_vggm("random", dtype=torch.float64)
    x = net.pixels(crops())
    features = net(x)
    scores = Classifier(VGGM.feature_shape, Generator().manual_seed(0), dtype=torch.float64)(
        features
    )
    got = {
        "conv1": net.stem(x)[0, :3, 25, 25],
        "conv3": features[0].topk(3).values,
        "fc6": scores[0],
    }
    for name, values in got.items():
        expected = torch.tensor(GOLDEN[name], dtype=torch.float64)
        torch.testing.assert_close(values, expected, rtol=1e-6, atol=1e-9)


def test_extractor_needs_every_weight() -> None:
    weights = {k: torch.zeros(v) for k, v in SHAPES.items() if k != "conv2.bias"}
    with pytest.raises(RuntimeError, match=r"conv2\.bias"):
        VGGM(weights)


def test_bfloat16_is_near_and_everything_else_keeps_its_type() -> None:
    exact, near = (load_vggm("analytic", precision=p) for p in ("float32", "bfloat16"))
    assert near.conv2.weight.dtype == torch.bfloat16
    x = crops(3)
    one, other = exact.features(x), near.features(x)
    assert other.dtype == near.dtype == torch.float32
    assert 0 < (one - other).norm() < 0.02 * one.norm()
    u = torch.randn(3, 4608, generator=Generator().manual_seed(0))
    maps = [FeatureJacobian(n, n.pixels(x)).transpose_product(u) for n in (exact, near)]
    assert maps[1].dtype == torch.float32
    # Another maximum, or another side of a ReLU, here and there.
    assert 0 < (maps[0] - maps[1]).norm() < 0.2 * maps[0].norm()


def test_precision_can_be_set_again() -> None:
    net, x = load_vggm("random"), crops(1)
    before = net.features(x)
    net.place("cpu", torch.float32, "tf32")  # no TF32 on a CPU
    assert torch.equal(net.features(x), before)
    net.place("cpu", torch.float64, "float32")
    assert net.features(x).dtype == torch.float64
    torch.testing.assert_close(net.features(x).float(), before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "side"), [("conv1", 9), ("conv2", 11), ("conv3", 3)])
def test_transpose_product_is_the_librarys(name: str, side: int) -> None:
    convolution = getattr(load_vggm("random", dtype=torch.float64), name)
    g = torch.randn(2, convolution.out_channels, side, side, dtype=torch.float64)
    ours = convolution.transpose_product(g)
    torch.testing.assert_close(ours, convolution.by_library(g))
    assert ours.is_contiguous(memory_format=torch.channels_last)
