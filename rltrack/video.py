"""Frames in, video out: every kind of source as RGB frames, and a writer for the result.

Inside, an image is always an (H, W, 3) uint8 RGB array. What arrives otherwise is brought to that
form here: grey is repeated over the channels, an alpha channel is dropped, and 16-bit values are
divided by 256 (``>> 8``: the full range is assumed, so 10- or 12-bit values kept in 16 bits come
out dark). Images and videos are turned as their orientation tag says, which is how any viewer
shows them, so a box read off a viewer fits.
"""

from __future__ import annotations

import logging
import math
import os
import re
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import repeat
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from rltrack.errors import InputError
from rltrack.sequences import IMAGE_SUFFIXES, read_sequence

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

__all__ = ["FrameSource", "VideoWriter", "open_source", "read_image", "to_rgb8"]

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]

# suffix: encoder, its options (constant quality), the container's options
_H264 = ("libx264", {"crf": "20"})
_VP9 = ("libvpx-vp9", {"crf": "30", "b": "0", "deadline": "good", "cpu-used": "4"})
_FORMATS = {
    ".mp4": (*_H264, {"movflags": "+faststart"}),  # the index in front: plays while it loads
    ".mov": (*_H264, {"movflags": "+faststart"}),
    ".mkv": (*_H264, {}),
    ".webm": (*_VP9, {}),
}
_PATIENCE = 100  # broken frames in a row before a video counts as ended
_PAGED = ("TIFF", "WEBP", "PNG")  # Pillow's names of the formats of which all pages are read
_AHEAD = 4  # frames of a file that are decoded before they are asked for
_END = object()
_BT601, _LIMITED = 6, 1  # H.273's code for the colour matrix, FFmpeg's for the 16..235 range


@runtime_checkable
class FrameSource(Protocol):
    """What a tracker can be run on.

    Iterating yields each frame as an (H, W, 3) uint8 RGB array, or None where it could not be
    read. Frames may differ in size, and there may be fewer than `length`.
    """

    @property
    def name(self) -> str:
        """A short name, for titles and file names."""

    @property
    def fps(self) -> float | None:
        """Frames per second; None if the source has no clock."""

    @property
    def length(self) -> int | None:
        """Number of frames; None if unknown.

        For a video as its header says, which may be an estimate: one read to its end is counted.
        """

    @property
    def ground_truth(self) -> NDArray[np.float64] | None:
        """(T, 4) float64, 0-based (x, y, w, h), NaN rows where not known; None without any."""

    def __iter__(self) -> Iterator[Image | None]:
        """Start over from the first frame; a webcam or a generator goes on where it is."""


@dataclass(frozen=True, eq=False)
class _Frames:
    """A frame source made of a function that starts its frames anew."""

    name: str
    start: Callable[[], Iterator[Image | None]]
    fps: float | None = None
    length: int | None = None
    ground_truth: NDArray[np.float64] | None = None

    def __iter__(self) -> Iterator[Image | None]:
        return self.start()


@dataclass(eq=False)
class _Video:
    """A video file as a frame source."""

    path: Path
    fps: float | None
    length: int | None
    ground_truth: None = None

    @property
    def name(self) -> str:
        return self.path.stem

    def __iter__(self) -> Iterator[Image | None]:
        return _read_ahead(self._frames)

    def _frames(self) -> Iterator[Image | None]:
        capture = _capture(str(self.path))
        if not capture.isOpened():
            raise InputError(f"{self.path} cannot be opened any more")
        clock = _Clock(_frame_rate(capture), _frame_count(capture))
        count = unseen = 0
        for image in _decode(capture, _PATIENCE, clock):
            if count == 0 and image is None:  # no viewer shows it, and no target is marked in it
                unseen += 1
                continue
            if count == 0 and unseen:
                logger.warning(
                    "the first frames of %s cannot be read, %d are left out", self.path, unseen
                )
            count += 1
            yield image
        if clock.ran_out():
            self.length = count


