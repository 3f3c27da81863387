"""Downloading one file: resumed, retried, verified, and in place only when it is complete.

A transfer goes to ``<name>.part``. A note beside it records what the server said about the file. If
the file was changed in between, it is therefore downloaded again from its beginning and never
spliced. The finished file is checked against the given hashes, and takes its name only then.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rltrack.files import write_json

__all__ = ["FetchError", "Progress", "StopFetchError", "digest", "download"]

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

_TIMEOUT = (15.0, 60.0)  # seconds to connect, and between two pieces
_LONGEST_PAUSE = 60.0  # seconds
_PIECE = 1 << 16  # bytes; what a broken transfer may lose
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses worth another try


class FetchError(RuntimeError):
    """Something could not be downloaded. The message says why, and what to do by hand."""


class StopFetchError(FetchError):
    """A failure that the next file would meet too: no server answers, or there is no room."""


class _BrokenOffError(Exception):
    """One try failed in a way that may pass."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Progress(Protocol):
    """Called as bytes arrive: name of the file, bytes so far, bytes in all (None: not known)."""

    def __call__(self, name: str, received: int, total: int | None, /) -> None:
        """Take note of ``received`` bytes."""


def download(
    url: str,
    path: str | Path,
    *,
    sha256: str | None = None,
    sha1: str | None = None,
    git_blob: str | None = None,
    retries: int = 5,
    backoff: float = 1.0,
    progress: Progress | None = None,
) -> Path:
    """Download one file, complete and checked, or not at all.

    A file that is already there and has the given hashes is left alone. A transfer that broke off
    continues where it stopped, if the server still has the same file.

    Args:
        url: where the file is. Redirects are followed.
        path: where to put it.
        sha256: its SHA-256 as hexadecimal digits, if known.
        sha1: its SHA-1 as hexadecimal digits, if known.
        git_blob: its git blob id: the SHA-1 of "blob", size, a zero byte and content.
        retries: how many tries in a row may bring nothing new before the download is given up.
        backoff: seconds to wait after the first failed try. They are doubled after each further
            one.
        progress: told how many bytes have arrived.

    Returns:
        ``path``.

    Raises:
        FetchError: the file is not there, is not the expected one, or cannot be written.
    """
    path = Path(path)
    hashes = {"SHA-256": sha256, "SHA-1": sha1, "git blob id": git_blob}
    expected = {kind: value.lower() for kind, value in hashes.items() if value}
    by_hand = f"by hand: open {url} in a browser, save it as {path}, then run this again"
    try:
        if path.is_file():
            wrong = _mismatch(path, expected)
            if not wrong:
                return path
            logger.warning("%s is not the file expected (%s): fetching it anew", path, wrong)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _Part(path, url)
        pieced = _transfer_patiently(part, retries, backoff, progress, by_hand)
        wrong = _mismatch(part.path, expected)
        if wrong and pieced:
            # Perhaps the server put another file there in between without saying so.
            part.discard()
            _transfer_patiently(part, retries, backoff, progress, by_hand)
            wrong = _mismatch(part.path, expected)
        if wrong:
            part.discard()
            raise FetchError(
                f"{url} is not the file expected ({wrong}) and was not kept: it was changed, or "
                f"something on the way answered in its place; {by_hand}"
            )
        part.finish()
    except OSError as error:
        raise StopFetchError(
            f"{path} cannot be written ({error}): make room or choose another place"
        ) from error
    return path


def _mismatch(path: Path, expected: dict[str, str]) -> str:
    """Return what is wrong with a file's hashes; an empty text if nothing is."""
    for kind, wanted in expected.items():
        got = digest(path, kind)
        if got != wanted:
            return f"{kind} is {got}, should be {wanted}"
    return ""


def digest(path: Path, kind: str = "SHA-256") -> str:
    """Return the hexadecimal digest of a file: ``SHA-256``, ``SHA-1`` or ``git blob id``."""
    algorithm = "sha256" if kind == "SHA-256" else "sha1"
    digest = hashlib.new(algorithm, usedforsecurity=False)
    if kind == "git blob id":
        digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


