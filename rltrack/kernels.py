"""The CPU's inner loops, compiled: crops, and ReLU + LRN + max-pooling with its Jacobian.

Written as tensor operations, a crop or an LRN moves through memory a dozen times and costs as
much as the convolutions. Here a row of the image stays in the processor's nearest cache from
beginning to end. Images are (H, W, C) with contiguous channels. All loops release the GIL and run
on one thread; :mod:`rltrack.parallel` runs several.

Notation of the network's loops, as in :mod:`rltrack.stage`: ``z`` (N, H, W, C) a convolution's
output, float32 or float64; ``k`` and ``alpha`` scalars of the same type, so that no loop is
widened; ``out``, ``index``, ``g`` pooled (N, P, Q, C), at stride 2 P = (H - 1) // 2.
"""

from __future__ import annotations

import math

import numba
import numpy as np

__all__ = [
    "relu_lrn_pool",
    "relu_lrn_pool_argmax",
    "relu_lrn_pool_product",
    "relu_lrn_pool_product_of_map",
    "relu_lrn_pool_transpose",
    "relu_lrn_pool_transpose_to_map",
    "resample",
]

# Python's division would check for zero, which keeps a loop from being vectorised. Sums may be
# reordered; numbers are taken to be finite.
_jit = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=True)


@_jit
def resample(image, extents, grey, out):
    """Crops of one image by the antialiased bilinear filter; see :mod:`rltrack.crops`.

    ``image`` (H, W, 3) uint8; ``extents`` (N, 4) int64 (x, y, w, h); ``grey`` float32, the value
    outside the image; ``out`` (N, S, S, 3) uint8.
    """
    (height, width, _), size = image.shape, out.shape[1]
    row = np.empty((width, 3), np.float32)
    for i in range(len(extents)):
        x, y, w, h = extents[i]
        left, right = max(x, 0), min(x + w, width)
        first_column, columns, column_weights = _taps(x, w, width, size)
        first_row, rows, row_weights = _taps(y, h, height, size)
        for v in range(size):
            row[left:right] = 0  # relative to grey, so that what is outside adds nothing
            for tap in range(rows[v]):
                weight, source = row_weights[v, tap], image[first_row[v] + tap]
                for u in range(left, right):
                    for channel in range(3):
                        row[u, channel] += weight * (np.float32(source[u, channel]) - grey)
            for u in range(size):
                red = green = blue = grey + np.float32(0.5)  # truncated below: rounded
                for tap in range(columns[u]):
                    weight, pixel = column_weights[u, tap], row[first_column[u] + tap]
                    red += weight * pixel[0]
                    green += weight * pixel[1]
                    blue += weight * pixel[2]
                out[i, v, u, 0] = np.uint8(red)
                out[i, v, u, 1] = np.uint8(green)
                out[i, v, u, 2] = np.uint8(blue)


