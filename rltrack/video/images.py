"""Image files and arrays as (H, W, 3) uint8 RGB. The pages of a file are frames.

Before an image is decoded, the size that its header claims is compared with the limits.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL import Image as PillowImage

from rltrack.errors import InputError
from rltrack.limits import DEFAULT_LIMITS, Limits
from rltrack.tracking.rgb import to_rgb8
from rltrack.video.opencv_log import quiet

__all__ = [
    "check_pixels",
    "image_or_none",
    "load_image",
    "load_page",
    "page_count",
    "pages_of",
    "read_image",
    "read_pages",
]

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]

_BROKEN = "it is not a BMP, JPEG, PNG, TIFF or WebP image, or it is broken"

# Pillow's readers by the first bytes of a file. They are called directly, as `PIL.Image.open`
# compares the size with a limit of its own, and warns about it on stderr.
_READERS: dict[bytes, Callable[[BinaryIO], PillowImage.Image]] = {
    b"BM": BmpImagePlugin.BmpImageFile,
    b"\xff\xd8": JpegImagePlugin.JpegImageFile,
    b"\x89PNG": PngImagePlugin.PngImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
}

# Those of the formats of which all pictures are read.
_PAGED: dict[bytes, Callable[[BinaryIO], PillowImage.Image]] = {
    **dict.fromkeys((b"II", b"MM"), TiffImagePlugin.TiffImageFile),
    **{start: _READERS[start] for start in (b"\x89PNG", b"RIFF")},
}


@contextmanager
def _opened(path: str | Path, limits: Limits) -> Iterator[BinaryIO]:
    """Open an image file whose header claims a size within the limits; else InputError."""
    try:
        if not Path(path).is_file():  # a pipe would be waited for, and a device has no end
            raise InputError("it is not a file")
        with Path(path).open("rb") as file:
            check_pixels(_claimed_size(file, limits), limits)
            file.seek(0)
            yield file
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}") from None


def _claimed_size(file: BinaryIO, limits: Limits) -> tuple[int, int]:
    """Return the width and height that the header of an open image file claims."""
    head = file.read(8)
    tiff = head[:2] in (b"II", b"MM")
    if not tiff and (problem := limits.excess("frame_bytes", os.fstat(file.fileno()).st_size)):
        raise InputError(f"its number of bytes, {problem}")  # all of it is read into memory
    try:
        if tiff:  # by its tags alone: Pillow knows fewer kinds of pixels than OpenCV
            tags = TiffImagePlugin.ImageFileDirectory_v2(
                head + (file.read(8) if head[2] == 43 else b"")  # BigTIFF
            )
            file.seek(tags.next)
            tags.load(file)
            return int(tags[TiffImagePlugin.IMAGEWIDTH]), int(tags[TiffImagePlugin.IMAGELENGTH])
        file.seek(0)
        read = next(reader for start, reader in _READERS.items() if head.startswith(start))
        return read(file).size
    except Exception as error:  # Pillow raises many kinds
        raise InputError(_BROKEN) from error


def check_pixels(size: tuple[float, float], limits: Limits) -> None:
    """Check the width and height of a frame. InputError if it has more pixels than the limit."""
    width, height = size
    if problem := limits.excess("frame_pixels", width * height):
        raise InputError(f"a frame of {width:.0f} x {height:.0f} pixels: {problem}")


def read_image(path: str | Path) -> Image | None:
    """Read an image file as (H, W, 3) uint8 RGB; None if it is unreadable.

    If the file has several pages, the first one is read.
    """
    try:
        return load_image(path)
    except InputError:
        return None


def load_image(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Image:
    """Read an image file as (H, W, 3) uint8 RGB.

    InputError says why it is unreadable, or which limit its size is above.
    """
    # Bytes are read here and not by OpenCV, which on Windows fails at names that are not ASCII.
    with _opened(path, limits) as file:
        data = np.frombuffer(file.read(), np.uint8)
    try:
        with quiet:
            image = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        image = None
    if image is None:
        raise InputError(_BROKEN)
    return to_rgb8(image if image.ndim == 2 else image[..., ::-1])


def page_count(path: Path, limits: Limits = DEFAULT_LIMITS) -> int:
    """Count the pictures in a file: pages of a TIFF, pictures of an animated WebP or PNG.

    1 if the file is not of these formats. Pages of a TIFF are counted to one beyond the limit.
    InputError if the file cannot be read, or its size is above a limit.
    """
    # By Pillow, as OpenCV looks for each page from the first on, and older ones know no animations.
    with _opened(path, limits) as file:
        try:
            with pages_of(file) as pages:
                if pages.format != "TIFF":
                    return int(getattr(pages, "n_frames", 1))
                with suppress(EOFError):  # each page names the place of the next
                    for count in range(limits.animation_frames + 1):
                        pages.seek(count)
                    count += 1
                return count
        except Exception:  # as above; what is wrong is said where the image is read
            return 1


def pages_of(file: BinaryIO) -> PillowImage.Image:
    """Open the pictures of a TIFF, an animated WebP or PNG, of which `load_page` reads one.

    Raises:
        ValueError: the file is of another format.
    """
    head = file.read(8)
    file.seek(0)
    for start, read in _PAGED.items():
        if head.startswith(start):
            return read(file)
    raise ValueError("it is no TIFF, WebP or PNG")


def read_pages(path: Path, count: int, limits: Limits = DEFAULT_LIMITS) -> Iterator[Image | None]:
    """Yield the pictures of a file, and None for one that is unreadable.

    A file that ends before the ``count`` pictures that it claims gives fewer.
    """
    # The file and not its name: what Pillow 13 maps into memory by name it does not turn rightly.
    with path.open("rb") as file, pages_of(file) as pages:
        for index in range(count):
            try:
                pages.seek(index)
            except Exception:  # as above; those after it could not be found either
                return
            yield image_or_none(f"page {index + 1} of {path}", partial(load_page, pages, limits))


def load_page(pages: PillowImage.Image, limits: Limits = DEFAULT_LIMITS) -> Image:
    """Read the current picture of an open file as (H, W, 3) uint8 RGB.

    InputError if it is unreadable, or its size is above a limit.
    """
    check_pixels(pages.size, limits)  # each page of a TIFF has a size of its own
    try:
        pages.load()  # turns a TIFF as its tag says
    except Exception as error:  # as above
        raise InputError("it is broken") from error
    return to_rgb8(pages)


def image_or_none(what: str, load: Callable[[], Image]) -> Image | None:
    """Return what ``load`` returns. If it cannot be read, warn about ``what`` and return None."""
    try:
        return load()
    except InputError as error:
        logger.warning("%s cannot be read: %s", what, error)
        return None
