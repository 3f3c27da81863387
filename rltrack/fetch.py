"""Fetching: the weights and benchmark sequences that do not come with the package.

A transfer goes to ``<name>.part`` and resumes there, a finished file is checked before it takes
its name, an archive is checked before anything of it is written, and a sequence folder appears
only when it is whole. So a run can be stopped anywhere, and the same call goes on from there.

Where the publisher gives a hash, the file must have it. Where none is known, the content is
counted (frames, rows of ground truth) and the hash received is kept in ``received.json``.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from rltrack.archives import unpack
from rltrack.benchmarks.otb import Target, check_sequence, count_rows, frame_files, targets
from rltrack.download import (
    FetchError,
    Progress,
    StopFetchError,
    digest,
    download,
)
from rltrack.errors import InputError
from rltrack.files import write_json

__all__ = [
    "ASSETS",
    "FetchError",
    "Progress",
    "cache_dir",
    "data_dir",
    "download",
    "fetch",
    "rich_progress",
    "unpack",
]

logger = logging.getLogger(__name__)

_Check = Callable[[Path], None]  # raises ValueError if the folder is not the whole sequence
_Take = Callable[[Path, Path], None]  # moves what is needed of an unpacked archive

ASSETS = ("vggm", "otb2013", "otb2015", "vot2016")

VGGM_URL = "https://raw.githubusercontent.com/hyseob/MDNet/07c0d063d01ef5f59d9371c6aba1f28f4c9a475b/models/"
VGGM_FILE = "imagenet-vgg-m-conv1-3.mat"
VGGM_GIT_BLOB = "0739927c61d48a5ad24107535b42cde2be8a265a"
VGGM_FULL_FILE = "imagenet-vgg-m.mat"  # the whole model; used where a person has put it

# The benchmark's own server first; it has been away for long times, so then the Internet Archive
# ("id_" asks for the file as it was stored, without the archive's page around it).
OTB_URL = "http://cvlab.hanyang.ac.kr/tracker_benchmark/seq/"
OTB_MIRROR_URL = f"https://web.archive.org/web/2023id_/{OTB_URL}"
VOT2016_URL = "https://data.votchallenge.net/vot2016/main/"


# --- Places -------------------------------------------------------------------------------


def cache_dir() -> Path:
    """Where fetched files are kept.

    ``$RLTRACK_CACHE``, else ``$XDG_CACHE_HOME/rltrack``, else ``~/.cache/rltrack``.
    """
    if given := os.environ.get("RLTRACK_CACHE"):
        return Path(given).expanduser()
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given).expanduser() / "rltrack"
    return Path.home() / ".cache" / "rltrack"


def data_dir() -> Path:
    """Where sequences are kept: ``$RLTRACK_DATA``, else ``data`` in `cache_dir`."""
    given = os.environ.get("RLTRACK_DATA")
    return Path(given).expanduser() if given else cache_dir() / "data"


# --- Assets -------------------------------------------------------------------------------


def fetch(
    asset: str,
    dest: str | Path | None = None,
    *,
    base_url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Fetch an asset, or what is missing of it.

    ``vggm`` is VGG-M's conv1-3 as MatConvNet published them, converted for ``backbone="vggm"``.
    If the whole model, ``imagenet-vgg-m.mat``, has been put into the folder by hand, it is used.
    ``otb2013`` and ``otb2015`` become ``<dest>/otb/<Name>/``, with ``img/`` and the ground truth.
    ``vot2016`` becomes ``<dest>/vot/<name>/``, with ``img/%08d.jpg`` and ``groundtruth.txt``.

    Args:
        asset: One of `ASSETS`.
        dest: Folder to put it into. By default `data_dir`, for ``vggm`` ``weights`` in
            `cache_dir`; VGG-M's converted form always goes to the latter, where it is looked for.
        base_url: Fetch from here, not from the publisher; ends in a slash.
        progress: Told how many bytes have come; see `rich_progress`.

    Returns:
        The converted weights, or the folder that holds the sequence folders.

    Raises:
        InputError: No such asset, or ``dest`` cannot be written to.
        FetchError: Something could not be fetched or is not what it should be. What was fetched
            is kept, and the same call goes on from there.
    """
    if asset not in ASSETS:
        raise InputError(f"cannot fetch {asset!r}: give one of {', '.join(ASSETS)}")
    home = cache_dir() / "weights" if asset == "vggm" else data_dir()
    folder = home if dest is None else Path(dest).expanduser()
    if asset != "vggm":
        folder = folder / ("vot" if asset == "vot2016" else "otb")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error}") from error
    try:
        if asset == "vggm":
            return _fetch_vggm(folder, base_url or VGGM_URL, progress)
        if asset == "vot2016":
            _fetch_vot(folder, base_url or VOT2016_URL, progress)
        else:
            bases = [base_url] if base_url else [OTB_URL, OTB_MIRROR_URL]
            _fetch_otb(targets(asset), folder, bases, progress)
    except OSError as error:
        raise FetchError(f"cannot write under {folder}: {error}") from error
    return folder


