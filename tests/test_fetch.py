"""Fetching, against a server on this machine that fails in the ways servers do."""

from __future__ import annotations

import hashlib
import io
import json
import re
import runpy
import shutil
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.filesize import decimal

from rltrack.cache import cache_dir, data_dir
from rltrack.cli import progress as progress_module
from rltrack.cli.fetch import rich_progress
from rltrack.cli.main import main
from rltrack.data import fetch as fetching
from rltrack.data.archives import check_archive, unpack
from rltrack.data.download import download
from rltrack.data.failures import (
    FetchError,
    FetchLimitError,
    SlowFetchError,
    StopFetchError,
    common_failure,
)
from rltrack.data.fetch import fetch
from rltrack.data.otb import Target
from rltrack.errors import InputError
from rltrack.files import alone
from rltrack.limits import Limits

CONTENT = bytes(range(251)) * 2000  # 502 000 bytes, no two pieces alike
HALF = len(CONTENT) // 2


# --- A server that can be told to fail ------------------------------------------------------


@dataclass
class Page:
    """What the server has under one path, and how it fails."""

    body: bytes = b""
    etag: str | None = '"1"'
    cuts: list[int] = field(default_factory=list)  # bytes sent of the next bodies, then cut
    statuses: list[int] = field(default_factory=list)  # statuses of the next answers
    redirect: str | None = None
    ranges: bool = True
    heeds_if_range: bool = True
    says_length: bool = True
    headers: dict[str, str] = field(default_factory=dict)  # of all answers, also of failures
    drip: str = ""  # what is sent a byte at a time: "head" or "body"


