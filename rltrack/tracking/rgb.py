"""Images of all kinds as (H, W, 3) uint8 RGB, which is what the package computes with.

Every image that a user gives passes through :func:`to_rgb8`: frames, first images, and pictures to
draw on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage

from rltrack.errors import InputError

__all__ = ["ImageLike", "to_rgb8"]

Image = NDArray[np.uint8]

ImageLike = ArrayLike | PillowImage.Image
"""An image that a user gives; :func:`to_rgb8` says which kinds are understood."""


def to_rgb8(image: ImageLike) -> Image:
    """Convert an image to RGB with 8 bits a channel.

    Args:
        image: one of

            - a uint8 or uint16 array, or what NumPy makes one of: (H, W) or (H, W, 1) grey,
              (H, W, 2) grey and alpha, (H, W, 3) RGB, or (H, W, 4) RGB and alpha;
            - an image of the library Pillow: grey, of a palette, RGB, CMYK, YCbCr, ..., with or
              without alpha, or 16-bit grey. It is taken as Pillow shows it, and so it is not turned
              as an orientation tag says. (``PIL.ImageOps.exif_transpose`` turns it.)

            Alpha is dropped. 16-bit values are divided by 256 (``>> 8``).

    Returns:
        (H, W, 3) uint8, contiguous. If `image` is that already, it is returned itself.

    Raises:
        InputError: the image has another shape or type, or no pixels, or cannot be read.
    """
    array = _array(image)
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 2, 3, 4) or array.size == 0:
        raise InputError(f"image: got shape {array.shape}, wanted (height, width, 3)")
    if array.dtype.newbyteorder("=") == np.uint16:
        array = (array >> 8).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(f"image: got values of type {array.dtype}, wanted uint8 (0..255)")
    if channels < 3:
        array = np.repeat(array.reshape(*array.shape[:2], channels)[..., :1], 3, axis=2)
    array = np.ascontiguousarray(array if array.shape[2] == 3 else array[..., :3])
    # To NumPy, the stride of a side of one pixel does not matter. PyTorch wants none below 0.
    return array.copy() if min(array.strides) < 0 else array


def _array(image: ImageLike) -> NDArray[Any]:
    if isinstance(image, PillowImage.Image):
        return _of_pillow(image)
    try:
        return np.asarray(image)
    except Exception as error:  # NumPy passes on whatever the thing raises
        kind = type(image).__name__
        raise InputError(
            f"image: got a {kind} that is no array; wanted uint8 (height, width, 3)"
        ) from error


def _of_pillow(image: PillowImage.Image) -> NDArray[Any]:
    """Return a Pillow image as an array: grey of more than 8 bits as it is, else 8-bit RGB."""
    deep = image.mode.startswith("I;16")
    # Before Pillow 11, a 16-bit PNG has 32 bits in memory.
    widened = image.mode == "I" and image.format == "PNG"
    try:
        if deep or widened:
            return np.asarray(image).astype(np.uint16)
        if image.mode in ("I", "F"):  # of any range, which Pillow would clip
            return np.asarray(image)
        if image.mode == "La":  # which Pillow converts to LA only
            image = image.convert("LA")
        return np.asarray(image.convert("RGB"))
    except Exception as error:  # Pillow raises many kinds
        raise InputError("image: the Pillow image cannot be read; its file is broken") from error
