"""Small files of named arrays: what a figure of the book shows of runs on a benchmark sequence.

They hold arrays of ours and a description of how they were made, and never a frame. A page can
therefore be read without the data.
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
    """Write runs and their description. Each run is a named tuple of arrays.

    float64 arrays are stored as float32.

    Args:
        path: an .npz file, which is replaced.
        runs: the runs by name. A name has no slash.
        about: how they were made, as JSON.
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
    """Read runs, which are of the named tuple ``kind``, by name; and their description."""
    runs: dict[str, dict[str, Any]] = {}
    with np.load(path, allow_pickle=False) as file:
        about = json.loads(str(file[_ABOUT]))
        for key in file.files:
            if key != _ABOUT:
                name, field = key.split("/")
                runs.setdefault(name, {})[field] = file[key]
    return {name: kind(**fields) for name, fields in runs.items()}, about
