"""Sequence folders that are put together from archives, complete and checked, or not at all."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rltrack.data.archives import unpack
from rltrack.data.download import digest
from rltrack.data.failures import FetchError, FetchLimitError, StopFetchError, common_failure
from rltrack.errors import InputError
from rltrack.files import set_aside, write_json
from rltrack.text_files import read_json

__all__ = ["Check", "Take", "fetch_each", "install", "is_whole", "only", "received_of", "record"]

logger = logging.getLogger(__name__)

Check = Callable[[Path], None]  # raises ValueError if the folder is not the whole sequence

Take = Callable[[Path, Path], None]  # moves what is needed of an unpacked archive


def only(folders: list[Path], content: str) -> Path:
    """Return the one folder of an archive that holds ``content``.

    ValueError if there is not exactly one.
    """
    found = [folder for folder in folders if "__MACOSX" not in folder.parts]
    if len(found) != 1:
        raise ValueError(f"{len(found)} of its folders hold {content}, not one")
    return found[0]


def is_whole(place: Path, check: Check) -> bool:
    """Return whether the sequence is there and complete.

    FetchError if it is there and not complete, because a person may have put it there.
    """
    if not place.exists():
        return False
    try:
        check(place)
    except ValueError as error:
        # Not ours to delete: a person may have put it there.
        raise FetchError(
            f"{place} is there but not complete: {error}; move it away and run this again"
        ) from error
    return True


def install(place: Path, check: Check, archives: dict[Path, Take]) -> None:
    """Unpack archives, put the sequence together, check it, and give it its name.

    The archives are deleted when they have been used, and also when they turn out to be wrong, so
    that the next run does not meet them again.
    """
    staging = place.with_name(f".{place.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    new = staging / "sequence"
    try:
        for archive, take in archives.items():
            take(unpack(archive, staging / archive.stem), new)
        check(new)
        new.replace(place)
    except StopFetchError:  # No room, say: the archives may be good.
        raise
    except (ValueError, FetchError) as error:
        _delete(archives)
        names = " and ".join(archive.name for archive in archives)
        kind = FetchLimitError if isinstance(error, FetchLimitError) else FetchError
        raise kind(
            f"{names} did not bring the sequence {place.name} ({error}); it was deleted; by hand: "
            f"get the sequence elsewhere and put it into {place}"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    _delete(archives)


def _delete(files: Iterable[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)


def received_of(archive: Path, url: str | None) -> dict[str, object]:
    """Return what is recorded of a file; ``url`` only if this run downloaded it there."""
    source = {"url": url} if url else {}
    sha256, size = digest(archive), archive.stat().st_size
    logger.info("%s has %d bytes and the SHA-256 %s", archive.name, size, sha256)
    return {**source, "sha256": sha256, "bytes": size}


def record(place: Path, received: dict[str, Any]) -> None:
    """Add a file or a sequence to ``received.json`` beside it."""
    path = place.with_name("received.json")
    records: dict[str, Any] = {}
    if path.exists():
        try:
            records = dict(read_json(path))
        except (InputError, TypeError, ValueError) as error:
            logger.warning("%s; it is now %s", error, set_aside(path).name)
    write_json(path, dict(sorted({**records, place.name: received}.items())))


def fetch_each(names: Iterable[str], folder: Path, fetch_one: Callable[[str], None]) -> None:
    """Fetch one sequence after another. If one fails, the others are still fetched."""
    names = list(names)
    failed: dict[str, FetchError] = {}
    for number, name in enumerate(names, start=1):
        logger.debug("%s (%d of %d)", name, number, len(names))
        try:
            fetch_one(name)
        except StopFetchError:
            raise
        except FetchError as error:
            failed[name] = error
            logger.warning("%s: %s", name, error)
    if failed:
        raise common_failure(
            failed.values(),
            f"{len(failed)} of {len(names)} sequences are still missing in {folder} "
            f"({', '.join(failed)}); {next(iter(failed.values()))}",
        )
