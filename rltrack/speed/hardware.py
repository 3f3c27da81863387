"""What a run computes on, by the name that its maker gave it."""

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
    """Name what a device is: the GPU; else the processor, and the instructions used of it.

    >>> machine("cpu")    # doctest: +SKIP
    'AMD EPYC 7763 64-Core Processor, AVX2'

    Times hang on both, and so do the last digits of what is computed.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.backends.cpu.get_cpu_capability()}"


@lru_cache
def _processor() -> str:
    """The model, as the system tells it; where it does not, the architecture."""
    try:
        if platform.system() == "Darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            told = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
        else:
            named = re.search(r"^model name\s*:(.*)$", _CPUINFO.read_text(errors="replace"), re.M)
            told = named[1] if named else ""
    except (OSError, subprocess.TimeoutExpired):  # Windows; it is in what follows
        told = ""
    return " ".join(told.split()) or platform.processor() or platform.machine()
