"""The forest floor of the film, which is painted once, for the first frame.

There are three pictures: the ground with its leaves, stones and berries, the grass and the leaf
near the camera, and the shade of the trees. The camera sees each of them as a
`rltrack.demo_film.canvas.Layer`.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rltrack.demo_film.canvas import STAGE, Layer, Plate, noise

__all__ = ["paint_ground", "paint_near", "paint_shade"]

Array = NDArray[np.float64]

Float = NDArray[np.float32]

# The colour (red, green, blue, 0..1) of each kind of fallen leaf, and the depth of its lobes. Some
# leaves are as red as the ladybird.
_LEAVES = (
    ((0.62, 0.36, 0.10), 0.0),
    ((0.50, 0.28, 0.11), 0.55),
    ((0.72, 0.52, 0.16), 0.0),
    ((0.60, 0.17, 0.07), 0.0),
    ((0.42, 0.30, 0.16), 0.5),
    ((0.66, 0.30, 0.08), 0.55),
    ((0.38, 0.42, 0.14), 0.0),
    ((0.34, 0.22, 0.13), 0.0),
)

# The blades of grass near the camera. The numbers are the frame in which the target is under the
# blade, how far the tip reaches beyond the target's centre, the length, and the width at the root.
_BLADES = (
    (17.0, 60.0, 210.0, 24.0),
    (47.0, 40.0, 200.0, 14.0),
    (66.0, 44.0, 200.0, 20.0),
    (106.0, 40.0, 190.0, 22.0),
)

# The leaf near the camera: frame, length, width, and angle to the target's path in radians.
_COVER = (84.0, 92.0, 58.0, 1.1)


def paint_ground(rng: Generator, half: Array, scale: float) -> Layer:
    """Paint the ground, (H, W, 3) uint8: moss, autumn leaves, twigs, stones and rowan berries.

    Args:
        rng: draws what lies on the ground, and where.
        half: (2,), half the width and half the height, in stage units.
        scale: texels per stage unit.
    """
    plate = Plate(rng, half, scale)
    shape = plate.paint.shape[:2]
    damp = noise(rng.spawn(1)[0], shape, 40 * scale)[..., None]
    fine = noise(rng.spawn(1)[0], shape, max(2.0, 1.6 * scale))[..., None]
    moss = np.array([0.23, 0.28, 0.12]) + damp * (-0.015, 0.035, 0.0) + 0.04 * fine
    plate.paint[..., :3] = np.clip(moss, 0.03, 1)
    plate.paint[..., 3] = 1

    def places(density: float) -> Array:
        """Return random places: ``density`` on average for each area of the stage's size."""
        count = round(density * 4 * half[0] * half[1] / (STAGE[0] * STAGE[1]))
        return rng.uniform(-half, half, (count, 2))

    def pose(length: tuple[float, float], width: tuple[float, float]) -> tuple[float, float, float]:
        """Return a random angle, and a random length and width within the given bounds."""
        return rng.uniform(0, 2 * np.pi), rng.uniform(*length), rng.uniform(*width)

    for place in places(420):  # moss
        tuft = np.array([0.32, 0.42, 0.14]) * rng.uniform(0.5, 1.35) + rng.normal(0, 0.02, 3)
        turn, length, width = pose((7, 16), (1.6, 3))
        bend = rng.normal(0, 0.1)
        plate.leaf(place, turn, length, width, tuft, bend=bend, veins=0.5, shadow=0.35, blade=True)
    for place in places(9):
        stone = np.array([0.42, 0.40, 0.37]) * rng.uniform(0.6, 1.3)
        plate.ball(place, rng.uniform(2.5, 6), stone, 0.05)
    order = rng.permutation(len(_LEAVES))
    for n, place in enumerate(places(30)):
        colour, lobes = _LEAVES[order[n % len(order)]]
        length = rng.uniform(30, 58)
        turn, width = rng.uniform(0, 2 * np.pi), length * rng.uniform(0.42, 0.58)
        faded = np.array(colour) * rng.uniform(0.8, 1.15)
        plate.leaf(place, turn, length, width, faded, bend=rng.normal(0, 0.07), lobes=lobes)
    for place in places(9):
        bark = np.array([0.30, 0.21, 0.14]) * rng.uniform(0.7, 1.2)
        turn, length, width = pose((50, 120), (2, 4))
        plate.leaf(place, turn, length, width, bark, bend=rng.normal(0, 0.05), blade=True)
    for place in places(5):
        for _ in range(rng.integers(1, 4)):
            berry = np.array([0.80, 0.12, 0.06]) * rng.uniform(0.8, 1.1)
            plate.ball(place + rng.normal(0, 6, 2), rng.uniform(4.0, 5.5), berry, 0.5)
    for place in places(26):
        turn, length, width = pose((18, 40), (2, 3.4))
        grass = np.array([0.36, 0.48, 0.15]) * rng.uniform(0.7, 1.15)
        bend = rng.normal(0, 0.12)
        plate.leaf(place, turn, length, width, grass, bend=bend, shadow=0.5, blade=True)
    plate.paint *= 1.25  # the sun shines
    layer = plate.layer()
    return layer._replace(texels=np.ascontiguousarray(layer.texels[..., :3]))


def paint_near(
    rng: Generator, half: Array, scale: float, over_target: Callable[[float], Array]
) -> Layer:
    """Paint grass and a leaf that are near the camera and out of focus.

    Args:
        rng: draws the colours and bends of the grass.
        half: (2,), half the width and half the height, in stage units.
        scale: texels per stage unit.
        over_target: a function from a time in frames to the point that is over the target then.

    Returns:
        Premultiplied (H, W, 4) uint8.
    """
    plate = Plate(rng, half, scale)

    def ahead(time: float) -> Array:
        return over_target(time + 0.5) - over_target(time - 0.5)

    for time, tip, length, width in _BLADES:
        along, across = ahead(time)
        outward = np.array([across, -along]) / np.hypot(along, across)
        outward *= np.sign(outward @ over_target(time))
        root = over_target(time) + outward * (length - tip)
        middle, turn = root - outward * length / 2, np.arctan2(*-outward[::-1])
        green = np.array([0.40, 0.56, 0.16]) * rng.uniform(0.85, 1.15)
        bend = rng.normal(0, 0.03)
        plate.leaf(middle, turn, length, width, green, bend=bend, shadow=0.0, blade=True)
    time, length, width, skew = _COVER
    turn = np.arctan2(*ahead(time)[::-1]) + skew
    yellow = np.array([0.80, 0.50, 0.13])
    plate.leaf(over_target(time), turn, length, width, yellow, bend=0.06, shadow=0.0)
    plate.paint = np.asarray(cv2.GaussianBlur(plate.paint, (0, 0), 1.1 * scale), np.float32)
    return plate.layer()


def paint_shade(rng: Generator) -> Layer:
    """Paint the light that the trees let through: (512, 512) float32, 0.58..1.

    Copies of this picture fit together at their edges.
    """
    side = 512
    noise = rng.standard_normal((side, side))
    across = np.fft.fftfreq(side)
    low = np.exp(-2 * (np.pi * 16 * np.hypot(across, across[:, None])) ** 2)
    smooth = np.fft.ifft2(np.fft.fft2(noise) * low).real
    smooth /= smooth.std()
    light = (1 - 0.42 / (1 + np.exp(-4 * (smooth - 0.35)))).astype(np.float32)
    return Layer(light, 1.0, np.full(2, (side + 1) / 2), cv2.BORDER_WRAP)
