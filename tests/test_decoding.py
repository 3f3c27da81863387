"""Video files are decoded as they were encoded: codecs, pixels, containers, orientation."""

from __future__ import annotations

import logging
import math
import struct
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.video import decoding
from rltrack.video.orientation import upright
from rltrack.video.sources import open_source

Image = NDArray[np.uint8]

LOSSLESS = {"libx264": {"crf": "0"}, "libx265": {"x265-params": "lossless=1:log-level=none"}}
GOOD = {
    "libvpx-vp9": {"crf": "4", "b": "0", "auto-alt-ref": "0"},
    "libvpx": {"crf": "4", "b": "20M", "auto-alt-ref": "0"},
    "libsvtav1": {"crf": "5", "preset": "12"},
    "mpeg4": {"qscale": "2", "flags": "+qscale"},
    "mpeg2video": {"b": "20M"},
    "msmpeg4": {"b": "20M"},
    "flv": {"b": "20M"},
    "mjpeg": {"b": "50M"},
}


def picture(index: int, width: int = 96, height: int = 64) -> Image:
    """One of several pictures that no codec finds hard, and that have little in common."""
    spots = np.random.default_rng(index).integers(0, 256, (height // 16, width // 16, 3))
    return np.asarray(cv2.resize(spots.astype(np.uint8), (width, height)), np.uint8)


def encoded(
    path: Path, codec: str, pixels: str, images: list[Image], tags: Any = (), **options: str
) -> Path:
    """A video of images; the test is skipped if this PyAV cannot write it."""
    try:
        with av.open(str(path), "w") as container:
            options = {**LOSSLESS.get(codec, {}), **GOOD.get(codec, {}), **options}
            stream: Any = container.add_stream(codec, rate=25, options=options)
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = pixels
            for name, value in dict(tags).items():
                setattr(stream.codec_context, name, value)
            for image in images:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                container.mux(stream.encode(frame.reformat(format=pixels)))
            container.mux(stream.encode(None))
    except (ValueError, av.FFmpegError) as error:
        pytest.skip(f"this PyAV cannot write it: {error}")
    return path


def difference(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, int) - np.asarray(other, int)).mean())


CASES = [
    *(
        (codec, pixels, suffix)
        for codec, pixels in [
            ("libx264", "yuv420p"),
            ("libx264", "yuv422p"),
            ("libx264", "yuv444p"),
            ("libx264", "yuv420p10le"),
            ("libx264", "gray"),
            ("libx265", "yuv420p"),
            ("libx265", "yuv420p10le"),
            ("libx265", "yuv444p12le"),
            ("mpeg4", "yuv420p"),
            ("mjpeg", "yuvj422p"),
        ]
        for suffix in ("mp4", "mkv", "mov")
    ),
    *(("libsvtav1", pixels, "mp4") for pixels in ("yuv420p", "yuv420p10le")),
    *(("libsvtav1", "yuv420p", suffix) for suffix in ("webm", "mkv", "ivf")),
    *(("libvpx-vp9", pixels, "webm") for pixels in ("yuv420p", "yuva420p", "yuv444p")),
    ("libvpx-vp9", "yuv420p", "mp4"),
    *(("libvpx", pixels, "webm") for pixels in ("yuv420p", "yuva420p")),
    *(("prores_ks", pixels, "mov") for pixels in ("yuv422p10le", "yuva444p10le")),
    *(("ffv1", pixels, "mkv") for pixels in ("yuv420p", "bgr0", "gbrp10le", "gray", "yuv411p")),
    *(("rawvideo", pixels, "nut") for pixels in ("yuyv422", "nv12", "rgb24", "rgba", "gray16le")),
    *(("rawvideo", pixels, "avi") for pixels in ("yuv420p", "bgr24")),
    *(("qtrle", pixels, "mov") for pixels in ("rgb24", "argb")),
    *(("png", pixels, "mov") for pixels in ("rgb24", "rgba")),
    *(("mpeg2video", "yuv420p", suffix) for suffix in ("mpg", "ts", "mxf", "m2v", "mkv")),
    *(("libx264", "yuv420p", suffix) for suffix in ("avi", "ts", "flv", "h264", "m2ts")),
    ("libx265", "yuv420p", "ts"),
    ("huffyuv", "yuv422p", "avi"),
    ("utvideo", "gbrp", "avi"),
    ("mjpeg", "yuvj420p", "avi"),
    ("mpeg4", "yuv420p", "avi"),
    ("msmpeg4", "yuv420p", "wmv"),
    ("flv", "yuv420p", "flv"),
    ("gif", "rgb8", "gif"),
    ("apng", "rgba", "apng"),
]


