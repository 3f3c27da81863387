"""Which files a run of this package wrote, so that no other file is replaced."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from rltrack.errors import InputError
from rltrack.files import SIGNATURE
from rltrack.video.decoding import open_container

__all__ = ["check_own", "is_own"]

_BEGINNINGS = {
    ".csv": r"frame,(target,)?x,y,w,h,score,found,time\n",
    ".xml": rf'<\?xml version="1.0" encoding="utf-8"\?>\n<!-- {SIGNATURE} -->',
    # MOT's lines have no room. Ours have two decimals, confidence 1 and visibility 1.
    ".txt": r"\d+,\d+(,-?\d+\.\d\d){4},1,\d+,1\n",
    ".json": r'\{\s*"status": "(done|interrupted|failed)",\s*"source": ',
    ".html": rf'(?s)<!DOCTYPE html>.*<meta name="generator" content="{SIGNATURE}">',
}


def is_own(path: Path) -> bool:
    """Return whether a run wrote the file, by its form and the ending of its name.

    An empty file holds nothing, and counts as our own.
    """
    try:
        if not path.stat().st_size:
            return True
        suffix = path.suffix.lower()
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return archive.comment == SIGNATURE.encode()
        if suffix in _BEGINNINGS:
            with path.open(encoding="utf-8", errors="replace") as file:
                return re.match(_BEGINNINGS[suffix], file.read(500)) is not None
        with open_container(path) as video:
            said = {name.lower(): text for name, text in video.metadata.items()}
            return said.get("comment") == SIGNATURE
    # Of archives that others wrote, names and versions may be unknown.
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, InputError):
        return False


def check_own(outputs: Mapping[str, Path]) -> None:
    """Check that outputs replace nothing but files of earlier runs.

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
