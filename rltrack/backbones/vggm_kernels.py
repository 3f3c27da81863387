"""Compiled loops for VGG-M on a CPU: ReLU, LRN and pooling, their Jacobian, and overlapping sums.

An LRN that is written as tensor operations passes through memory a dozen times, and costs as much
as the convolutions. Here a row of the image stays in the processor's nearest cache from the first
step to the last.

Images are (H, W, C) with contiguous channels. All loops release the GIL and run on one thread;
:mod:`rltrack.parallel` runs several of them at a time.

The notation is that of :mod:`rltrack.backbones.lrn_stage`: ``z`` (N, H, W, C) is a convolution's
output, float32 or float64. ``k`` and ``alpha`` are scalars of the same type, so that no loop
computes in a wider type. ``index``, ``g``, and ``out`` unless stated otherwise, have the shape
(N, P, Q, C) of the pooled output. At stride 2, P = (H - 1) // 2.
"""

from __future__ import annotations

import numpy as np

from rltrack.jit import inlined, jit

__all__ = [
    "overlap_add",
    "relu_lrn_pool",
    "relu_lrn_pool_argmax",
    "relu_lrn_pool_product",
    "relu_lrn_pool_product_of_map",
    "relu_lrn_pool_transpose",
    "relu_lrn_pool_transpose_to_map",
]


@jit
def overlap_add(patches, stride, channels, out):
    """Sum overlapping patches into images: the second half of a transposed convolution.

    ``patches`` is (N, P, Q, K, K * C), with K rows of K pixels each. ``out`` is (N, H, W * C),
    where H = stride (P - 1) + K, and W likewise.
    """
    n, p, q, rows, length = patches.shape
    for i in range(n):
        out[i] = 0
        for top in range(p):
            for left in range(q):
                for row in range(rows):
                    patch = patches[i, top, left, row]
                    under = out[i, stride * top + row, stride * left * channels :]
                    for c in range(length):
                        under[c] += patch[c]


@inlined
def _normalise(z, k, alpha, squares, y):
    """Fill y = x s^-0.75 at one place, with x = relu(z) and s = k + alpha B x^2.

    Here and below, the values at one place are (C,). Scratch arrays such as ``squares`` are
    (C + 4,), with two zeros at each end. Each loop uses few arrays, and computes again what is
    cheap. With many arrays, the compiler cannot show that none of them overlap, and does not
    vectorise the loop.
    """
    zero = z.dtype.type(0)
    for c in range(len(z)):
        x = z[c] if z[c] > zero else zero
        y[c] = x
        squares[c + 2] = x * x
    for c in range(len(z)):
        s = k + alpha * (
            squares[c] + squares[c + 1] + squares[c + 2] + squares[c + 3] + squares[c + 4]
        )
        y[c] = y[c] / np.sqrt(s * np.sqrt(s))


