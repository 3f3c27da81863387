"""Backbones from timm's models: how they are cut, and what is refused. timm itself is optional."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_presets import QUICKER
from torch import Generator, Tensor, nn

from rltrack import InputError, Tracker, load_backbone, preset, synthetic
from rltrack.backbones.registry import (
    backbone_card,
    backbone_files,
    backbone_identity,
    with_path,
)
from rltrack.backbones.timm_model import TimmModel, parts
from rltrack.benchmarks import jobs, vot_workspace
from rltrack.tracking.region import Region


class Network(nn.Module):
    """Three padded convolutions of stride 2, with batch normalisation: features as timm's are."""

    def __init__(self, channels: int = 12, **_: object) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.body = nn.Sequential(
            nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, channels, 3, 2, 1)
        )
        generator = Generator().manual_seed(0)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=generator)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.body(self.norm(self.stem(x)))]


def model(dtype: torch.dtype = torch.float32) -> TimmModel:
    return TimmModel(Network(), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), dtype=dtype)


def test_it_is_the_network_without_its_border() -> None:
    ours, network = model(), Network().eval()
    crops = torch.randint(0, 256, (2, 3, 104, 104), generator=Generator().manual_seed(1))
    crops = crops.to(torch.uint8)
    x = (crops / 255 - 0.5) / 0.25
    whole = network(x)[0][:, :, 4:-4, 4:-4].relu()
    got = ours.features(crops).view(whole.shape)
    torch.testing.assert_close(got / got.norm(), whole / whole.norm())
    assert ours.feature_shape == (12, 5, 5)
    assert ours.multiply_adds == (52 * 52 * 8 * 27, 26 * 26 * 8 * 72 + 13 * 13 * 12 * 72)
    layer, shape, cost = ours.heaviest()
    assert layer(torch.zeros(1, *shape)).shape[1:] == (8, 26, 26) or cost == 52 * 52 * 8 * 27


