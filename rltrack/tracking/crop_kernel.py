"""The inner loop that resamples crops on a CPU.

It applies the antialiased bilinear filter in two passes. The first pass combines rows of pixels,
and the second pass combines columns.
"""

from __future__ import annotations

import math

import numpy as np

from rltrack.jit import jit

__all__ = ["resample"]


@jit
def resample(image, extents, grey, out):
    """Resample crops of one image with the filter of :mod:`rltrack.tracking.crops`.

    Args:
        image: (H, W, 3) uint8.
        extents: (N, 4) int64, the regions (x, y, w, h) that the crops cover.
        grey: float32, the value of pixels outside the image.
        out: (N, S, S, 3) uint8, where the crops are written.
    """
    (height, width, _), size = image.shape, out.shape[1]
    row = np.empty((width, 3), np.float32)
    for i in range(len(extents)):
        x, y, w, h = extents[i]
        left, right = max(x, 0), min(x + w, width)
        first_column, columns, column_weights = _taps(x, w, width, size)
        first_row, rows, row_weights = _taps(y, h, height, size)
        for v in range(size):
            row[left:right] = 0  # relative to grey, so that pixels outside the image add nothing
            for tap in range(rows[v]):
                weight, source = row_weights[v, tap], image[first_row[v] + tap]
                for u in range(left, right):
                    for channel in range(3):
                        row[u, channel] += weight * (np.float32(source[u, channel]) - grey)
            for u in range(size):
                red = green = blue = grey + np.float32(0.5)  # so that truncation below rounds
                for tap in range(columns[u]):
                    weight, pixel = column_weights[u, tap], row[first_column[u] + tap]
                    red += weight * pixel[0]
                    green += weight * pixel[1]
                    blue += weight * pixel[2]
                out[i, v, u, 0] = np.uint8(red)
                out[i, v, u, 1] = np.uint8(green)
                out[i, v, u, 2] = np.uint8(blue)


@jit
def _taps(start, length, limit, size):
    """Compute the filter's taps along one axis, for each of ``size`` output pixels.

    The region is ``length`` pixels long and begins at ``start``. The weights of an output pixel add
    up to one over the region. After that, the weights of source pixels outside the image, which has
    the pixels 0..``limit`` - 1, are left out.

    Returns:
        Each output pixel's first source pixel, its number of taps, and its weights (float32).
    """
    scale = length / size
    reach = max(scale, 1.0)
    first, count = np.zeros(size, np.int64), np.zeros(size, np.int64)
    weights = np.empty((size, int(2 * reach) + 2), np.float32)
    for i in range(size):
        middle = (i + 0.5) * scale - 0.5
        low = max(math.ceil(middle - reach), 0)
        high = min(math.floor(middle + reach), length - 1)
        total = 0.0
        for j in range(low, high + 1):
            total += 1 - abs(j - middle) / reach
        low, stop = max(low, -start), min(high + 1, limit - start)
        first[i], count[i] = start + low, max(stop - low, 0)
        for j in range(low, stop):
            weights[i, j - low] = (1 - abs(j - middle) / reach) / total
    return first, count, weights
