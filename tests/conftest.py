"""What the tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

# Figures are drawn to files; set before anything imports matplotlib.
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
import torch
from hypothesis import settings

# The same examples every time, and no verdict that depends on how busy the machine is.
settings.register_profile("rltrack", deadline=None, derandomize=True)
settings.load_profile("rltrack")

# One thread in every test process: sums are added in the same order alone and beside another
# worker, and the workers do not fight over the cores.
torch.set_num_threads(1)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """``threads(n)``: PyTorch has n threads until the test's end."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real sequences, with `otb/` and `vot/` in it."""
    given = os.environ.get("RLTRACK_DATA")
    if not given:
        pytest.skip("needs real sequences: set RLTRACK_DATA to a folder holding otb/ and vot/")
    root = Path(given)
    missing = [name for name in ("otb", "vot") if not (root / name).is_dir()]
    if missing:
        pytest.fail(f"RLTRACK_DATA={given} holds no {' and no '.join(missing)} folder")
    return root


@pytest.fixture
def room() -> Callable[[int], AbstractContextManager[None]]:
    """``with room(n)``: no file can grow beyond n bytes, as on a disk that becomes full."""
    resource = pytest.importorskip("resource", reason="limits of files are POSIX's")

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited
