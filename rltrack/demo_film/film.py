"""A film that the package renders: a ladybird on the forest floor, with exact ground truth.

The film has everything that a tracker finds hard, and nothing has to be downloaded. The target
walks, turns, grows and shrinks, passes under grass and under a leaf, and meets a look-alike.
Meanwhile the camera pans and the light changes. Each frame is computed from its index alone.
Therefore frames can be rendered in any order, and a frame is always the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from rltrack.demo_film.canvas import STAGE, SUN, Layer, rotation
from rltrack.demo_film.forest_floor import paint_ground, paint_near, paint_shade
from rltrack.demo_film.ladybird import (
    BODY,
    REACH,
    RIVAL,
    TARGET,
    Look,
    draw_ladybird,
    draw_silhouette,
)
from rltrack.errors import InputError

__all__ = ["SyntheticSequence", "synthetic"]

Array = NDArray[np.float64]
Float = NDArray[np.float32]
Image = NDArray[np.uint8]

# Places in the scene are in stage units, around the origin of the scene. At 4:3, a stage unit is
# 1/240 of the picture's height. The film is a loop: frame 119 leads back to frame 0, and frame 120
# shows the scene of frame 0.
PERIOD = 120
_CAST = ((RIVAL, "rival"), (TARGET, "target"))

# Each row is one moment of the loop. The moments are 15 frames apart.
_SCRIPT: dict[str, Sequence[tuple[float, ...]]] = {
    # The places of the two ladybirds on the ground, and the place that the camera looks at.
    "target": [(-92, 34), (-56, -30), (4, -52), (62, -44), (98, 4), (70, 54), (4, 66), (-62, 72)],
    "camera": [(-22, 6), (-18, -10), (-2, -18), (18, -14), (30, 0), (24, 14), (4, 20), (-14, 18)],
    "rival": [(84, -88), (64, -40), (-6, 16), (-44, 52), (4, 34), (48, 4), (104, -36), (96, -88)],
    # "zoom" is log2 of the camera's magnification, "climb" is log2 of the target's own
    # magnification, and "roll" is the camera's roll in radians.
    "zoom": [(0.00,), (0.14,), (0.20,), (0.08,), (-0.08,), (-0.15,), (-0.08,), (-0.04,)],
    "climb": [(-0.04,), (0.08,), (0.22,), (0.10,), (-0.14,), (-0.22,), (-0.10,), (0.02,)],
    "roll": [(0.00,), (0.05,), (0.02,), (-0.04,), (-0.06,), (-0.02,), (0.04,), (0.03,)],
    # A ladybird that is turned out of the picture plane looks squeezed. "squeeze" is the share of
    # the width that is left, and "lean" is the direction in radians.
    "squeeze": [(1.0,), (0.95,), (0.88,), (0.94,), (1.0,), (0.93,), (0.90,), (0.96,)],
    "lean": [(0.3,), (0.5,), (0.9,), (1.0,), (0.8,), (0.5,), (0.2,), (0.1,)],
    # The factors that the light multiplies red, green and blue by.
    "light": [
        (1.30, 1.26, 1.14),
        (1.24, 1.22, 1.14),
        (1.08, 1.12, 1.18),
        (1.10, 1.12, 1.14),
        (1.26, 1.20, 1.04),
        (1.36, 1.22, 0.98),
        (1.12, 1.06, 1.00),
        (1.14, 1.14, 1.12),
    ],
    # The place that the soft shade of the trees above has moved to.
    "sway": [(0, 0), (22, -10), (52, -4), (70, 18), (60, 40), (38, 46), (12, 36), (-6, 16)],
}
_NEARNESS = 0.5  # grass near the camera moves across the picture by this share more than the ground
_LENGTH = 60.0  # the ladybird's length at magnification 1, in stage units
_STRIDE = 30.0  # stage units that are walked in one cycle of the legs

# The shifts of the sub-exposures: time in frames, x and y in pixels. The mean of the sub-exposures
# is an anti-aliased picture. It has the motion blur of a shutter that is open for 0.4 of a frame,
# around the frame's own time.
_EXPOSURES = (
    (-0.15, -0.125, -0.375),
    (-0.05, 0.375, -0.125),
    (0.05, -0.375, 0.125),
    (0.15, 0.125, 0.375),
)


class SyntheticSequence:
    """The film as a sequence of frames with ground truth. :func:`rltrack.synthetic` makes it.

    Attributes:
        name: "synthetic".
        fps: 25.0, frames per second.
        length: the number of frames.
        ground_truth: (length, 4) float64, the exact bounding boxes (x, y, w, h) in 0-based pixels.
            A box contains the ladybird's body: wing cases, pronotum and head, but not legs and
            feelers. It does so even where something hides the body. The pixel with index i covers
            [i, i + 1).
    """

    name = "synthetic"
    fps = 25.0

    def __init__(self, frames: int, seed: int, size: tuple[int, int]) -> None:
        if frames < 1:
            raise InputError(f"frames is {frames}; it must be 1 or more")
        if min(size) < 48:
            raise InputError(f"size is {size[0]}x{size[1]}; each side must be 48 pixels or more")
        if seed < 0:
            raise InputError(f"seed is {seed}; it must be 0 or more")
        self.length = frames
        self._seed = seed
        self._size = (size[0], size[1])
        self._pixels = _pixels(size)
        self._middle = np.array(size) / 2.0
        self._walked = {path: _walked(_PATHS[path]) for _, path in _CAST}
        self.ground_truth = np.array([self._box(i) for i in range(frames)])
        # At the largest scale, a ladybird's picture has about 1.5 texels for each pixel.
        self._side = int(1.5 * self._pixels * _LENGTH * REACH * 1.4 / 2) * 2

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.length

    def __iter__(self) -> Iterator[Image]:
        """Yield the frames in order."""
        return (self[i] for i in range(self.length))

    def __getitem__(self, index: int) -> Image:
        """Render one frame.

        Args:
            index: the number of the frame, from 0. A negative number counts from the end.

        Returns:
            (H, W, 3) uint8 RGB, a new array.
        """
        i = range(self.length)[index]
        width, height = self._size
        ground, grass, _ = _painted(self._seed, self._size)
        ladybirds = [self._draw(look, path, i) for look, path in _CAST]
        total = np.zeros((height, width, 3), np.float32)
        for delay, *shift in _EXPOSURES:
            time = i + delay
            view, origin = self._view(time)
            picture = ground.warp(view, origin + shift, self._size).astype(np.float32)
            for (_, path), (paint, shadow) in zip(_CAST, ladybirds, strict=True):
                matrix, place = self._pose(path, time)
                fall = 0.16 * np.abs(np.linalg.det(matrix)) ** 0.5
                shadow.over(picture, matrix, place + shift - fall * SUN[:2])
                paint.over(picture, matrix, place + shift)
            view, origin = self._view(time, _NEARNESS)
            near = grass.warp(view, origin + shift, self._size)
            picture *= (1 - near[..., 3:] / 255).astype(np.float32)
            picture += near[..., :3]
            total += picture
        total *= self._light(i) / len(_EXPOSURES)
        noise = np.random.default_rng([self._seed, 1, i]).standard_normal(
            total.shape, dtype=np.float32
        )
        noise *= 1.7 + 0.011 * total  # photon noise grows with the light
        total += noise
        return np.asarray(np.clip(total, 0, 255) + 0.5, np.uint8)

    def mask(self, index: int) -> Float:
        """Render the silhouette of the target's body alone.

        Args:
            index: the number of the frame, from 0. A negative number counts from the end.

        Returns:
            (H, W) float32, the share 0..1 of each pixel that the body covers. A part of the body
            counts even if something hides it.
        """
        i = range(self.length)[index]
        width, height = self._size
        mask = np.zeros((height, width, 1), np.float32)
        draw_silhouette(self._side).over(mask, *self._pose("target", i))
        return mask[..., 0]

    def visibility(self, index: int) -> float:
        """Return the share, 0..1, of the target's body that no grass and no leaf hides in a frame.

        Args:
            index: the number of the frame, from 0. A negative number counts from the end.
        """
        mask = self.mask(index)
        i = range(self.length)[index]
        _, grass, _ = _painted(self._seed, self._size)
        near = grass.warp(*self._view(i, _NEARNESS), self._size)[..., 3] / 255
        return float((mask * (1 - near)).sum() / mask.sum())

    def _view(self, time: float, nearness: float = 0.0) -> tuple[Array, Array]:
        """Return the camera's matrix and place: pixel = matrix @ point + place.

        The point is on the ground, or on the grass near the camera if ``nearness`` is above 0.
        """
        zoom = self._pixels * 2.0 ** _PATHS["zoom"](time)[0]
        matrix = zoom * rotation(_PATHS["roll"](time)[0])
        return matrix, self._middle - matrix @ _PATHS["camera"](time) * (1 + nearness)

    def _pose(self, path: str, time: float) -> tuple[Array, Array]:
        """Return a ladybird's matrix and place: pixel = matrix @ (u, v) + place.

        (u, v) are the units of ``BODY``.
        """
        view, shift = self._view(time)
        place = view @ _PATHS[path](time) + shift
        ahead = view @ _PATHS[path](time, 1)
        turn = rotation(np.arctan2(ahead[1], ahead[0]))
        lean = rotation(_PATHS["lean"](time)[0])
        squeeze = lean @ np.diag([1.0, _PATHS["squeeze"](time)[0]]) @ lean.T
        climb = 2.0 ** _PATHS["climb"](time)[0] if path == "target" else 1.0
        scale = np.abs(np.linalg.det(view)) ** 0.5 * climb * _LENGTH / 2
        return scale * squeeze @ turn, place

    def _box(self, index: int) -> tuple[float, float, float, float]:
        """Return the bounding box of the transformed ellipses of the body, in closed form."""
        matrix, place = self._pose("target", index)
        ellipses = np.array(BODY)
        centers = ellipses[:, :2] @ matrix.T + place
        # Along x, an ellipse reaches from its centre as far as the norm of the matrix's x row times
        # the half axes of the ellipse. The same holds along y.
        halves = np.linalg.norm(matrix[None] * ellipses[:, None, 2:], axis=2)
        low, high = (centers - halves).min(0), (centers + halves).max(0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    def _draw(self, look: Look, path: str, index: int) -> tuple[Layer, Layer]:
        """Return a ladybird's paint and its shadow for a frame."""
        ahead = _PATHS[path](index, 1)
        heading = np.arctan2(ahead[1], ahead[0])
        return draw_ladybird(look, self._side, heading, self._walked[path][index % PERIOD])

    def _light(self, index: int) -> Float:
        """Return the light (H, W, 3) on each pixel: the trees' moving shade, times its colour."""
        width, height = self._size
        matrix, place = self._view(index)
        _, _, shades = _painted(self._seed, self._size)
        shade = shades.warp(matrix, place - matrix @ _PATHS["sway"](index), self._size)
        across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        vignette = 1 - 0.10 * (across**2 + down**2)
        # Shade is bluer than sunlight, because it takes away less of the blue.
        tint = np.array([1.0, 0.94, 0.80], np.float32)
        light = 1 - (1 - shade * vignette)[..., None] * tint
        return np.asarray(light * _PATHS["light"](index), np.float32)


