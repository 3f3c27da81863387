"""The file formats of raw results. Every reader returns checked, 0-based rows of boxes."""

from __future__ import annotations

import csv
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rltrack.data.box_lines import FARTHEST, read_box_lines
from rltrack.errors import InputError, brief
from rltrack.evaluation.result_structures import is_structure, rows_of
from rltrack.text_files import LARGEST, read_json, read_text, too_large

__all__ = [
    "BY_FORM",
    "FORMS",
    "Base",
    "boxes_of",
    "entries",
    "is_json",
    "read_file",
    "read_targets",
]

Array = NDArray[np.float64]

_BOX = ("x", "y", "w", "h")


class Base(NamedTuple):
    """The number of the leftmost pixel in files of results.

    Attributes:
        given: in all files; None where it is what the file's form implies.
        published: in files that are not rltrack's own, if none is given. It is that of the
            benchmark's ground truth.
    """

    given: int | None = None
    published: int = 1

    def of(self, implied: int | None) -> int:
        """Return the number in a file; ``implied`` is its form's, None for a published form."""
        if self.given is not None:
            return self.given
        return self.published if implied is None else implied


BY_FORM = Base()
"""As the forms of OTB imply."""


def read_targets(file: Path) -> dict[str, Array]:
    """Read a file ``{"<Sequence>": [[x, y, w, h], ...], ...}``, ``.json`` or ``.json.gz``.

    Instead of rows it may have run structures (`rltrack.evaluation.result_structures`), or the
    entries of pysot's files of ground truth, such as ``OTB100.json``, with their ``gt_rect``.

    Args:
        file: a file of a tracker's boxes, or of ground truth. Its pixels are counted from 1.

    Returns:
        The boxes by name, spelled as in the file, in the form that `read_results` returns.

    Raises:
        InputError: the file is not of that form.
    """
    return {name: boxes_of(rows, place, 1) for name, rows, place in entries(file, read_json(file))}


def is_json(file: Path) -> bool:
    """Return whether a file's name says that it holds JSON, compressed or not."""
    return file.name.lower().endswith((".json", ".json.gz"))


def read_file(file: Path, base: Base) -> Array:
    """Read the boxes in a file of one target.

    Args:
        file: its suffix is one of `FORMS`.
        base: number of the leftmost pixel.

    Returns:
        (T, 4) float64, 0-based (x, y, w, h), NaN where there is no box.

    Raises:
        InputError: the file cannot be read, or is not of its suffix's form.
    """
    read, implied = FORMS[file.suffix.lower()]
    return boxes_of(read(file, base.given), str(file), base.of(implied))


def boxes_of(rows: Any, place: str, base: int) -> Array:
    """Return rows as boxes, after checking them.

    Args:
        rows: what was read of one target: rows x, y, w, h, or a structure that holds them.
        place: where, for messages.
        base: number of the leftmost pixel.

    Returns:
        (T, 4) float64, 0-based (x, y, w, h), NaN where a number is none or above 10^9.

    Raises:
        InputError: these are no rows of four numbers, or several runs.
    """
    rows = _unwrapped(rows, place)
    try:
        boxes = np.array(rows, np.float64)
    except (TypeError, ValueError, OverflowError):  # the last of an integer that fits no float
        boxes = np.empty(0)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(f"{place}: wanted rows of four numbers x, y, w, h, one a frame")
    boxes[~(np.abs(boxes) <= FARTHEST).all(axis=1)] = np.nan
    boxes[:, :2] -= base
    return boxes


def _unwrapped(held: Any, place: str) -> Any:
    """Take the rows out of a run's structure, or of pysot's entry of a target's ground truth."""
    if isinstance(held, list) and held and all(map(is_structure, held)):
        if len(held) > 1:
            raise InputError(
                f"{place} holds {len(held)} runs, of another evaluation than one pass (OPE): give "
                "its one-pass results"
            )
        held = held[0]
    if is_structure(held):
        return rows_of(held, place)
    return held.get("gt_rect", ()) if isinstance(held, Mapping) else held


