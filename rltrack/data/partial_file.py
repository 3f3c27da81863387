"""A file on its way: the bytes received so far, and what the server said the file was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rltrack.files import put_in_place, write_json

__all__ = ["PartialFile", "Version"]


class Version(NamedTuple):
    """What a server says of a file.

    Attributes:
        etag: its strong ETag, if there is one.
        modified: the date of its last change, if that is given.
        size: the number of its bytes.
    """

    etag: str | None
    modified: str | None
    size: int

    @classmethod
    def of(cls, headers: Mapping[str, str], size: int) -> Version:
        """Return the version that the headers of an answer name."""
        etag = _plain(headers.get("ETag"))
        weak = etag is not None and etag.startswith("W/")  # equal for files that are only alike
        return cls(None if weak else etag, _plain(headers.get("Last-Modified")), size)

    @property
    def validator(self) -> str | None:
        """What the header If-Range takes; None if the server offers nothing to compare."""
        return self.etag or self.modified

    def continued_by(self, headers: Mapping[str, str]) -> bool:
        """Return whether the rest in an answer is of this version: its validator is the same."""
        answered = Version.of(headers, self.size)
        same = answered.etag == self.etag if self.etag else answered.modified == self.modified
        return self.validator is not None and same


def _plain(value: object) -> str | None:
    """Return a header's value if it can be sent back as it is."""
    if isinstance(value, str) and value.isascii() and value.isprintable() and value.strip():
        return value.strip()
    return None


class PartialFile:
    """The file ``<name>.rltrack-part``, and beside it a note, ``<name>.rltrack-part.json``.

    The name is fixed, so that the next run finds what this one leaves. No other program uses it:
    browsers call their own unfinished files ``<name>.part``, and those are not touched.

    Only a file with a validator is continued. Without one, nobody can tell whether the server has
    put another file there.

    Attributes:
        path: where the bytes are.
        version: the version that the bytes are of; None if nothing can be continued.
    """

    def __init__(self, final: Path, url: str) -> None:
        self.final, self.url = final, url
        self.path = final.with_name(f"{final.name}.rltrack-part")
        self._note = final.with_name(f"{self.path.name}.json")
        self.version = self._noted()
        if self.version is None or not self.path.is_file():
            self.discard()

    def _noted(self) -> Version | None:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(note, dict) or note.get("url") != self.url:
            return None
        size = note.get("size")
        if type(size) is not int or size < 0:  # a bool is an int
            return None
        noted = Version(_plain(note.get("etag")), _plain(note.get("modified")), size)
        return noted if noted.validator else None

    @property
    def size(self) -> int:
        """Bytes received so far that can be continued."""
        return self.path.stat().st_size if self.version else 0

    @property
    def whole(self) -> bool:
        """Whether all bytes are there."""
        return self.version is not None and self.size == self.version.size

    def begin(self, version: Version | None) -> None:
        """Note what the server says of the file whose first bytes are about to be written."""
        self.discard()
        if version is not None and version.validator:
            self.path.touch()
            self.version = version
            write_json(self._note, {"url": self.url, **version._asdict()})

    def discard(self) -> None:
        """Forget the bytes received so far."""
        self.version = None
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the file its name."""
        put_in_place(self.path, self.final)
        self._note.unlink(missing_ok=True)
