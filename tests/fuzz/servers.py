"""Servers that break off, lie about sizes and ranges, redirect in circles or answer nonsense."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from fuzz import samples
from fuzz.archives import archive, one_target
from fuzz.kind import Kind, Made
from fuzz.mutation import NAMES, NUMBERS, damaged, damaged_json
from rltrack.data.partial_file import PartialFile

_STATUSES = (200, 200, 200, 200, 206, 204, 301, 302, 304, 401, 404, 416, 429, 500, 503, 999)
_PLACES = (
    *("/", "http://[::1", "http://", "//", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://\0"),
    *("x" * 70_000, "?" * 5000, "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "é", "data:,x"),
)
_PAGE = b"<html><body>Please log in</body></html>"


class Servers(Kind):
    """``rltrack fetch`` from a server in this process, whose answers are made up as they come."""

    lines = 20  # one for each try

    def make(self, rng: Random, place: Path) -> Made:
        asset = rng.choice(("otb2015", "otb2015", "vot2016", "vggm"))
        if rng.random() < 0.3:  # what an earlier run left
            folder = "out/otb/Deer.zip" if asset == "otb2015" else "out/vot/vot2016.json"
            url = self._url + ("Deer.zip" if asset == "otb2015" else "description.json")
            note = {"url": url, "etag": '"1"', "modified": None, "size": 100_000}
            text = damaged_json(rng, note) if rng.random() < 0.7 else json.dumps(note)
            part = PartialFile(place / folder, url).path.relative_to(place)
            left = {str(part): b"x" * 100, f"{part}.json": text.encode("utf-8", "replace")}
            samples.write(place, left)
        return Made(["fetch", asset, "--dest", "out"], may_add=("out", "cache"))

    @contextmanager
    def around(self, rng: Random) -> Iterator[None]:
        from rltrack.data import fetch

        answers = Random(rng.random())
        names = ("OTB_URL", "OTB_MIRROR_URL", "VOT2016_URL", "VGGM_URL")
        kept = {name: getattr(fetch, name) for name in names}
        with one_target(), _served(answers) as self._url:
            for name in names:
                setattr(fetch, name, self._url)
            try:
                yield
            finally:
                for name, url in kept.items():
                    setattr(fetch, name, url)


@contextmanager
def _served(rng: Random) -> Iterator[str]:
    """Answer requests one after the other, until the context ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            caller, _ = listening.accept()
            with caller, suppress(OSError):
                caller.settimeout(5)
                if asked := caller.recv(65_536):
                    caller.sendall(_answer(rng, asked, address))

    with listening, ThreadPoolExecutor(1) as thread:
        serving = thread.submit(serve)
        try:
            yield address
        finally:
            over.set()
            socket.create_connection(listening.getsockname()).close()  # it waits for the next one
            serving.result()


def _answer(rng: Random, asked: bytes, address: str) -> bytes:
    body = archive(rng) if rng.random() < 0.5 else rng.choice((_PAGE, b"", rng.randbytes(1000)))
    if b"description.json" in asked and rng.random() < 0.8:
        body = damaged_json(rng, _listing()).encode("utf-8", "replace")
    if rng.random() < 0.05:
        return rng.choice((b"", b"\0" * 100, b"HTTP/9 x\r\n\r\n", body, b"HTTP/1.1 200 OK\r\n"))
    status = rng.choice(_STATUSES)
    headers = {"Content-Length": str(len(body)), "ETag": '"1"', "Connection": "close"}
    if status in (301, 302):
        headers["Location"] = rng.choice((*_PLACES, address, f"{address}{rng.random()}"))
    if status == 206:
        headers["Content-Range"] = f"bytes 100-{99 + len(body)}/{100 + len(body)}"
    odd = {
        "Content-Length": rng.choice(NUMBERS),
        "Content-Range": f"bytes {rng.choice(NUMBERS)}-9/{rng.choice(NUMBERS)}",
        "Content-Encoding": rng.choice(("gzip", "deflate", "x", "identity")),
        "Transfer-Encoding": "chunked",
        "ETag": rng.choice(NAMES),
        "Last-Modified": rng.choice(NAMES),
        "Retry-After": rng.choice(NUMBERS),
        "Set-Cookie": rng.choice(NAMES),
        "X-Long": "x" * 70_000,
    }
    for name in rng.sample(list(odd), rng.choice((0, 0, 1, 2))):
        headers[name] = odd[name]
    lines = [f"HTTP/1.1 {status} {rng.choice(('OK', '', *NAMES))}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"
    if rng.random() < 0.2:
        body = body[: rng.randrange(len(body) + 1)]
    return head + body if rng.random() < 0.95 else damaged(rng, head + body)


def _listing() -> dict[str, object]:
    """A list of sequences as the VOT server's."""
    entry = {"url": "a.zip", "checksum": "0" * 40}
    sequence = {"name": "bag", "length": 3, "annotations": entry, "channels": {"color": entry}}
    return {"sequences": [sequence]}