@jit
def relu_lrn_pool(z, k, alpha, stride, out):
    """Fill ``out`` (N, P, Q, C) with the LRN of relu(z), max-pooled at ``stride``."""
    (n, _, width, channels), (_, p, q, _) = z.shape, out.shape
    squares, y = np.zeros(channels + 4, z.dtype), np.empty((width, channels), z.dtype)
    for i in range(n):
        out[i] = 0  # no normalised ReLU, and so no maximum, is below 0
        for h in range(stride * (p - 1) + 3):
            for w in range(width):
                _normalise(z[i, h, w], k, alpha, squares, y[w])
            # Go through the windows that row h belongs to.
            for top in range(max((h - 3) // stride + 1, 0), min(h // stride + 1, p)):
                for left in range(q):
                    w = stride * left
                    y_0, y_1, y_2 = y[w], y[w + 1], y[w + 2]
                    best = out[i, top, left]
                    for c in range(channels):
                        m = y_0[c] if y_0[c] > y_1[c] else y_1[c]
                        m = m if m > y_2[c] else y_2[c]
                        best[c] = m if m > best[c] else best[c]


@jit
def relu_lrn_pool_argmax(z, k, alpha, out, index):
    """Do what :func:`relu_lrn_pool` does, and record where in its window each maximum was.

    ``index`` (N, P, Q, C) uint8 is 3 * row + column. Of equal values, the first one is recorded.
    """
    (n, _, width, channels), (_, p, q, _) = z.shape, out.shape
    one, two = z.dtype.type(1), z.dtype.type(2)
    squares, y = np.zeros(channels + 4, z.dtype), np.empty((width, channels), z.dtype)
    # A window spans three rows, and up to two rows of windows are in progress at the same time. The
    # places are stored in y's type, because numbers of the same width as y's are compared and
    # chosen together with them. Bytes are not.
    places = np.empty((2, q, channels), z.dtype)
    for i in range(n):
        out[i] = -1
        for h in range(2 * p + 1):
            for w in range(width):
                _normalise(z[i, h, w], k, alpha, squares, y[w])
            for top in range(max((h - 1) // 2, 0), min(h // 2 + 1, p)):
                first = z.dtype.type(3 * (h - 2 * top))
                for left in range(q):
                    w = 2 * left
                    y_0, y_1, y_2 = y[w], y[w + 1], y[w + 2]
                    best, place = out[i, top, left], places[top % 2, left]
                    for c in range(channels):
                        middle = y_1[c] > y_0[c]
                        m = y_1[c] if middle else y_0[c]
                        here = first + one if middle else first
                        last = y_2[c] > m
                        m = y_2[c] if last else m
                        here = first + two if last else here
                        better = m > best[c]
                        best[c] = m if better else best[c]
                        place[c] = here if better else place[c]
                if h == 2 * top + 2:
                    for left in range(q):
                        for c in range(channels):
                            index[i, top, left, c] = np.uint8(places[top % 2, left, c])


@jit
def relu_lrn_pool_product(z, k, alpha, index, a, out):
    """Fill ``out`` with J a: how a change ``a`` (N, H, W, C) of ``z`` changes the pooled values.

    The LRN's Jacobian is ``diag(f) - diag(r) B diag(x)``, f = s^-0.75, r = 1.5 alpha x f / s.
    """
    (n, _, width, channels), (_, p, _, _) = z.shape, out.shape
    squares, ax = np.zeros(channels + 4, z.dtype), np.zeros(channels + 4, z.dtype)
    y = np.empty((width, channels), z.dtype)
    for i in range(n):
        out[i] = 0
        for h in range(2 * p + 1):
            for w in range(width):
                _change(z[i, h, w], k, alpha, a[i, h, w], squares, ax, y[w])
            _pick(y, h, index[i], out[i])


@jit
def relu_lrn_pool_product_of_map(z, k, alpha, index, where, d, out):
    """Fill ``out`` (N, P, Q, C) with J (where * d).

    ``where`` is (N, H, W, C) uint8, and ``d`` is (N, H, W, 1).
    """
    (n, _, width, channels), (_, p, _, _) = z.shape, out.shape
    zero = z.dtype.type(0)
    squares, ax = np.zeros(channels + 4, z.dtype), np.zeros(channels + 4, z.dtype)
    y, a = np.empty((width, channels), z.dtype), np.empty(channels, z.dtype)
    for i in range(n):
        out[i] = 0
        for h in range(2 * p + 1):
            for w in range(width):
                where_w, d_w = where[i, h, w], d[i, h, w, 0]
                for c in range(channels):
                    a[c] = d_w if where_w[c] else zero
                _change(z[i, h, w], k, alpha, a, squares, ax, y[w])
            _pick(y, h, index[i], out[i])


@inlined
def _change(z, k, alpha, a, squares, ax, y):
    """Fill y = (diag(f) - diag(r) B diag(x)) a at one place, where x > 0. Elsewhere, y is 0."""
    zero, one, factor = z.dtype.type(0), z.dtype.type(1), z.dtype.type(1.5) * alpha
    for c in range(len(z)):
        x = z[c] if z[c] > zero else zero
        squares[c + 2] = x * x
        ax[c + 2] = a[c] * x
    for c in range(len(z)):
        s = k + alpha * (
            squares[c] + squares[c + 1] + squares[c + 2] + squares[c + 3] + squares[c + 4]
        )
        band = ax[c] + ax[c + 1] + ax[c + 2] + ax[c + 3] + ax[c + 4]
        f = one / np.sqrt(s * np.sqrt(s))
        y[c] = f * (a[c] - factor * z[c] / s * band) if z[c] > zero else zero


@jit
def _pick(y, h, index, out):
    """Add those values of row ``h`` of ``y`` that are a window's maximum to ``out`` (P, Q, C)."""
    zero, (p, q, channels) = y.dtype.type(0), out.shape
    for top in range(max((h - 1) // 2, 0), min(h // 2 + 1, p)):
        for left in range(q):
            where, picked = index[top, left], out[top, left]
            for column in range(3):
                y_w, here = y[2 * left + column], np.uint8(3 * (h - 2 * top) + column)
                for c in range(channels):
                    picked[c] += y_w[c] if where[c] == here else zero


@jit
def relu_lrn_pool_transpose(z, k, alpha, index, g, out):
    """Fill ``out`` (N, H, W, C) with J^T g. ``g`` is (N, P, Q, C)."""
    n, height, width, channels = z.shape
    zero = z.dtype.type(0)
    squares, gr = np.zeros(channels + 4, z.dtype), np.zeros(channels + 4, z.dtype)
    f, row = np.empty(channels, z.dtype), np.empty((width, channels), z.dtype)
    for i in range(n):
        for h in range(height):
            _unpool(g[i], h, index[i], row)
            for w in range(width):
                z_w, g_w, y = z[i, h, w], row[w], out[i, h, w]
                _factors(z_w, k, alpha, g_w, squares, f, gr)
                for c in range(channels):
                    band = gr[c] + gr[c + 1] + gr[c + 2] + gr[c + 3] + gr[c + 4]
                    y[c] = f[c] * g_w[c] - z_w[c] * band if z_w[c] > zero else zero


@jit
def relu_lrn_pool_transpose_to_map(z, k, alpha, index, g, where, out):
    """Fill ``out`` (N, H, W, 1) with the sum over the channels of the positive values of J^T g.

    ``where`` (N, H, W, C) uint8 is filled with 1 where J^T g is positive, and with 0 elsewhere.
    """
    n, height, width, channels = z.shape
    zero = z.dtype.type(0)
    squares, gr = np.zeros(channels + 4, z.dtype), np.zeros(channels + 4, z.dtype)
    f, row = np.empty(channels, z.dtype), np.empty((width, channels), z.dtype)
    for i in range(n):
        for h in range(height):
            _unpool(g[i], h, index[i], row)
            for w in range(width):
                z_w, g_w, where_w, total = z[i, h, w], row[w], where[i, h, w], zero
                _factors(z_w, k, alpha, g_w, squares, f, gr)
                for c in range(channels):
                    band = gr[c] + gr[c + 1] + gr[c + 2] + gr[c + 3] + gr[c + 4]
                    y = f[c] * g_w[c] - z_w[c] * band if z_w[c] > zero else zero
                    where_w[c] = y > zero
                    total += y if y > zero else zero
                out[i, h, w, 0] = total


@jit
def _unpool(g, h, index, row):
    """Fill row ``h`` (W, C) of the unpooled image: each window's value goes to its maximum's place.

    Values that go to the same place are added up.
    """
    zero, (p, q, channels) = g.dtype.type(0), g.shape
    row[:] = 0
    for top in range(max((h - 1) // 2, 0), min(h // 2 + 1, p)):
        for left in range(q):
            where, g_w = index[top, left], g[top, left]
            for column in range(3):
                row_w, here = row[2 * left + column], np.uint8(3 * (h - 2 * top) + column)
                for c in range(channels):
                    row_w[c] += g_w[c] if where[c] == here else zero


@inlined
def _factors(z, k, alpha, g, squares, f, gr):
    """Fill f and gr = diag(r) g at one place.

    Then J^T g = f g - x B gr where x > 0, and 0 elsewhere.
    """
    zero, one, factor = z.dtype.type(0), z.dtype.type(1), z.dtype.type(1.5) * alpha
    for c in range(len(z)):
        x = z[c] if z[c] > zero else zero
        squares[c + 2] = x * x
    for c in range(len(z)):
        s = k + alpha * (
            squares[c] + squares[c + 1] + squares[c + 2] + squares[c + 3] + squares[c + 4]
        )
        x = z[c] if z[c] > zero else zero
        f[c] = one / np.sqrt(s * np.sqrt(s))
        gr[c + 2] = factor * g[c] * x * f[c] / s