@dataclass
class Site:
    """The server's pages, and the requests that came: path, Range and If-Range headers."""

    url: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def put(self, path: str, body: bytes = b"", **how: object) -> Page:
        page = Page(body, **how)  # type: ignore[arg-type]
        self.pages[path] = page
        return page

    def asked(self) -> list[str]:
        """Paths asked for since the last call."""
        paths = [path for path, _, _ in self.requests]
        self.requests.clear()
        return paths


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
            site.requests.append((self.path, wanted, condition))
            page = site.pages.get(self.path)
            if page is None or page.statuses:
                self.send_response(page.statuses.pop(0) if page else 404)
                self.end_page(page)
                return
            if page.redirect:
                self.send_response(302)
                self.send_header("Location", page.redirect)
                self.end_page(page)
                self.wfile.write(page.body)
                return
            start = 0
            heeded = condition in (None, page.etag) or not page.heeds_if_range
            if wanted and page.ranges and heeded:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            body = page.body[start:]
            if wanted and start >= len(page.body) > 0:
                self.send_response(416)
                self.end_page(page)
                return
            if page.drip == "head":
                self.drip(b"HTTP/1.1 200 " + b"O" * 9999)
            self.send_response(206 if start else 200)
            if start:
                last, size = len(page.body) - 1, len(page.body)
                self.send_header("Content-Range", f"bytes {start}-{last}/{size}")
            if page.etag:
                self.send_header("ETag", page.etag)
            if page.says_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_page(page)
            if page.drip == "body":
                self.drip(body)
            self.wfile.write(body[: page.cuts.pop(0)] if page.cuts else body)

        def end_page(self, page: Page | None) -> None:
            for name, value in page.headers.items() if page else ():
                self.send_header(name, value)
            self.end_headers()

        def drip(self, content: bytes) -> None:
            for byte in content:
                self.wfile.write(bytes([byte]))
                if stopping.wait(0.01):
                    break

        def log_message(self, *args: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # nobody listens any more
                super().handle()

    stopping = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield site
    stopping.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """Nobody waits, and nothing is written outside the test's folder; the pauses asked for."""
    asked: list[float] = []
    monkeypatch.setattr("rltrack.data.download.time.sleep", asked.append)
    monkeypatch.setenv("RLTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RLTRACK_DATA", raising=False)
    return asked


def left(folder: Path) -> list[str]:
    """Names of everything in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- One file -------------------------------------------------------------------------------


def test_an_interrupted_transfer_goes_on_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, cuts=[HALF, HALF // 2])
    path = download(f"{site.url}/file", tmp_path / "file")
    assert path.read_bytes() == CONTENT
    starts = [re.fullmatch(r"bytes=(\d+)-", wanted or "") for _, wanted, _ in site.requests]
    assert starts[0] is None
    first, second = (int(found[1]) for found in starts[1:] if found)
    assert 0 < first <= HALF < second  # what was there is not asked for again
    assert [condition for _, _, condition in site.requests] == [None, '"1"', '"1"']
    assert left(tmp_path) == ["file"]


def test_a_stopped_run_is_taken_up_by_the_next(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT)

    def stop(name: str, received: int, total: int | None, /) -> None:
        if received > HALF:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(f"{site.url}/file", tmp_path / "file", progress=stop)
    assert not (tmp_path / "file").exists()
    kept = (tmp_path / "file.rltrack-part").stat().st_size
    assert kept > HALF
    digest = hashlib.sha256(CONTENT).hexdigest()
    download(f"{site.url}/file", tmp_path / "file", sha256=digest.upper())
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert site.requests[-1][1] == f"bytes={kept}-"
    assert left(tmp_path) == ["file"]


def test_a_part_that_was_whole_is_not_asked_for(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT)

    def stop(name: str, received: int, total: int | None, /) -> None:
        if received == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(f"{site.url}/file", tmp_path / "file", progress=stop)
    site.asked()
    download(f"{site.url}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert site.asked() == []


@pytest.mark.parametrize(
    ("changed", "how"),
    [
        (CONTENT[::-1], {"etag": '"2"'}),
        (CONTENT[::-1], {"etag": '"2"', "heeds_if_range": False}),
        (CONTENT[::-1] + b"longer", {"etag": None}),
    ],
    ids=["new ETag", "new ETag, If-Range ignored", "no ETag, another size"],
)
def test_a_file_changed_in_between_is_not_spliced(
    site: Site, tmp_path: Path, changed: bytes, how: dict[str, object]
) -> None:
    site.put("/file", CONTENT, etag='"1"' if how["etag"] else None, cuts=[HALF])
    with pytest.raises(StopFetchError):
        download(f"{site.url}/file", tmp_path / "file", retries=0)
    site.put("/file", changed, **how)
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == changed
    assert left(tmp_path) == ["file"]


def test_a_file_that_shrank_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, etag=None, cuts=[HALF])
    with pytest.raises(StopFetchError):
        download(f"{site.url}/file", tmp_path / "file", retries=0)
    site.put("/file", b"short", etag=None)  # the range asked for is past its end: 416
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == b"short"


MONDAY, TUESDAY = "Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize(
    ("etag", "headers"),
    [(None, {}), ('W/"1"', {}), (None, {"Last-Modified": "\xe9"})],
    ids=["nothing", "a weak ETag", "a date that cannot be sent back"],
)
def test_without_anything_to_compare_a_file_is_fetched_from_its_beginning(
    site: Site, tmp_path: Path, etag: str | None, headers: dict[str, str]
) -> None:
    site.put("/file", CONTENT, etag=etag, headers=headers, cuts=[HALF])
    with pytest.raises(StopFetchError, match="tries again from the beginning"):
        download(f"{site.url}/file", tmp_path / "file", retries=0)
    changed = CONTENT[::-1]  # of the same size
    site.put("/file", changed, etag=etag, headers=headers, cuts=[HALF])
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == changed
    assert [wanted for _, wanted, _ in site.requests] == [None] * 3
    assert left(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("later", "starts"),
    [
        (MONDAY, [None, f"bytes={HALF}-"]),
        (TUESDAY, [None, f"bytes={HALF}-", None]),
        ("", [None, f"bytes={HALF}-", None]),
    ],
    ids=["the same date", "another date", "no date"],
)
def test_a_date_that_is_still_the_same_is_enough_to_go_on(
    site: Site, tmp_path: Path, later: str, starts: list[str | None]
) -> None:
    page = site.put("/file", CONTENT, etag=None, headers={"Last-Modified": MONDAY}, cuts=[HALF])
    page.heeds_if_range = False
    with pytest.raises(StopFetchError, match="goes on from there"):
        download(f"{site.url}/file", tmp_path / "file", retries=0)
    part = (tmp_path / "file.rltrack-part").stat().st_size
    page.headers = {"Last-Modified": later} if later else {}
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == CONTENT
    asked = [wanted and wanted.replace(str(part), str(HALF)) for _, wanted, _ in site.requests]
    assert asked == starts
    assert site.requests[1][2] == MONDAY


def test_a_splice_that_nothing_told_of_is_found_by_its_hash(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, cuts=[HALF])
    with pytest.raises(StopFetchError):
        download(f"{site.url}/file", tmp_path / "file", retries=0)
    changed = CONTENT[::-1]  # the same size and, wrongly, the same ETag
    site.put("/file", changed)
    digest = hashlib.sha256(changed).hexdigest()
    path = download(f"{site.url}/file", tmp_path / "file", sha256=digest)
    assert path.read_bytes() == changed
    assert [wanted is None for _, wanted, _ in site.requests] == [True, False, True]


@pytest.mark.parametrize(
    "note",
    [
        "[" * 100_000,
        "[]",
        '{"url": URL, "etag": 5, "modified": null, "size": 502000}',
        '{"url": URL, "etag": "\\"1\\"", "modified": null, "size": "502000"}',
        '{"url": URL, "etag": "\\"1\\"", "modified": null, "size": true}',
        '{"url": URL, "etag": "\\"1\\"", "modified": null, "size": -1}',
        '{"url": URL, "etag": "\\"1\\"\\nHost: evil", "modified": null, "size": 502000}',
        '{"url": URL, "etag": "\\u2713", "modified": null, "size": 502000}',
        '{"url": URL, "etag": "\\"1\\"", "modified": null, "size": ' + "9" * 5000 + "}",
    ],
)
def test_a_damaged_note_is_not_trusted(site: Site, tmp_path: Path, note: str) -> None:
    site.put("/file", CONTENT)
    (tmp_path / "file.rltrack-part").write_bytes(b"something else")
    (tmp_path / "file.rltrack-part.json").write_text(
        note.replace("URL", json.dumps(f"{site.url}/file"))
    )
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == CONTENT
    assert [wanted for _, wanted, _ in site.requests] == [None]
    assert left(tmp_path) == ["file"]


def test_unfinished_files_of_other_programs_are_not_touched(site: Site, tmp_path: Path) -> None:
    foreign = tmp_path / "file.part"  # as browsers call them
    foreign.write_bytes(b"the browser's")
    site.put("/file", CONTENT, cuts=[HALF])
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == CONTENT
    assert foreign.read_bytes() == b"the browser's"
    assert left(tmp_path) == ["file", "file.part"]


def test_a_part_of_another_address_is_not_used(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, cuts=[HALF])
    with pytest.raises(StopFetchError):
        download(f"{site.url}/file", tmp_path / "file", retries=0)
    site.put("/mirror", CONTENT[::-1])
    path = download(f"{site.url}/mirror", tmp_path / "file")
    assert path.read_bytes() == CONTENT[::-1]
    assert site.requests[-1][1] is None


def test_a_server_without_ranges_starts_again(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, ranges=False, cuts=[HALF])
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == CONTENT


def test_a_file_of_unknown_length(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, says_length=False)
    told: list[int | None] = []
    download(f"{site.url}/file", tmp_path / "file", progress=lambda n, r, total: told.append(total))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert set(told) == {None}


def test_progress_counts_what_was_there_before(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, cuts=[HALF])
    told: list[tuple[str, int, int | None]] = []
    download(f"{site.url}/file", tmp_path / "file", progress=lambda *now: told.append(now))
    received = [count for _, count, _ in told]
    assert received == sorted(received)
    assert (received[0], received[-1]) == (0, len(CONTENT))
    assert {(name, total) for name, _, total in told} == {("file", len(CONTENT))}


@pytest.mark.parametrize("kind", ["sha256", "sha1", "git_blob"])
def test_a_wrong_hash_leaves_nothing_and_says_so(site: Site, tmp_path: Path, kind: str) -> None:
    site.put("/file", CONTENT)
    wrong = "0" * (64 if kind == "sha256" else 40)
    with pytest.raises(FetchError) as caught:
        download(f"{site.url}/file", tmp_path / "file", **{kind: wrong})  # type: ignore[arg-type]
    message = str(caught.value)
    computed = {
        "sha256": hashlib.sha256(CONTENT),
        "sha1": hashlib.sha1(CONTENT),
        "git_blob": hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT),
    }[kind].hexdigest()
    assert computed in message and wrong in message
    assert f"{site.url}/file" in message and str(tmp_path / "file") in message
    assert "\n" not in message
    assert left(tmp_path) == []
    assert len(site.requests) == 1


def test_git_blob_id_is_git_s(site: Site, tmp_path: Path) -> None:
    # `printf 'hello\n' | git hash-object --stdin`
    site.put("/file", b"hello\n")
    blob = "ce013625030ba8dba906f756967f9e9ca394464a"
    assert download(f"{site.url}/file", tmp_path / "file", git_blob=blob).is_file()


def test_404_is_final_and_says_what_to_do(site: Site, tmp_path: Path, pauses: list[float]) -> None:
    with pytest.raises(FetchError) as caught:
        download(f"{site.url}/gone", tmp_path / "file")
    message = str(caught.value)
    assert "404" in message and "by hand: open" in message
    assert f"{site.url}/gone" in message and str(tmp_path / "file") in message
    assert len(site.requests) == 1 and pauses == []
    assert left(tmp_path) == []


def test_passing_failures_are_waited_out(site: Site, tmp_path: Path, pauses: list[float]) -> None:
    site.put("/file", CONTENT, statuses=[503, 500, 429])
    download(f"{site.url}/file", tmp_path / "file", backoff=0.5)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert pauses == [0.5, 1.0, 2.0]


def test_the_server_s_own_pause_is_kept(site: Site, tmp_path: Path, pauses: list[float]) -> None:
    site.put("/file", CONTENT, statuses=[429], headers={"Retry-After": "7"})
    download(f"{site.url}/file", tmp_path / "file")
    assert pauses == [7.0]


def test_retries_end_and_what_came_is_kept(site: Site, tmp_path: Path) -> None:
    page = site.put("/file", CONTENT, cuts=[HALF], statuses=[])
    page.cuts += [0] * 9
    with pytest.raises(StopFetchError, match=r"3 tries.*goes on from there"):
        download(f"{site.url}/file", tmp_path / "file", retries=2)
    # Half of it came with the first try, nothing with the others.
    assert len(site.requests) == 3
    page.cuts.clear()
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == CONTENT
    assert site.requests[-1][1] is not None


def test_a_try_that_brings_something_does_not_count(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, cuts=[100_000] * 5)
    assert download(f"{site.url}/file", tmp_path / "file", retries=1).read_bytes() == CONTENT


def test_no_server_at_all(tmp_path: Path, pauses: list[float]) -> None:
    with pytest.raises(StopFetchError, match=r"127\.0\.0\.1.*3 tries.*by hand"):
        download("http://127.0.0.1:9/file", tmp_path / "file", retries=2)
    assert len(pauses) == 2


@pytest.mark.parametrize("url", ["file", "ftp://127.0.0.1/file", "http://"])
def test_an_address_that_is_none(tmp_path: Path, url: str, pauses: list[float]) -> None:
    with pytest.raises(FetchError, match="cannot be fetched"):
        download(url, tmp_path / "file")
    assert pauses == []


def test_redirects_are_followed(site: Site, tmp_path: Path) -> None:
    site.put("/old", redirect="/new")
    site.put("/new", CONTENT)
    assert download(f"{site.url}/old", tmp_path / "file").read_bytes() == CONTENT
    assert site.asked() == ["/old", "/new"]


@pytest.mark.parametrize(
    "target", ["http://[::1", "http://", "file:///etc/passwd", "http://a b/", "//" + "x" * 5000]
)
def test_a_redirect_to_nowhere(site: Site, tmp_path: Path, target: str) -> None:
    site.put("/file", redirect=target)
    with pytest.raises(FetchError, match="by hand: open"):
        download(f"{site.url}/file", tmp_path / "file", retries=1)
    assert left(tmp_path) == []


def test_the_body_of_a_redirect_is_not_read(site: Site, tmp_path: Path) -> None:
    # requests would read it to its end, which never comes.
    site.put("/old", b"x" * 10**6, redirect="/new", headers={"Content-Length": str(10**9)})
    site.put("/new", CONTENT)
    assert download(f"{site.url}/old", tmp_path / "file").read_bytes() == CONTENT


NINES = "9" * 5000


@pytest.mark.parametrize("name", ["Content-Range", "ETag", "Last-Modified", "Retry-After"])
def test_headers_of_thousands_of_digits(site: Site, tmp_path: Path, name: str) -> None:
    page = site.put("/file", CONTENT, cuts=[HALF], statuses=[503], headers={name: NINES})
    page.etag = None if name == "ETag" else '"1"'
    assert download(f"{site.url}/file", tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("length", ["9999999999", NINES])
def test_a_file_that_is_said_to_be_too_large(site: Site, tmp_path: Path, length: str) -> None:
    page = site.put("/file", CONTENT, says_length=False, headers={"Content-Length": length})
    with pytest.raises(FetchLimitError, match="above the limit download_bytes = 4294967296"):
        download(f"{site.url}/file", tmp_path / "file")
    page.headers.clear()
    limits = Limits(download_bytes=len(CONTENT) - 1)
    with pytest.raises(FetchLimitError, match="502000 is above the limit download_bytes = 501999"):
        download(f"{site.url}/file", tmp_path / "file", limits=limits)
    assert left(tmp_path) == []
    limits = Limits(download_bytes=len(CONTENT))
    assert download(f"{site.url}/file", tmp_path / "file", limits=limits).is_file()


@pytest.mark.parametrize("drip", ["head", "body"])
def test_a_server_that_sends_too_slowly_is_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drip: str, pauses: list[float]
) -> None:
    # 100 bytes a second arrive; the minute is shortened to 0.2 s.
    monkeypatch.setattr("rltrack.data.answer._MINUTE", 0.2)
    site.put("/file", CONTENT, drip=drip)
    with pytest.raises(SlowFetchError, match="limit download_rate = 1000"):
        download(f"{site.url}/file", tmp_path / "file")
    assert pauses == []  # it is not tried again: the next try would take as long
    site.put("/file", CONTENT[:50], etag='"2"', drip="body" if drip == "body" else "")
    slowly = Limits(download_rate=10)
    assert (
        download(f"{site.url}/file", tmp_path / "file", limits=slowly).read_bytes() == CONTENT[:50]
    )


def test_tries_that_bring_a_few_bytes_come_to_an_end(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT, cuts=[10] * 100)
    with pytest.raises(StopFetchError, match="3 tries"):
        download(f"{site.url}/file", tmp_path / "file", retries=2)


def test_failures_of_one_kind_stand_for_all() -> None:
    plain, stop = FetchError("a"), StopFetchError("b")
    limit, slow = FetchLimitError("c"), SlowFetchError("d")
    assert type(common_failure([slow, slow], "")) is SlowFetchError
    assert type(common_failure([slow, stop], "")) is StopFetchError
    assert type(common_failure([slow, limit], "")) is FetchLimitError
    assert type(common_failure([limit, plain], "")) is FetchError
    assert str(common_failure([stop], "why")) == "why"


def test_a_file_that_is_there_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    download(f"{site.url}/file", path)
    download(f"{site.url}/file", path, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert site.requests == []


def test_a_damaged_file_is_replaced(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"damaged")
    site.put("/file", CONTENT)
    download(f"{site.url}/file", path, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert path.read_bytes() == CONTENT


def test_a_place_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    site.put("/file", CONTENT)
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(StopFetchError, match="cannot be written"):
        download(f"{site.url}/file", tmp_path / "taken" / "file")


# --- Archives -------------------------------------------------------------------------------


def make_zip(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip({"top.txt": b"1", "sub/": b"", "sub/low.txt": b"2"}))
    check_archive(tmp_path / "a.zip")
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert left(tmp_path / "out") == ["sub", "sub/low.txt", "top.txt"]
    assert (tmp_path / "out/sub/low.txt").read_bytes() == b"2"
    assert left(tmp_path)[:2] == ["a.zip", "out"]  # no temporary folder is left


def refused(archive: Path, message: str, limits: Limits | None = None) -> type[BaseException]:
    """Check that an archive is refused before and at unpacking, and that nothing is left of it."""
    limits = limits or Limits()
    before = left(archive.parent)
    with pytest.raises(FetchError, match=message) as first:
        check_archive(archive, limits)
    with pytest.raises(FetchError, match=message):
        unpack(archive, archive.parent / "dest", limits)
    assert left(archive.parent) == before
    assert "\n" not in str(first.value)
    return first.type


def test_a_tar_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("empty.txt"))
    assert refused(tmp_path / "a.tar.gz", "is not a zip archive") is FetchError


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(unpacked_ratio=100), "above the limit unpacked_ratio = 100"),
        (
            Limits(unpacked_bytes=20_000_000),
            "20000001 is above the limit unpacked_bytes = 20000000",
        ),
    ],
)
def test_an_archive_that_grows_too_much(tmp_path: Path, limits: Limits, message: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(20_000_001))
    assert path.stat().st_size < 30_000
    assert refused(path, message, limits) is FetchLimitError
    assert unpack(path, tmp_path / "dest", Limits(unpacked_ratio=2000)).is_dir()


def test_small_content_may_have_any_ratio(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("occlusion.tag", b"0\n" * 100_000)
    assert path.stat().st_size < 1000
    assert (unpack(path, tmp_path / "dest") / "occlusion.tag").stat().st_size == 200_000


@pytest.mark.parametrize("depth", [33, 3000])
def test_a_member_in_many_folders(tmp_path: Path, depth: int) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip({"a/" * (depth - 1) + "a": b""}))
    message = f"{depth} is above the limit folder_depth = 32"
    assert refused(tmp_path / "a.zip", message) is FetchLimitError


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_need_any_memory_are_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.txt", b"text")
    assert refused(tmp_path / "a.zip", "packed in a way that is not known") is FetchError


@pytest.mark.parametrize(
    "members", [{"x" * 300: b""}, {"a": b"", "a/b": b""}, {"a/b": b"", "a": b""}]
)
def test_names_that_cannot_be_written_are_the_archive_s_fault(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip(members))
    with pytest.raises(FetchError, match="names that cannot be written here") as caught:
        unpack(tmp_path / "a.zip", tmp_path / "dest")
    assert caught.type is FetchError
    assert left(tmp_path) == ["a.zip"]


@settings(max_examples=100)
@given(place=st.integers(0, 400), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_any_damage_is_said_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, cut: int
) -> None:
    root = tmp_path_factory.mktemp("any")
    good = make_zip({"first.txt": b"1" * 50, "\xe9/second.txt": b"2" * 50})
    data = bytearray(good)
    data[place % len(good)] = value
    (root / "a.zip").write_bytes(data[: len(good) - cut // 20])
    try:
        unpack(root / "a.zip", root / "dest")
    except FetchError:
        assert left(root) == ["a.zip"]


@pytest.mark.parametrize(
    "name", ["../evil", "sub/../../evil", "/evil", "..\\evil", "\\evil", "C:\\evil", "C:evil", ".."]
)
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    (inner / "a.zip").write_bytes(make_zip({"good.txt": b"1", name: b"2"}))
    before = left(tmp_path)
    refused(inner / "a.zip", "no name inside")
    assert left(tmp_path) == before


@settings(max_examples=40)
@given(
    names=st.lists(
        st.lists(st.sampled_from(["..", ".", "a", "b", "C:", "/", "\\"]), min_size=1, max_size=4),
        max_size=3,
    )
)
def test_nothing_is_ever_written_outside(
    tmp_path_factory: pytest.TempPathFactory, names: list[list[str]]
) -> None:
    root = tmp_path_factory.mktemp("any")
    archive = root / "any.zip"
    archive.write_bytes(make_zip({"/".join(parts): b"x" for parts in names}))
    (root / "deep").mkdir()
    try:
        unpack(archive, root / "deep" / "dest")
    except FetchError:
        assert left(root) == ["any.zip", "deep"]
    else:
        outside = {"any.zip", "deep", "deep/dest"}
        assert all(name in outside or name.startswith("deep/dest/") for name in left(root))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("link")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "../outside")
    with pytest.raises(FetchError, match="is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "dest")


@pytest.mark.parametrize("damage", ["flipped", "cut", "page", "empty"])
def test_a_damaged_archive_leaves_nothing(tmp_path: Path, damage: str) -> None:
    good = make_zip({"first.txt": b"1" * 100, "second.txt": b"2" * 100})
    bad = {
        "flipped": good.replace(b"2" * 100, b"2" * 99 + b"3"),
        "cut": good[: len(good) // 2],
        "page": b"<html>The server has moved</html>",
        "empty": b"",
    }[damage]
    (tmp_path / "a.zip").write_bytes(bad)
    with pytest.raises(FetchError, match=r"a\.zip") as caught:
        unpack(tmp_path / "a.zip", tmp_path / "dest")
    assert "\n" not in str(caught.value)
    assert left(tmp_path) == ["a.zip"]


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip({"new.txt": b""}))
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest" / "old.txt").write_bytes(b"")
    with pytest.raises(FetchError, match="dest"):
        unpack(tmp_path / "a.zip", tmp_path / "dest")
    assert left(tmp_path / "dest") == ["old.txt"]


def test_no_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip({"big": b"0" * 3_000_000}))
    full = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr("rltrack.data.archives.shutil.disk_usage", lambda path: full)
    with pytest.raises(StopFetchError, match="1 MB free, and 3 MB are needed"):
        unpack(tmp_path / "a.zip", tmp_path / "dest")
    assert left(tmp_path) == ["a.zip"]


# --- VGG-M ----------------------------------------------------------------------------------


@pytest.fixture
def vggm(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The server has the weights, and converting copies them; the files converted so far."""
    converted: list[Path] = []

    def convert(mat: Path) -> Path:
        converted.append(mat)
        out = cache_dir() / "weights" / "vggm.safetensors"
        out.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(mat, out))

    blob = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    monkeypatch.setattr(fetching, "VGGM_GIT_BLOB", blob)
    monkeypatch.setattr("rltrack.data.fetch.convert_vggm", convert)
    site.put("/imagenet-vgg-m-conv1-3.mat", CONTENT)
    yield converted


