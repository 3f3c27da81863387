"""Exhibits: what a figure of the book shows of runs on a benchmark sequence, as a small file.

Our own arrays, never a frame, so that a page can be read without the data; and what made them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rltrack.files import whole

__all__ = ["load_arrays", "save_arrays"]

Arrays = TypeVar("Arrays", bound=tuple[Any, ...])

_ABOUT = "about"


def save_arrays(path: str | Path, runs: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write runs, each a named tuple of arrays, float32 in place of float64, and what made them.

    Args:
        path: an .npz file, which is replaced.
        runs: by name, without a slash.
        about: what made them; JSON.
    """
    flat = {
        f"{name}/{field}": values.astype(np.float32) if values.dtype == np.float64 else values
        for name, run in runs.items()
        for field, values in run._asdict().items()
    }
    with whole(Path(path)) as part, part.open("wb") as file:
        flat[_ABOUT] = np.array(json.dumps(about))
        np.savez_compressed(file, **flat)


def load_arrays(path: str | Path, kind: type[Arrays]) -> tuple[dict[str, Arrays], dict[str, Any]]:
    """Read runs of a ``kind`` of named tuple, by name, and what is known about them."""
    runs: dict[str, dict[str, Any]] = {}
    with np.load(path, allow_pickle=False) as file:
        about = json.loads(str(file[_ABOUT]))
        for key in file.files:
            if key != _ABOUT:
                name, field = key.split("/")
                runs.setdefault(name, {})[field] = file[key]
    return {name: kind(**fields) for name, fields in runs.items()}, about
