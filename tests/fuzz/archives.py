"""Archives: names that lead elsewhere, links, bombs and damage."""

from __future__ import annotations

import io
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from fuzz import samples
from fuzz.kind import Kind, Made
from fuzz.mutation import NAMES, damaged

_NAMES = (
    *(
        "../x",
        str(Path(tempfile.gettempdir()) / "fuzz-strayed"),
        "a/../../x",
        "..\\x",
        "C:\\x",
        "C:x",
        "\\\\host\\x",
        "./x",
        "a//b",
    ),
    *("Deer/img/0001.jpg/x", "Deer/img", "Deer", "x/" * 3000 + "x", "CON", "a:b", ".", "", "/"),
    *("Deer/groundtruth_rect.txt/", "x" * 300, "Deer/img/0001.jpg", *NAMES),
)


class Archives(Kind):
    """``rltrack fetch`` with an archive that is there already, as if put there by hand."""

    def make(self, rng: Random, place: Path) -> Made:
        content = archive(rng)
        samples.write(place, {"outside.txt": b"kept", "out/otb/Deer.zip": content})
        return Made(["fetch", "otb2015", "--dest", "out"])

    @contextmanager
    def around(self, rng: Random) -> Iterator[None]:
        with one_target():
            yield


@contextmanager
def one_target() -> Iterator[None]:
    """Have the benchmark consist of one target of three frames."""
    from rltrack.data import fetch
    from rltrack.data.otb import Target

    target = Target("Deer", "Deer", 1, samples.FRAMES, frozenset(), "groundtruth_rect.txt", 1)
    kept = fetch.targets
    fetch.targets = lambda name: (target,)
    try:
        yield
    finally:
        fetch.targets = kept


def archive(rng: Random) -> bytes:
    """A zip or tar archive of a sequence, in which something is wrong."""
    members = {
        name.removeprefix("data/otb/"): content
        for name, content in samples.sequences().items()
        if name.startswith("data/otb/Deer/")
    }
    for _ in range(rng.choice((0, 1, 1, 2))):
        name = rng.choice(_NAMES).encode("utf-8", "replace").decode()
        members[name] = rng.choice((b"", b"x", bytes(10**6)))
    if rng.random() < 0.002:
        members["Deer/bomb"] = bytes(300 * 10**6)
    if rng.random() < 0.1:
        del members[rng.choice(list(members))]
    made = _zip(rng, members) if rng.random() < 0.5 else _tar(rng, members)
    return damaged(rng, made) if rng.random() < 0.5 else made


def _zip(rng: Random, members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    how = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(file, "w", how, compresslevel=1) as made:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name or "x")
            entry.filename = name
            entry.compress_type = how
            if rng.random() < 0.1:
                entry.external_attr = (rng.choice((stat.S_IFLNK, stat.S_IFIFO)) | 0o777) << 16
            made.writestr(entry, content)
    return file.getvalue()


def _tar(rng: Random, members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
    with tarfile.open(
        fileobj=file,
        mode=rng.choice(("w", "w:gz", "w:bz2", "w:xz")),
        format=rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)),
    ) as made:
        for name, content in members.items():
            entry = tarfile.TarInfo(name.replace("\0", "_"))
            entry.size = len(content)
            if rng.random() < 0.1:
                entry.type, entry.size = rng.choice(kinds), 0
                entry.linkname = rng.choice(("/etc/passwd", "../../x", "Deer/img/0001.png", ""))
                content = b""
            made.addfile(entry, io.BytesIO(content))
        if rng.random() < 0.02:  # a header that claims gigabytes
            entry = tarfile.TarInfo("Deer/large")
            entry.size = 8_600_000_000
            made.fileobj.write(entry.tobuf())  # type: ignore[union-attr]
    return file.getvalue()