class _Part:
    """A file on its way: ``<name>.part``, and beside it what the server said the file was.

    Attributes:
        known: ``url``, ``etag``, ``modified`` and ``size`` of the file that the bytes are of;
            empty if nothing can be resumed.
    """

    def __init__(self, final: Path, url: str) -> None:
        self.final = final
        self.url = url
        self.path = final.with_name(final.name + ".part")
        self._note = final.with_name(final.name + ".part.json")
        self.known: dict[str, Any] = {}
        try:
            known = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        if isinstance(known, dict) and known.get("url") == url and self.path.is_file():
            self.known = known
        else:
            self.discard()

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return self.path.stat().st_size if self.known else 0

    @property
    def whole(self) -> bool:
        """Whether all bytes are there."""
        return bool(self.known) and self.size == self.known.get("size")

    @property
    def validator(self) -> str | None:
        """What If-Range takes: a strong ETag or a date."""
        etag = self.known.get("etag")
        return etag if etag and not etag.startswith("W/") else self.known.get("modified")

    def remember(self, headers: Mapping[str, str], total: int) -> None:
        """Note what the server says of the file whose first bytes are about to be written."""
        self.known = {
            "url": self.url,
            "etag": headers.get("ETag"),
            "modified": headers.get("Last-Modified"),
            "size": total,
        }
        write_json(self._note, self.known)

    def discard(self) -> None:
        """Forget the bytes received so far."""
        self.known = {}
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the file its name."""
        self.path.replace(self.final)
        self._note.unlink(missing_ok=True)


def _transfer_patiently(
    part: _Part, retries: int, backoff: float, progress: Progress | None, by_hand: str
) -> bool:
    """Try until the part is whole. Returns whether it was put together from several tries."""
    pieced = False
    furthest, fruitless = part.size, 0
    while not part.whole:
        pieced = pieced or part.size > 0
        try:
            _transfer(part, progress, by_hand)
            return pieced
        except _BrokenOffError as error:
            if part.size > furthest:
                furthest, fruitless = part.size, 0
            fruitless += 1
            if fruitless > retries:
                raise StopFetchError(
                    f"{part.url} could not be fetched: {error} ({fruitless} tries; what came is "
                    f"kept, and the same command goes on from there); {by_hand}"
                ) from error
            pause = max(error.pause, min(backoff * 2 ** (fruitless - 1), _LONGEST_PAUSE))
            logger.warning("%s: %s; trying again in %.1f s", part.url, error, pause)
            time.sleep(pause)
    return True


def _transfer(part: _Part, progress: Progress | None, by_hand: str) -> None:
    """One request, for all or for what is missing."""
    import requests

    start = part.size
    # Compressed on the way, a file's sizes and ranges would not be the file's own.
    headers = {"Accept-Encoding": "identity", "User-Agent": "rltrack"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if part.validator:
            headers["If-Range"] = part.validator
    try:
        with requests.get(part.url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            status = response.status_code
            if status in _PASSING:
                raise _BrokenOffError(f"HTTP {status} {response.reason}", _pause_asked(response))
            if status == 416 or (status == 206 and not _continues(response, part)):
                part.discard()
                raise _BrokenOffError("the file was changed on the server since the last try")
            if status not in (200, 206):
                raise FetchError(f"{part.url} answered {status} {response.reason}; {by_hand}")
            if status == 200:
                start = 0
                part.discard()
            total = _total(response, start)
            with part.path.open("ab" if start else "wb") as file:
                if not start and total is not None:
                    part.remember(response.headers, total)
                received = _receive(response, file.write, part.final.name, start, total, progress)
    except requests.RequestException as error:
        passing = (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        )
        if isinstance(error, passing):
            raise _BrokenOffError(f"{type(error).__name__}: {error}") from error
        raise FetchError(f"{part.url} cannot be fetched ({error}); {by_hand}") from error
    if total is not None and received != total:
        raise _BrokenOffError(f"the transfer ended after {received} of {total} bytes")


def _receive(
    response: requests.Response,
    write: Callable[[bytes], object],
    name: str,
    received: int,
    total: int | None,
    progress: Progress | None,
) -> int:
    """Write the body; returns how many bytes of the file are there."""
    if progress:
        progress(name, received, total)
    for piece in response.iter_content(_PIECE):
        write(piece)
        received += len(piece)
        if progress:
            progress(name, received, total)
    return received


def _continues(response: requests.Response, part: _Part) -> bool:
    """Whether a partial answer is the rest of the file that the part is the beginning of."""
    found = re.fullmatch(
        r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)", response.headers.get("Content-Range", "")
    )
    if not found or not part.known or int(found[1]) != part.size:
        return False
    etag, before = response.headers.get("ETag"), part.known.get("etag")
    same_tag = etag == before if etag and before else True
    return same_tag and found[2] in ("*", str(part.known.get("size")))


def _total(response: requests.Response, start: int) -> int | None:
    """Size of the whole file, if the answer says it."""
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal() or response.headers.get("Content-Encoding", "identity") != "identity":
        return None
    return start + int(length)


def _pause_asked(response: requests.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_PAUSE) if asked.isdecimal() else 0.0
