"""The archives of VOT-2016's sequences: the server's list of them, and what is taken out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from rltrack.data.archives import check_archive
from rltrack.data.download import Progress, download
from rltrack.data.failures import FetchError
from rltrack.data.otb import count_rows, numbered_frames
from rltrack.data.sequence_folders import (
    Take,
    fetch_each,
    install,
    is_whole,
    only,
    received_of,
    record,
)
from rltrack.limits import Limits

__all__ = ["VOT2016_URL", "fetch_vot"]

VOT2016_URL = "https://data.votchallenge.net/vot2016/main/"

_LISTING_LIMITS = Limits(download_bytes=2**24)  # it has about 60 kB

# What reading a list can raise whose values are of any kind.
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class _Listed(NamedTuple):
    """A sequence in the VOT server's list."""

    archives: dict[str, tuple[str, str | None]]  # "annotations" and "color": URL and SHA-1
    length: int | None  # frames


def _read_listing(path: Path, url: str) -> dict[str, _Listed]:
    """Read the VOT server's ``description.json``; its URLs are relative to its own."""

    def archive(entry: dict[str, str]) -> tuple[str, str | None]:
        # The checksums are SHA-1. One of another length would be of a kind we do not know; frames
        # and rows are counted in any case.
        checksum = entry.get("checksum", "")
        known = re.fullmatch(r"[0-9a-fA-F]{40}", checksum)
        return urljoin(url, entry["url"]), checksum if known else None

    listed = {}
    for entry in json.loads(path.read_text(encoding="utf-8"))["sequences"]:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", entry["name"]):
            raise ValueError(f"{entry['name']!r} is no name for a folder")
        length = entry.get("length")
        archives = {
            "annotations": archive(entry["annotations"]),
            "color": archive(entry["channels"]["color"]),
        }
        listed[entry["name"]] = _Listed(archives, None if length is None else int(length))
    return listed


def fetch_vot(folder: Path, base_url: str, progress: Progress | None) -> None:
    """Fetch the folders of VOT-2016 that are not in ``folder``."""
    url = urljoin(base_url, "description.json")
    listing = folder / "vot2016.json"
    known = listing.is_file()

    def listed_in(path: Path) -> dict[str, _Listed]:
        try:
            return _read_listing(path, url)
        except _DAMAGE as error:
            raise FetchError(
                f"{url} is not the list of sequences that it should be ({error!r}); open it in a "
                "browser to see what the server says, and run this again later"
            ) from error

    download(url, listing, check=listed_in, limits=_LISTING_LIMITS, progress=progress)
    listed = listed_in(listing)
    if not known:
        record(listing, received_of(listing, url))

    def fetch_one(name: str) -> None:
        place, sequence = folder / name, listed[name]

        def check(place: Path) -> None:
            rows = count_rows(place / "groundtruth.txt", columns=(4, 8))
            frames = list(numbered_frames(place / "img"))
            if frames != list(range(1, rows + 1)) or sequence.length not in (None, rows):
                said = f"; the list says {sequence.length}" if sequence.length else ""
                raise ValueError(f"{len(frames)} frames, {rows} rows of ground truth{said}")

        if is_whole(place, check):
            return
        received: dict[str, Any] = {}
        takes: dict[Path, Take] = {}
        for kind, take in (("annotations", _take_vot_annotations), ("color", _take_vot_frames)):
            source, sha1 = sequence.archives[kind]
            archive = folder / f"{name}.{kind}.zip"
            given = archive.is_file()
            download(source, archive, sha1=sha1, check=check_archive, progress=progress)
            received[kind] = received_of(archive, None if given else source)
            takes[archive] = take
        install(place, check, takes)
        record(place, received)

    fetch_each(listed, folder, fetch_one)


def _take_vot_annotations(unpacked: Path, new: Path) -> None:
    """Take the ground truth and the per-frame tags beside it."""
    found = [path.parent for path in unpacked.rglob("groundtruth.txt")]
    only(found, "a groundtruth.txt").replace(new)


def _take_vot_frames(unpacked: Path, new: Path) -> None:
    """Take the frames, from whatever folder of the archive they are in."""
    folders = [path for path in (unpacked, *unpacked.rglob("*")) if numbered_frames(path)]
    (new / "img").mkdir()
    for number, path in numbered_frames(only(folders, "frames")).items():
        path.replace(new / "img" / f"{number:08d}{path.suffix.lower()}")