def entries(file: Path, held: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield the names and rows of a file of many targets, and where each is, for messages.

    Args:
        file: the file, for messages.
        held: its content.

    Raises:
        InputError: the content is not one of names and rows.
    """
    if not isinstance(held, Mapping):
        raise InputError(
            f'{file}: wanted {{"<Sequence>": [[x, y, w, h], ...], ...}}; a file with the boxes of '
            "one target is to be named after it"
        )
    for name, rows in held.items():
        yield name, rows, f"{brief(name)} in {file}"


def _csv_rows(file: Path, base: int | None) -> Any:
    rows = csv.DictReader(read_text(file).splitlines(), restval="")
    try:
        columns = rows.fieldnames or ()
        if "target" in columns:
            raise InputError(f"{file} holds several targets: split it into a file for each")
        if {*_BOX} <= {*columns}:
            return [[row[column] for column in _BOX] for row in rows]
    except csv.Error as error:
        raise InputError(f"{file} is no CSV ({error}): write it again") from None
    if base is None:
        raise InputError(
            f"{file} does not begin with the columns' names, x,y,w,h among them, as rltrack's CSV "
            "does; say with --base whether its pixels count from 0 or from 1"
        )
    return read_box_lines(file)


def _mat_rows(file: Path, base: int | None) -> Any:
    from scipy.io import loadmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of variables that are not read here
            held = loadmat(_unpacked(file), simplify_cells=True)
    except InputError:
        raise
    except NotImplementedError:
        raise InputError(f"{file} is of MATLAB 7.3: save it again with -v7") from None
    except Exception as error:  # scipy's are of many kinds
        raise InputError(f"{file} is not a MATLAB file ({error}): save it again") from None
    if "result" in held:
        return _matrix(held["result"])
    run = held.get("results")
    runs = run if isinstance(run, list) else [run] if is_structure(run) else []
    if not runs or not all(map(is_structure, runs)):
        raise InputError(
            f"{file}: wanted the OTB toolkit's results{{1}} with res and type, or a matrix result"
        )
    return [{**each, "res": _matrix(each["res"])} for each in runs]


def _unpacked(file: Path) -> BytesIO:
    """Return the content of a MATLAB file, decompressed here as scipy sets no limit to that.

    A file of version 5 has a header of 128 bytes, then elements: a type and a number of bytes, each
    of 4 bytes, and so many bytes. An element of type 15 is another one, compressed by zlib.
    """
    with file.open("rb") as stored:
        packed = stored.read(LARGEST + 1)
    order = {b"IM": "<", b"MI": ">"}.get(packed[126:128])
    if order is None:  # of version 4, which compresses nothing
        return BytesIO(packed)
    content, at = bytearray(packed[:128]), 128
    while at < len(packed) and len(content) <= LARGEST:
        kind, size = struct.unpack_from(f"{order}II", packed, at)
        end = at + 8 + size
        if kind == 15:
            left = LARGEST + 1 - len(content)
            content += zlib.decompressobj().decompress(packed[at + 8 : end], left)
        else:
            content += packed[at:end]
        at = end
    if len(content) > LARGEST:
        raise too_large(file)
    return BytesIO(content)


def _matrix(values: Any) -> Any:
    """Return a matrix of numbers as rows; what is no such matrix has none."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        return ()
    return np.atleast_2d(values)


FORMS: dict[str, tuple[Callable[[Path, int | None], Any], int | None]] = {
    ".txt": (lambda file, base: read_box_lines(file), None),
    ".csv": (_csv_rows, 0),
    ".json": (lambda file, base: read_json(file), None),
    ".mat": (_mat_rows, None),
}
"""For each suffix, the reader of a file of one target, and the number of its leftmost pixel; see
`Base.of`."""
