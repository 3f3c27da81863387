"""Which files this package wrote, so that no other file is replaced."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from rltrack.errors import InputError
from rltrack.files import SIGNATURE
from rltrack.video.decoding import open_container

__all__ = ["check_own", "is_own"]

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
    ".gz": r'\{"what": "runs of rltrack sweep", ',
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
    # Of archives that others wrote, names and versions may be unknown.
    except (
        *(OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, NotImplementedError),
        InputError,
    ):
        return False


def check_own(outputs: Mapping[str, Path]) -> None:
    """Check that outputs replace nothing but files that this package wrote.

    Args:
        outputs: what `rltrack.outputs.checked_outputs` returned.

    Raises:
        InputError: one would replace another file.
    """
    for what, path in outputs.items():
        if path.exists() and not is_own(path):
            raise InputError(
                f"cannot write the {what} to {path}: there is a file that rltrack did not write; "
                "give another name, or remove it"
            )
