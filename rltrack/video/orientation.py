"""How a stored frame is turned and mirrored to be shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["upright"]

Image = NDArray[np.uint8]


def upright(image: Image, matrix: NDArray[np.int32] | None) -> Image:
    """Turn and mirror an image as the display matrix of its video says.

    Players do the same. An angle between the right angles counts as the nearest of them.

    Args:
        image: (H, W, 3) uint8, as it is stored.
        matrix: the nine numbers (a, b, u, c, d, v, x, y, w) of the display matrix: what is stored
            in column p and row q is shown in column ``a p + c q + x`` and row ``b p + d q + y``.
            None shows the image as it is stored.

    Returns:
        (H, W, 3) or (W, H, 3) uint8, contiguous; ``image`` itself where nothing changes.
    """
    if matrix is None:
        return image
    a, b, _, c, d = (int(number) for number in matrix[:5])
    across, down = a, d
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, across, down = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
