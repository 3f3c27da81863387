"""Unpacking zip archives that came over the network and may hold anything."""

from __future__ import annotations

import errno
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from rltrack.data.failures import FetchError, FetchLimitError, StopFetchError
from rltrack.limits import DEFAULT_LIMITS, Limits

__all__ = ["check_archive", "unpack"]

# Whatever zipfile raises at content that is wrong. ValueError is text that cannot be decoded, or a
# place before the beginning of the file.
_DAMAGE = (EOFError, zlib.error, zipfile.BadZipFile, struct.error, ValueError, OverflowError)

# The other methods need memory as the archive says, and unpack a piece of any size at once.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# Errors of writing that come from the members' names: too long, or a file where a folder should be.
_NAMES = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ, errno.EINVAL}

_SMALL = 2**24  # bytes; what is unpacked to no more than this may have any ratio


def check_archive(archive: Path, limits: Limits = DEFAULT_LIMITS) -> None:
    """Check an archive as `unpack` does, and read all of it, without writing anything.

    Raises:
        FetchError: it is unsafe or damaged: a size or a checksum (CRC) of a member is wrong.
        FetchLimitError: it goes beyond a limit.
    """
    with _checked(archive, limits) as opened:
        if broken := opened.testzip():
            raise FetchError(f"{archive} is damaged: {broken!r} does not have its checksum")


def unpack(archive: str | Path, dest: str | Path, limits: Limits = DEFAULT_LIMITS) -> Path:
    """Unpack a zip archive into a new folder, completely or not at all.

    Every member is checked before the first one is written. Absolute names and ``..`` are refused,
    and so is all but files and folders.

    Args:
        archive: the zip file.
        dest: the folder to make. An empty one may be there.
        limits: how much the archive may hold.

    Returns:
        ``dest``.

    Raises:
        FetchError: the archive is unsafe or damaged, or there is no room or no right to write.
        FetchLimitError: it goes beyond a limit.
    """
    archive, dest = Path(archive), Path(dest)
    staging = dest.with_name(f".{dest.name}.unpacking")
    try:
        if dest.exists():
            dest.rmdir()
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        with _checked(archive, limits) as opened:
            _check_room(staging, sum(member.file_size for member in opened.infolist()))
            _extract(opened, staging, archive)
        staging.replace(dest)
    except OSError as error:
        raise StopFetchError(f"{archive} cannot be unpacked into {dest}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return dest


@contextmanager
def _checked(archive: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open an archive, and check what its members claim to be."""
    try:
        if not zipfile.is_zipfile(archive):
            raise FetchError(
                f"{archive} is not a zip archive; perhaps a web page came in its place, or not "
                "all of it"
            )
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                _check_member(member, archive, limits)
            # A member gives no more than it claims: zipfile stops there.
            _check_size(opened, archive, limits)
            yield opened
    except _DAMAGE as error:
        if isinstance(error, FetchError):
            raise
        raise FetchError(f"{archive} is damaged: {error}") from error
    except NotImplementedError as error:
        raise FetchError(f"{archive} is packed in a way that is not known: {error}") from error


def _check_member(member: zipfile.ZipInfo, archive: Path, limits: Limits) -> None:
    name = member.filename
    # Windows' rules know both separators and drives, so they refuse what either system would.
    path = PureWindowsPath(name)
    if not name or path.anchor or ".." in path.parts:
        problem = f"it holds {name!r}, which is no name inside the folder"
    elif stat.S_ISLNK(member.external_attr >> 16):
        problem = f"{name!r} is a link"
    elif member.flag_bits & 1:
        problem = "it needs a password"
    elif member.compress_type not in _METHODS:
        problem = f"{name!r} is packed in a way that is not known"
    else:
        excess = limits.excess("folder_depth", len(path.parts))
        _refuse_excess(archive, f"{name[:60]!r} lies too many folders deep", excess)
        return
    raise FetchError(f"{archive} was not unpacked: {problem}")


def _check_size(opened: zipfile.ZipFile, archive: Path, limits: Limits) -> None:
    unpacked = sum(member.file_size for member in opened.infolist())
    _refuse_excess(archive, "it is too large", limits.excess("unpacked_bytes", unpacked))
    if unpacked > _SMALL:
        ratio = unpacked / archive.stat().st_size
        _refuse_excess(archive, "it grows too much", limits.excess("unpacked_ratio", ratio))


def _refuse_excess(archive: Path, problem: str, excess: str) -> None:
    if excess:
        raise FetchLimitError(f"{archive} was not unpacked: {problem}: {excess}")


def _extract(opened: zipfile.ZipFile, folder: Path, archive: Path) -> None:
    try:
        opened.extractall(folder)
    except OSError as error:
        if error.errno not in _NAMES:
            raise
        raise FetchError(
            f"{archive} holds names that cannot be written here: {error.strerror}"
        ) from error


def _check_room(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise StopFetchError(
            f"{folder.parent} has {free / 1e6:.0f} MB free, and {wanted / 1e6:.0f} MB are needed: "
            "make room or choose another place"
        )
