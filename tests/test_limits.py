"""Small files that claim to be large: they are refused by the name of the limit, and at once."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from rltrack.errors import InputError
from rltrack.limits import Limits
from rltrack.video.images import load_image, page_count, read_image
from rltrack.video.sources import open_source

SIDE = 30_000  # 900 million pixels


def refusal(source: Path, **limits: Any) -> str:
    with pytest.raises(InputError) as caught:
        open_source(source, limits=Limits(**limits))
    message = str(caught.value)
    assert str(source) in message
    assert "\n" not in message
    return message


def picture(width: int = 64, height: int = 48, seed: int = 0) -> PillowImage.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return PillowImage.fromarray(pixels)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def large(path: Path) -> Path:
    """Write a small picture whose header claims SIDE x SIDE pixels."""
    picture().save(path)
    data = bytearray(path.read_bytes())
    if path.suffix == ".jpg":
        start = data.index(b"\xff\xc0") + 5
        data[start : start + 4] = struct.pack(">HH", SIDE, SIDE)
    elif path.suffix == ".png":
        header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
        data[8:33] = chunk(b"IHDR", header)
    elif path.suffix == ".bmp":
        data[18:26] = struct.pack("<ii", SIDE, SIDE)
    elif path.suffix == ".tif":
        for tag in (256, 257):
            start = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
            data[start : start + 4] = struct.pack("<I", SIDE)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif"])
def test_a_picture_that_claims_many_pixels_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = large(tmp_path / f"1{suffix}")
    monkeypatch.setattr(cv2, "imdecode", lambda *given: pytest.fail("it was decoded"))
    assert "30000 x 30000 pixels: 900000000 is above the limit frame_pixels" in refusal(path)
    assert read_image(path) is None
    path.rename(tmp_path / "1.png")  # the content tells the format, not the name
    assert "the limit frame_pixels = 67108864" in refusal(tmp_path / "1.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
def test_the_limit_is_the_last_size_that_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"1{suffix}"
    picture(64, 48).save(path)
    assert load_image(path, Limits(frame_pixels=64 * 48)).shape == (48, 64, 3)
    assert open_source(path, limits=Limits(frame_pixels=64 * 48)).length == 1
    assert "3072 is above the limit frame_pixels = 3071" in refusal(path, frame_pixels=64 * 48 - 1)


def test_a_large_picture_within_a_folder_is_a_frame_that_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("1.jpg", "3.jpg"):
        picture().save(tmp_path / name)
    large(tmp_path / "2.jpg")
    assert [frame is None for frame in open_source(tmp_path)] == [False, True, False]
    assert "the limit frame_pixels" in caplog.text


def test_a_picture_of_many_bytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    picture().save(path)
    size = path.stat().st_size
    assert load_image(path, Limits(frame_bytes=size)).shape == (48, 64, 3)
    message = refusal(path, frame_bytes=size - 1)
    assert f"{size} is above the limit frame_bytes = {size - 1}" in message
    with path.open("ab") as file:
        file.truncate(2**40)  # which takes no room on the disk
    assert "the limit frame_bytes" in refusal(path)


def test_each_page_has_a_size_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    picture().save(path, save_all=True, append_images=[picture(640, 480), picture()])
    source = open_source(path, limits=Limits(frame_pixels=64 * 48))
    assert [frame is None for frame in source] == [False, True, False]


def test_pages_that_the_limits_allow_are_all_read(tmp_path: Path) -> None:
    """Pillow has a limit of its own, which is lower than what ours may be."""
    path, large = tmp_path / "stack.tif", PillowImage.new("1", (14_000, 14_000))
    large.save(path, save_all=True, append_images=[large], compression="group4")
    assert page_count(path, Limits(frame_pixels=2**28)) == 2


def animation(path: Path, claimed: int) -> Path:
    """Write an animated PNG of 3 pictures that claims to have more."""
    picture().save(path, save_all=True, append_images=[picture(seed=1), picture(seed=2)])
    data = path.read_bytes()
    start = data.index(b"acTL") - 4
    header = chunk(b"acTL", struct.pack(">II", claimed, 0))
    path.write_bytes(data[:start] + header + data[start + len(header) :])
    return path


def test_an_animation_that_claims_a_thousand_million_pictures(tmp_path: Path) -> None:
    message = refusal(animation(tmp_path / "1.png", 10**9))
    assert "1000000000 is above the limit animation_frames = 20000" in message


def test_an_animation_with_fewer_pictures_than_it_claims_just_ends(tmp_path: Path) -> None:
    source = open_source(animation(tmp_path / "1.png", 20_000))
    assert source.length == 20_000
    assert [frame is None for frame in source] == [False] * 3


@pytest.mark.parametrize("suffix", [".tif", ".webp", ".png"])
def test_as_many_pictures_as_the_limit_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"stack{suffix}"
    picture().save(path, save_all=True, append_images=[picture(seed=1), picture(seed=2)])
    assert open_source(path, limits=Limits(animation_frames=3)).length == 3
    assert "3 is above the limit animation_frames = 2" in refusal(path, animation_frames=2)


def test_the_pages_of_a_long_tiff_are_counted_only_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    picture(1, 1).save(path, save_all=True, append_images=[picture(1, 1)] * 20)
    assert "11 is above the limit animation_frames = 10" in refusal(path, animation_frames=10)


def write_video(path: Path) -> None:
    """Write a video of one frame of 64 x 48 pixels."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.asarray(picture()), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_video_that_claims_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path)
    assert open_source(path, limits=Limits(frame_pixels=64 * 48)).length == 1
    message = refusal(path, frame_pixels=64 * 48 - 1)
    assert "64 x 48 pixels: 3072 is above the limit frame_pixels = 3071" in message


@pytest.mark.parametrize("spare", [0, -1])
def test_a_video_has_no_more_frames_than_bytes(tmp_path: Path, spare: int) -> None:
    # As many rows as there are frames missing by the header are written.
    path = tmp_path / "clip.avi"
    write_video(path)
    data = bytearray(path.read_bytes())
    claimed = len(data) - spare
    start = data.index(b"vids") + 32  # dwLength of the stream
    data[start : start + 4] = struct.pack("<I", claimed)
    path.write_bytes(data)
    assert open_source(path).length == (None if spare else claimed)
