from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from rltrack.errors import InputError
from rltrack.files import WriteError
from rltrack.outputs import inputs_of
from rltrack.tracking.rgb import to_rgb8
from rltrack.video import decoding, writer
from rltrack.video.clock import Clock, Timeline
from rltrack.video.images import read_image
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.writer import VideoWriter

Image = NDArray[np.uint8]

RED, GREEN, BLUE = (200, 30, 40), (20, 180, 60), (30, 50, 190)


def plain(color: tuple[int, ...], width: int = 64, height: int = 48) -> Image:
    return np.full((height, width, 3), color, np.uint8)


def noise(seed: int = 0, width: int = 64, height: int = 48) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, image: NDArray[Any]) -> Path:
    """Write an array through another library than the one that reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(image).save(path)
    return path


def clip(path: Path, frames: int = 12, **kwargs: Any) -> Path:
    """A video of noise, which does not compress: every frame takes its share of the file."""
    with VideoWriter(path, **kwargs) as writer:
        for index in range(frames):
            writer.write(noise(index))
    return path


def encoded(path: Path, codec: str, pixels: str, images: list[Image], **options: str) -> Path:
    """A video of images; the test is skipped if this PyAV cannot write it."""
    try:
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=25, options=options)
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = pixels
            for image in images:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except (ValueError, av.FFmpegError) as error:
        pytest.skip(f"this PyAV cannot write it: {error}")
    return path


def decoded(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames]


def refusal(source: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        open_source(source, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


# read_image


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".jpg"])
def test_colours_are_read_in_the_order_red_green_blue(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"é {suffix}"
    PillowImage.fromarray(plain(RED)).save(path, lossless=True)  # which only WebP heeds
    image = read_image(path)
    assert image is not None
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    tolerance = 3 if suffix == ".jpg" else 0
    np.testing.assert_allclose(image.astype(int), plain(RED), atol=tolerance)


def test_grey_alpha_and_sixteen_bit_files(tmp_path: Path) -> None:
    rgb = noise()
    grey = rgb[..., 0]
    np.testing.assert_array_equal(read_image(save(tmp_path / "l.png", grey)), to_rgb8(grey))
    rgba = np.dstack([rgb, grey])
    np.testing.assert_array_equal(read_image(save(tmp_path / "rgba.png", rgba)), rgb)
    deep = grey.astype(np.uint16) * 256 + 77
    np.testing.assert_array_equal(read_image(save(tmp_path / "16.png", deep)), to_rgb8(grey))
    for suffix in (".png", ".tif"):
        path = tmp_path / f"rgb16{suffix}"
        assert cv2.imwrite(str(path), rgb[..., ::-1].astype(np.uint16) * 256 + 77)
        np.testing.assert_array_equal(read_image(path), rgb)


def test_the_orientation_tag_is_obeyed(tmp_path: Path) -> None:
    image = plain(BLUE, 64, 32)
    image[:, :32] = RED
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # the stored top is the picture's right side
    PillowImage.fromarray(image).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    turned = read_image(tmp_path / "turned.jpg")
    assert turned is not None
    assert turned.shape == (64, 32, 3)
    np.testing.assert_allclose(turned[8, 16].astype(int), RED, atol=6)
    np.testing.assert_allclose(turned[-8, 16].astype(int), BLUE, atol=6)


def test_files_that_are_no_image(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("not an image\n" * 50)
    whole = save(tmp_path / "whole.png", noise()).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(tmp_path / "float.tif"), np.ones((4, 5, 3), np.float32))
    (tmp_path / "folder.png").mkdir()
    names = ("empty.png", "text.jpg", "half.png", "float.tif", "folder.png", "absent.png")
    for name in names:
        assert read_image(tmp_path / name) is None


# open_source: folders


def test_a_folder_of_frames(tmp_path: Path) -> None:
    for index in (1, 2, 10):
        save(tmp_path / f"{index}.png", plain((index, 0, 0)))
    source = open_source(tmp_path)
    assert isinstance(source, FrameSource)
    assert (source.name, source.length, source.fps) == (tmp_path.name, 3, None)
    assert source.ground_truth is None
    for _ in range(2):  # it starts anew
        reds = [int(frame[0, 0, 0]) for frame in source if frame is not None]
        assert reds == [1, 2, 10]


def test_a_sequence_folder_brings_its_ground_truth(tmp_path: Path) -> None:
    for index in range(1, 4):
        save(tmp_path / "img" / f"{index:04}.jpg", noise(index))
    (tmp_path / "groundtruth_rect.txt").write_text("3\t4\t20\t10\n\n5\t6\t20\t10\n")
    source = open_source(str(tmp_path))
    np.testing.assert_array_equal(
        source.ground_truth, [[2, 3, 20, 10], [np.nan] * 4, [4, 5, 20, 10]]
    )
    assert len(list(source)) == 3
    (tmp_path / "groundtruth_rect.2.txt").write_text("30,4,20,10\n")
    second = open_source(tmp_path, target=2).ground_truth
    assert second is not None
    assert second[0].tolist() == [29, 3, 20, 10]
    (tmp_path / "groundtruth_rect.txt").write_text("3,4,20\n")
    unusable = open_source(tmp_path)
    assert unusable.ground_truth is None
    assert "groundtruth_rect.txt, line 1" in unusable.sequence.problem  # type: ignore[attr-defined]


def test_a_broken_frame_in_the_middle_is_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for index in range(5):
        save(tmp_path / f"{index}.png", noise(index))
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    (tmp_path / "3.png").write_bytes(b"")
    source = open_source(tmp_path)
    assert source.length == 5
    with caplog.at_level(logging.WARNING):
        assert [frame is None for frame in source] == [False, False, True, True, False]
    assert len(caplog.records) == 2
    assert "2.png" in caplog.text


def test_frames_that_vanish_are_none(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / f"{index}.png", noise(index))
    source = open_source(tmp_path)
    (tmp_path / "1.png").unlink()
    assert [frame is None for frame in source] == [False, True, False]


def test_frames_of_changing_form(tmp_path: Path) -> None:
    save(tmp_path / "1.png", noise(1, 64, 48))
    save(tmp_path / "2.png", noise(2, 30, 50)[..., 0])
    save(tmp_path / "3.png", np.dstack([noise(3, 20, 20)] * 2)[..., :4])
    save(tmp_path / "4.png", noise(4, 10, 8)[..., 0].astype(np.uint16))
    frames = [frame for frame in open_source(tmp_path) if frame is not None]
    assert [frame.shape for frame in frames] == [(48, 64, 3), (50, 30, 3), (20, 20, 3), (8, 10, 3)]
    assert {frame.dtype for frame in frames} == {np.dtype(np.uint8)}


def test_a_single_image_is_a_source_of_one_frame(tmp_path: Path) -> None:
    for index in range(3):  # OpenCV would take the first for a pattern and read all three
        save(tmp_path / f"{index:04}.jpg", noise(index))
    source = open_source(tmp_path / "0000.jpg")
    assert (source.length, len(list(source))) == (1, 1)


@pytest.mark.parametrize("suffix", [".tif", ".webp", ".png"])
def test_every_page_of_an_image_is_a_frame(tmp_path: Path, suffix: str) -> None:
    images = [noise(index) for index in range(5)]
    first, *rest = [PillowImage.fromarray(image) for image in images]
    path = tmp_path / f"stack{suffix}"
    first.save(path, save_all=True, append_images=rest, lossless=True)  # which only WebP heeds
    source = open_source(path)
    assert (source.name, source.length) == ("stack", 5)
    for _ in range(2):  # it starts anew
        np.testing.assert_array_equal(list(source), images)


def test_the_pages_of_a_tiff_are_read_as_its_first_is(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    deep = [noise(index)[..., 0].astype(np.uint16) * 256 + 77 for index in range(2)]
    first, second = [PillowImage.fromarray(image) for image in deep]
    turned = {0x0112: 6}  # the stored top is the picture's right side
    first.save(path, save_all=True, append_images=[second], tiffinfo=turned)
    frames = list(open_source(path))
    for frame, stored in zip(frames, deep, strict=True):
        np.testing.assert_array_equal(frame, np.rot90(to_rgb8(stored), -1))
    np.testing.assert_array_equal(frames[0], read_image(path))


def test_a_broken_page_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "stack.tif"
    first, *rest = [PillowImage.fromarray(noise(index)) for index in range(3)]
    first.save(path, save_all=True, append_images=rest, compression="tiff_deflate")
    with PillowImage.open(path) as pages:
        pages.seek(1)
        (start,) = pages.tag_v2[273]  # StripOffsets
    data = bytearray(path.read_bytes())
    data[start : start + 1000] = bytes(1000)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert [frame is None for frame in open_source(path)] == [False, True, False]
    assert "page 2 of" in caplog.text


@pytest.mark.parametrize("kind", [np.float32, np.int32])
@pytest.mark.parametrize("pages", [1, 2])
def test_an_image_of_other_numbers_says_so(tmp_path: Path, kind: Any, pages: int) -> None:
    path = tmp_path / "image.tif"
    image = PillowImage.fromarray(np.ones((4, 5), kind))
    image.save(path, save_all=True, append_images=[image] * (pages - 1))
    message = refusal(path)
    assert str(path) in message
    assert f"values of type {np.dtype(kind)}" in message


# open_source: videos


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mkv"])
def test_a_video_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    with VideoWriter(path, 12.5) as writer:
        for color in (RED, GREEN, BLUE):
            writer.write(plain(color))
    source = open_source(path)
    assert source.name == "clip"
    assert source.fps == pytest.approx(12.5)
    assert source.length == 3
    assert source.ground_truth is None
    for _ in range(2):
        frames = list(source)
        assert len(frames) == 3
        for frame, color in zip(frames, (RED, GREEN, BLUE), strict=True):
            assert frame is not None
            assert frame.shape == (48, 64, 3)
            assert frame.dtype == np.uint8
            assert frame.flags.c_contiguous
            np.testing.assert_allclose(frame.mean(axis=(0, 1)), color, atol=6)


def test_a_raw_video_whose_bytes_are_all_text(tmp_path: Path) -> None:
    path = tmp_path / "clip.y4m"
    head = b"YUV4MPEG2 W16 H8 F25:1 Ip A1:1 C420mpeg2\n"
    path.write_bytes(head + (b"FRAME\n" + b"\x80" * (16 * 8 * 3 // 2)) * 30)
    frames = list(open_source(path))
    assert len(frames) == 30
    assert frames[0] is not None
    np.testing.assert_allclose(frames[0].astype(int), 130, atol=2)  # (128 - 16) * 255 / 219


def test_a_video_that_ends_early_just_ends(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", frames=20)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    source = open_source(path)
    assert source.length == 20
    frames = list(source)
    assert 5 < len(frames) < 20
    assert frames[0] is not None
    assert source.length == 20


def test_a_video_broken_in_the_middle_goes_on(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", frames=20)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(data)
    frames = list(open_source(path))
    assert len(frames) == 20
    assert 0 < sum(frame is None for frame in frames) < 6
    assert frames[-1] is not None


def brightening(path: Path, times: list[int], broken: int | None = None) -> Path:
    """A video with a keyframe every 12 frames; a frame is at its time (ms), `index * 4` bright.

    The packet `broken`, in the order in which they are stored, becomes noise.
    """
    texture = noise().astype(int) // 4
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "12", "sc_threshold": "0"})
        stream.height, stream.width = texture.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, time in enumerate(times):
            image = (texture + index * 4).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if broken is not None:
        with av.open(str(path)) as container:
            packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
        position, size = packets[broken]
        data = bytearray(path.read_bytes())
        data[position : position + size] = np.random.default_rng(0).bytes(size)
        path.write_bytes(data)
    return path


def indices(frames: list[Image | None]) -> list[int | None]:
    """Which frame of a `brightening` video each is."""
    black = (noise().astype(int) // 4).mean()
    return [None if frame is None else round((frame.mean() - black) / 4) for frame in frames]


def test_frames_keep_their_numbers_after_a_broken_keyframe(tmp_path: Path) -> None:
    source = open_source(brightening(tmp_path / "clip.mp4", list(range(0, 1440, 40)), broken=12))
    found = indices(list(source))
    assert len(found) == 36
    assert (found[:11], found[24:]) == (list(range(11)), list(range(24, 36)))
    assert found[12:21] == [None] * 9  # the others there lack what they are predicted from


def test_a_video_broken_near_its_start_is_read(tmp_path: Path) -> None:
    # The decoder holds frames back to sort them: it fails before it has given the first.
    source = open_source(brightening(tmp_path / "clip.mp4", list(range(0, 1440, 40)), broken=1))
    found = indices(list(source))
    assert len(found) == 36
    assert (found[0], found[12:]) == (0, list(range(12, 36)))


def test_damaged_pictures_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = brightening(tmp_path / "clip.mp4", list(range(0, 1440, 40)))
    with av.open(str(path)) as container:
        keys = [(p.pos, p.size) for p in container.demux(video=0) if p.is_keyframe]
    data = bytearray(path.read_bytes())
    for position, size in keys[1:]:  # both can still be decoded in part
        assert position is not None
        data[position + size // 3] ^= 0xFF
    assert len(list(open_source(path))) == 36 and caplog.text == ""
    path.write_bytes(data)
    found = list(open_source(path))
    assert len(found) == 36 and None not in indices(found)
    assert "clip.mp4 is damaged: the decoder guesses parts of the picture at 0.48 s" in caplog.text
    assert "2 pictures of" in caplog.text


def test_a_video_begins_with_the_first_frame_there_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = open_source(brightening(tmp_path / "clip.mp4", list(range(0, 1440, 40)), broken=0))
    with caplog.at_level(logging.WARNING):
        found = indices(list(source))
    assert found == list(range(12, 36))
    assert "clip.mp4 cannot be read, 12 are left out" in caplog.text


def test_the_pauses_of_a_variable_frame_rate_are_no_frames(tmp_path: Path) -> None:
    times = [0, 40, 80, 120, 1120, 1160, 1200, 3200, 3240, 3280]
    source = open_source(brightening(tmp_path / "clip.mkv", times))
    assert source.length is not None
    assert source.length > 10  # which Matroska estimates from the duration
    assert indices(list(source)) == list(range(10))
    assert source.length == 10


@pytest.mark.parametrize(
    ("steps", "missing"),
    [
        # One step is (timestamp in frames, failures before it); there are 40 frames.
        pytest.param([(0, 0), (1, 0), (2, 1), (3, 0)], [0, 0, 0, 0], id="delayed"),
        pytest.param([(0, 0), (1, 1), (5, 0), (6, 0)], [0, 0, 3, 0], id="more than failures"),
        pytest.param([(3, 1), (4, 0)], [3, 0], id="at the start"),
        pytest.param([(0, 0), (1, 1), (9, 0), (2, 0), (10, 0)], [0, 0, 7, -1, 0], id="late"),
        pytest.param([(0, 0), (5, 0), (6, 2), (9, 0)], [0, 0, 2, 0], id="pauses before"),
        pytest.param([(0, 1), (1.4, 0), (2, 2), (9, 0)], [0, 0, 2, 0], id="uneven"),
        pytest.param([(0, 1), (9e6, 0), (1, 2), (2, 0)], [0, 0, 2, 0], id="beyond the end"),
        pytest.param([(0, 0), (0, 0), (0, 1), (0, 3)], [0, 0, 1, 3], id="no clock"),
        pytest.param([(np.nan, 0), (np.nan, 2), (5, 1)], [0, 2, 1], id="no timestamps"),
    ],
)
def test_missing_frames_by_the_clock(steps: list[tuple[float, int]], missing: list[int]) -> None:
    clock = Clock(fps=25.0, length=40)
    assert [clock.missing(place / 25, failures) for place, failures in steps] == missing
    without = Clock()
    assert [without.missing(place / 25, failures) for place, failures in steps] == [
        failures for _, failures in steps
    ]


def test_times_in_whole_milliseconds_are_regular() -> None:
    clock = Clock(fps=60.0, length=1000)
    times = [round(place / 60, 3) for place in (*range(10), 14, *range(15, 30))]
    found = [clock.missing(time, int(place == 9)) for place, time in enumerate(times)]
    assert found == [0] * 10 + [4] + [0] * 15


def test_frames_are_shown_one_after_the_other() -> None:
    line = Timeline(10.0)
    stored = [0.0, 0.1, 0.35, math.nan, 0.6, 0.2, 0.3, 0.3]  # 0.2: a recording joined to another
    assert [line.shown(time) for time in stored] == pytest.approx(
        [0.0, 0.1, 0.35, 0.45, 0.6, 0.7, 0.8, 0.9]
    )
    assert line.shown(math.nan, missing=2) == pytest.approx(1.2)


class Camera:
    """Stands for cv2.VideoCapture: gives the frames that it was made with.

    None is a frame that is there and cannot be converted: its buffer holds an older one.
    """

    def __init__(self, frames: list[Any], fps: float = 30.0) -> None:
        self.frames, self.fps = iter(frames), fps
        self.current: Any = None

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FPS: self.fps}.get(what, -1.0)

    def set(self, what: int, value: float) -> bool:
        return False

    def grab(self) -> bool:
        try:
            self.current = next(self.frames)
        except StopIteration:
            return False
        return True

    def retrieve(self) -> tuple[bool, Image | None]:
        return self.current is not None, plain(RED) if self.current is None else self.current


def test_a_frame_that_cannot_be_converted_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "clip.mp4", frames=4)
    converter, count = decoding.VideoReformatter(), 0

    class Refusing:
        def reformat(self, frame: av.VideoFrame, **settings: Any) -> av.VideoFrame:
            nonlocal count
            count += 1
            if count == 3:
                raise ValueError
            return converter.reformat(frame, **settings)

    monkeypatch.setattr(decoding, "VideoReformatter", Refusing)
    source = open_source(path)
    count = 0
    assert [frame is None for frame in source] == [False, False, True, False]


def test_a_video_without_a_decoder_says_how_to_convert_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    encoded(path, "mpeg4", "yuv420p", [noise()] * 3)
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"XYZW"))
    message = refusal(path)
    assert str(path) in message
    assert "no decoder for its codec; convert it: ffmpeg" in message


def test_a_video_of_which_no_frame_can_be_decoded_says_its_codec(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encoded(path, "libx264", "yuv420p", [noise()] * 3)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for position, size in packets:
        data[position : position + size] = np.random.default_rng(0).bytes(size)
    path.write_bytes(data)
    assert "no frame can be decoded from h264; convert it: ffmpeg" in refusal(path)


@pytest.mark.parametrize("index", [0, "0"])
def test_a_webcam_goes_on_where_it_is(monkeypatch: pytest.MonkeyPatch, index: Any) -> None:
    opened: list[Any] = []

    def open_camera(source: Any) -> Camera:
        opened.append(source)
        return Camera([plain((0, 0, value)) for value in range(6)])

    monkeypatch.setattr(cv2, "VideoCapture", open_camera)
    source = open_source(index)
    assert (source.name, source.fps, source.length) == ("webcam0", 30.0, None)

    def red(frames: Iterator[Image | None]) -> int:
        frame = next(frames)
        assert frame is not None
        return int(frame[0, 0, 0])

    assert red(iter(source)) == 1  # the first was used up by the check
    again = iter(source)
    assert [red(again), red(again)] == [2, 3]
    assert opened == [0]


def test_a_picture_of_a_webcam_that_cannot_be_converted_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = [plain(BLUE), plain((1, 2, 3)), None, plain(BLUE)]
    monkeypatch.setattr(cv2, "VideoCapture", lambda index: Camera(shown, fps=90000))
    source = open_source(0)
    assert source.fps is None
    frames = list(source)
    assert [frame is None for frame in frames] == [False, True, False]
    assert frames[0] is not None
    assert frames[0][0, 0].tolist() == [3, 2, 1]


def test_no_webcam() -> None:
    assert "no webcam with index 98" in refusal("98")
    assert "got webcam index -5" in refusal(-5)
    assert "got webcam index 700" in refusal(700)
    assert "no such source: '2024'" in refusal("2024")  # a file's name, then


# open_source: arrays and objects


def test_lists_arrays_and_generators() -> None:
    images = [noise(0), noise(1)[..., 0], noise(2).astype(np.uint16)]
    source = open_source(images)
    assert (source.name, source.fps, source.length) == ("frames", None, 3)
    assert [frame.shape for _ in range(2) for frame in source if frame is not None] == [
        (48, 64, 3)
    ] * 6
    stack = open_source(np.stack([noise(0), noise(1)]))
    assert stack.length == 2
    np.testing.assert_array_equal(list(stack)[1], noise(1))
    stream = open_source(noise(index) for index in range(4))
    assert stream.length is None
    assert len(list(stream)) == 4


def test_a_list_of_files_keeps_its_order(tmp_path: Path) -> None:
    files = [save(tmp_path / name, noise(i)) for i, name in enumerate(("b.png", "a.png"))]
    source = open_source(list(map(str, files)))
    assert source.length == 2 and inputs_of(source) == tuple(files)
    np.testing.assert_array_equal(list(source)[1], noise(1))
    with pytest.raises(InputError, match=r"first frame cannot be read: none\.png"):
        open_source(["none.png", *files])


@pytest.mark.parametrize("source", [True, b"clip.mp4", {"clip": 1}, 1.5, None, list])
def test_what_is_no_source_is_named(source: Any) -> None:
    with pytest.raises(InputError, match=r"source: got a .*, wanted a video file"):
        open_source(source)


def test_an_unusable_array_in_the_middle_is_none(caplog: pytest.LogCaptureFixture) -> None:
    images = [noise(0), None, noise(1).astype(np.float32), noise(2)]
    with caplog.at_level(logging.WARNING):
        assert [frame is None for frame in open_source(images)] == [False, True, True, False]
    assert "float32" in caplog.text


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_an_unfinished_video_can_be_played(tmp_path: Path, suffix: str) -> None:
    video = VideoWriter(tmp_path / f"clip{suffix}", 25)
    for _ in range(120):
        video.write(noise())
    (part,) = tmp_path.glob("*.part")
    with av.open(str(part)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 50  # the encoder holds some back
    video.close()
    assert video.completed == 120


def test_a_frame_source_is_returned_as_it_is(tmp_path: Path) -> None:
    class Own:
        name, fps, length, ground_truth = "own", 5.0, 1, None

        def __iter__(self) -> Iterator[Image]:
            return iter([noise()])

    own = Own()
    assert open_source(own) is own
    folder = open_source(save(tmp_path / "1.png", noise()).parent)
    assert open_source(folder) is folder


# open_source: what is refused


def test_no_such_source(tmp_path: Path) -> None:
    for source in (tmp_path / "absent.mp4", str(tmp_path / "absent")):
        assert "no such source" in refusal(source)
    assert "the source cannot be empty" in refusal("")


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "no frames in" in refusal(tmp_path)
    (tmp_path / "notes.txt").write_text("no frame")
    assert str(tmp_path) in refusal(tmp_path)


@pytest.mark.parametrize("name", ["notes.txt", "notes", "notes.mp4", "notes.nfo"])
@pytest.mark.parametrize("text", ["one line\n", "Größe\t\x1b[31mrot\n" * 4000])
def test_a_text_file_is_no_video(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    message = refusal(path)
    assert "not a video or an image" in message
    assert str(path) in message


def test_files_that_are_no_video(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "bytes.mp4").write_bytes(np.random.default_rng(0).bytes(20000))
    whole = clip(tmp_path / "clip.mp4").read_bytes()
    (tmp_path / "head.mp4").write_bytes(whole[:200])
    (tmp_path / "tail.avi").write_bytes(whole[-500:])
    for name in ("empty.mp4", "bytes.mp4", "head.mp4", "tail.avi"):
        assert "not a video or an image" in refusal(tmp_path / name)
    (tmp_path / "text.jpg").write_text("not an image")
    assert "first frame cannot be read" in refusal(tmp_path / "text.jpg")


CONCAT = "ffconcat version 1.0\n#\x01\nfile secret.ts\n"
PLAYLIST = "#EXTM3U\n#\x01\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("clip.mp4", CONCAT),
        ("clip", CONCAT),
        ("clip.m3u8", PLAYLIST),
        ("concat:secret.ts", "\x01"),  # an order to FFmpeg, where it is not taken for a name
        ("secret%01d.mov", "\x01"),  # a pattern, to OpenCV and to FFmpeg
        ("secret0.mjpg", "\x01"),  # the first of a numbered series, to OpenCV
    ],
)
def test_a_file_that_names_others_opens_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    clip(tmp_path / "secret.mkv").rename(tmp_path / "secret.ts")
    for index in range(3):
        save(tmp_path / f"secret{index}.png", noise()).rename(tmp_path / f"secret{index}.mov")
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    assert "not a video or an image" in refusal(name)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *((suffix, "mpeg4") for suffix in (".avi", ".mov", ".3gp", ".nut", ".m4v")),
        *((suffix, "mpeg2video") for suffix in (".ts", ".mpg", ".mxf", ".m2v")),
        *((".flv", "flv"), (".wmv", "msmpeg4"), (".gif", "gif"), (".apng", "apng")),
        *((".h264", "libx264"), (".hevc", "libx265"), (".mjpeg", "mjpeg"), (".ivf", "libvpx")),
    ],
)
def test_containers_of_frames_are_read(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"clip{suffix}"
    kinds = {"gif": "rgb8", "apng": "rgb24", "mjpeg": "yuvj420p"}
    pictures = [noise(index, 176, 144) for index in range(12)]
    encoded(path, codec, kinds.get(codec, "yuv420p"), pictures)
    frames = list(open_source(path))
    assert len(frames) == 12
    assert frames[0] is not None and frames[0].shape == (144, 176, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("pipe.mp4", "pipe.png"):
        os.mkfifo(tmp_path / name)
        assert "is a pipe or a device" in refusal(tmp_path / name)
    assert "pipe.png: it is not a file" in refusal(tmp_path)


def test_a_broken_first_frame(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"broken")
    save(tmp_path / "1.png", noise())
    message = refusal(tmp_path)
    assert "first frame" in message
    assert "0.png" in message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "no frames"),
        (np.zeros((0, 4, 5, 3), np.uint8), "no frames"),
        ([None, noise()], "image: got"),
        ([np.zeros((4, 5, 3))], "float64"),
        (noise(), "wanted (frames, height, width, 3)"),
        (None, "NoneType"),
        (3.5, "float"),
    ],
)
def test_objects_that_hold_no_frames(source: Any, message: str) -> None:
    assert message in refusal(source)


def test_refusals_leave_the_standard_error_alone(tmp_path: Path) -> None:
    # In a process of its own: OpenCV's FFmpeg takes its log level once, at first use.
    code = """