def synthetic(
    frames: int = 120, seed: int = 0, size: tuple[int, int] = (320, 240)
) -> SyntheticSequence:
    """Make the film: a ladybird to track, its look-alike, and exact ground truth.

    In the first 36 frames the target walks, turns by a right angle and grows. The light changes, a
    blade of grass hides a quarter of the target, and the look-alike comes next to it. Around frame
    74 the two meet again. In frames 81-86 a leaf hides most of the target.

    Args:
        frames: the number of frames, at least 1. The scene repeats after every 120 frames.
        seed: 0 or more. It changes the pattern of the ground, the grass and the sensor noise. It
            does not change what happens, or the ground truth.
        size: (width, height) in pixels, each at least 48. The picture is scaled so that it shows at
            least the whole 4:3 scene. At 320x240, the sides of the target's box are 35 to 75 pixels
            long. At that size the first frame takes about a second, because what lies on the
            ground is painted then, and every other 25 ms. Both times grow with the area.

    Returns:
        A sequence. Its items are frames, (H, W, 3) uint8 RGB.

    Raises:
        InputError: frames, seed or size is out of range.
    """
    return SyntheticSequence(frames, seed, size)


@lru_cache(maxsize=2)  # to paint takes a second: twice the same film is painted once
def _painted(seed: int, size: tuple[int, int]) -> tuple[Layer, Layer, Layer]:
    """Paint the ground, the near plate and the shade, which are the same in all frames."""
    # Plates reach beyond everything that the camera sees. They have 1.5 texels for each pixel,
    # which allows for the zoom.
    texels = 1.5 * _pixels(size)
    half = np.array(size) / 2.0 / _pixels(size) * 1.2 + 40.0
    rng = np.random.default_rng([seed, 0])

    def over_target(time: float) -> Array:
        """Return the point of the near plate that is over the target at a time, in frames."""
        point: Array = _PATHS["target"](time) + _NEARNESS * _PATHS["camera"](time)
        return point

    ground = paint_ground(rng, half, texels)
    near = paint_near(rng, half + 20.0, texels, over_target)
    return ground, near, paint_shade(rng)


def _pixels(size: tuple[int, int]) -> float:
    """Return the pixels per stage unit."""
    return min(size[0] / STAGE[0], size[1] / STAGE[1])


def _loop(rows: Sequence[tuple[float, ...]]) -> CubicSpline:
    """Return a smooth closed curve through the rows of the script, a function of the frame."""
    times = np.linspace(0, PERIOD, len(rows) + 1)
    return CubicSpline(times, np.array([*rows, rows[0]], float), bc_type="periodic")


_PATHS = {key: _loop(rows) for key, rows in _SCRIPT.items()}


def _walked(path: CubicSpline) -> Array:
    """Return the number of strides that a ladybird has walked at each frame of the loop.

    Over the whole loop it is a whole number, so that the legs close the loop too.
    """
    steps = np.linalg.norm(path(np.arange(PERIOD) + 0.5, 1), axis=1)
    distance = np.concatenate([[0.0], np.cumsum(steps)])
    strides = np.round(distance[-1] / _STRIDE)
    walked: Array = distance * strides / distance[-1]
    return walked
