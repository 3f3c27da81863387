"""Small files of named arrays, which figures of the book show.

Each file holds the results of runs on a benchmark sequence, and a description of how they were
made. It never holds a frame of the sequence. A page of the book can therefore be built without the
benchmark's data.
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
    """Write runs and their description to a file. Each run is a named tuple of arrays.

    Arrays of type float64 are stored as float32.

    Args:
        path: an .npz file. A file that exists is replaced.
        runs: the runs by name. A name must not contain a slash.
        about: a description of how the runs were made, with values that JSON can hold.
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
    """Read runs and their description from a file that :func:`save_arrays` wrote.

    Args:
        path: the .npz file.
        kind: the named tuple that each run becomes.

    Returns:
        The runs by name, and the description of how they were made.
    """
    runs: dict[str, dict[str, Any]] = {}
    with np.load(path, allow_pickle=False) as file:
        about = json.loads(str(file[_ABOUT]))
        for key in file.files:
            if key != _ABOUT:
                name, field = key.split("/")
                runs.setdefault(name, {})[field] = file[key]
    return {name: kind(**fields) for name, fields in runs.items()}, about
