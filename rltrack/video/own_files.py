"""Which files a run of this package wrote, so that no other file is replaced."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import av

from rltrack.video.decoding import file_address

__all__ = ["SIGNATURE", "is_own"]

SIGNATURE = "rltrack"
"""What the comment of a file says, where its form has room for one."""

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
        with av.open(file_address(path), metadata_errors="replace") as video:
            said = {name.lower(): text for name, text in video.metadata.items()}
            return said.get("comment") == SIGNATURE
    except (OSError, zipfile.BadZipFile, av.FFmpegError):
        return False