def test_a_region_holds_the_features_of_a_crop() -> None:
    ours = model(torch.float64)
    image = torch.randint(0, 256, (3, 368, 368), generator=Generator().manual_seed(2))
    image = image.to(torch.uint8)
    target = ours.crop.size / ours.crop.enlargement
    low = (368 - target) / 2
    box = torch.tensor([low, low, target, target], dtype=torch.float64)
    region = Region(ours, image, box)
    part = slice((368 - 104) // 2, (368 + 104) // 2)  # from a multiple of 4: half a step off
    moved = slice(part.start - 4, part.stop - 4)
    expected = ours.features(image[None, :, moved, moved])
    torch.testing.assert_close(region.features(box[None] - torch.tensor([4, 4, 0, 0])), expected)


@pytest.mark.parametrize("changes", [{}, {"map_at": "input"}, {"clip_scope": "all"}], ids=str)
def test_a_tracker_with_attention_runs_on_it(changes: dict[str, Any]) -> None:
    film = synthetic(3)
    config = preset("tiny", **QUICKER, update_interval=1, **changes)
    tracker = Tracker(config, backbone=model(), device="cpu")
    images = list(film)
    tracker.init(images[0], film.ground_truth[0])
    assert tracker.update(images[1]).box
    target, _ = tracker.attention(images[1], film.ground_truth[1])
    assert target.max() > 0


def test_networks_that_cannot_be_cut_are_refused() -> None:
    class Late(Network):
        def forward(self, x: Tensor) -> list[Tensor]:
            return super().forward(2 * x + 1)

    with pytest.raises(InputError, match="does not begin with its first convolution"):
        TimmModel(Late(), (0.5,) * 3, (0.25,) * 3)
    with pytest.raises(InputError, match="has no convolution"):
        TimmModel(nn.Identity(), (0.5,) * 3, (0.25,) * 3)


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for timm, with the models `small` and `coarse`."""

    def create_model(name: str, **settings: Any) -> nn.Module:
        if name not in ("small", "coarse"):
            raise RuntimeError(f"Unknown model ({name})\nand more lines")
        network = Network()
        strides = [2, 4, 8] if name == "small" else [4, 16]
        network.feature_info = SimpleNamespace(reduction=lambda: strides)
        network.pretrained_cfg = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
        return network

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))


def test_it_is_loaded_by_name_with_weights_from_a_file(timm: None, tmp_path: Path) -> None:
    weights = {key: 2 * weight for key, weight in Network().state_dict().items()}
    weights = {key: weight.contiguous() for key, weight in weights.items()}
    path = tmp_path / "w.safetensors"
    save_file(weights, path)
    torch.save(weights, tmp_path / "w.pth")
    ours = load_backbone(f"timm:small={path}")
    assert isinstance(ours, TimmModel)
    torch.testing.assert_close(ours.first.weight, weights["stem.weight"])
    same = [backbone_identity(f"timm:small={p}") for p in (path, tmp_path / "w.pth")]
    assert same[0] == same[1] != backbone_identity("timm:small")
    assert same[0].startswith("timm:small@")
    assert "timm" in backbone_card("timm:small").recipe


@pytest.mark.parametrize(
    ("name", "model", "file"),
    [
        ("timm:resnet18", "resnet18", None),
        ("timm:hf-hub:timm/resnet18.a1_in1k", "hf-hub:timm/resnet18.a1_in1k", None),
        ("timm:resnet18=some/w.pth", "resnet18", Path("some/w.pth")),
        ("timm:resnet18=~/a=b.safetensors", "resnet18", Path.home() / "a=b.safetensors"),
    ],
)
def test_a_name_has_a_model_and_perhaps_a_file(name: str, model: str, file: Path | None) -> None:
    assert parts(name) == (model, file)
    assert backbone_files(name) == (() if file is None else (file,))
    given = "" if file is None else f"={file.name}"
    assert with_path(name, lambda path: path.name) == f"timm:{model}{given}"


def test_a_name_with_an_empty_file_is_refused() -> None:
    with pytest.raises(InputError, match="the backbone's file cannot be empty"):
        backbone_files("timm:resnet18=")


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("embedded", "embedded"),
        ("weights/mine.safetensors", "mine.safetensors"),
        ("timm:resnet18.a1=weights/w.pth", "timm:resnet18.a1=w.pth"),
    ],
)
def test_a_run_records_the_model_and_the_files_name(
    given: str, recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Done:
        device, seconds = "cpu", np.ones(1)

        def __len__(self) -> int:
            return 1

    monkeypatch.setattr(jobs, "backbone_identity", lambda name: "0123456789ab")
    job = jobs.Job("Deer", 0, preset("tiny"), given)
    assert jobs._about(job, Done())["backbone"] == recorded  # type: ignore[arg-type]


def test_a_workspace_of_vot_has_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rltrack.benchmarks.trax_entry.make_tracker", lambda settings: None)
    monkeypatch.chdir(tmp_path)
    for given, written in (
        ("timm:resnet18=w.pth", f"timm:resnet18={tmp_path / 'w.pth'}"),
        ("timm:resnet18=w.safetensors", f"timm:resnet18={tmp_path / 'w.safetensors'}"),
        ("w.safetensors", str(tmp_path / "w.safetensors")),
        ("timm:resnet18", "timm:resnet18"),
    ):
        assert vot_workspace._settings("tiny", 0.0, given, "cpu", 0)["backbone"] == written


class Planted:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("planted"),))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing", "cannot be read"),
        ("truncated", "do not fit timm:small"),
        ("other", "do not fit timm:small"),
        ("objects", "not a file of tensors alone"),
        ("list", "not a file of tensors alone"),
    ],
)
def test_a_bad_file_is_refused(
    what: str,
    message: str,
    timm: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("w.safetensors" if what in ("missing", "truncated") else "w.pth")
    if what == "truncated":
        save_file(Network().state_dict(), path)
        path.write_bytes(path.read_bytes()[:-100])
    elif what == "other":
        torch.save(nn.Linear(2, 2).state_dict(), path)
    elif what == "objects":
        torch.save({"stem.weight": Planted()}, path)
    elif what == "list":
        torch.save([torch.zeros(2)], path)
    with pytest.raises(InputError, match=message) as caught:
        load_backbone(f"timm:small={path}")
    assert "\n" not in str(caught.value) and not Path("planted").exists()


def test_unknown_and_unfit_models_are_refused(timm: None) -> None:
    with pytest.raises(InputError, match=r"cannot be made by timm: Unknown model \(nothing\)$"):
        load_backbone("timm:nothing")
    with pytest.raises(InputError, match="no features at a stride of 8"):
        load_backbone("timm:coarse")


def test_without_timm_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install 'rltrack\[timm\]'"):
        load_backbone("timm:resnet18")


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "tf_efficientnet_lite0"])
def test_timms_own_models(name: str, tmp_path: Path) -> None:
    library = pytest.importorskip("timm", reason="needs the timm extra")
    torch.manual_seed(0)
    path = tmp_path / "w.pth"
    torch.save(library.create_model(name).state_dict(), path)
    ours = load_backbone(f"timm:{name}={path}")
    assert ours.feature_shape[1:] == (5, 5)