def to_rgb8(image: Any) -> Image:
    """Bring an image to RGB with 8 bits a channel.

    Args:
        image: uint8 or uint16 array: (H, W) or (H, W, 1) grey, (H, W, 2) grey and alpha,
            (H, W, 3) RGB, or (H, W, 4) RGB and alpha.

    Returns:
        (H, W, 3) uint8, contiguous; `image` itself where it is that already.

    Raises:
        InputError: another shape or dtype, or no pixels.
    """
    array = np.asarray(image)
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 2, 3, 4) or array.size == 0:
        raise InputError(f"image: got shape {array.shape}, wanted (height, width, 3)")
    if array.dtype.newbyteorder("=") == np.uint16:
        array = (array >> 8).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(f"image: got values of type {array.dtype}, wanted uint8 (0..255)")
    if channels < 3:
        array = np.repeat(array.reshape(*array.shape[:2], channels)[..., :1], 3, axis=2)
    return np.ascontiguousarray(array if array.shape[2] == 3 else array[..., :3])


def read_image(path: str | Path) -> Image | None:
    """Read an image file as (H, W, 3) uint8 RGB, of several pages the first; None if unreadable."""
    try:
        return _load_image(path)
    except InputError:
        return None


def _load_image(path: str | Path) -> Image:
    # Bytes are read here and not by OpenCV, which on Windows fails at names that are not ASCII.
    try:
        data = np.fromfile(path, np.uint8)
        with _quiet:
            image = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise InputError("it is not an image, or broken")
    return to_rgb8(image if image.ndim == 2 else image[..., ::-1])


def open_source(
    source: str | Path | int | Iterable[Any] | FrameSource, *, target: int | None = None
) -> FrameSource:
    """Open anything that holds frames; that its first frame can be read is checked here.

    Args:
        source: one of

            - a video file;
            - a folder of frames, in natural order, or a single image file, where the pages of a
              TIFF, and the pictures of an animated WebP or PNG, are frames;
            - a sequence folder in OTB or VOT form, see `rltrack.sequences.read_sequence`: it
              brings its ground truth;
            - a webcam's index, as a number or as text ("0"; a folder of that name is "./0");
            - arrays as `to_rgb8` takes them: a list, a (T, H, W, C) array, a generator;
            - a `FrameSource`, which is returned as it is.
        target: for OTB folders with several targets, which one.

    Returns:
        The source. Files and lists can be iterated again and again. A frame that turns out to be
        unreadable later is None, and the rest goes on; in a broken video of constant frame rate
        the timestamps tell which frames are missing. What comes before a video's first readable
        frame is left out, with a warning. While one frame of a file is worked on, a thread decodes
        the next few. Nothing else is read ahead: the next frame of a webcam is at most as old as
        the work on the one before took.

    Raises:
        InputError: nothing there, no frames, the first frame cannot be read, no decoder for a
            video, or malformed ground truth.
    """
    if isinstance(source, FrameSource):
        return source
    if isinstance(source, str) and re.fullmatch("[0-9]{1,2}", source):
        source = int(source)
    if isinstance(source, int):
        return _open_webcam(source)
    if isinstance(source, str | Path):
        return _open_path(source, target)
    if isinstance(source, Iterable):
        return _open_arrays(source)
    raise InputError(
        f"source: got a {type(source).__name__}, wanted a video file, a folder of frames, "
        "a webcam's index, or arrays"
    )


