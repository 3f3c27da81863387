"""Sources of frames: videos, folders, images, webcams and arrays, all as RGB frames.

Inside the package, an image is always an (H, W, 3) uint8 RGB array, and other images are converted
by :mod:`rltrack.tracking.rgb`. Grey is repeated over the channels, an alpha channel is dropped, and
16-bit values are divided by 256 (``>> 8``). The full range is assumed, so 10- or 12-bit values that
are stored in 16 bits come out dark. Images and videos are turned and mirrored as their orientation
tag says. Any viewer shows them in this way, so a box that was read off a viewer fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from rltrack.data.sequences import IMAGE_SUFFIXES, is_read, read_sequence
from rltrack.data.sequences import Sequence as SequenceFolder
from rltrack.errors import InputError
from rltrack.limits import DEFAULT_LIMITS, Limits
from rltrack.outputs import Folder, Input
from rltrack.paths import given_path
from rltrack.tracking.rgb import to_rgb8
from rltrack.video.images import (
    image_or_none,
    load_image,
    load_page,
    page_count,
    pages_of,
    read_pages,
)
from rltrack.video.reader import read_ahead
from rltrack.video.video_file import VideoFile
from rltrack.video.webcam import Webcam

__all__ = ["FrameSource", "open_source"]

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


def open_source(
    source: str | Path | int | Iterable[Any] | FrameSource | SequenceFolder,
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
            - what `read_sequence` returned, or `rltrack.data.benchmark_folders`;
            - a webcam's index, as a number or as text ("0"; a folder of that name is "./0");
            - images as `to_rgb8` takes them, arrays or images of Pillow: a list, a generator, a
              (T, H, W, C) array;
            - a list of the paths of image files, in the order of the frames;
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
    if isinstance(source, int) and not isinstance(source, bool):
        return Webcam(source)
    if isinstance(source, str | Path):
        return _open_path(source, target, limits)
    if isinstance(source, SequenceFolder):
        return _open_sequence(source, (), limits)
    if isinstance(source, PillowImage.Image):
        raise InputError("source: got one image of Pillow, wanted a list of images")
    if isinstance(source, Iterable) and not isinstance(source, bytes | Mapping):
        return _open_many(source, limits)
    raise InputError(
        f"source: got a {type(source).__name__}, wanted a video file, a folder of frames, "
        "a webcam's index, images, or a list of their files"
    )


def _open_path(source: str | Path, target: int | None, limits: Limits) -> FrameSource:
    path = given_path(source, "the source")
    if not path.exists():
        raise InputError(
            f"no such source: {str(source)!r}; wanted a video file, a folder of frames, "
            "or a webcam's index"
        )
    if path.is_dir():
        truth = path.glob("groundtruth*")
        return _open_sequence(read_sequence(path, target), (*truth, Folder(path, is_read)), limits)
    if target is not None:
        raise InputError(f"no target {target} in {path}: it is no folder with ground truth")
    if not path.is_file():  # a pipe would be waited for, and could not be read again
        raise InputError(f"{path} is a pipe or a device: give a file, a folder or a webcam's index")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _open_image(path, limits)
    return VideoFile(path, limits)


def _open_sequence(
    sequence: SequenceFolder, inputs: tuple[Input, ...], limits: Limits
) -> FrameSource:
    return replace(
        _open_images(sequence.name, sequence.frames, limits),
        ground_truth=sequence.ground_truth,
        inputs=(*sequence.frames, *inputs),
        sequence=sequence,
    )


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
    with path.open("rb") as file, pages_of(file) as pages:
        _check_first(path, partial(load_page, pages, limits))
    start = partial(read_ahead, partial(read_pages, path, count, limits))
    return _Frames(path.stem, start, length=count, inputs=(path,))


def _check_first(path: Path, load: Callable[[], _T]) -> _T:
    try:
        return load()
    except InputError as error:
        raise InputError(f"the first frame cannot be read: {path}: {error}") from None


def _open_many(source: Iterable[Any], limits: Limits) -> FrameSource:
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
        if all(isinstance(each, str | Path) for each in source):
            files = tuple(given_path(each, "a frame") for each in source)
            return _open_images("frames", files, limits)
        to_rgb8(source[0])
    return _Frames("frames", lambda: map(_rgb8_or_none, source), length=length)


def _rgb8_or_none(image: Any) -> Image | None:
    return image_or_none("a frame", partial(to_rgb8, image))
