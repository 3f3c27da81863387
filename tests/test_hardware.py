"""The names of processors and GPUs, and the memory that was in use."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from rltrack import hardware as module
from rltrack.hardware import machine, peak_mib


@pytest.fixture(autouse=True)
def asked_again() -> Iterator[None]:
    """The system is asked once a process, and here once a test."""
    module._processor.cache_clear()
    yield
    module._processor.cache_clear()


def used() -> str:
    return torch.backends.cpu.get_cpu_capability()


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "mps"])
def test_linux_tells_the_model(
    device: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel\t\t: 1\nmodel name\t: Some  CPU @ 2 GHz \nflags\t: x\n")
    monkeypatch.setattr(module, "_CPUINFO", info)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    assert machine(device) == f"Some CPU @ 2 GHz, {used()}"


@pytest.mark.parametrize("text", ["processor\t: 0\nBogoMIPS\t: 50\n", None])
def test_what_is_not_told_is_the_architecture(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(module, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert machine("cpu") == f"aarch64, {used()}"


def test_macos_is_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: Any) -> Any:
        assert command == ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.CompletedProcess(command, 0, "Apple M1\n", "")

    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(subprocess, "run", run)
    assert machine("cpu") == f"Apple M1, {used()}"


def test_a_gpu_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU number {device.index}")
    assert machine("cuda:1") == "GPU number 1"


def test_the_most_memory_in_use_does_not_shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    large = torch.ones(64, 2**18)  # 64 MiB
    peak = peak_mib("cpu")
    assert peak is not None and 64 < peak < 2**20
    del large
    after = peak_mib("cpu")
    assert after is not None and after >= peak
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert peak_mib("cpu") is None


def test_the_most_memory_on_a_gpu_is_that_of_its_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: device.index * 2**20)
    assert peak_mib("cuda:3") == 3
