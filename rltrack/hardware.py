"""The name of the hardware that a run computes on."""

from __future__ import annotations

import platform
import re
import subprocess
from functools import lru_cache
from pathlib import Path

import torch

__all__ = ["machine"]

_CPUINFO = Path("/proc/cpuinfo")


def machine(device: torch.device | str) -> str:
    """Return the name of the GPU, or the name of the processor and its vector instructions.

    >>> machine("cpu")    # doctest: +SKIP
    'AMD EPYC 7763 64-Core Processor, AVX2'

    Times depend on the hardware, and so do the last digits of results.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.backends.cpu.get_cpu_capability()}"


@lru_cache
def _processor() -> str:
    """Return the model of the processor. If it cannot be found out, return the architecture."""
    try:
        if platform.system() == "Darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            told = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
        else:
            named = re.search(r"^model name\s*:(.*)$", _CPUINFO.read_text(errors="replace"), re.M)
            told = named[1] if named else ""
    except (OSError, subprocess.TimeoutExpired):  # on Windows, `platform.processor` has it
        told = ""
    return " ".join(told.split()) or platform.processor() or platform.machine()