def _fetch_vggm(folder: Path, base_url: str, progress: Progress | None) -> Path:
    from rltrack.vggm import convert_vggm

    path, full = folder / VGGM_FILE, folder / VGGM_FULL_FILE
    if full.is_file() and not path.is_file():
        try:
            return convert_vggm(full)
        except InputError as error:
            raise FetchError(
                f"{full}, put there by hand, cannot be used: {error}; without it, "
                f"{VGGM_FILE} would be fetched"
            ) from error
    # Converted each time: it takes a second, and mends weights that were damaged since.
    return convert_vggm(
        download(base_url + VGGM_FILE, path, git_blob=VGGM_GIT_BLOB, progress=progress)
    )


def _fetch_each(names: Iterable[str], folder: Path, fetch_one: Callable[[str], None]) -> None:
    """Fetch sequence after sequence; one that cannot be had does not stop the others."""
    names = list(names)
    failed: dict[str, FetchError] = {}
    for number, name in enumerate(names, start=1):
        logger.info("%s (%d of %d)", name, number, len(names))
        try:
            fetch_one(name)
        except StopFetchError:
            raise
        except FetchError as error:
            failed[name] = error
            logger.warning("%s: %s", name, error)
    if failed:
        raise FetchError(
            f"{len(failed)} of {len(names)} sequences are still missing in {folder} "
            f"({', '.join(failed)}); {next(iter(failed.values()))}"
        )


def _fetch_otb(
    wanted: Iterable[Target], folder: Path, bases: list[str], progress: Progress | None
) -> None:
    by_folder: dict[str, list[Target]] = {}
    for target in wanted:
        by_folder.setdefault(target.folder, []).append(target)

    def fetch_one(name: str) -> None:
        def check(place: Path) -> None:
            for target in by_folder[name]:
                check_sequence(place, target)

        if not _present(folder / name, check):
            _fetch_otb_sequence(folder / name, check, bases, progress)

    _fetch_each(by_folder, folder, fetch_one)


def _fetch_otb_sequence(
    place: Path, check: _Check, bases: list[str], progress: Progress | None
) -> None:
    archive = place.with_name(f"{place.name}.zip")
    # An archive that is there was put there by hand, or left by a run that was stopped.
    sources = [None, *bases] if archive.is_file() else [*bases]
    problems: list[FetchError] = []
    for base in sources:
        url = None if base is None else f"{base}{archive.name}"
        try:
            if url:
                download(url, archive, progress=progress)
            received = _received(archive, url)
            _install(place, check, {archive: _take_otb})
        except FetchError as error:
            problems.append(error)
            continue
        _record(place, received)
        if base:  # The one that answered is asked first for the next sequence.
            bases.remove(base)
            bases.insert(0, base)
        return
    hopeless = all(isinstance(problem, StopFetchError) for problem in problems)
    raise (StopFetchError if hopeless else FetchError)(" | ".join(map(str, problems)))


def _take_otb(unpacked: Path, new: Path) -> None:
    """Take the sequence out of an unpacked OTB archive: the folder that holds ``img``."""
    _only([path.parent for path in unpacked.rglob("img")], "an img folder").replace(new)


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
        if not re.fullmatch(r"[A-Za-z0-9_-]+", entry["name"]):
            raise ValueError(f"{entry['name']!r} is no name for a folder")
        length = entry.get("length")
        archives = {
            "annotations": archive(entry["annotations"]),
            "color": archive(entry["channels"]["color"]),
        }
        listed[entry["name"]] = _Listed(archives, None if length is None else int(length))
    return listed


