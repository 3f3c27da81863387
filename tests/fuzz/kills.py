"""Real kills: commands that are killed at random instants, and what they leave."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

from fuzz import samples

_START = """
import os, sys
from fuzz.surroundings import QUICK
from rltrack.cli.main import main
from rltrack.tracking import presets
presets._CHANGES["tiny"] = QUICK
if url := os.environ.get("FUZZ_URL"):
    from rltrack.data import fetch
    from rltrack.data.otb import Target
    fetch.targets = lambda name: (
        Target("Deer", "Deer", 1, 3, frozenset(), "groundtruth_rect.txt", 1),
    )
    fetch.OTB_URL = fetch.OTB_MIRROR_URL = url
sys.exit(main(sys.argv[1:]))
"""

_PATH = os.pathsep.join(map(os.path.abspath, sys.path))
"""As here; what is relative would not lead there from another folder."""

_LOADED = ("--backbone", "rendered")  # which is read, where `random` is computed for seconds
_FRAMES = 30


def killed(times: int, workers: int) -> int:
    """Kill each command so many times, print a table, and return how many faults there were."""
    commands = {"track": _track, "sweep": _sweep, "fetch": _fetch}
    with ThreadPoolExecutor(workers) as pool:
        runs = {name: pool.submit(_in_folder, run, times) for name, run in commands.items()}
        found = {name: run.result() for name, run in runs.items()}
    print("\n| killed | times | faults |\n|---|--:|--:|")
    for name, faults in found.items():
        print(f"| {name} | {times} | {len(faults)} |")
    for name, faults in found.items():
        for fault in faults:
            print(f"\n{name}: {fault}")
    return sum(map(len, found.values()))


def _in_folder(run: Callable[[Path, int], Iterator[str]], times: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        place = Path(folder)
        samples.write(place, samples.sequences())
        return list(run(place, times))


def _started(place: Path, arguments: list[str], **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _START, *arguments],
        cwd=place,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": _PATH, **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _whole(place: Path, arguments: list[str], **more: str) -> tuple[float, str]:
    """Run a command to its end; returns its seconds, and what is wrong with its end."""
    began = time.monotonic()
    run = _started(place, arguments, **more)
    error = run.communicate(timeout=300)[1].decode("utf-8", "replace")
    return time.monotonic() - began, f"status {run.returncode}: {error}" if run.returncode else ""


def _killed(place: Path, arguments: list[str], seconds: float, **more: str) -> None:
    run = _started(place, arguments, **more)
    time.sleep(seconds)
    run.kill()
    run.communicate()


def _track(place: Path, times: int) -> Iterator[str]:
    """Rows are a beginning of those of a whole run; a file with its final name is whole."""
    clip = place / "clip" / "img"
    samples.write(clip, {f"{i:03}.png": samples.image("plain.png") for i in range(_FRAMES)})

    def command(out: str) -> list[str]:
        outputs = ["--out", f"{out}/b.csv", "--video", f"{out}/v.mp4", "--json", f"{out}/s.json"]
        return ["track", "clip", "--box", samples.BOX, *samples.FAST, *_LOADED, *outputs]

    lasted, wrong = _whole(place, command("whole"))
    if wrong:
        yield wrong
        return
    expected = (place / "whole" / "b.csv").read_text()
    rng = Random(0)
    for number in range(times):
        out = place / f"out{number}"
        _killed(place, command(out.name), rng.uniform(0, 1.1 * lasted))
        whole = out / "b.csv"
        if whole.exists() and whole.read_text() != expected:
            yield f"kill {number}: b.csv is there and not whole"
        for part in out.glob("b.csv?*part*") if out.exists() else ():
            rows = part.read_text()
            if not expected.startswith(rows):
                yield f"kill {number}: {part.name} has other rows than a whole run"
        video = out / "v.mp4"
        if video.exists() and not _plays(video, _FRAMES):
            yield f"kill {number}: v.mp4 is there and not whole"
    _, wrong = _whole(place, command(f"out{times - 1}"))
    if wrong or (place / f"out{times - 1}" / "b.csv").read_text() != expected:
        yield f"the same command after a kill did not give the same: {wrong}"


def _plays(path: Path, frames: int) -> bool:
    import cv2

    video, count = cv2.VideoCapture(str(path)), 0
    while video.read()[0]:
        count += 1
    return count == frames


def _sweep(place: Path, times: int) -> Iterator[str]:
    """A result that is there stays as it is, and what is left is done by the same command."""

    def command(out: str) -> list[str]:
        return [*samples.SWEEP, *_LOADED, "--out", out, "--seeds", "4"]

    lasted, wrong = _whole(place, command("whole"))
    if wrong:
        yield wrong
        return
    expected = {file: _boxes(path) for file, path in _results(place / "whole").items()}
    rng, round_ = Random(1), 0
    before: dict[str, str] = {}
    for number in range(times):
        out = place / f"out{round_}"
        _killed(place, command(out.name), rng.uniform(0, 1.1 * lasted))
        now = {file: _digest(path) for file, path in _results(out).items()}
        if any(now.get(file) != was for file, was in before.items()):
            yield f"kill {number}: a finished result was lost or made again"
        for file, path in _results(out).items():
            if _boxes(path) != expected.get(file):
                yield f"kill {number}: {file} is not what a whole sweep gives"
        before = now
        if len(now) == len(expected):  # all is done: a new folder, so that there is work to kill
            round_, before = round_ + 1, {}
    _, wrong = _whole(place, command(f"out{round_}"))
    found = {file: _boxes(path) for file, path in _results(place / f"out{round_}").items()}
    if wrong or found != expected:
        yield f"the same command after the kills did not finish the sweep: {wrong}"


def _results(out: Path) -> dict[str, Path]:
    found = sorted(out.glob("*/*.json.gz"))
    return {str(path.relative_to(out)): path for path in found}


def _boxes(path: Path) -> object:
    from rltrack.evaluation.run_files import read_result

    return read_result(path)["boxes"]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fetch(place: Path, times: int) -> Iterator[str]:
    """A sequence is there whole or not at all, and a transfer goes on where it was stopped."""
    members = {
        name.removeprefix("data/otb/"): content
        for name, content in samples.sequences().items()
        if name.startswith("data/otb/Deer/")
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**members, "Deer/large": Random(2).randbytes(6_000_000)}.items():
            archive.writestr(name, content)
    rng, round_ = Random(2), 0
    with _slow_server(file.getvalue()) as url:

        def command(out: str) -> list[str]:
            return ["fetch", "otb2015", "--dest", out]

        lasted, wrong = _whole(place, command("whole"), FUZZ_URL=url)
        if wrong:
            yield wrong
            return
        for number in range(times):
            out = place / f"out{round_}"
            _killed(place, command(out.name), rng.uniform(0, 1.1 * lasted), FUZZ_URL=url)
            if (out / "otb" / "Deer").exists():
                if not _has(out / "otb", members):
                    yield f"kill {number}: the sequence is there and not whole"
                round_ += 1
        out = place / f"out{round_}"
        _, wrong = _whole(place, command(out.name), FUZZ_URL=url)
        if wrong or not _has(out / "otb", members):
            yield f"the same command after the kills did not finish: {wrong}"


def _has(folder: Path, members: dict[str, bytes]) -> bool:
    paths = {folder / name: content for name, content in members.items()}
    return all(path.is_file() and path.read_bytes() == was for path, was in paths.items())


@contextmanager
def _slow_server(content: bytes) -> Iterator[str]:
    """Serve one file at any address, in a second and a half, from where it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked[1]) if asked else 0
            self.send_response(206 if start else 200)
            if start:
                last = len(content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            for at in range(start, len(content), 100_000):
                try:
                    self.wfile.write(content[at : at + 100_000])
                except OSError:  # the command was killed
                    return
                time.sleep(0.025)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
