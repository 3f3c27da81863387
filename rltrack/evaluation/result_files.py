"""The file formats of raw results. Every reader returns checked, 0-based rows of boxes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError

__all__ = ["read_targets"]

Array = NDArray[np.float64]

_BOX = ("x", "y", "w", "h")


def read_targets(file: Path, base: int = 1) -> dict[str, Array]:
    """Read a file ``{"<Sequence>": [[x, y, w, h], ...], ...}``, ``.json`` or ``.json.gz``.

    Args:
        file: a file of a tracker's boxes, or of ground truth.
        base: number of the leftmost pixel in it.

    Returns:
        The boxes by name, spelled as in the file, in the form that `read_results` returns.

    Raises:
        InputError: the file is not of that form.
    """
    return {
        name: boxes_of(rows, place, base) for name, rows, place in entries(file, read_json(file))
    }


def is_json(file: Path) -> bool:
    return file.name.lower().endswith((".json", ".json.gz"))


def read_file(file: Path, base: int | None) -> Array:
    """Read the boxes in a file of one target, whose suffix is one of `FORMS`."""
    read, first_pixel = FORMS[file.suffix.lower()]
    return boxes_of(read(file, base), str(file), first_pixel if base is None else base)


def boxes_of(rows: Any, place: str, base: int) -> Array:
    """Check rows and return them as 0-based boxes."""
    try:
        boxes = np.array(rows, np.float64)
    except (TypeError, ValueError):
        boxes = np.empty(0)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(f"{place}: wanted rows of four numbers x, y, w, h, one a frame")
    boxes[~np.isfinite(boxes).all(axis=1)] = np.nan
    boxes[:, :2] -= base
    return boxes


def _text(file: Path) -> str:
    try:
        opened = gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb")
        with opened:
            return opened.read().decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None


def read_json(file: Path) -> Any:
    try:
        return json.loads(_text(file))
    except json.JSONDecodeError as error:
        raise InputError(f"{file} is not JSON ({error}): write it again") from None


def entries(file: Path, held: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield names and rows of a file of many targets, and a description of each for messages."""
    if not isinstance(held, Mapping):
        raise InputError(
            f'{file}: wanted {{"<Sequence>": [[x, y, w, h], ...], ...}}; a file with the boxes of '
            "one target is to be named after it"
        )
    for name, rows in held.items():
        yield name, rows, f"{name!r} in {file}"


def _txt_rows(file: Path, base: int | None) -> Any:
    text = _text(file).replace(",", " ")
    if not text.strip():
        raise InputError(f"{file} is empty: it must hold one box x,y,w,h a line")
    try:
        return np.loadtxt(io.StringIO(text), ndmin=2)
    except ValueError as error:
        raise InputError(f"{file}: wanted one box x,y,w,h a line; {error}") from None


def _csv_rows(file: Path, base: int | None) -> Any:
    rows = csv.DictReader(_text(file).splitlines(), restval="")
    columns = rows.fieldnames or ()
    if "target" in columns:
        raise InputError(f"{file} holds several targets: split it into a file for each")
    if {*_BOX} <= {*columns}:
        return [[row[column] for column in _BOX] for row in rows]
    if base is None:
        raise InputError(
            f"{file} does not begin with the columns' names, x,y,w,h among them, as rltrack's CSV "
            "does; say with --base whether its pixels count from 0 or from 1"
        )
    return _txt_rows(file, base)


def _mat_rows(file: Path, base: int | None) -> Any:
    from scipy.io import loadmat

    try:
        held = loadmat(file, simplify_cells=True)
    except NotImplementedError:
        raise InputError(f"{file} is of MATLAB 7.3: save it again with -v7") from None
    except Exception as error:  # scipy's are of many kinds
        raise InputError(f"{file} is not a MATLAB file ({error}): save it again") from None
    if "result" in held:
        return np.atleast_2d(held["result"])
    run = held.get("results")
    if isinstance(run, list | np.ndarray) and len(run) > 1:
        raise InputError(
            f"{file} holds {len(run)} runs, of another evaluation than one pass (OPE): give its "
            "one-pass results"
        )
    if not isinstance(run, dict) or "res" not in run:
        raise InputError(
            f"{file}: wanted the OTB toolkit's results{{1}} with res and type, or a matrix result"
        )
    if run.get("type") != "rect":
        of = f"are of type {run['type']!r}" if "type" in run else "do not say their type"
        raise InputError(
            f"{file}: its boxes {of}; only 'rect' can be read: convert them to x, y, w, h"
        )
    return np.atleast_2d(run["res"])


FORMS: dict[str, tuple[Callable[[Path, int | None], Any], int]] = {
    ".txt": (_txt_rows, 1),
    ".csv": (_csv_rows, 0),
    ".json": (lambda file, base: read_json(file), 1),
    ".mat": (_mat_rows, 1),
}
"""For each suffix, the reader of a file of one target, and the number of its leftmost pixel."""