import sys
from rltrack import InputError, open_source
for source in sys.argv[1:]:
    try:
        open_source(source)
    except InputError as error:
        print(error)
"""
    (tmp_path / "bytes.mp4").write_bytes(b"\0" * 2000)
    (tmp_path / "text.jpg").write_text("no image")
    sources = [str(tmp_path / "bytes.mp4"), str(tmp_path / "text.jpg"), "97"]
    command = [sys.executable, "-c", code, *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == ""


# VideoWriter


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "h264"), (".mov", "h264"), (".mkv", "h264"), (".webm", "vp9")]
)
def test_what_browsers_play_is_written(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"out{suffix}"
    with VideoWriter(path, 29.97002997002997) as writer:
        for color in (RED, GREEN, BLUE):
            writer.write(plain(color))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == codec
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == Fraction(30000, 1001)
        frames = list(container.decode(video=0))
        assert [frame.time for frame in frames] == pytest.approx([0, 0.0334, 0.0667], abs=0.001)
        # The colours are right for players that obey the tag, and it is there.
        assert (int(frames[0].colorspace), int(frames[0].color_range)) == (6, 1)
        assert (stream.codec_context.width, stream.codec_context.height) == (64, 48)
    assert list(tmp_path.iterdir()) == [path]
    for frame, color in zip(decoded(path), (RED, GREEN, BLUE), strict=True):
        np.testing.assert_allclose(frame.mean(axis=(0, 1)), color, atol=6)


def test_an_mp4_plays_while_it_loads(tmp_path: Path) -> None:
    data = clip(tmp_path / "out.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_without_fps_it_is_25(tmp_path: Path) -> None:
    with av.open(str(clip(tmp_path / "out.mp4", frames=3))) as container:
        assert container.streams.video[0].average_rate == 25


@pytest.mark.parametrize(("width", "height"), [(65, 49), (64, 49), (1, 1), (31, 17)])
def test_odd_sides_are_padded(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path) as writer:
        writer.write(plain(GREEN, width, height))
    (frame,) = decoded(path)
    assert frame.shape == (height + height % 2, width + width % 2, 3)
    np.testing.assert_allclose(frame.astype(int), np.broadcast_to(GREEN, frame.shape), atol=8)


def test_frames_of_another_size_are_letterboxed(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path) as writer:
        writer.write(plain(RED, 64, 48))
        writer.write(plain(GREEN, 128, 48))  # wider: bars above and below
        writer.write(plain(BLUE, 12, 24))  # taller and smaller: bars at the sides
    _, wide, tall = decoded(path)
    assert wide.shape == tall.shape == (48, 64, 3)
    np.testing.assert_allclose(wide[24].mean(axis=0), GREEN, atol=12)
    assert wide[:8].max() < 40
    assert wide[-8:].max() < 40
    np.testing.assert_allclose(tall[:, 32].mean(axis=0), BLUE, atol=12)
    assert tall[:, :12].max() < 40
    assert tall[:, -12:].max() < 40


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_video_is_complete(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(error), VideoWriter(path) as writer:
        for index in range(7):
            writer.write(noise(index))
        raise error
    assert len(decoded(path)) == 7
    assert list(tmp_path.iterdir()) == [path]


def test_a_ctrl_c_inside_a_write_waits_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.mp4"
    fit = VideoWriter._fit

    def press_ctrl_c(writer: VideoWriter, image: Image) -> Image:
        if image[0, 0, 0] == 4:
            signal.raise_signal(signal.SIGINT)
        return fit(writer, image)

    monkeypatch.setattr(VideoWriter, "_fit", press_ctrl_c)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), VideoWriter(path) as writer:
        for index in range(100):
            writer.write(plain((index, 0, 0)))
    assert signal.getsignal(signal.SIGINT) is before
    assert len(decoded(path)) == 5


def test_videos_are_written_from_other_threads_too(tmp_path: Path) -> None:
    thread = threading.Thread(target=clip, args=(tmp_path / "out.mp4", 3))
    thread.start()
    thread.join()
    assert len(decoded(tmp_path / "out.mp4")) == 3


def test_the_name_appears_with_the_whole_video(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("an older video")
    writer = VideoWriter(path)
    writer.write(noise())
    assert path.read_text() == "an older video"
    writer.close()
    writer.close()
    assert len(decoded(path)) == 1
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="closed"):
        writer.write(noise())


def test_without_a_frame_there_is_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_cannot_be_written_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(InputError, match="float64"), VideoWriter(path) as writer:
        writer.write(noise())
        writer.write(np.zeros((48, 64, 3)))  # type: ignore[arg-type]
    assert len(decoded(path)) == 1


@pytest.mark.parametrize(
    ("name", "fps", "message"),
    [
        ("out.avi", 25, r"must end in \.mp4, \.mov, \.mkv, \.webm"),
        ("out", 25, "must end in"),
        ("out.mp4", 0, "fps: got 0"),
        ("out.mp4", 1e-5, "fps: got 1e-05"),
        ("out.mp4", -5, "fps: got -5"),
        ("out.mp4", float("nan"), "fps: got nan"),
        ("out.mp4", 5000, "fps: got 5000"),
        ("folder.mp4", 25, "is a folder"),
        ("file.txt/out.mp4", 25, "its folder is a file"),
    ],
)
def test_videos_that_cannot_be_written(tmp_path: Path, name: str, fps: float, message: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file.txt").touch()
    with pytest.raises(InputError, match=message) as caught:
        VideoWriter(tmp_path / name, fps)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.txt", "folder.mp4"]


@pytest.mark.parametrize("older", [False, True])
def test_frames_that_the_encoder_refuses_leave_no_file(tmp_path: Path, older: bool) -> None:
    path = tmp_path / "out.mp4"
    if older:
        path.write_text("an older video")
    before = list(tmp_path.iterdir())
    with pytest.raises(WriteError, match="libx264 refuses frames of 17000x16 pixels") as caught:
        VideoWriter(path).write(np.zeros((16, 17000, 3), np.uint8))
    assert str(caught.value).endswith("is unchanged") == older
    assert list(tmp_path.iterdir()) == before


@pytest.mark.parametrize("step", ["add_stream", "mux", "close"])
def test_an_error_of_ffmpeg_is_an_error_of_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real = av.open

    class Failing:
        def __init__(self, container: Any) -> None:
            self.container = container

        def __getattr__(self, name: str) -> Any:
            if name == step:
                raise av.error.ExternalError(1, "the library minds")
            return getattr(self.container, name)

    monkeypatch.setattr(av, "open", lambda *a, **k: Failing(real(*a, **k)))
    with pytest.raises(WriteError, match=r"out\.mp4: the library minds$"):
        clip(tmp_path / "out.mp4", 3)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_to_write_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(writer._FORMATS, ".mp4", ("no-such-encoder", {}, {}))
    with pytest.raises(InputError, match="no encoder no-such-encoder"):
        VideoWriter(tmp_path / "out.mp4")


@pytest.mark.data
def test_a_real_sequence_survives_the_video(tmp_path: Path, data_root: Path) -> None:
    frames = [frame for frame in open_source(data_root / "otb" / "Girl") if frame is not None][:10]
    path = tmp_path / "girl.mp4"
    with VideoWriter(path) as writer:
        for frame in frames:
            writer.write(frame)
    again = list(open_source(path))
    assert len(again) == 10
    for frame, copy in zip(frames, again, strict=True):
        assert copy is not None
        assert np.abs(copy.astype(int) - frame).mean() < 6