class VideoWriter:
    """Write frames to a video that plays in browsers.

    H.264 for .mp4, .mov and .mkv, VP9 for .webm, both with 4:2:0 chroma. Odd sides are padded to
    even ones by repeating the last row or column. Frames of another size than the first are scaled
    to fit into it and centred on black. The file appears under its name when it is complete, at
    `close`; until then it is ``<stem>.part<suffix>`` beside it. Without a frame there is no file.

    As a context manager it closes on the way out of the block, and an exception or Ctrl-C there
    makes no difference: the frames so far are a complete, playable file.
    """

    def __init__(self, path: str | Path, fps: float | None = None) -> None:
        """Check that the video can be written.

        Args:
            path: the file to write; its suffix chooses the format. The folder must exist.
            fps: frames per second; 25 if None.

        Raises:
            InputError: unknown suffix, bad fps, no such folder, no permission, or PyAV or its
                encoder missing.
        """
        self.path = Path(path)
        if self.path.suffix.lower() not in _FORMATS:
            raise InputError(
                f"cannot write a video to {path}: its name must end in {', '.join(_FORMATS)}"
            )
        fps = 25.0 if fps is None else float(fps)
        if not 0.01 <= fps <= 1000:
            raise InputError(f"fps: got {fps}, wanted 0.01 to 1000 frames per second")
        # 29.97002997 (as read from a header) becomes 30000/1001 again.
        self._rate = Fraction(fps).limit_denominator(1001)
        self._encoder, self._quality, self._container_options = _FORMATS[self.path.suffix.lower()]
        _check_encoder(self._encoder)
        self._part = self.path.with_name(f"{self.path.stem}.part{self.path.suffix}")
        _check_writable(self.path, self._part)
        self._output: tuple[OutputContainer, VideoStream] | None = None
        self._size = (0, 0)  # height and width of the first frame
        self._count = 0
        self._closed = False

    def write(self, image: Image) -> None:
        """Append a frame, (H, W, 3) uint8 RGB."""
        import av

        if self._closed:
            raise ValueError(f"the video {self.path} is closed")
        image = to_rgb8(image)
        with _uninterrupted():
            if self._output is None:
                self._size = image.shape[:2]
                self._output = self._open()
            container, stream = self._output
            frame = av.VideoFrame.from_ndarray(self._fit(image), format="rgb24")
            # 16..235 is the default; PyAV 12 takes dst_color_range for the opposite.
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU601")
            frame.pts, frame.time_base = self._count, 1 / self._rate
            self._count += 1
            container.mux(stream.encode(frame))

    def close(self) -> None:
        """Complete the file and give it its name; the second time, do nothing."""
        self._closed = True
        if self._output is None:
            return
        container, stream = self._output
        self._output = None
        with _uninterrupted():
            try:
                container.mux(stream.encode(None))
            finally:
                container.close()
                self._part.replace(self.path)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> tuple[OutputContainer, VideoStream]:
        """Open the part file for frames of `_size`."""
        import av

        height, width = self._size
        container = av.open(str(self._part), "w", container_options=self._container_options)
        stream = cast(
            "VideoStream",
            container.add_stream(self._encoder, rate=self._rate, options=self._quality),
        )
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        # Say which matrix was used: players guess by size otherwise, and colours shift.
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT601
        context.color_range = _LIMITED
        return container, stream

    def _fit(self, image: Image) -> Image:
        """Letterbox to the first frame's size, then pad to even sides."""
        height, width = self._size
        if image.shape[:2] != self._size:
            h, w = image.shape[:2]
            scale = min(height / h, width / w)
            h, w = max(1, round(h * scale)), max(1, round(w * scale))
            shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            top, left = (height - h) // 2, (width - w) // 2
            canvas = np.zeros((height, width, 3), np.uint8)
            canvas[top : top + h, left : left + w] = cv2.resize(
                image, (w, h), interpolation=shrinks
            )
            image = canvas
        return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C wait for the end of the block.

    Between the encoder and the file it would lose a packet, and all frames up to the next
    keyframe with it: up to ten seconds.
    """
    handler = signal.getsignal(signal.SIGINT)
    # Other threads get no signals, and may not set handlers.
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: caught.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if caught:
            handler(*caught[0])


def _check_encoder(name: str) -> None:
    try:
        import av
    except ImportError:
        raise InputError("writing a video needs PyAV, which is missing: pip install av") from None
    if name not in av.codecs_available:
        raise InputError(f"PyAV here has no encoder {name}: pip install --force-reinstall av")


def _check_writable(path: Path, part: Path) -> None:
    """Find out now, and not after hours of tracking, that nothing can be written."""
    if path.is_dir():
        raise InputError(f"cannot write a video to {path}: it is a folder")
    try:
        part.touch()
        part.unlink()
    except OSError as error:
        raise InputError(f"cannot write a video to {path}: {error.strerror}") from None


def _open_path(source: str | Path, target: int | None) -> FrameSource:
    path = Path(source)
    try:
        path = path.expanduser()
        exists = str(source) != "" and path.exists()
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, or an unknown ~user
        exists = False
    if not exists:
        raise InputError(
            f"no such source: {str(source)!r}; wanted a video file, a folder of frames, "
            "or a webcam's index"
        )
    if path.is_dir():
        sequence = read_sequence(path, target)
        return _open_images(sequence.name, sequence.frames, sequence.ground_truth)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _open_image(path)
    return _open_video(path)


def _open_images(
    name: str, files: tuple[Path, ...], ground_truth: NDArray[np.float64] | None
) -> FrameSource:
    _check_first(files[0], partial(_load_image, files[0]))
    start = partial(_read_ahead, lambda: map(_frame, files))
    return _Frames(name, start, length=len(files), ground_truth=ground_truth)


def _frame(file: Path) -> Image | None:
    return _or_none(f"the frame {file}", partial(_load_image, file))


def _open_image(path: Path) -> FrameSource:
    count = _page_count(path)
    if count == 1:
        return _open_images(path.stem, (path,), None)
    with path.open("rb") as file, PillowImage.open(file) as pages:
        _check_first(path, partial(_load_page, pages, 0))
    return _Frames(path.stem, partial(_read_ahead, partial(_pages, path, count)), length=count)


def _page_count(path: Path) -> int:
    # By Pillow, as OpenCV looks for each page from the first on, and older ones know no animations.
    try:
        with PillowImage.open(path, formats=_PAGED) as pages:
            return int(getattr(pages, "n_frames", 1))
    except Exception:  # Pillow raises many kinds; what is wrong is said where the image is read
        return 1


def _pages(path: Path, count: int) -> Iterator[Image | None]:
    # The file and not its name: what Pillow 13 maps into memory by name it does not turn rightly.
    with path.open("rb") as file, PillowImage.open(file) as pages:
        for index in range(count):
            yield _or_none(f"page {index + 1} of {path}", partial(_load_page, pages, index))


def _load_page(pages: PillowImage.Image, index: int) -> Image:
    try:
        pages.seek(index)
        pages.load()  # turns a TIFF as its tag says
        # More than 8 bits stay for to_rgb8 to take or refuse: Pillow would clip them.
        array = np.asarray(pages if pages.mode.startswith(("I", "F")) else pages.convert("RGB"))
    except Exception as error:  # as above
        raise InputError("it is broken") from error
    return to_rgb8(array)


def _check_first(path: Path, load: Callable[[], Image]) -> None:
    try:
        load()
    except InputError as error:
        raise InputError(f"the first frame cannot be read: {path}: {error}") from None


def _or_none(what: str, load: Callable[[], Image]) -> Image | None:
    try:
        return load()
    except InputError as error:
        logger.warning("%s cannot be read: %s", what, error)
        return None


def _open_video(path: Path) -> FrameSource:
    wrong = f"{path} is not a video or an image that can be read, or it is broken"
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    # FFmpeg would play a text file, as a terminal that shows it. Text has no control characters
    # but for white space and escape; no video's first 4096 bytes are like that, except where
    # YUV4MPEG2, whose header is text, holds bright pixels.
    is_y4m = head.startswith(b"YUV4MPEG2 ")
    if not is_y4m and not set(head) & (set(range(32)) - set(b"\a\b\t\n\v\f\r\x1b")):
        raise InputError(wrong)
    capture = _capture(str(path))
    if not capture.isOpened():
        raise InputError(wrong)
    if all(image is None for image in _decode(capture, _PATIENCE)):
        raise InputError(
            f"{path}: no frame can be decoded; if OpenCV lacks a decoder for its codec, "
            f"{_codec(capture)}, convert it: ffmpeg -i OLD -c:v libx264 NEW.mp4"
        )
    return _Video(path, _frame_rate(capture), _frame_count(capture))


def _read_ahead(start: Callable[[], Iterator[Image | None]]) -> Iterator[Image | None]:
    """The frames of ``start()``, each decoded by a thread while earlier ones are in use."""
    frames = start()
    reader = ThreadPoolExecutor(1, "rltrack-reader")
    try:
        coming = deque(reader.submit(next, frames, _END) for _ in range(_AHEAD))
        while (image := coming.popleft().result()) is not _END:
            coming.append(reader.submit(next, frames, _END))
            yield cast("Image | None", image)
    finally:  # also where the caller stops half-way
        reader.shutdown(cancel_futures=True)


def _open_webcam(index: int) -> FrameSource:
    # OpenCV 5.0 crashes at a negative index and takes 100 and more for the choice of a driver.
    if not 0 <= index < 100:
        raise InputError(f"no such source: got webcam index {index}, wanted 0 to 99")
    capture = _capture(index)
    # Tracking is slower than the camera: without a queue the newest frame is next.
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if next(_decode(capture), None) is None:
        raise InputError(f"no such source: no webcam with index {index} gives pictures")
    return _Frames(f"webcam{index}", partial(_decode, capture), _frame_rate(capture))


def _open_arrays(source: Iterable[Any]) -> FrameSource:
    if isinstance(source, np.ndarray) and source.ndim != 4:
        raise InputError(
            f"source: got an array of shape {source.shape}, wanted (frames, height, width, 3) or "
            "a list of images"
        )
    length = None
    if isinstance(source, np.ndarray | Sequence):
        length = len(source)
        if not length:
            raise InputError("source: got no frames")
        to_rgb8(source[0])
    return _Frames("frames", lambda: map(_rgb8_or_none, source), length=length)


def _rgb8_or_none(image: Any) -> Image | None:
    return _or_none("a frame", partial(to_rgb8, image))


def _capture(source: str | int) -> cv2.VideoCapture:
    # FFmpeg writes what it thinks of each broken packet to stderr; it asks this once, at first use.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with _quiet:
        return cv2.VideoCapture(source)


class _Clock:
    """Finds by the timestamps how many frames of a video a decoder has left out.

    It leaves out without a word all frames up to the next keyframe that need one it could not
    decode, and may give one of them too early. Gaps are filled only after a first failure, and
    only while all timestamps fit a constant frame rate: elsewhere a gap is no loss, and each
    failure counts for one frame.
    """

    def __init__(self, fps: float | None = None, length: int | None = None) -> None:
        self._fps, self._length = fps or 0.0, length or 0
        self._regular = self._fps > 0 and self._length > 0
        self._broken = False
        self._place = -1.0  # of the latest frame, counted in frames by its timestamp
        self._hole = math.inf  # place of the frame before the last gap

    def missing(self, time: float, failures: int) -> int:
        """Frames missing before the one at `time` ms; -1 if that is already counted as missing."""
        self._broken = self._broken or failures > 0
        place, before = time * self._fps / 1000, self._place
        gap = failures
        if self._regular:
            if self._hole < place < before:
                return -1
            step = round(place - before)
            self._regular = (
                abs(place - before - step) < 0.25  # some clocks tick in ms: 60 fps is 16, 17
                # 0: before OpenCV 4.13 a failure at the start gives the first two frames one time
                and (step == 1 or (self._broken and step >= 0 and place < self._length))
            )
            if self._regular:
                gap = max(step - 1, 0)
        if gap:
            self._hole = before
        self._place = place
        return gap

    def ran_out(self) -> bool:
        """Whether the latest frame is near the end that the header gives."""
        # Sound may outlast the picture by a little.
        return self._length - self._place - 1 <= min(self._fps / 2, self._length / 10)


def _decode(
    capture: cv2.VideoCapture, patience: int = 0, clock: _Clock | None = None
) -> Iterator[Image | None]:
    """The frames of an open capture, None where `clock` finds one missing.

    More than `patience` failures in a row are the end.
    """
    clock = clock or _Clock()
    lost = 0
    while lost <= patience:
        try:
            with _quiet:
                grabbed = capture.grab()
                image = capture.retrieve()[1] if grabbed else None
        except cv2.error:
            grabbed = False
        if not grabbed:
            lost += 1
            continue
        missing, lost = clock.missing(capture.get(cv2.CAP_PROP_POS_MSEC), lost), 0
        if missing >= 0:
            yield from repeat(None, missing)
            yield None if image is None or image.size == 0 else to_rgb8(image[..., ::-1])


def _frame_rate(capture: cv2.VideoCapture) -> float | None:
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    # Some headers hold the clock's ticks there (90000).
    return fps if math.isfinite(fps) and 0 < fps <= 1000 else None


def _frame_count(capture: cv2.VideoCapture) -> int | None:
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < 1e9 else None


def _codec(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    return code.to_bytes(4, "little").decode("ascii", "ignore").strip("\0 ") or "unknown"


class _Quiet:
    """Keeps OpenCV's own warnings off stderr: what they are about is said in our words.

    The level is the process's: the first thread that enters lowers it, the last restores it.
    """

    def __init__(self) -> None:
        self._logs = getattr(cv2.utils, "logging", cv2)  # OpenCV 5, OpenCV 4
        self._lock = threading.Lock()
        self._inside, self._level = 0, 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._level = self._logs.getLogLevel()
                self._logs.setLogLevel(0)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._logs.setLogLevel(self._level)


_quiet = _Quiet()
