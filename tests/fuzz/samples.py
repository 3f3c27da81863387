"""Small, whole files of every form that the command line reads. Inputs are damaged copies."""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TARGETS = ("Deer", "Couple")
FRAMES = 3
BOX = "20,12,16,14"
ROWS = [[21 + i, 13, 16, 14] for i in range(FRAMES)]
FAST = ("--preset", "tiny", "--backbone", "random", "--attention-weight", "0")


def write(place: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder."""
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@cache
def pictures() -> tuple[NDArray[np.uint8], ...]:
    """A patch that moves a pixel a frame over smooth ground, (48, 64, 3)."""
    across = np.linspace(40, 200, 64)[None, :, None] + np.array([0, 20, 40])
    ground = np.broadcast_to(across, (48, 64, 3)).astype(np.uint8)
    frames = []
    for i in range(FRAMES):
        frame = ground.copy()
        frame[12:26, 20 + i : 36 + i] = 250, 20, 60
        frames.append(frame)
    return tuple(frames)


@cache
def image(form: str) -> bytes:
    """An image file in one of `IMAGE_FORMS`."""
    from PIL import Image

    frames = [Image.fromarray(picture) for picture in pictures()]
    kind, suffix = form.split(".")
    several: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    more = several if kind == "several" else {}
    first = frames[0]
    if kind == "grey":
        first = first.convert("L")
    elif kind == "palette":
        first = first.convert("P")
    elif kind == "deep":
        first = Image.fromarray(np.asarray(first.convert("L")).astype(np.uint16) * 257)
    elif kind == "clear":
        first = first.convert("RGBA")
    elif kind == "turned":
        tags = Image.Exif()
        tags[0x0112] = 6
        more = {"exif": tags}
    file = io.BytesIO()
    first.save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()), **more)
    return file.getvalue()


IMAGE_FORMS = (
    *("plain.png", "grey.png", "palette.png", "deep.png", "clear.png", "several.png"),
    *("plain.jpg", "grey.jpg", "turned.jpg", "plain.bmp", "palette.bmp"),
    *("plain.tif", "deep.tif", "several.tif", "plain.webp", "clear.webp", "several.webp"),
)


@cache
def video(form: str) -> bytes:
    """A video of twelve frames in one of `VIDEO_FORMS`: its codec, and its container's suffix."""
    import av

    codec, suffix = form.split(".")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"v.{suffix}")
        with av.open(str(path), "w", format=_CONTAINERS.get(suffix)) as container:
            stream: Any = container.add_stream(codec, rate=10)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = _PIXELS.get(codec, "yuv420p")
            for picture in pictures() * 4:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path.read_bytes()


_CONTAINERS = {"mkv": "matroska", "ts": "mpegts", "y4m": "yuv4mpegpipe"}
_PIXELS = {"mjpeg": "yuvj420p", "gif": "rgb8"}
VIDEO_FORMS = (
    *("mpeg4.mp4", "mpeg4.avi", "mpeg4.mkv", "mjpeg.avi", "mjpeg.mov", "mpeg2video.ts"),
    *("rawvideo.y4m", "wrapped_avframe.y4m", "gif.gif", "libx264.mp4", "libvpx.webm"),
)


@cache
def usable_video_forms() -> tuple[str, ...]:
    """Those that this PyAV can write."""
    found = []
    for form in VIDEO_FORMS:
        try:
            video(form)
        except Exception:
            continue
        found.append(form)
    return tuple(found)


def sequences() -> dict[str, bytes]:
    """Sequences of OTB's names below ``data/otb``."""
    truth = "".join(",".join(map(str, row)) + "\n" for row in ROWS).encode()
    files = {}
    for target in TARGETS:
        files[f"data/otb/{target}/groundtruth_rect.txt"] = truth
        for i in range(FRAMES):
            files[f"data/otb/{target}/img/{i + 1:04}.png"] = _frame(i)
    return files


@cache
def _frame(index: int) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", pictures()[index][..., ::-1])[1])


TRUTH = {target: ROWS for target in TARGETS}


def results() -> dict[str, bytes]:
    """One tracker's boxes in each form in which they may be given."""
    from scipy.io import savemat

    rows = "".join(",".join(map(str, row)) + "\n" for row in ROWS)
    files = {
        "Mine.json": json.dumps(TRUTH).encode(),
        "Mine.json.gz": gzip.compress(json.dumps(TRUTH).encode()),
        "Deer_Mine.txt": rows.encode(),
        "Deer_Mine.csv": ("x,y,w,h\n" + rows).encode(),
    }
    for name, content in (
        ("Deer_Mine.mat", {"results": {"res": np.array(ROWS, float), "type": "rect"}}),
        ("Couple_Mine.mat", {"result": np.array(ROWS, float)}),
    ):
        file = io.BytesIO()
        savemat(file, content)
        files[name] = file.getvalue()
    return files


@cache
def jobs() -> dict[str, bytes]:
    """The files of a sweep of two trackers, below ``sweep``, as a sweep writes them."""
    from fuzz.surroundings import StillTracker
    from rltrack.benchmarks.jobs import grid, run_job, targets_of
    from rltrack.tracking.presets import preset

    trackers = [(preset("tiny", attention_weight=weight), "random") for weight in (0.0, 1.0)]
    with tempfile.TemporaryDirectory() as folder, StillTracker():
        place = Path(folder)
        write(place, sequences())
        found = {}
        for job in grid(trackers, targets_of(",".join(TARGETS)), range(1)):
            file = run_job(job, data=place / "data", out=place / "sweep", device="cpu")
            assert file is not None
            found[str(file.relative_to(place))] = file.read_bytes()
    return found


SWEEP = (
    *("sweep", "--dataset", ",".join(TARGETS), "--data", "data", "--out", "sweep"),
    *("--preset", "tiny", "--backbone", "random", "--attention-weight", "0,1"),
)
"""The command whose results `jobs` are."""


def runs() -> list[dict[str, Any]]:
    """The results of these jobs."""
    return [json.loads(gzip.decompress(content)) for content in jobs().values()]


@cache
def kept() -> bytes:
    """These results in one file, as ``rltrack report --keep`` writes it."""
    from rltrack.evaluation.run_files import keep

    with tempfile.TemporaryDirectory() as folder:
        keep(runs(), Path(folder, "runs.json.gz"))
        return Path(folder, "runs.json.gz").read_bytes()


def packed(text: str) -> bytes:
    """Compress a text as a kept file is."""
    return gzip.compress(text.encode("utf-8", "surrogatepass"), compresslevel=1, mtime=0)


@cache
def weights() -> bytes:
    """A file of weights for VGG-M's layers, with its card and digest."""
    from rltrack.backbones.cards import Card
    from rltrack.backbones.filter_banks import random_bank
    from rltrack.backbones.weights import save_backbone

    with tempfile.TemporaryDirectory() as folder:
        path = save_backbone(random_bank(), Path(folder, "w.safetensors"), Card("w", "x", "y"))
        return path.read_bytes()


def names(items: Iterable[str]) -> list[str]:
    """Those names that this system can give a file, without a folder."""
    kept = []
    for item in items:
        try:
            encoded = os.fsencode(item)
        except UnicodeEncodeError:
            continue
        if 0 < len(encoded) < 200 and not set(item) & set("/\0") and item not in (".", ".."):
            kept.append(item)
    return kept
