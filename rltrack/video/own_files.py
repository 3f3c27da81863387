"""Which files this package wrote, so that no other file is replaced."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from rltrack.errors import InputError
from rltrack.evaluation.run_files import KEPT
from rltrack.files import SIGNATURE
from rltrack.outputs import Input, check_endings, checked_outputs
from rltrack.video.decoding import open_container

__all__ = ["is_own", "own_outputs"]

_JSON = (
    r'"status": "(done|interrupted|failed)",\s*"source": ',  # a run's summary
    r'"rltrack": "[^"]*",\s*"dataset": ',  # of rltrack evaluate
    r'"device": "[^"]*",\s*"machine": "[^"]*",\s*"threads": \d+,\s*"backbone": ',  # of bench
    r'"stack": "[^"]*",\s*"sequences": \d+,\s*"repetitions": ',  # of vot report
)

_BEGINNINGS = {
    ".csv": r"frame,(target,)?x,y,w,h,score,found,time\n",
    ".xml": rf'<\?xml version="1.0" encoding="utf-8"\?>\n<!-- {SIGNATURE} -->',
    # MOT's lines have no room. Ours have two decimals, confidence 1 and visibility 1.
    ".txt": r"\d+,\d+(,-?\d+\.\d\d){4},1,\d+,1\n",
    ".json": rf"\{{\s*({'|'.join(_JSON)})",
    ".gz": rf'\{{"what": "{KEPT}", ',
    ".md": rf"<!-- {SIGNATURE} -->\n",
    ".tex": rf"% {SIGNATURE}\n",
    ".html": rf'(?s)<!DOCTYPE html>.*<meta name="generator" content="{SIGNATURE}">',
}

_MARKS = {
    ".png": rf"tEXtCreator\0{SIGNATURE}",
    ".pdf": rf"/Creator \({SIGNATURE}\)",
    ".svg": rf"<dc:creator>\s*<cc:Agent>\s*<dc:title>{SIGNATURE}</dc:title>",
}

_LARGEST_FIGURE = 2**26  # bytes

_UNREADABLE = (
    *(OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, InputError),
    NotImplementedError,  # archives that others wrote may have versions that zipfile does not know
)


def is_own(path: Path) -> bool:
    """Return whether this package wrote the file, by its form and the ending of its name.

    An empty file holds nothing, and counts as our own.
    """
    try:
        if not path.stat().st_size:
            return True
        suffix = path.suffix.lower()
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return archive.comment == SIGNATURE.encode()
        if suffix in _MARKS:
            with path.open("rb") as figure:
                return re.search(_MARKS[suffix].encode(), figure.read(_LARGEST_FIGURE)) is not None
        if suffix in _BEGINNINGS:
            opened = gzip.open if suffix == ".gz" else open
            with opened(path, "rt", encoding="utf-8", errors="replace") as file:
                return re.match(_BEGINNINGS[suffix], file.read(500)) is not None
        with open_container(path) as video:
            said = {name.lower(): text for name, text in video.metadata.items()}
            return said.get("comment") == SIGNATURE
    except _UNREADABLE:
        return False


def own_outputs(
    given: Mapping[str, str | Path | None],
    inputs: Iterable[Input] = (),
    endings: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, Path]:
    """Check that outputs can be written, and replace nothing but files that this package wrote.

    Args:
        given: see `rltrack.outputs.checked_outputs`, whose result is returned.
        inputs: likewise.
        endings: see `rltrack.outputs.check_endings`.

    Raises:
        InputError: of these two, or one would replace another file.
    """
    outputs = checked_outputs(given, inputs)
    check_endings(outputs, endings or {})
    for what, path in outputs.items():
        if path.exists() and not is_own(path):
            raise InputError(
                f"cannot write the {what} to {path}: there is a file that rltrack did not write; "
                "give another name, or remove it"
            )
    return outputs