def _fetch_vot(folder: Path, base_url: str, progress: Progress | None) -> None:
    url = urljoin(base_url, "description.json")
    listing = download(url, folder / "vot2016.json", progress=progress)
    try:
        listed = _read_listing(listing, url)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        listing.unlink()
        raise FetchError(
            f"{url} is not the list of sequences that it should be ({error!r}); open it in a "
            "browser to see what the server says, and run this again later"
        ) from error

    def fetch_one(name: str) -> None:
        place, sequence = folder / name, listed[name]

        def check(place: Path) -> None:
            rows = count_rows(place / "groundtruth.txt", columns=(4, 8))
            frames = list(frame_files(place / "img"))
            if frames != list(range(1, rows + 1)) or sequence.length not in (None, rows):
                said = f"; the list says {sequence.length}" if sequence.length else ""
                raise ValueError(f"{len(frames)} frames, {rows} rows of ground truth{said}")

        if _present(place, check):
            return
        received: dict[str, Any] = {}
        takes: dict[Path, _Take] = {}
        for kind, take in (("annotations", _take_vot_annotations), ("color", _take_vot_frames)):
            source, sha1 = sequence.archives[kind]
            archive = folder / f"{name}.{kind}.zip"
            given = archive.is_file()
            download(source, archive, sha1=sha1, progress=progress)
            received[kind] = _received(archive, None if given else source)
            takes[archive] = take
        _install(place, check, takes)
        _record(place, received)

    _fetch_each(listed, folder, fetch_one)


def _take_vot_annotations(unpacked: Path, new: Path) -> None:
    """Take the ground truth and the per-frame tags beside it."""
    found = [path.parent for path in unpacked.rglob("groundtruth.txt")]
    _only(found, "a groundtruth.txt").replace(new)


def _take_vot_frames(unpacked: Path, new: Path) -> None:
    """Take the frames, from whatever folder of the archive they are in."""
    folders = [path for path in (unpacked, *unpacked.rglob("*")) if frame_files(path)]
    (new / "img").mkdir()
    for number, path in frame_files(_only(folders, "frames")).items():
        path.replace(new / "img" / f"{number:08d}{path.suffix.lower()}")


# --- Sequence folders ---------------------------------------------------------------------


def _only(folders: list[Path], content: str) -> Path:
    found = [folder for folder in folders if "__MACOSX" not in folder.parts]
    if len(found) != 1:
        raise ValueError(f"{len(found)} of its folders hold {content}, not one")
    return found[0]


def _present(place: Path, check: _Check) -> bool:
    """Whether the sequence is there and whole."""
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


def _install(place: Path, check: _Check, archives: dict[Path, _Take]) -> None:
    """Unpack archives, put the sequence together, check it, and give it its name.

    The archives are deleted when they have served, and when they turn out wrong, so that the next
    run does not meet them again.
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
        raise FetchError(
            f"{names} did not bring the sequence {place.name} ({error}); it was deleted; by hand: "
            f"get the sequence elsewhere and put it into {place}"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    _delete(archives)


def _delete(files: Iterable[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)


def _received(archive: Path, url: str | None) -> dict[str, object]:
    """What is recorded of an archive; ``url`` only if this run saw it come from there."""
    source = {"url": url} if url else {}
    return {**source, "sha256": digest(archive), "bytes": archive.stat().st_size}


def _record(place: Path, received: dict[str, Any]) -> None:
    """Add a sequence to ``received.json`` beside it."""
    path = place.with_name("received.json")
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        records = {}
    write_json(path, dict(sorted({**records, place.name: received}.items())))


# --- Showing it ---------------------------------------------------------------------------


@contextmanager
def rich_progress() -> Iterator[Progress]:
    """A progress bar on standard error, if that is a terminal; to pass to `fetch` or `download`.

    Yields:
        The callback. The bar shows the file on its way, bytes, speed and time left.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=None, visible=False)
        current = ""

        def show(name: str, received: int, total: int | None, /) -> None:
            nonlocal current, task
            if name != current:
                bars.remove_task(task)
                task, current = bars.add_task(name, total=total, completed=received), name
            bars.update(task, completed=received, total=total)

        yield show