def test_vggm_is_fetched_checked_and_converted(site: Site, vggm: list[Path]) -> None:
    out = fetch("vggm", base_url=f"{site.url}/")
    mat = cache_dir() / "weights" / "imagenet-vgg-m-conv1-3.mat"
    assert out == cache_dir() / "weights" / "vggm.safetensors"
    assert vggm == [mat] and mat.read_bytes() == CONTENT
    site.asked()
    out.write_bytes(b"damaged")
    fetch("vggm", base_url=f"{site.url}/")
    assert out.read_bytes() == CONTENT  # mended, and without the network
    assert site.asked() == []


def test_vggm_that_is_not_the_commit_s_is_refused(site: Site, vggm: list[Path]) -> None:
    site.put("/imagenet-vgg-m-conv1-3.mat", CONTENT + b"!")
    with pytest.raises(FetchError, match="git blob id"):
        fetch("vggm", base_url=f"{site.url}/")
    assert vggm == []
    assert left(cache_dir() / "weights") == []


def test_the_whole_model_put_there_by_hand_is_used(
    site: Site, vggm: list[Path], tmp_path: Path
) -> None:
    full = tmp_path / "mine" / "imagenet-vgg-m.mat"
    full.parent.mkdir()
    full.write_bytes(b"380 MB")
    out = fetch("vggm", full.parent, base_url=f"{site.url}/")
    assert vggm == [full] and out.read_bytes() == b"380 MB"
    assert site.asked() == []