@pytest.mark.parametrize(("codec", "pixels", "suffix"), CASES, ids=lambda part: part)
def test_frames_are_those_that_were_encoded(
    tmp_path: Path, codec: str, pixels: str, suffix: str
) -> None:
    images = [picture(index) for index in range(5)]
    path = encoded(tmp_path / f"clip.{suffix}", codec, pixels, images)
    frames = list(open_source(path))
    assert len(frames) == 5
    for frame, image in zip(frames, images, strict=True):
        shown = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
        assert frame is not None
        assert (frame.shape, frame.dtype, frame.flags.c_contiguous) == (image.shape, np.uint8, True)
        # At its highest quality SVT-AV1 keeps few of the colours of so small a picture.
        limit = 20 if codec == "libsvtav1" else 8
        assert difference(frame, shown.to_ndarray(format="rgb24")) < limit
    assert difference(images[0], images[1]) > 50


INTERLACED = [
    ("libx264", "mp4", {"x264-params": "tff=1"}),
    ("libx264", "mkv", {"x264-params": "bff=1"}),
    ("libx264", "ts", {"x264-params": "tff=1"}),  # as AVCHD
    ("mpeg2video", "mpg", {"flags": "+ildct+ilme"}),
    ("mpeg2video", "ts", {"flags": "+ildct+ilme"}),
    ("prores_ks", "mov", {"flags": "+ildct"}),
    ("ffv1", "mkv", {"flags": "+ildct"}),
]


@pytest.mark.parametrize(("codec", "suffix", "options"), INTERLACED)
def test_interlaced_frames_are_those_that_were_encoded(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    codec: str,
    suffix: str,
    options: dict[str, str],
) -> None:
    images = [picture(index) for index in range(5)]
    for image, other in zip(images, images[1:] + images[:1], strict=True):
        image[1::2] = image[1::2] // 2 + other[1::2] // 2  # the odd rows are a little ahead
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv422p" if codec == "ffv1" else "yuv420p"
    path = encoded(tmp_path / f"clip.{suffix}", codec, pixels, images, **options)
    with av.open(str(path)) as container:
        fields = next(container.decode(video=0)).interlaced_frame
    with caplog.at_level(logging.WARNING):
        frames = list(open_source(path))
    assert len(frames) == 5
    for frame, image in zip(frames, images, strict=True):
        assert difference(frame, image) < 20
    assert ("is interlaced" in caplog.text) == fields
    assert fields or codec == "ffv1"  # which says so only to some containers


def test_dv_is_read(tmp_path: Path) -> None:
    images = [picture(index, 720, 576) for index in range(3)]
    frames = list(open_source(encoded(tmp_path / "clip.dv", "dvvideo", "yuv420p", images)))
    assert [difference(frame, image) < 8 for frame, image in zip(frames, images, strict=True)] == (
        [True] * 3
    )


