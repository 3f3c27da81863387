"""The CPU waits for a GPU only where it has to: the device `meta`, without numbers, shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from small_presets import QUICK
from torch import Generator, Tensor

from rltrack import load_backbone, preset, synthetic
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.crops import by_products, crop_extents
from rltrack.tracking.frame import Stopwatch
from rltrack.tracking.tracker import Tracker

FILM = synthetic(2)
FEW = replace(QUICK, first_iterations=1)
WITH_MAPS = replace(FEW, attention_weight=5.0)
REGION = preset("realtime", **{
    name: getattr(FEW, name)
    for name in ("first_iterations", "first_positives", "first_negatives", "regression_samples")
})  # fmt: skip


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often numbers on the device are looked at. What is seen there are zeros.

    Other ways to look, such as ``item()``, ``tolist()`` or a boolean index, fail on this device.
    """
    counted: Counter[str] = Counter()
    to = Tensor.to

    def seen(x: Tensor, *where: Any, **how: Any) -> Tensor:
        if x.device.type == "meta" and where and where[0] == torch.device("cpu"):
            counted["looks"] += 1
            return torch.zeros(x.shape, dtype=x.dtype)
        moved = to(x, *where, **how)
        if x.device != moved.device and not how.get("non_blocking"):
            counted["uploads that wait"] += 1
        return moved

    monkeypatch.setattr(Tensor, "to", seen)
    monkeypatch.setattr(Tensor, "cpu", lambda x: seen(x, torch.device("cpu")))
    # The fused step is written for devices with numbers. Nothing is learned here.
    monkeypatch.setattr(torch.optim.SGD, "step", lambda optimizer: None)
    # A generator draws on its own device, and this one has none.
    monkeypatch.setattr("rltrack.tracking.tracker.Generator", lambda *device: Generator())
    return counted


@pytest.mark.parametrize("config", [FEW, WITH_MAPS, REGION], ids=["plain", "maps", "region"])
def test_a_frame_looks_at_the_device_twice(config: TrackerConfig, looks: Counter[str]) -> None:
    net = load_backbone("lite0", device="meta")
    always = replace(config, success_threshold=-1.0, update_interval=1)  # zeros are found
    tracker = Tracker(always, backbone=net, device=torch.device("meta"))
    with pytest.raises(RuntimeError, match="meta"):  # the score of the first box, the last thing
        tracker.init(FILM[0], FILM.ground_truth[0].tolist())
    assert not looks["looks"]
    tracker._last = tracker._target = torch.tensor(FILM.ground_truth[0])  # all that was left to do
    looks.clear()
    assert tracker.update(FILM[1]).found
    # It looks for the candidates' scores and the corrections of the best, and uploads the image.
    assert looks == {"looks": 2, "uploads that wait": 1}
    assert tracker.classifier.fc4.weight.device.type == "meta"
    assert tracker._target.device.type == "cpu"


def test_crops_are_cut_without_looking_at_the_device() -> None:
    image = torch.empty(3, 40, 60, dtype=torch.uint8, device="meta")
    extents = crop_extents(torch.tensor([[3.0, 4, 20, 30], [0, 0, 50, 9], [30, 30, 2, 2]]))
    assert by_products(image, extents, 16).shape == (3, 3, 16, 16)


def test_a_stopwatch_reads_marks_on_cuda_only_when_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, waited = iter(range(1, 99)), []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self, stream: str) -> None:
            assert stream == "stream"
            self.at = next(clock)

        def query(self) -> bool:
            return False

        def synchronize(self) -> None:
            waited.append(self.at)

        def elapsed_time(self, end: Event) -> float:
            return 1000.0 * (end.at - self.at)

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "stream")
    watch = Stopwatch(torch.device("cuda"))
    with watch.phase("crop"), watch.phase("features"):  # only the outer block counts
        pass
    with watch.phase("update"):
        pass
    assert not waited
    assert {name: spent for name, spent in watch.seconds.items() if spent} == {
        "crop": 1.0,
        "update": 1.0,
    }
    assert waited == [2, 4]
    assert watch.seconds["crop"] == 1.0