def test_a_whole_model_that_cannot_be_used_is_named(
    site: Site, vggm: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(mat: Path) -> Path:
        raise InputError(f"{mat} is no MATLAB file")

    monkeypatch.setattr("rltrack.data.fetch.convert_vggm", refuse)
    (tmp_path / "imagenet-vgg-m.mat").write_bytes(b"half of it")
    with pytest.raises(FetchError, match=r"imagenet-vgg-m\.mat, put there by hand"):
        fetch("vggm", tmp_path, base_url=f"{site.url}/")


def test_the_published_place_of_vggm() -> None:
    commit = "07c0d063d01ef5f59d9371c6aba1f28f4c9a475b"
    assert fetching.VGGM_URL.startswith("https://raw.githubusercontent.com/hyseob/MDNet/")
    assert fetching.VGGM_URL.endswith(f"/{commit}/models/")
    assert re.fullmatch("[0-9a-f]{40}", fetching.VGGM_GIT_BLOB)


# --- OTB ------------------------------------------------------------------------------------

TWINS = tuple(
    Target(f"Twins-{n}", "Twins", 1, 3, frozenset(), f"groundtruth_rect.{n}.txt", 1) for n in (1, 2)
)
LATE = Target("Late", "Late", 6, 8, frozenset(), "groundtruth_rect.txt", 6)


def otb_zip(target: Target, frames: range, rows: int) -> bytes:
    top = target.folder
    members = {f"{top}/img/{number:04d}.jpg": b"frame" for number in frames}
    members |= {f"__MACOSX/{top}/img/._0001.jpg": b"", f"{top}/attributes.txt": b"IV"}
    for number in ("", ".1", ".2"):
        members[f"{top}/groundtruth_rect{number}.txt"] = b"1\t2\t3\t4\r\n" * rows
    return make_zip(members)


@pytest.fixture
def otb(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A benchmark of two folders with three targets, and a server that has them."""
    monkeypatch.setattr(fetching, "targets", lambda name: (*TWINS, LATE))
    site.put("/seq/Twins.zip", otb_zip(TWINS[0], range(1, 4), rows=3))
    site.put("/seq/Late.zip", otb_zip(LATE, range(1, 12), rows=3))
    return site


def test_otb_sequences_land_in_their_folders(otb: Site, tmp_path: Path) -> None:
    root = fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    assert root == tmp_path / "otb"
    assert sorted(path.name for path in root.iterdir()) == ["Late", "Twins", "received.json"]
    assert left(root / "Twins") == [
        "attributes.txt",
        "groundtruth_rect.1.txt",
        "groundtruth_rect.2.txt",
        "groundtruth_rect.txt",
        "img",
        "img/0001.jpg",
        "img/0002.jpg",
        "img/0003.jpg",
    ]
    assert json.loads((root / "received.json").read_text()) == {
        name: {
            "url": f"{otb.url}/seq/{name}.zip",
            "sha256": hashlib.sha256(otb.pages[f"/seq/{name}.zip"].body).hexdigest(),
            "bytes": len(otb.pages[f"/seq/{name}.zip"].body),
        }
        for name in ("Late", "Twins")
    }


def test_otb_is_not_fetched_twice(otb: Site, tmp_path: Path) -> None:
    fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    otb.asked()
    fetch("otb2013", tmp_path, base_url=f"{otb.url}/seq/")
    assert otb.asked() == []


@pytest.mark.parametrize(
    ("frames", "rows", "message"),
    [
        (range(1, 3), 3, "img holds 2 of the 3 frames 1-3 of Twins-1"),
        (range(1, 4), 2, r"groundtruth_rect\.1\.txt has 2 rows and should have 3"),
    ],
)
def test_otb_with_too_little_in_it_is_refused(
    otb: Site, tmp_path: Path, frames: range, rows: int, message: str
) -> None:
    good = otb.pages["/seq/Twins.zip"].body
    otb.put("/seq/Twins.zip", otb_zip(TWINS[0], frames, rows))
    with pytest.raises(FetchError, match=f"1 of 2 sequences .*Twins.*{message}.*by hand"):
        fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    root = tmp_path / "otb"
    assert sorted(path.name for path in root.iterdir()) == ["Late", "received.json"]
    assert list(json.loads((root / "received.json").read_text())) == ["Late"]
    otb.asked()
    otb.put("/seq/Twins.zip", good)
    fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    assert otb.asked() == ["/seq/Twins.zip"]  # only what was missing


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Page not found</html>", "is not a zip archive"),
        (make_zip({"Twins/img/0001.jpg": b"", "../../evil": b""}), "no name inside"),
        (make_zip({"Twins/0001.jpg": b""}), "0 of its folders hold an img folder"),
    ],
)
def test_otb_archives_that_are_none_leave_nothing(
    otb: Site, tmp_path: Path, body: bytes, message: str
) -> None:
    otb.put("/seq/Twins.zip", body)
    with pytest.raises(FetchError, match=message):
        fetch("otb2015", tmp_path / "data", base_url=f"{otb.url}/seq/")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    assert sorted(p.name for p in (tmp_path / "data/otb").iterdir()) == ["Late", "received.json"]


def test_an_archive_that_ended_too_early_is_not_kept(otb: Site, tmp_path: Path) -> None:
    page = otb.pages["/seq/Twins.zip"]
    page.says_length, page.etag, page.cuts = False, None, [len(page.body) - 10]
    with pytest.raises(FetchError, match=r"is not the file expected .*is not a zip archive"):
        fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    assert sorted(path.name for path in (tmp_path / "otb").iterdir()) == ["Late", "received.json"]


def test_an_archive_beyond_a_limit_is_bad_input(
    otb: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    otb.put("/seq/Twins.zip", make_zip({"a/" * 40: b""}))
    monkeypatch.setattr(fetching, "OTB_URL", f"{otb.url}/seq/")
    monkeypatch.setattr(fetching, "OTB_MIRROR_URL", f"{otb.url}/seq/")
    assert main(["fetch", "otb2015", "--dest", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "error: 1 of 2 sequences are still missing" in told
    assert "40 is above the limit folder_depth = 32" in told
    assert sorted(path.name for path in (tmp_path / "otb").iterdir()) == ["Late", "received.json"]


def test_the_hash_of_what_came_is_printed(
    otb: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fetching, "OTB_URL", f"{otb.url}/seq/")
    assert main(["fetch", "otb2015", "--dest", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'otb'}\n"
    bodies = {name: otb.pages[f"/seq/{name}.zip"].body for name in ("Twins", "Late")}
    assert told.err.splitlines() == [
        f"info: {name}.zip has {len(body)} bytes and the SHA-256 {hashlib.sha256(body).hexdigest()}"
        for name, body in bodies.items()
    ]


def test_one_missing_sequence_does_not_stop_the_others(otb: Site, tmp_path: Path) -> None:
    del otb.pages["/seq/Twins.zip"]
    with pytest.raises(FetchError) as caught:
        fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    message = str(caught.value)
    assert "1 of 2 sequences" in message and "(Twins)" in message
    assert f"open {otb.url}/seq/Twins.zip" in message
    assert f"save it as {tmp_path / 'otb' / 'Twins.zip'}" in message
    assert (tmp_path / "otb" / "Late").is_dir()


def test_what_the_message_says_to_do_by_hand_works(otb: Site, tmp_path: Path) -> None:
    body = otb.pages.pop("/seq/Twins.zip").body
    with pytest.raises(FetchError):
        fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    (tmp_path / "otb" / "Twins.zip").write_bytes(body)
    otb.asked()
    root = fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    assert otb.asked() == []
    record = json.loads((root / "received.json").read_text())["Twins"]
    assert record == {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}


def test_what_was_received_before_stays_on_record(otb: Site, tmp_path: Path) -> None:
    place = tmp_path / "otb"
    place.mkdir()
    (place / "received.json").write_text('\ufeff{"Mine": {"bytes": 3}}', encoding="utf-8")
    fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    assert sorted(json.loads((place / "received.json").read_text())) == ["Late", "Mine", "Twins"]
    shutil.rmtree(place / "Late")
    (place / "received.json").write_text("{damaged")
    fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    assert list(json.loads((place / "received.json").read_text())) == ["Late"]
    assert (place / "received.json.aside").read_text() == "{damaged"


def test_a_bad_archive_put_there_by_hand_is_fetched_instead(otb: Site, tmp_path: Path) -> None:
    (tmp_path / "otb").mkdir()
    (tmp_path / "otb" / "Twins.zip").write_bytes(b"half of it")
    root = fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    assert (root / "Twins" / "img").is_dir()


def test_a_folder_that_is_not_complete_is_left_to_its_owner(otb: Site, tmp_path: Path) -> None:
    mine = tmp_path / "otb" / "Twins" / "img"
    mine.mkdir(parents=True)
    (mine / "0001.jpg").write_bytes(b"mine")
    with pytest.raises(FetchError, match=r"Twins is there but not complete.*1 of the 3 frames"):
        fetch("otb2015", tmp_path, base_url=f"{otb.url}/seq/")
    assert (mine / "0001.jpg").read_bytes() == b"mine"


def test_the_mirror_is_asked_when_the_benchmark_s_server_has_nothing(
    otb: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "OTB_URL", f"{otb.url}/away/")
    monkeypatch.setattr(fetching, "OTB_MIRROR_URL", f"{otb.url}/seq/")
    fetch("otb2015", tmp_path)
    # And first for the sequence after.
    assert otb.asked() == ["/away/Twins.zip", "/seq/Twins.zip", "/seq/Late.zip"]


def test_when_no_server_answers_the_rest_is_not_tried(
    otb: Site, tmp_path: Path, pauses: list[float]
) -> None:
    with pytest.raises(StopFetchError) as caught:
        fetch("otb2015", tmp_path, base_url="http://127.0.0.1:9/seq/")
    url, file = "http://127.0.0.1:9/seq/Twins.zip", tmp_path / "otb" / "Twins.zip"
    assert str(caught.value).startswith(
        f"{url} could not be fetched in 6 tries: the connection failed, Connection refused; the "
        "same command tries again from the beginning; by hand: open "
    ) and str(file) in str(caught.value)
    assert len(pauses) == 5
    assert pauses == sorted(pauses)


# --- VOT ------------------------------------------------------------------------------------


@pytest.fixture
def vot(site: Site) -> Site:
    """A server with two sequences, laid out like VOT's."""
    listed = []
    for name, frames in (("bag", 3), ("ball1", 2)):
        annotations = make_zip({"groundtruth.txt": b"1,2,3,4,5,6,7,8\n" * frames, "occ.tag": b"0"})
        color = make_zip({f"{n + 1:08d}.jpg": b"frame" for n in range(frames)})
        site.put(f"/vot2016/main/{name}.zip", annotations)
        site.put(f"/sequences/{name}-uid.zip", color)
        listed.append(
            {
                "name": name,
                "fps": 30,
                "length": frames,
                "annotations": {
                    "url": f"{name}.zip",
                    "checksum": hashlib.sha1(annotations).hexdigest(),
                },
                "channels": {
                    "color": {
                        "url": f"../../sequences/{name}-uid.zip",
                        "pattern": "%08d.jpg",
                        "checksum": hashlib.sha1(color).hexdigest(),
                    }
                },
            }
        )
    site.put("/vot2016/main/description.json", json.dumps({"sequences": listed}).encode())
    return site


def relist(vot: Site, **changed: object) -> None:
    """Change the first sequence in the server's list."""
    page = vot.pages["/vot2016/main/description.json"]
    listing = json.loads(page.body)
    listing["sequences"][0].update(changed)
    page.body = json.dumps(listing).encode()


def test_vot_sequences_land_in_their_folders(vot: Site, tmp_path: Path) -> None:
    root = fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")
    assert root == tmp_path / "vot"
    assert sorted(path.name for path in root.iterdir()) == [
        "bag",
        "ball1",
        "received.json",
        "vot2016.json",
    ]
    assert left(root / "bag") == [
        "groundtruth.txt",
        "img",
        "img/00000001.jpg",
        "img/00000002.jpg",
        "img/00000003.jpg",
        "occ.tag",
    ]
    record = json.loads((root / "received.json").read_text())["bag"]["color"]
    body = vot.pages["/sequences/bag-uid.zip"].body
    assert record["sha256"] == hashlib.sha256(body).hexdigest()
    vot.asked()
    fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")
    assert vot.asked() == []


def test_vot_that_is_not_what_the_list_says_is_refused(vot: Site, tmp_path: Path) -> None:
    vot.pages["/sequences/bag-uid.zip"].body += b"!"
    with pytest.raises(FetchError, match=r"1 of 2 .*\(bag\).*SHA-1"):
        fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")
    assert not (tmp_path / "vot" / "bag").exists()
    assert (tmp_path / "vot" / "ball1").is_dir()


@pytest.mark.parametrize(
    "changed",
    [
        {"length": float("inf")},
        {"annotations": {"url": 5}},
        {"annotations": {"url": "http://[::1"}},
    ],
)
def test_a_list_with_odd_values_is_refused(
    vot: Site, tmp_path: Path, changed: dict[str, object]
) -> None:
    relist(vot, **changed)
    with pytest.raises(FetchError, match="not the list"):
        fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")


@pytest.mark.parametrize("kept", ["[" * 100_000, "[1, 2]", "7", "{"])
def test_a_damaged_record_is_written_anew(vot: Site, tmp_path: Path, kept: str) -> None:
    (tmp_path / "vot").mkdir()
    (tmp_path / "vot" / "received.json").write_text(kept)
    root = fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")
    record = json.loads((root / "received.json").read_text())
    assert list(record) == ["bag", "ball1", "vot2016.json"]
    body = vot.pages["/vot2016/main/description.json"].body
    assert record["vot2016.json"]["sha256"] == hashlib.sha256(body).hexdigest()


def test_vot_frames_and_rows_are_counted(vot: Site, tmp_path: Path) -> None:
    relist(vot, length=4)
    with pytest.raises(FetchError, match="3 frames, 3 rows of ground truth; the list says 4"):
        fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")
    assert not (tmp_path / "vot" / "bag").exists()


def test_vot_without_checksum_or_length_is_still_counted(vot: Site, tmp_path: Path) -> None:
    frames = make_zip({"color/00000001.jpg": b"", "color/00000003.jpg": b""})
    vot.put("/odd.zip", frames)
    relist(vot, length=None, channels={"color": {"url": "/odd.zip"}})
    with pytest.raises(FetchError, match="2 frames, 3 rows"):
        fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")


@pytest.mark.parametrize("name", ["../evil", "/evil", "", "a/b"])
def test_vot_names_are_not_trusted(vot: Site, tmp_path: Path, name: str) -> None:
    relist(vot, name=name)
    with pytest.raises(FetchError, match="not the list"):
        fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")
    assert left(tmp_path) == ["vot"]


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b'{"sequences": [{"name": "bag"}]}', b"\xff", b"[" * 100_000],
)
def test_a_list_that_is_none_is_not_kept(vot: Site, tmp_path: Path, body: bytes) -> None:
    good = vot.pages["/vot2016/main/description.json"].body
    vot.put("/vot2016/main/description.json", body)
    with pytest.raises(FetchError, match=r"description\.json is not the list"):
        fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/")
    vot.put("/vot2016/main/description.json", good)
    assert fetch("vot2016", tmp_path, base_url=f"{vot.url}/vot2016/main/").is_dir()


