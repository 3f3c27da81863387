"""Weights by name: conversion from MATLAB's form, and errors that name the file and the cure."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from scipy.io import savemat

from rltrack import Tracker, preset
from rltrack.backbones.cards import CARDS, Card
from rltrack.backbones.filter_banks import random_bank
from rltrack.backbones.matconvnet import convert_vggm
from rltrack.backbones.registry import (
    BACKBONES,
    EMBEDDED,
    backbone_card,
    backbone_identity,
    load_backbone,
    load_vggm,
)
from rltrack.backbones.vggm import SHAPES
from rltrack.backbones.weights import save_backbone, write_weights
from rltrack.errors import InputError
from rltrack.pretraining.separation import separation


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RLTRACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def matlab_file(path: Path, full: bool = False, bad: bool = False) -> dict[str, np.ndarray]:
    """A .mat as MatConvNet writes it: a cell row of structs; every fourth of the first nine a
    convolution. The full model has more after them."""
    generator = np.random.default_rng(0)
    layers = np.empty((1, 21 if full else 10), dtype=object)
    stored = {}
    for i in range(layers.shape[1]):
        struct = np.empty((1, 1), dtype=[("name", object), ("weights", object)])
        weights = np.empty((1, 2), dtype=object)
        weights[0, 0] = weights[0, 1] = np.empty((0, 0))
        if i in (0, 4, 8):
            name = f"conv{i // 4 + 1}"
            o, c, h, w = SHAPES[f"{name}.weight"]
            filters = generator.normal(size=(h, w, c, o - bad)).astype(np.float32)
            bias = generator.normal(size=(1, o)).astype(np.float32)
            weights[0, 0], weights[0, 1] = filters, bias
            stored[f"{name}.weight"], stored[f"{name}.bias"] = filters, bias
        struct["name"][0, 0], struct["weights"][0, 0] = f"layer{i}", weights
        layers[0, i] = struct
    savemat(path, {"layers": layers})
    return stored


@pytest.mark.parametrize("full", [False, True])
def test_vggm_is_converted_once_and_loaded(tmp_path: Path, cache: Path, full: bool) -> None:
    stored = matlab_file(tmp_path / "vggm.mat", full)
    out = convert_vggm(tmp_path / "vggm.mat")
    assert out == cache / "weights" / "vggm.safetensors"
    assert not list(cache.rglob("*.part"))
    net = load_backbone("vggm")
    filters = stored["conv2.weight"]  # (H, W, I, O)
    assert net.conv2.weight[7, 5, 1, 3].item() == filters[1, 3, 5, 7]
    np.testing.assert_array_equal(net.conv3.bias.numpy(), stored["conv3.bias"][0])


def test_missing_weights_name_the_file_and_the_command(cache: Path) -> None:
    with pytest.raises(InputError, match=r"vggm\.safetensors are missing; run `rltrack fe"):
        load_backbone("vggm")


def test_a_file_of_weights_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"mine\.safetensors are missing; give another file of we"):
        load_backbone("mine.safetensors")


def test_corrupt_weights_are_named(cache: Path) -> None:
    file = cache / "weights" / "vggm.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not weights")
    with pytest.raises(InputError, match=r"vggm\.safetensors are corrupt.*rltrack fetch vggm"):
        load_backbone("vggm")


def test_wrong_shapes_are_named(tmp_path: Path) -> None:
    matlab_file(tmp_path / "vggm.mat", bad=True)
    with pytest.raises(InputError, match=r"conv1\.weight is \(95, 3, 7, 7\), expected \(96, 3, 7"):
        convert_vggm(tmp_path / "vggm.mat")


def test_what_is_no_matlab_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.mat").write_text("<html>not found</html>")
    with pytest.raises(InputError, match=r"page\.mat is not MatConvNet's VGG-M"):
        convert_vggm(tmp_path / "page.mat")


def test_unknown_backbone_names_the_known() -> None:
    with pytest.raises(
        InputError, match="unknown backbone 'vgg'; choose embedded, lite0, analytic"
    ):
        load_backbone("vgg")


def test_embedded_is_another_name() -> None:
    one, two = (load_backbone(n).state_dict() for n in ("embedded", EMBEDDED))
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert backbone_card("embedded") == backbone_card(EMBEDDED)
    assert backbone_identity("embedded") == backbone_identity(EMBEDDED)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_name_has_a_card(name: str) -> None:
    meant = EMBEDDED if name == "embedded" else name
    in_its_file = ["rendered"]
    assert meant in {*CARDS, *in_its_file}, f"add a card of {name} to rltrack/backbones/cards.py"


@pytest.mark.parametrize("name", ["lite0", "timm:resnet18", "timm:resnet18=w.safetensors"])
def test_other_layers_than_vggm_are_refused_where_these_are_needed(name: str) -> None:
    with pytest.raises(InputError, match="has other layers than VGG-M"):
        load_vggm(name)


def test_the_shipped_training_says_what_it_is() -> None:
    card = backbone_card("rendered")
    assert card.licence == "MIT"
    assert "no photograph" in card.recipe
    assert {"objective", "steps", "seed", "seconds", "device", "losses"} <= card.facts.keys()
    assert len(backbone_identity("rendered")) == 12


@pytest.mark.slow
def test_the_shipped_training_tells_targets_apart_better_than_its_start() -> None:
    """On scenes that it was not trained on: where the start errs, it errs about half as often."""
    errors = [1 - separation(load_backbone(n), scenes=16).ranked for n in ("rendered", "analytic")]
    assert errors[0] < 0.6 * errors[1]


def test_a_file_is_a_backbone_with_its_card(tmp_path: Path) -> None:
    card = Card("mine", "by hand", "MIT", {"steps": "3"})
    path = save_backbone(random_bank(), tmp_path / "new" / "mine.safetensors", card)
    net = load_backbone(path)
    assert net.conv1.weight.dtype == torch.float32
    torch.testing.assert_close(
        net.conv3.weight.contiguous(), random_bank()["conv3.weight"], rtol=1e-3, atol=1e-6
    )
    assert backbone_card(path) == backbone_card(str(path)) == card
    assert Tracker(preset("tiny"), backbone=path, device="cpu").backbone == str(path)
    assert path.stat().st_size < 4e6
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("converted", [False, True])
def test_changed_weights_are_refused(tmp_path: Path, converted: bool) -> None:
    path = tmp_path / "mine.safetensors"
    if converted:
        matlab_file(tmp_path / "vggm.mat")
        convert_vggm(tmp_path / "vggm.mat", path)
    else:
        save_backbone(random_bank(), path, Card("", "", ""))
    assert load_backbone(str(path))
    stored = bytearray(path.read_bytes())
    stored[-1000] ^= 1
    path.write_bytes(stored)
    with pytest.raises(InputError, match=r"mine\.safetensors do not match their digest"):
        load_backbone(str(path))


def test_a_file_without_a_digest_is_read(tmp_path: Path) -> None:
    path, weights = tmp_path / "mine.safetensors", random_bank()
    path.write_bytes(save(weights, {"source": "imagenet-vgg-m.mat"}))
    assert torch.equal(load_backbone(str(path)).conv2.weight, weights["conv2.weight"])


FORMATS = [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]


def test_weights_of_any_floating_format_are_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    for dtype in FORMATS:
        stored = {name: weight.to(dtype) for name, weight in random_bank().items()}
        expected = hashlib.sha256(b"".join(save_bytes(weight) for weight in stored.values()))
        write_weights(dict(reversed(stored.items())), path, {})
        with safe_open(path, framework="pt") as file:
            assert file.metadata() == {"sha256": expected.hexdigest()}
        net = load_backbone(str(path))
        assert torch.equal(net.conv2.weight, stored["conv2.weight"].float())
        path.write_bytes(save(stored, {"sha256": "0" * 64}))
        with pytest.raises(InputError, match="do not match their digest"):
            load_backbone(str(path))


def save_bytes(weight: torch.Tensor) -> bytes:
    """A weight's bytes, as a safetensors file has them."""
    content = save({"weight": weight})
    return content[8 + int.from_bytes(content[:8], "little") :]


