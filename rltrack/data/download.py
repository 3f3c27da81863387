"""Downloading one file: resumed, retried, verified, and in place only when it is complete.

A transfer goes to ``<name>.rltrack-part``. A note beside it records what the server said about the
file. A transfer continues only if the server still names the same version by its ETag or date;
otherwise the file is downloaded again from its beginning and never spliced. The finished file is
checked against the given hashes, or in another way where none is known, and takes its name only
then.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from rltrack.data.answer import Answer, BrokenOffError
from rltrack.data.failures import FetchError, FetchLimitError, SlowFetchError, StopFetchError
from rltrack.data.partial_file import PartialFile, Version
from rltrack.limits import DEFAULT_LIMITS, Limits

__all__ = ["Progress", "digest", "download"]

logger = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0  # seconds
_PIECE = 1 << 16  # bytes
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses worth another try

Check = Callable[[Path], object]


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
    check: Check | None = None,
    limits: Limits = DEFAULT_LIMITS,
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
        check: a function that raises FetchError if a file is not what it should be. It is called
            with the path of the complete file.
        limits: how large the file may be, and how slowly it may arrive.
        retries: how many tries in a row may bring little or nothing before the download is given
            up. Little is less than the limit ``download_rate`` for a minute.
        backoff: seconds to wait after the first failed try. They are doubled after each further
            one.
        progress: told how many bytes have arrived.

    Returns:
        ``path``.

    Raises:
        FetchError: the file is not there, is not the expected one, or cannot be written.
        FetchLimitError: it is too large, or arrives too slowly.
    """
    path = Path(path)
    hashes = {"SHA-256": sha256, "SHA-1": sha1, "git blob id": git_blob}
    expected = {kind: value.lower() for kind, value in hashes.items() if value}
    try:
        if path.is_file():
            wrong = _wrong(path, expected, check)
            if not wrong:
                return path
            logger.warning("%s is not the file expected (%s): fetching it anew", path, wrong)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = PartialFile(path, url)

        def transfer() -> tuple[bool, str]:
            pieced = _transfer_patiently(part, limits, retries, backoff, progress)
            try:
                return pieced, _wrong(part.path, expected, check)
            except FetchLimitError:
                part.discard()
                raise

        pieced, wrong = transfer()
        if wrong and pieced:
            # Perhaps the server put another file there in between without saying so.
            part.discard()
            _, wrong = transfer()
        if wrong:
            part.discard()
            raise FetchError(
                f"{url} is not the file expected ({wrong}) and was not kept: it was changed, or "
                "something on the way answered in its place"
            )
        part.finish()
    except FetchError as error:
        by_hand = f"by hand: open {url} in a browser, save it as {path}, then run this again"
        raise type(error)(f"{error}; {by_hand}") from error
    except OSError as error:
        raise StopFetchError(
            f"{path} cannot be written ({error}): make room or choose another place"
        ) from error
    return path


def _wrong(path: Path, expected: dict[str, str], check: Check | None) -> str:
    """Return what is wrong with a file; an empty text if nothing is."""
    for kind, wanted in expected.items():
        got = digest(path, kind)
        if got != wanted:
            return f"{kind} is {got}, should be {wanted}"
    try:
        if check:
            check(path)
    except FetchLimitError:
        raise
    except FetchError as error:
        return str(error)
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


def _transfer_patiently(
    part: PartialFile, limits: Limits, retries: int, backoff: float, progress: Progress | None
) -> bool:
    """Try until the part is whole. Returns whether it was put together from several tries."""
    pieced = False
    furthest, fruitless = part.size, 0
    while not part.whole:
        pieced = pieced or part.size > 0
        try:
            _transfer(part, limits, progress)
            return pieced
        except SlowFetchError as error:
            raise SlowFetchError(f"{error} ({_outlook(part)})") from error
        except BrokenOffError as error:
            if part.size >= furthest + 60 * limits.download_rate:
                furthest, fruitless = part.size, 0
            fruitless += 1
            if fruitless > retries:
                raise StopFetchError(
                    f"{part.url} could not be fetched in {fruitless} tries: {error}; "
                    f"{_outlook(part)}"
                ) from error
            pause = max(error.pause, min(backoff * 2 ** (fruitless - 1), _LONGEST_PAUSE))
            logger.warning("%s: %s; trying again in %.1f s", part.url, error, pause)
            time.sleep(pause)
    return True


def _outlook(part: PartialFile) -> str:
    if part.size:
        return "what came is kept, and the same command goes on from there"
    return "the same command tries again from the beginning"


def _transfer(part: PartialFile, limits: Limits, progress: Progress | None) -> None:
    """One request, for all or for what is missing."""
    start = part.size
    # Compressed on the way, a file's sizes and ranges would not be the file's own.
    headers = {"Accept-Encoding": "identity", "User-Agent": "rltrack"}
    if start and part.version and part.version.validator:
        headers |= {"Range": f"bytes={start}-", "If-Range": part.version.validator}
    with Answer(part.url, headers, limits) as answer:
        if answer.status in _PASSING:
            raise BrokenOffError(f"HTTP {answer.status} {answer.reason}", _pause_asked(answer))
        if answer.status == 416 or (answer.status == 206 and not _continues(answer, part)):
            part.discard()
            raise BrokenOffError("the file was changed on the server since the last try")
        if answer.status not in (200, 206):
            raise FetchError(f"{part.url} answered {answer.status} {answer.reason}")
        if answer.status == 200:
            start = 0
        total = _total(answer, start)
        _refuse_excess(part, total or 0, limits)
        if not start:
            part.begin(None if total is None else Version.of(answer.headers, total))
        received = start
        with part.path.open("ab" if start else "wb") as file:
            if progress:
                progress(part.final.name, received, total)
            for piece in answer.pieces():
                file.write(piece)
                received += len(piece)
                _refuse_excess(part, received, limits)
                if progress:
                    progress(part.final.name, received, total)
    if total is not None and received != total:
        raise BrokenOffError(f"the transfer ended after {received} of {total} bytes")


def _refuse_excess(part: PartialFile, size: int, limits: Limits) -> None:
    if excess := limits.excess("download_bytes", size):
        part.discard()
        raise FetchLimitError(f"{part.url} is too large: {excess}")


def _continues(answer: Answer, part: PartialFile) -> bool:
    """Whether a partial answer is the rest of the file that the part is the beginning of."""
    found = re.fullmatch(
        r"bytes ([0-9]{1,18})-[0-9]+/([0-9]+|\*)", answer.headers.get("Content-Range", "")
    )
    if not found or part.version is None or int(found[1]) != part.size:
        return False
    return part.version.continued_by(answer.headers) and found[2] in ("*", str(part.version.size))


def _total(answer: Answer, start: int) -> int | None:
    """Size of the whole file, if the answer says it."""
    length = answer.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdecimal()):
        return None
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        return None
    # Python refuses to read a number of thousands of digits.
    return start + int(length) if len(length) < 19 else sys.maxsize


def _pause_asked(answer: Answer) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_PAUSE) if asked.isdecimal() else 0.0
