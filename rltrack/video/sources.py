"""Sources of frames: videos, folders, images, webcams and arrays, all as RGB frames.

Inside the package, an image is always an (H, W, 3) uint8 RGB array, and other images are converted
here. Grey is repeated over the channels, an alpha channel is dropped, and 16-bit values are divided
by 256 (``>> 8``). The full range is assumed, so 10- or 12-bit values that are stored in 16 bits
come out dark. Images and videos are turned as their orientation tag says. Any viewer shows them in
this way, so a box that was read off a viewer fits.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from rltrack.data.sequences import IMAGE_SUFFIXES, is_read, read_sequence
from rltrack.data.sequences import Sequence as SequenceFolder
from rltrack.errors import InputError
from rltrack.limits import DEFAULT_LIMITS, Limits
from rltrack.outputs import Folder, Input
from rltrack.paths import given_path
from rltrack.video.decoding import (
    PATIENCE,
    Clock,
    codec_name,
    decode,
    frame_count,
    frame_rate,
    open_capture,
)
from rltrack.video.images import (
    image_or_none,
    load_image,
    load_page,
    page_count,
    read_pages,
    to_rgb8,
)
from rltrack.video.reader import read_ahead

__all__ = ["FrameSource", "open_source"]

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]

_T = TypeVar("_T")


@runtime_checkable
class FrameSource(Protocol):
    """A source of frames that a tracker can run on.

    Iterating yields each frame as an (H, W, 3) uint8 RGB array, or None if it could not be read.
    Frames may differ in size, and there may be fewer of them than `length`.
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

        For a video it is the number in its header, which may be an estimate. A video that was read
        to its end has been counted.
        """

    @property
    def ground_truth(self) -> NDArray[np.float64] | None:
        """(T, 4) float64, 0-based (x, y, w, h), with NaN rows where it is not known.

        None without any.
        """

    def __iter__(self) -> Iterator[Image | None]:
        """Start again from the first frame. A webcam or a generator continues where it is."""


@dataclass(frozen=True, eq=False)
class _Frames:
    """A frame source made from a function that starts its frames again."""

    name: str
    start: Callable[[], Iterator[Image | None]]
    fps: float | None = None
    length: int | None = None
    ground_truth: NDArray[np.float64] | None = None
    inputs: tuple[Input, ...] = ()
    sequence: SequenceFolder | None = None

    def __iter__(self) -> Iterator[Image | None]:
        return self.start()


@dataclass(eq=False)
class _Video:
    """A video file as a frame source."""

    path: Path
    fps: float | None
    length: int | None
    limits: Limits
    ground_truth: None = None

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def inputs(self) -> tuple[Input, ...]:
        return (self.path,)

    def __iter__(self) -> Iterator[Image | None]:
        return read_ahead(self._frames)

    def _frames(self) -> Iterator[Image | None]:
        capture = open_capture(self.path)
        if not capture.isOpened():
            raise InputError(f"{self.path} cannot be opened any more")
        clock = Clock(frame_rate(capture), frame_count(capture, self.path))
        count = unseen = 0
        for image in decode(capture, PATIENCE, clock, self.limits):
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


def open_source(
    source: str | Path | int | Iterable[Any] | FrameSource,
    *,
    target: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> FrameSource:
    """Open anything that holds frames; that its first frame can be read is checked here.

    Args:
        source: one of

            - a video file;
            - a folder of frames, in natural order, or a single image file, where the pages of a
              TIFF, and the pictures of an animated WebP or PNG, are frames;
            - a sequence folder in OTB or VOT form, see `rltrack.data.sequences.read_sequence`: it
              brings its ground truth, or a ``sequence.problem`` that says why it has none;
            - a webcam's index, as a number or as text ("0"; a folder of that name is "./0");
            - arrays as `to_rgb8` takes them: a list, a (T, H, W, C) array, a generator;
            - a `FrameSource`, which is returned as it is.
        target: for OTB folders with several targets, which one.
        limits: how large the frames of a file may be, and how many an animated image may have.

    Returns:
        The source. Files and lists can be iterated again and again. A frame that turns out to be
        unreadable later is None, and the rest goes on; in a broken video of constant frame rate
        the timestamps tell which frames are missing. What comes before a video's first readable
        frame is left out, with a warning. While one frame of a file is worked on, a thread decodes
        the next few. Nothing else is read ahead: the next frame of a webcam is at most as old as
        the work on the one before took.

    Raises:
        InputError: nothing there, no frames, the first frame cannot be read, no decoder for a
            video, a size above a limit, or no such target.
    """
    if isinstance(source, FrameSource):
        return source
    if isinstance(source, str) and re.fullmatch("[0-9]{1,2}", source):
        source = int(source)
    if isinstance(source, int):
        return _open_webcam(source)
    if isinstance(source, str | Path):
        return _open_path(source, target, limits)
    if isinstance(source, Iterable):
        return _open_arrays(source)
    raise InputError(
        f"source: got a {type(source).__name__}, wanted a video file, a folder of frames, "
        "a webcam's index, or arrays"
    )


def _open_path(source: str | Path, target: int | None, limits: Limits) -> FrameSource:
    path = given_path(source, "the source")
    if not path.exists():
        raise InputError(
            f"no such source: {str(source)!r}; wanted a video file, a folder of frames, "
            "or a webcam's index"
        )
    if path.is_dir():
        sequence = read_sequence(path, target)
        truth = path.glob("groundtruth*")
        return replace(
            _open_images(sequence.name, sequence.frames, limits),
            ground_truth=sequence.ground_truth,
            inputs=(*sequence.frames, *truth, Folder(path, is_read)),
            sequence=sequence,
        )
    if target is not None:
        raise InputError(f"no target {target} in {path}: it is no folder with ground truth")
    if not path.is_file():  # a pipe would be waited for, and could not be read again
        raise InputError(f"{path} is a pipe or a device: give a file, a folder or a webcam's index")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _open_image(path, limits)
    return _open_video(path, limits)


def _open_images(name: str, files: tuple[Path, ...], limits: Limits) -> _Frames:
    _check_first(files[0], partial(load_image, files[0], limits))
    start = partial(read_ahead, lambda: (_frame(file, limits) for file in files))
    return _Frames(name, start, length=len(files), inputs=files)


def _frame(file: Path, limits: Limits) -> Image | None:
    return image_or_none(f"the frame {file}", partial(load_image, file, limits))


def _open_image(path: Path, limits: Limits) -> FrameSource:
    count = _check_first(path, partial(page_count, path, limits))
    if problem := limits.excess("animation_frames", count):
        raise InputError(f"{path} claims too many pictures: {problem}")
    if count == 1:
        return _open_images(path.stem, (path,), limits)
    with path.open("rb") as file, PillowImage.open(file) as pages:
        _check_first(path, partial(load_page, pages, limits))
    start = partial(read_ahead, partial(read_pages, path, count, limits))
    return _Frames(path.stem, start, length=count, inputs=(path,))


def _check_first(path: Path, load: Callable[[], _T]) -> _T:
    try:
        return load()
    except InputError as error:
        raise InputError(f"the first frame cannot be read: {path}: {error}") from None


def _open_video(path: Path, limits: Limits) -> FrameSource:
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    capture = open_capture(path)
    if not capture.isOpened():
        raise InputError(f"{path} is not a video or an image that can be read, or it is broken")
    if _check_first(path, partial(_all_missing, capture, limits)):
        raise InputError(
            f"{path}: no frame can be decoded; if OpenCV lacks a decoder for its codec, "
            f"{codec_name(capture)}, convert it: ffmpeg -i OLD -c:v libx264 NEW.mp4"
        )
    return _Video(path, frame_rate(capture), frame_count(capture, path), limits)


def _all_missing(capture: cv2.VideoCapture, limits: Limits) -> bool:
    return all(image is None for image in decode(capture, PATIENCE, limits=limits))


def _open_webcam(index: int) -> FrameSource:
    # OpenCV 5.0 crashes at a negative index and takes 100 and more for the choice of a driver.
    if not 0 <= index < 100:
        raise InputError(f"no such source: got webcam index {index}, wanted 0 to 99")
    capture = open_capture(index)
    # Tracking is slower than the camera: without a queue the newest frame is next.
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if next(decode(capture), None) is None:
        raise InputError(f"no such source: no webcam with index {index} gives pictures")
    return _Frames(f"webcam{index}", partial(decode, capture), frame_rate(capture))


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
    return image_or_none("a frame", partial(to_rgb8, image))
