"""Image files and arrays as (H, W, 3) uint8 RGB. The pages of a file are frames."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from rltrack.errors import InputError
from rltrack.video.opencv_log import quiet

__all__ = [
    "image_or_none",
    "load_image",
    "load_page",
    "page_count",
    "read_image",
    "read_pages",
    "to_rgb8",
]

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]

_PAGED = ("TIFF", "WEBP", "PNG")  # Pillow's names of the formats of which all pages are read


def to_rgb8(image: Any) -> Image:
    """Convert an image to RGB with 8 bits a channel.

    Args:
        image: a uint8 or uint16 array: (H, W) or (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W,
            3) RGB, or (H, W, 4) RGB and alpha.

    Returns:
        (H, W, 3) uint8, contiguous. If `image` is that already, it is returned itself.

    Raises:
        InputError: the array has another shape or type, or no pixels.
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
    """Read an image file as (H, W, 3) uint8 RGB; None if it is unreadable.

    If the file has several pages, the first one is read.
    """
    try:
        return load_image(path)
    except InputError:
        return None


def load_image(path: str | Path) -> Image:
    """Read an image file as (H, W, 3) uint8 RGB. InputError says why it is unreadable."""
    # Bytes are read here and not by OpenCV, which on Windows fails at names that are not ASCII.
    try:
        data = np.fromfile(path, np.uint8)
        with quiet:
            image = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise InputError("it is not an image, or broken")
    return to_rgb8(image if image.ndim == 2 else image[..., ::-1])


def page_count(path: Path) -> int:
    """Count the pictures in a file: pages of a TIFF, pictures of an animated WebP or PNG."""
    # By Pillow, as OpenCV looks for each page from the first on, and older ones know no animations.
    try:
        with PillowImage.open(path, formats=_PAGED) as pages:
            return int(getattr(pages, "n_frames", 1))
    except Exception:  # Pillow raises many kinds; what is wrong is said where the image is read
        return 1


def read_pages(path: Path, count: int) -> Iterator[Image | None]:
    """Yield the pictures of a file, and None for one that is unreadable."""
    # The file and not its name: what Pillow 13 maps into memory by name it does not turn rightly.
    with path.open("rb") as file, PillowImage.open(file) as pages:
        for index in range(count):
            yield image_or_none(f"page {index + 1} of {path}", partial(load_page, pages, index))


def load_page(pages: PillowImage.Image, index: int) -> Image:
    """Read one picture of an open file as (H, W, 3) uint8 RGB; InputError if it is unreadable."""
    try:
        pages.seek(index)
        pages.load()  # turns a TIFF as its tag says
        # More than 8 bits stay for to_rgb8 to take or refuse: Pillow would clip them.
        array = np.asarray(pages if pages.mode.startswith(("I", "F")) else pages.convert("RGB"))
    except Exception as error:  # as above
        raise InputError("it is broken") from error
    return to_rgb8(array)


def image_or_none(what: str, load: Callable[[], Image]) -> Image | None:
    """Return what ``load`` returns. If it cannot be read, warn about ``what`` and return None."""
    try:
        return load()
    except InputError as error:
        logger.warning("%s cannot be read: %s", what, error)
        return None