@pytest.mark.parametrize("dtype", FORMATS[2:])
def test_a_weight_that_is_not_finite_is_refused_in_any_format(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    stored = {name: weight.to(dtype) for name, weight in random_bank().items()}
    stored["conv1.bias"] = torch.full((96,), torch.nan).to(dtype)
    write_weights(stored, tmp_path / "mine.safetensors", {})
    with pytest.raises(InputError, match=r"conv1\.bias is not finite"):
        load_backbone(str(tmp_path / "mine.safetensors"))


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_weights_that_are_no_real_numbers_are_refused(dtype: torch.dtype, tmp_path: Path) -> None:
    stored = {name: weight.to(dtype) for name, weight in random_bank().items()}
    write_weights(stored, tmp_path / "mine.safetensors", {})
    with pytest.raises(InputError, match=r"conv1\.weight has no floating-point numbers"):
        load_backbone(str(tmp_path / "mine.safetensors"))


@pytest.mark.parametrize("card", ["{", "[]", '{"nam": 1}', "[" * 100_000])
def test_a_malformed_card_says_so(card: str, tmp_path: Path) -> None:
    path = write_weights(random_bank(), tmp_path / "mine.safetensors", {"card": card})
    with pytest.raises(InputError, match="have no card"):
        backbone_card(path)


def test_a_file_without_a_card_says_so(tmp_path: Path, cache: Path) -> None:
    matlab_file(tmp_path / "vggm.mat")
    out = convert_vggm(tmp_path / "vggm.mat")
    with pytest.raises(InputError, match="have no card"):
        backbone_card(str(out))


def test_weights_are_known_by_what_they_are_not_by_where_they_lie(tmp_path: Path) -> None:
    card, weights = Card("mine", "", ""), random_bank()
    first = save_backbone(weights, tmp_path / "a.safetensors", card)
    second = save_backbone(weights, tmp_path / "b.safetensors", card)
    known = backbone_identity(str(first))
    assert known == backbone_identity(str(second)) != backbone_identity("analytic")
    assert len(known) == 12
    weights["conv3.bias"] = weights["conv3.bias"] + 1
    save_backbone(weights, first, card)
    assert backbone_identity(str(first)) != known
    with pytest.raises(InputError, match="missing"):
        backbone_identity(str(tmp_path / "none.safetensors"))