# --- Around it ------------------------------------------------------------------------------


def test_a_fetch_into_a_folder_where_another_is_at_work_is_bad_input(
    otb: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "otb"
    folder.mkdir()
    with alone(folder, "fetch"), pytest.raises(InputError, match="another `rltrack fetch`"):
        fetch("otb2013", tmp_path, base_url=f"{otb.url}/")
    assert left(folder) == []


def test_unknown_asset_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"'otb100'.*vggm, otb2013, otb2015, vot2016"):
        fetch("otb100")


def test_a_destination_that_is_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"downloads .* what should be its folder is a file"):
        fetch("otb2013", tmp_path / "file")


def test_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, otb: Site) -> None:
    assert cache_dir() == tmp_path / "cache"
    assert data_dir() == tmp_path / "cache" / "data"
    monkeypatch.setenv("RLTRACK_DATA", str(tmp_path / "mine"))
    assert data_dir() == tmp_path / "mine"
    assert fetch("otb2013", base_url=f"{otb.url}/seq/") == tmp_path / "mine" / "otb"
    monkeypatch.delenv("RLTRACK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "rltrack"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "home" / ".cache" / "rltrack"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_progress_bar_is_for_terminals(
    site: Site,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1" if terminal else "")
    site.put("/first", CONTENT)
    site.put("/second", CONTENT, says_length=False)
    with rich_progress() as progress:
        download(f"{site.url}/first", tmp_path / "first", progress=progress)
        download(f"{site.url}/second", tmp_path / "second", progress=progress)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("second" in shown.err) == terminal
    assert terminal or shown.err == ""


def test_a_long_download_has_lines_in_a_log(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "EVERY", 0)
    site.put("/first", CONTENT)
    with rich_progress() as progress:
        download(f"{site.url}/first", tmp_path / "first", progress=progress)
    size = decimal(len(CONTENT))
    assert f"first: {size} of {size}" in capsys.readouterr().err


SCRIPTS = Path(__file__).parents[1] / "data_scripts"


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("fetch_*.py")))
def test_scripts_take_a_destination_and_say_what_is_wrong(
    script: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(sys, "argv", [script, "--dest", str(tmp_path / "file")])
    monkeypatch.syspath_prepend(str(SCRIPTS))  # as the interpreter does for a script
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / script), run_name="__main__")
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ") and "the downloads" in told and "is a file" in told
    assert told.count("\n") == 1
