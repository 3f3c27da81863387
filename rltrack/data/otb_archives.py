"""The archives of OTB's sequences: where they are, and what is taken out of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rltrack.data.archives import check_archive
from rltrack.data.download import Progress, download
from rltrack.data.failures import FetchError, common_failure
from rltrack.data.otb import Target, check_sequence
from rltrack.data.sequence_folders import (
    Check,
    fetch_each,
    install,
    is_whole,
    only,
    received_of,
    record,
)

__all__ = ["OTB_MIRROR_URL", "OTB_URL", "fetch_otb"]

# The benchmark's own server first; it has been away for long times, so then the Internet Archive
# ("id_" asks for the file as it was stored, without the archive's page around it).
OTB_URL = "http://cvlab.hanyang.ac.kr/tracker_benchmark/seq/"

OTB_MIRROR_URL = f"https://web.archive.org/web/2023id_/{OTB_URL}"


def fetch_otb(
    wanted: Iterable[Target], folder: Path, bases: list[str], progress: Progress | None
) -> None:
    """Fetch the folders of ``wanted`` that are not in ``folder``, from the first of ``bases``."""
    by_folder: dict[str, list[Target]] = {}
    for target in wanted:
        by_folder.setdefault(target.folder, []).append(target)

    def fetch_one(name: str) -> None:
        def check(place: Path) -> None:
            for target in by_folder[name]:
                check_sequence(place, target)

        if not is_whole(folder / name, check):
            _fetch_otb_sequence(folder / name, check, bases, progress)

    fetch_each(by_folder, folder, fetch_one)


def _fetch_otb_sequence(
    place: Path, check: Check, bases: list[str], progress: Progress | None
) -> None:
    archive = place.with_name(f"{place.name}.zip")
    # An archive that is there was put there by hand, or left by a run that was stopped.
    sources = [None, *bases] if archive.is_file() else [*bases]
    problems: list[FetchError] = []
    for base in sources:
        url = None if base is None else f"{base}{archive.name}"
        try:
            if url:
                download(url, archive, check=check_archive, progress=progress)
            received = received_of(archive, url)
            install(place, check, {archive: _take_otb})
        except FetchError as error:
            problems.append(error)
            continue
        record(place, received)
        if base:  # The one that answered is asked first for the next sequence.
            bases.remove(base)
            bases.insert(0, base)
        return
    raise common_failure(problems, " | ".join(map(str, problems)))


def _take_otb(unpacked: Path, new: Path) -> None:
    """Take the sequence out of an unpacked OTB archive: the folder that holds ``img``."""
    only([path.parent for path in unpacked.rglob("img")], "an img folder").replace(new)
