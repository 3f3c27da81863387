"""The hardware that a run computes on: its name, and how much memory the run has needed."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import torch

__all__ = ["machine", "peak_mib"]

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


def peak_mib(device: torch.device | str) -> float | None:
    """Return the largest amount of memory that was in use until now, in MiB.

    On a GPU it is that of PyTorch's tensors, and on a CPU that of the whole process. None on
    Windows, which does not say the latter.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


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