@_jit
def _taps(start, length, limit, size):
    """First source pixel, number and weights (float32) of each output's filter, along one axis.

    Weights add up to one over the region, ``length`` pixels from ``start``; those of pixels
    outside 0..``limit`` - 1 are then left out.
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


@_jit
def _scale(z, k, alpha, squares, x, s):
    """Fill x = relu(z) and s = k + alpha B x^2 at one place; all (C), ``squares`` (C + 4)."""
    zero = z.dtype.type(0)
    for c in range(len(z)):
        x[c] = z[c] if z[c] > zero else zero
        squares[c + 2] = x[c] * x[c]
    for c in range(len(z)):
        s[c] = k + alpha * (
            squares[c] + squares[c + 1] + squares[c + 2] + squares[c + 3] + squares[c + 4]
        )


@_jit
def relu_lrn_pool(z, k, alpha, stride, out):
    """LRN of relu(z), max-pooled at ``stride``: ``z`` (N, H, W, C) to ``out`` (N, P, Q, C).

    Written out rather than calling :func:`_scale`, which costs a quarter more: this is the loop
    that every sample passes.
    """
    (n, _, width, channels), (_, p, q, _) = z.shape, out.shape
    zero = z.dtype.type(0)
    squares = np.zeros(channels + 4, z.dtype)
    y = np.empty((width, channels), z.dtype)
    for i in range(n):
        out[i] = 0  # no maximum of normalised ReLUs is below
        for h in range(stride * (p - 1) + 3):
            for w in range(width):
                z_w, y_w = z[i, h, w], y[w]
                for c in range(channels):
                    x = z_w[c] if z_w[c] > zero else zero
                    y_w[c] = x
                    squares[c + 2] = x * x
                for c in range(channels):
                    s = k + alpha * (
                        squares[c]
                        + squares[c + 1]
                        + squares[c + 2]
                        + squares[c + 3]
                        + squares[c + 4]
                    )
                    y_w[c] = y_w[c] / np.sqrt(s * np.sqrt(s))
            # The windows that row h belongs to.
            for top in range(max((h - 3) // stride + 1, 0), min(h // stride + 1, p)):
                for left in range(q):
                    w = stride * left
                    y_0, y_1, y_2 = y[w], y[w + 1], y[w + 2]
                    best = out[i, top, left]
                    for c in range(channels):
                        m = y_0[c] if y_0[c] > y_1[c] else y_1[c]
                        m = m if m > y_2[c] else y_2[c]
                        best[c] = m if m > best[c] else best[c]


@_jit
def relu_lrn_pool_argmax(z, k, alpha, out, index):
    """As :func:`relu_lrn_pool`, and where in its window each maximum was.

    ``index`` (N, P, Q, C) uint8: 3 * row + column, the first of equals.
    """
    (n, _, width, channels), (_, p, q, _) = z.shape, out.shape
    squares, s = np.zeros(channels + 4, z.dtype), np.empty(channels, z.dtype)
    y = np.empty((width, channels), z.dtype)
    for i in range(n):
        out[i] = -1
        for h in range(2 * p + 1):
            for w in range(width):
                y_w = y[w]
                _scale(z[i, h, w], k, alpha, squares, y_w, s)
                for c in range(channels):
                    y_w[c] = y_w[c] / np.sqrt(s[c] * np.sqrt(s[c]))
            for top in range(max((h - 1) // 2, 0), min(h // 2 + 1, p)):
                for left in range(q):
                    best, where = out[i, top, left], index[i, top, left]
                    for column in range(3):
                        y_w, here = y[2 * left + column], np.uint8(3 * (h - 2 * top) + column)
                        for c in range(channels):
                            better = y_w[c] > best[c]
                            best[c] = y_w[c] if better else best[c]
                            where[c] = here if better else where[c]


@_jit
def relu_lrn_pool_product(z, k, alpha, index, a, out):
    """J a, the change of the pooled (N, P, Q, C) with a change ``a`` (N, H, W, C) of ``z``.

    The LRN's Jacobian is ``diag(f) - diag(r) B diag(x)``, f = s^-0.75, r = 1.5 alpha x f / s.
    """
    (n, _, width, channels), (_, p, _, _) = z.shape, out.shape
    squares, s = np.zeros(channels + 4, z.dtype), np.empty(channels, z.dtype)
    ax, x = np.zeros(channels + 4, z.dtype), np.empty(channels, z.dtype)
    y = np.empty((width, channels), z.dtype)
    for i in range(n):
        out[i] = 0
        for h in range(2 * p + 1):
            for w in range(width):
                _scale(z[i, h, w], k, alpha, squares, x, s)
                _change(x, s, alpha, a[i, h, w], ax, y[w])
            _pick(y, h, index[i], out[i])


@_jit
def relu_lrn_pool_product_of_map(z, k, alpha, index, where, d, out):
    """J (where * d), ``where`` (N, H, W, C) uint8, ``d`` (N, H, W, 1), to ``out`` (N, P, Q, C)."""
    (n, _, width, channels), (_, p, _, _) = z.shape, out.shape
    zero = z.dtype.type(0)
    squares, s = np.zeros(channels + 4, z.dtype), np.empty(channels, z.dtype)
    ax, x = np.zeros(channels + 4, z.dtype), np.empty(channels, z.dtype)
    y, a = np.empty((width, channels), z.dtype), np.empty(channels, z.dtype)
    for i in range(n):
        out[i] = 0
        for h in range(2 * p + 1):
            for w in range(width):
                where_w, d_w = where[i, h, w], d[i, h, w, 0]
                for c in range(channels):
                    a[c] = d_w if where_w[c] else zero
                _scale(z[i, h, w], k, alpha, squares, x, s)
                _change(x, s, alpha, a, ax, y[w])
            _pick(y, h, index[i], out[i])


@_jit
def _change(x, s, alpha, a, ax, y):
    """Fill y = (diag(f) - diag(r) B diag(x)) a at one place, for x > 0; all (C), ``ax`` (C + 4)."""
    zero, factor = x.dtype.type(0), x.dtype.type(1.5) * alpha
    for c in range(len(x)):
        y[c] = a[c] if x[c] > zero else zero
        ax[c + 2] = a[c] * x[c]
    for c in range(len(x)):
        band = ax[c] + ax[c + 1] + ax[c + 2] + ax[c + 3] + ax[c + 4]
        root = 1 / np.sqrt(s[c])
        y[c] = (y[c] - factor * x[c] * root * root * band) * root * np.sqrt(root)


@_jit
def _pick(y, h, index, out):
    """Add to the pooled ``out`` (P, Q, C) what of row ``h`` of ``y`` each window's maximum is."""
    zero, (p, q, channels) = y.dtype.type(0), out.shape
    for top in range(max((h - 1) // 2, 0), min(h // 2 + 1, p)):
        for left in range(q):
            where, picked = index[top, left], out[top, left]
            for column in range(3):
                y_w, here = y[2 * left + column], np.uint8(3 * (h - 2 * top) + column)
                for c in range(channels):
                    picked[c] += y_w[c] if where[c] == here else zero


@_jit
def relu_lrn_pool_transpose(z, k, alpha, index, g, out):
    """J^T g: ``g`` (N, P, Q, C) to ``out`` (N, H, W, C)."""
    n, height, width, channels = z.shape
    squares, s = np.zeros(channels + 4, z.dtype), np.empty(channels, z.dtype)
    gr, x, f = (
        np.zeros(channels + 4, z.dtype),
        np.empty(channels, z.dtype),
        np.empty(channels, z.dtype),
    )
    row = np.empty((width, channels), z.dtype)
    for i in range(n):
        for h in range(height):
            _unpool(g[i], h, index[i], row)
            for w in range(width):
                _scale(z[i, h, w], k, alpha, squares, x, s)
                _transposed_change(x, s, alpha, row[w], f, gr, out[i, h, w])


@_jit
def relu_lrn_pool_transpose_to_map(z, k, alpha, index, g, where, out):
    """The sum of J^T g's positive channels, ``out`` (N, H, W, 1), and ``where`` they are, uint8."""
    n, height, width, channels = z.shape
    zero = z.dtype.type(0)
    squares, s = np.zeros(channels + 4, z.dtype), np.empty(channels, z.dtype)
    gr, x, f = (
        np.zeros(channels + 4, z.dtype),
        np.empty(channels, z.dtype),
        np.empty(channels, z.dtype),
    )
    row, y = np.empty((width, channels), z.dtype), np.empty(channels, z.dtype)
    for i in range(n):
        for h in range(height):
            _unpool(g[i], h, index[i], row)
            for w in range(width):
                _scale(z[i, h, w], k, alpha, squares, x, s)
                _transposed_change(x, s, alpha, row[w], f, gr, y)
                where_w, total = where[i, h, w], zero
                for c in range(channels):
                    positive = y[c] > zero
                    where_w[c] = positive
                    total += y[c] if positive else zero
                out[i, h, w, 0] = total


@_jit
def _unpool(g, h, index, row):
    """Row ``h`` (W, C) of what pooling sends back: each window's value, where its maximum was."""
    zero, (p, q, channels) = g.dtype.type(0), g.shape
    row[:] = 0
    for top in range(max((h - 1) // 2, 0), min(h // 2 + 1, p)):
        for left in range(q):
            where, g_w = index[top, left], g[top, left]
            for column in range(3):
                row_w, here = row[2 * left + column], np.uint8(3 * (h - 2 * top) + column)
                for c in range(channels):
                    row_w[c] += g_w[c] if where[c] == here else zero


@_jit
def _transposed_change(x, s, alpha, g, f, gr, y):
    """Fill y = (diag(f) - diag(x) B diag(r)) g at one place, for x > 0; all (C), ``gr`` (C + 4)."""
    zero, factor = x.dtype.type(0), x.dtype.type(1.5) * alpha
    for c in range(len(x)):
        root = 1 / np.sqrt(s[c])
        f[c] = root * np.sqrt(root)
        gr[c + 2] = factor * g[c] * x[c] * f[c] * root * root
    for c in range(len(x)):
        band = gr[c] + gr[c + 1] + gr[c + 2] + gr[c + 3] + gr[c + 4]
        y[c] = f[c] * (g[c] if x[c] > zero else zero) - x[c] * band
