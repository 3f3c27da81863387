"""Unpacking archives that came over the network and may hold anything."""

from __future__ import annotations

import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PureWindowsPath

from rltrack.data.download import FetchError, StopFetchError

__all__ = ["unpack"]

_DAMAGE = (EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile)


def unpack(archive: str | Path, dest: str | Path) -> Path:
    """Unpack a zip or tar archive into a new folder, completely or not at all.

    Every member is checked before the first one is written. Absolute names and ``..`` are refused.
    Only files and folders are allowed, and in a tar also links to names further down in the
    archive.

    Args:
        archive: a zip, or a tar with any compression that Python's `tarfile` knows.
        dest: the folder to make. An empty one may be there.

    Returns:
        ``dest``.

    Raises:
        FetchError: the archive is unsafe or damaged, or there is no room or no right to write.
    """
    archive, dest = Path(archive), Path(dest)
    staging = dest.with_name(f".{dest.name}.unpacking")
    try:
        if dest.exists():
            dest.rmdir()
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                _check_zip(zipped, archive)
                _check_room(staging, sum(member.file_size for member in zipped.infolist()))
                zipped.extractall(staging)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tarred:
                _check_tar(tarred, archive)
                _check_room(staging, sum(member.size for member in tarred))
                if hasattr(tarfile, "data_filter"):  # Python 3.10.12, 3.11.4, 3.12 and later
                    tarred.extraction_filter = tarfile.data_filter
                tarred.extractall(staging)
        else:
            raise FetchError(
                f"{archive} is neither a zip nor a tar archive; perhaps a web page came in its "
                "place, or not all of it"
            )
        staging.replace(dest)
    except _DAMAGE as error:
        raise FetchError(f"{archive} is damaged: {error}") from error
    except NotImplementedError as error:
        raise FetchError(f"{archive} is packed in a way that is not known: {error}") from error
    except OSError as error:
        raise StopFetchError(f"{archive} cannot be unpacked into {dest}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return dest


def _check_zip(opened: zipfile.ZipFile, archive: Path) -> None:
    for member in opened.infolist():
        _check_name(member.filename, archive)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise FetchError(f"{archive} was not unpacked: {member.filename!r} is a link")
        if member.flag_bits & 1:
            raise FetchError(f"{archive} was not unpacked: it needs a password")


def _check_tar(opened: tarfile.TarFile, archive: Path) -> None:
    for member in opened:
        _check_name(member.name, archive)
        if member.issym() or member.islnk():
            _check_name(member.linkname, archive)
        elif not (member.isfile() or member.isdir()):
            raise FetchError(
                f"{archive} was not unpacked: {member.name!r} is neither file nor folder"
            )


def _check_name(name: str, archive: Path) -> None:
    # Windows' rules know both separators and drives, so they refuse what either system would.
    path = PureWindowsPath(name)
    if not name or path.anchor or ".." in path.parts:
        raise FetchError(
            f"{archive} was not unpacked: it holds {name!r}, which is no name inside the folder"
        )


def _check_room(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise StopFetchError(
            f"{folder.parent} has {free / 1e6:.0f} MB free, and {wanted / 1e6:.0f} MB are needed: "
            "make room or choose another place"
        )