@pytest.mark.parametrize("size", [(97, 65), (95, 64), (33, 17)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    images = [picture(index, *size) for index in range(3)]
    path = encoded(tmp_path / "clip.mkv", "ffv1", "yuv420p", images)
    frames = list(open_source(path))
    for frame, image in zip(frames, images, strict=True):
        assert frame is not None and frame.shape == image.shape
        assert difference(frame, image) < 8


# The entries a, b, c, d of the matrix, and how numpy does the same.
ORIENTATIONS: dict[str, tuple[tuple[int, int, int, int], Any]] = {
    "as stored": ((1, 0, 0, 1), lambda image: image),
    "a quarter clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "upside down": ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "a quarter back": ((0, -1, 1, 0), np.rot90),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "upside down, mirrored": ((1, 0, 0, -1), np.flipud),
    "rows as columns": ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
    "the other diagonal": ((0, -1, -1, 0), lambda image: np.rot90(image, 2).swapaxes(0, 1)),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_a_video_is_turned_and_mirrored_as_its_header_says(tmp_path: Path, name: str) -> None:
    (a, b, c, d), turned = ORIENTATIONS[name]
    image = picture(0)
    path = encoded(tmp_path / "clip.mp4", "libx264", "yuv444p", [image] * 2)
    data = path.read_bytes()
    track = data.index(b"tkhd") + 44
    assert data[track : track + 36] == struct.pack(
        ">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30
    )
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:track] + matrix + data[track + 36 :])
    frames = list(open_source(path))
    assert len(frames) == 2
    for frame in frames:
        assert frame is not None and frame.flags.c_contiguous
        assert frame.shape == turned(image).shape
        assert difference(frame, turned(image)) < 8
    if (a * d, b * c) in ((1, 0), (0, -1)):  # OpenCV leaves mirrored ones as they are
        bgr = cv2.VideoCapture(str(path)).read()[1]
        np.testing.assert_allclose(frames[0].astype(int), bgr[..., ::-1], atol=2)


@pytest.mark.parametrize(("angle", "quarters"), [(3, 0), (-40, 0), (50, 1), (93, 1), (-88, -1)])
def test_an_angle_counts_as_the_nearest_right_angle(angle: float, quarters: int) -> None:
    cos, sin = (round(65536 * f(math.radians(angle))) for f in (math.cos, math.sin))
    matrix = np.array([cos, -sin, 0, sin, cos, 0, 0, 0, 1 << 30], np.int32)
    image = picture(0)
    np.testing.assert_array_equal(upright(image, matrix), np.rot90(image, quarters))
    np.testing.assert_array_equal(upright(image, np.zeros(9, np.int32)), image)


HDR = {"PQ": (9, 16), "HLG": (9, 18), "wide gamut": (12, 13), "wide gamut, no curve": (9, 2)}
SDR = {"HD": (1, 1), "SD": (6, 6), "sRGB": (1, 13), "no tags": (2, 2)}


@pytest.mark.parametrize("name", [*HDR, *SDR])
def test_only_hdr_and_wide_gamuts_are_mapped_to_what_screens_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    primaries, curve = {**HDR, **SDR}[name]
    asked = []

    class Reformatter:  # the real one takes seconds to work out a mapping
        def reformat(self, frame: av.VideoFrame, **settings: Any) -> av.VideoFrame:
            asked.append(settings.get("dst_color_primaries"))
            return frame.reformat(format=settings["format"])

    monkeypatch.setattr(decoding, "VideoReformatter", Reformatter)
    tags = {"color_primaries": primaries, "color_trc": curve}
    path = encoded(tmp_path / "clip.mkv", "ffv1", "yuv420p10le", [picture(0)], tags)
    assert len(list(open_source(path))) == 1
    assert asked == [None, 1 if name in HDR else None]  # at first it is only tried


@pytest.mark.slow
def test_hdr_is_mapped_as_opencv_does(tmp_path: Path) -> None:
    if int(av.__version__.split(".")[0]) < 18:
        pytest.skip("PyAV 17 does not map HDR")
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": 16}
    image = picture(0)
    path = encoded(tmp_path / "clip.mkv", "ffv1", "yuv420p10le", [image], tags)
    (frame,) = open_source(path)
    bgr = cv2.VideoCapture(str(path)).read()[1]
    if difference(bgr[..., ::-1], image) < 15:
        pytest.skip("this OpenCV does not map HDR")
    assert difference(frame, bgr[..., ::-1]) < 1


@pytest.mark.parametrize(
    "tags",
    [
        {"colorspace": 3, "color_primaries": 3, "color_trc": 3},  # reserved
        {"colorspace": 1, "color_primaries": 1, "color_trc": 8},  # linear light
        {"colorspace": 6, "color_primaries": 6, "color_trc": 6},
        {"colorspace": 5, "color_primaries": 22, "color_trc": 17},
    ],
)
def test_rare_colour_tags_keep_no_frame_from_being_read(
    tmp_path: Path, tags: dict[str, int]
) -> None:
    images = [picture(index) for index in range(2)]
    path = encoded(tmp_path / "clip.mp4", "libx264", "yuv444p", images, tags)
    frames = list(open_source(path))
    assert len(frames) == 2
    assert None not in [None if frame is None else 0 for frame in frames]


def test_colours_that_cannot_be_converted_are_refused(tmp_path: Path) -> None:
    path = encoded(tmp_path / "clip.mp4", "libx264", "yuv444p", [picture(0)], {"colorspace": 8})
    with pytest.raises(InputError, match="no frame can be decoded from h264; convert it: ffmpeg"):
        open_source(path)
