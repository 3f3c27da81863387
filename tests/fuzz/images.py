"""Images: single files and folders of frames, damaged or with lies in their headers."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from random import Random

from fuzz import samples
from fuzz.kind import Kind, Made
from fuzz.mutation import damaged

_SIZES = (0, 1, 2, 255, 4096, 20_000, 30_000, 65_535, 65_536, 10**6, 10**9, 2**31 - 1, 2**32 - 1)


class Images(Kind):
    """``rltrack track`` on an image, or on a folder with a damaged one."""

    def make(self, rng: Random, place: Path) -> Made:
        form = rng.choice(samples.IMAGE_FORMS)
        content = _lying(rng, samples.image(form)) if rng.random() < 0.5 else samples.image(form)
        content = content if rng.random() < 0.3 else damaged(rng, content)
        suffix = form[form.index(".") :]
        if rng.random() < 0.6:
            source = name = f"clip{suffix}"
        else:
            samples.write(place, {f"clip/img/{i}.png": samples.image("plain.png") for i in (1, 2)})
            source, name = "clip", f"clip/img/{rng.choice((0, 3))}{suffix}"
        samples.write(place, {name: content})
        arguments = ["track", source, "--box", samples.BOX, *samples.FAST, "--out", "out/b.csv"]
        if rng.random() < 0.03:
            arguments += ["--video", "out/v.mp4"]
        return Made(arguments)


def _lying(rng: Random, content: bytes) -> bytes:
    """Say another size or number of pictures in the header, with a checksum that fits."""
    if content.startswith(b"\x89PNG"):
        return _lying_png(rng, content)
    if content.startswith(b"\xff\xd8"):
        return _lying_jpeg(rng, content)
    if content.startswith(b"BM"):
        sides = struct.pack("<ii", *(min(rng.choice(_SIZES), 2**31 - 1) for _ in "wh"))
        return content[:18] + sides + content[26:]
    if content[:2] in (b"II", b"MM"):
        return _lying_tiff(rng, content)
    return damaged(rng, content)


def _lying_png(rng: Random, content: bytes) -> bytes:
    chunks, at = [], 8
    while at + 8 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    chosen = rng.randrange(len(chunks))
    if rng.random() < 0.7:
        chosen = next((i for i, (kind, _) in enumerate(chunks) if kind == b"acTL"), 0)
    kind, data = chunks[chosen]
    if kind == b"acTL":
        data = struct.pack(">I", rng.choice(_SIZES)) + data[4:]
    elif kind == b"IHDR" and rng.random() < 0.7:
        data = struct.pack(">II", rng.choice(_SIZES), rng.choice(_SIZES)) + data[8:]
    else:
        data = damaged(rng, data)
    chunks[chosen] = kind, data
    if rng.random() < 0.1:
        chunks.insert(1, (b"zTXt", b"x\0\0" + zlib.compress(bytes(10**7))))
    written = [content[:8]]
    for kind, data in chunks:
        check = struct.pack(">I", zlib.crc32(kind + data))
        written.append(struct.pack(">I", len(data)) + kind + data + check)
    return b"".join(written)


def _lying_jpeg(rng: Random, content: bytes) -> bytes:
    at = max(content.find(b"\xff\xc0"), 0) + 5
    sides = struct.pack(">HH", *(min(rng.choice(_SIZES), 65_535) for _ in "hw"))
    return content[:at] + sides + content[at + 4 :]


def _lying_tiff(rng: Random, content: bytes) -> bytes:
    order = "<" if content[:2] == b"II" else ">"
    (at,) = struct.unpack(order + "I", content[4:8])
    (count,) = struct.unpack(order + "H", content[at : at + 2])
    entry = at + 2 + 12 * rng.randrange(count)
    value = struct.pack(order + "HII", 4, 1, rng.choice(_SIZES))
    return content[: entry + 2] + value + content[entry + 12 :]
