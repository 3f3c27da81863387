"""The inner loop that interpolates the features of boxes in a region's map, on a CPU."""

from __future__ import annotations

import numpy as np

from rltrack.jit import jit

__all__ = ["interpolate"]


@jit
def interpolate(cells, columns, rows, out):
    """Interpolate bilinearly at the crossings of each box's columns and rows.

    Args:
        cells: (M, M, C), the region's map.
        columns: (N, k), where the columns of each box lie, in cells, from 0 to M - 1.
        rows: (N, k), where its rows lie.
        out: (N, C, k k), where the features are written. It has the type of ``cells``.
    """
    (boxes, across), (side, _, channels) = columns.shape, cells.shape
    one = cells.dtype.type(1)
    # The channels of a place are contiguous in `cells`, and the places of a channel in `out`. What
    # lies between them fits the processor's nearest cache.
    places = np.empty((across * across, channels), cells.dtype)
    for i in range(boxes):
        for v in range(across):
            above = min(np.int64(rows[i, v]), side - 2)
            down = rows[i, v] - cells.dtype.type(above)
            for u in range(across):
                left = min(np.int64(columns[i, u]), side - 2)
                right = columns[i, u] - cells.dtype.type(left)
                a, b = cells[above, left], cells[above, left + 1]
                c, d = cells[above + 1, left], cells[above + 1, left + 1]
                of_a, of_b = (one - down) * (one - right), (one - down) * right
                of_c, of_d = down * (one - right), down * right
                place = places[v * across + u]
                for j in range(channels):
                    place[j] = of_a * a[j] + of_b * b[j] + of_c * c[j] + of_d * d[j]
        for j in range(channels):
            feature = out[i, j]
            for p in range(across * across):
                feature[p] = places[p, j]
