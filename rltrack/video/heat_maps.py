"""Heat maps over images: attention maps, and the candidates' scores."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rltrack.tracking.rgb import ImageLike, to_rgb8

__all__ = ["attention_panel", "confidence_map", "overlay_heat", "relative_heat", "smoothed"]

Array = NDArray[np.float64]
Box = Sequence[float] | Array
Image = NDArray[np.uint8]

_INFERNO = (mpl.colormaps["inferno"](np.arange(256))[:, :3] * 255).astype(np.float32)

_FAINT = np.exp(-(2.5**2) / 2)  # least sum of weights that a confidence map builds on


def smoothed(attention: ArrayLike) -> NDArray[np.float32]:
    """Smooth an attention map (h, w) for the eye.

    The Gaussian has a deviation of two places, the period of max-pooling's grid.
    """
    values = np.asarray(attention, np.float32)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), 2), np.float32)


def attention_panel(
    image: ImageLike, attention: ArrayLike, extent: Box, size: tuple[int, int]
) -> Image:
    """Draw an attention map over the grey crop that it was computed for.

    Args:
        image: (H, W, 3) uint8 RGB, the frame.
        attention: (h, w), >= 0, the map of the crop.
        extent: (x, y, w, h) in pixels, the area of the frame that the crop covers. It may reach
            beyond the frame, where the panel is grey.
        size: width and height of the panel in pixels.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    x, y, w, h = (float(side) for side in extent)
    across, down = size[0] / w, size[1] / h
    move = np.array([[across, 0, -x * across], [0, down, -y * down]])
    grey = cv2.cvtColor(to_rgb8(image), cv2.COLOR_RGB2GRAY)
    crop = cv2.warpAffine(grey, move, size, flags=cv2.INTER_LINEAR, borderValue=(128.0,))
    backdrop = np.asarray(np.repeat(crop[..., None], 3, 2), np.uint8)
    return overlay_heat(backdrop, attention, (0, 0, *size))


def overlay_heat(image: ImageLike, heat: ArrayLike, extent: Box) -> Image:
    """Blend a heat map over a part of an image. Stronger heat is more opaque.

    Args:
        image: (H, W, 3) uint8 RGB, or what `rltrack.tracking.rgb.to_rgb8` takes. It is not changed.
        heat: (h, w). Where it is 0, negative or NaN, the image stays as it is. The strongest colour
            is for 1 in its :func:`relative_heat`.
        extent: (x, y, w, h) of the area that the map covers, in the image's pixels. It may reach
            beyond the image.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    out = to_rgb8(image).copy()
    strength = relative_heat(heat)
    x, y, w, h = (float(side) for side in extent)
    # Pixels whose centres are in the extent, and their places in the map's own texels.
    across, down = np.arange(out.shape[1]) + 0.5 - x, np.arange(out.shape[0]) + 0.5 - y
    columns = np.flatnonzero((across >= 0) & (across < w))
    rows = np.flatnonzero((down >= 0) & (down < h))
    if not (len(columns) and len(rows) and strength.any()):
        return out
    across = across[columns] * strength.shape[1] / w - 0.5
    down = down[rows] * strength.shape[0] / h - 0.5
    x_map, y_map = np.meshgrid(across.astype(np.float32), down.astype(np.float32))
    part = np.asarray(
        cv2.remap(strength, x_map, y_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )
    colour = _INFERNO[np.round(part * 255).astype(np.uint8)]
    alpha = np.float32(0.85) * np.sqrt(part)[..., None]
    area = np.ix_(rows, columns)
    out[area] = np.round(out[area] * (1 - alpha) + colour * alpha).astype(np.uint8)
    return out


def confidence_map(
    boxes: ArrayLike, scores: ArrayLike, shape: tuple[int, int], *, bandwidth: float | None = None
) -> Array:
    """Spread the candidates' scores over the image, to show where the classifier sees the target.

    This is Nadaraya-Watson regression: a pixel's value is the mean of the scores, weighted by a
    Gaussian of the distance from the pixel's centre to each candidate's centre. It has the unit of
    the scores and never leaves their range.

    Args:
        boxes: (N, 4) candidates, (x, y, w, h) in pixels. N may be 0.
        scores: (N,) logits. Candidates with a NaN or infinite number are left out.
        shape: (H, W) of the image.
        bandwidth: the Gaussian's standard deviation in pixels. None takes an eighth of the
            candidates' mean side.

    Returns:
        (H, W) float64. It is NaN far from all candidates, where the weights add up to less than
        that of one candidate 2.5 bandwidths away. `overlay_heat` takes it as it is, and shows the
        part above 0, where a target would count as found.
    """
    places = np.asarray(boxes, float).reshape(-1, 4)
    logits = np.asarray(scores, float).reshape(-1)
    usable = np.isfinite(places).all(1) & np.isfinite(logits)
    places, logits = places[usable], logits[usable]
    if not len(places):
        return np.full(shape, np.nan)
    sigma = float(places[:, 2:].mean()) / 8 if bandwidth is None else bandwidth
    sigma = max(sigma, 0.5)
    centers = places[:, :2] + places[:, 2:] / 2
    # The Gaussian is a product of one along x and one along y: the sums are matrix products.
    x = (np.arange(shape[1])[:, None] + 0.5 - centers[:, 0]) / sigma  # (W, N)
    y = (np.arange(shape[0])[:, None] + 0.5 - centers[:, 1]) / sigma  # (H, N)
    across, down = np.exp(-(x**2) / 2), np.exp(-(y**2) / 2)
    weight = down @ across.T
    total = (down * logits) @ across.T
    mean = np.full(shape, np.nan)
    np.divide(total, weight, out=mean, where=weight >= _FAINT)
    return mean


def relative_heat(heat: ArrayLike) -> NDArray[np.float32]:
    """Scale a heat map (h, w) to 0..1: what is at its 99.5th percentile or above becomes 1.

    Negative numbers and NaN become 0. A map without a positive number is 0 everywhere.
    """
    values = np.asarray(heat, float)
    known = np.maximum(values[np.isfinite(values)], 0)
    if not known.any():
        return np.zeros(values.shape, np.float32)
    # A percentile of 0 means that the few points of a nearly empty map are all there is.
    top = np.percentile(known, 99.5) or known.max()
    return np.asarray(np.clip(np.nan_to_num(values / top, nan=0.0), 0, 1), np.float32)
