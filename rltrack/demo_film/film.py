"""A film of our own: a ladybird on the forest floor, with exact ground truth.

Everything a tracker finds hard is in it, and nothing has to be downloaded: the target walks,
turns, grows and shrinks, passes under grass and under a leaf, and meets a look-alike, while the
camera pans and the light changes. Each frame is computed from its index alone, so that any frame
can be asked for at any time and is always the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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

# The film is staged in units of 1/240 of the picture's height at 4:3, around the world's origin,
# and it is a loop: its last frame leads to its first, and frame 120 shows the scene of frame 0.
PERIOD = 120
_CAST = ((RIVAL, "rival"), (TARGET, "target"))

# One row per 15 frames of the loop.
_SCRIPT: dict[str, Sequence[tuple[float, ...]]] = {
    # ladybird's place on the ground, and the place that the camera looks at
    "target": [(-92, 34), (-56, -30), (4, -52), (62, -44), (98, 4), (70, 54), (4, 66), (-62, 72)],
    "camera": [(-22, 6), (-18, -10), (-2, -18), (18, -14), (30, 0), (24, 14), (4, 20), (-14, 18)],
    "rival": [(84, -88), (64, -40), (-6, 16), (-44, 52), (4, 34), (48, 4), (104, -36), (96, -88)],
    # log2 of the magnification, camera's and ladybird's; camera's roll, radians
    "zoom": [(0.00,), (0.14,), (0.20,), (0.08,), (-0.08,), (-0.15,), (-0.08,), (-0.04,)],
    "climb": [(-0.04,), (0.08,), (0.22,), (0.10,), (-0.14,), (-0.22,), (-0.10,), (0.02,)],
    "roll": [(0.00,), (0.05,), (0.02,), (-0.04,), (-0.06,), (-0.02,), (0.04,), (0.03,)],
    # share of the width kept by the squeeze out of the picture plane, and its direction, radians
    "squeeze": [(1.0,), (0.95,), (0.88,), (0.94,), (1.0,), (0.93,), (0.90,), (0.96,)],
    "lean": [(0.3,), (0.5,), (0.9,), (1.0,), (0.8,), (0.5,), (0.2,), (0.1,)],
    # light: gain of red, green, blue
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
    # where the soft shade of the trees above has swayed to
    "sway": [(0, 0), (22, -10), (52, -4), (70, 18), (60, 40), (38, 46), (12, 36), (-6, 16)],
}
_NEARNESS = 0.5  # grass nearer to the camera slides by this much more than the ground
_LENGTH = 60.0  # the ladybird's length at magnification 1, in stage units
_STRIDE = 30.0  # stage units walked in one cycle of the legs

# Sub-exposures: (time in frames, x, y in pixels). Their mean is the anti-aliased picture with the
# motion blur of a shutter that is open for 0.4 of a frame, around the frame's own time.
_EXPOSURES = (
    (-0.15, -0.125, -0.375),
    (-0.05, 0.375, -0.125),
    (0.05, -0.375, 0.125),
    (0.15, 0.125, 0.375),
)


class SyntheticSequence:
    """The film as a sequence of frames with ground truth; made by `synthetic`.

    Attributes:
        name: "synthetic".
        fps: 25.0.
        length: number of frames.
        ground_truth: (length, 4) float64, exact 0-based (x, y, w, h) boxes, in pixels, of the
            ladybird's body (wing cases, pronotum and head; legs and feelers left out), also where
            something hides it. A pixel with index i covers [i, i + 1).
    """

    name = "synthetic"
    fps = 25.0

    def __init__(self, frames: int, seed: int, size: tuple[int, int]) -> None:
        if frames < 1:
            raise InputError(f"frames: got {frames}, wanted 1 or more")
        if min(size) < 48:
            raise InputError(f"size: got {size[0]}x{size[1]}, wanted 48 pixels or more a side")
        if seed < 0:
            raise InputError(f"seed: got {seed}, wanted 0 or more")
        self.length = frames
        self._seed = seed
        self._size = size
        self._pixels = min(size[0] / STAGE[0], size[1] / STAGE[1])  # per stage unit
        self._middle = np.array(size) / 2.0
        self._paths = {key: _loop(rows) for key, rows in _SCRIPT.items()}
        self._walked = {path: _walked(self._paths[path]) for _, path in _CAST}
        self.ground_truth = np.array([self._box(i) for i in range(frames)])
        # A ladybird's picture has about 1.5 texels a pixel at the largest scale.
        self._side = int(1.5 * self._pixels * _LENGTH * REACH * 1.4 / 2) * 2
        # Plates reach beyond all that the camera sees; 1.5 texels a pixel allow for the zoom.
        texels = 1.5 * self._pixels
        half = self._middle / self._pixels * 1.2 + 40.0
        rng = np.random.default_rng([seed, 0])
        self._ground = paint_ground(rng, half, texels)
        self._near = paint_near(rng, half + 20.0, texels, self._near_point)
        self._shade = paint_shade(rng)

    def __len__(self) -> int:
        """Number of frames."""
        return self.length

    def __iter__(self) -> Iterator[Image]:
        """Frames in order."""
        return (self[i] for i in range(self.length))

    def __getitem__(self, index: int) -> Image:
        """Renders one frame.

        Args:
            index: frame, 0-based; negative counts from the end.

        Returns:
            (H, W, 3) uint8 RGB, a new array.
        """
        i = range(self.length)[index]
        width, height = self._size
        ladybirds = [self._draw(look, path, i) for look, path in _CAST]
        total = np.zeros((height, width, 3), np.float32)
        for delay, *shift in _EXPOSURES:
            time = i + delay
            view, origin = self._view(time)
            picture = self._ground.warp(view, origin + shift, self._size).astype(np.float32)
            for (_, path), (paint, shadow) in zip(_CAST, ladybirds, strict=True):
                matrix, place = self._pose(path, time)
                fall = 0.16 * np.abs(np.linalg.det(matrix)) ** 0.5
                shadow.over(picture, matrix, place + shift - fall * SUN[:2])
                paint.over(picture, matrix, place + shift)
            view, origin = self._view(time, _NEARNESS)
            near = self._near.warp(view, origin + shift, self._size)
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
        """Renders the target's silhouette alone.

        Args:
            index: frame, 0-based; negative counts from the end.

        Returns:
            (H, W) float32, the share 0..1 of each pixel that the body covers, hidden or not.
        """
        i = range(self.length)[index]
        width, height = self._size
        mask = np.zeros((height, width, 1), np.float32)
        draw_silhouette(self._side).over(mask, *self._pose("target", i))
        return mask[..., 0]

    def visibility(self, index: int) -> float:
        """The share 0..1 of the target's body that no grass or leaf hides in a frame."""
        mask = self.mask(index)
        i = range(self.length)[index]
        near = self._near.warp(*self._view(i, _NEARNESS), self._size)[..., 3] / 255
        return float((mask * (1 - near)).sum() / mask.sum())

    def _view(self, time: float, nearness: float = 0.0) -> tuple[Array, Array]:
        """The camera: pixel = matrix @ point + place, for the ground or for the grass above it."""
        zoom = self._pixels * 2.0 ** self._paths["zoom"](time)[0]
        matrix = zoom * rotation(self._paths["roll"](time)[0])
        return matrix, self._middle - matrix @ self._paths["camera"](time) * (1 + nearness)

    def _near_point(self, time: float) -> Array:
        """The point of the near plate that is over the target at a time."""
        point: Array = self._paths["target"](time) + _NEARNESS * self._paths["camera"](time)
        return point

    def _pose(self, path: str, time: float) -> tuple[Array, Array]:
        """A ladybird: pixel = matrix @ (u, v) + place, with (u, v) as in `BODY`."""
        view, shift = self._view(time)
        place = view @ self._paths[path](time) + shift
        ahead = view @ self._paths[path](time, 1)
        turn = rotation(np.arctan2(ahead[1], ahead[0]))
        lean = rotation(self._paths["lean"](time)[0])
        squeeze = lean @ np.diag([1.0, self._paths["squeeze"](time)[0]]) @ lean.T
        climb = 2.0 ** self._paths["climb"](time)[0] if path == "target" else 1.0
        scale = np.abs(np.linalg.det(view)) ** 0.5 * climb * _LENGTH / 2
        return scale * squeeze @ turn, place

    def _box(self, index: int) -> tuple[float, float, float, float]:
        """The box round the transformed ellipses of the body, in closed form."""
        matrix, place = self._pose("target", index)
        ellipses = np.array(BODY)
        centers = ellipses[:, :2] @ matrix.T + place
        # An ellipse's support function along x is the norm of the matrix's x row times its axes.
        halves = np.linalg.norm(matrix[None] * ellipses[:, None, 2:], axis=2)
        low, high = (centers - halves).min(0), (centers + halves).max(0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    def _draw(self, look: Look, path: str, index: int) -> tuple[Layer, Layer]:
        """A ladybird's paint and shadow for a frame."""
        ahead = self._paths[path](index, 1)
        heading = np.arctan2(ahead[1], ahead[0])
        return draw_ladybird(look, self._side, heading, self._walked[path][index % PERIOD])

    def _light(self, index: int) -> Float:
        """Light that falls on each pixel: (H, W, 3), the trees' swaying shade times the gain."""
        width, height = self._size
        matrix, place = self._view(index)
        shade = self._shade.warp(matrix, place - matrix @ self._paths["sway"](index), self._size)
        across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        vignette = 1 - 0.10 * (across**2 + down**2)
        # Shade is cooler than the sun: its blue falls less.
        tint = np.array([1.0, 0.94, 0.80], np.float32)
        light = 1 - (1 - shade * vignette)[..., None] * tint
        return np.asarray(light * self._paths["light"](index), np.float32)


def synthetic(
    frames: int = 120, seed: int = 0, size: tuple[int, int] = (320, 240)
) -> SyntheticSequence:
    """Makes the film: a ladybird to track, its look-alike, and exact ground truth.

    The first 36 frames hold a walk, a turn by a right angle, growth, changing light, a blade of
    grass that hides a quarter of the target, and the look-alike next to it; around frame 74 the
    two meet again, and in frames 81-86 a leaf hides most of the target.

    Args:
        frames: number of frames. The scene repeats every 120.
        seed: 0 or more; of the ground's pattern, the grass and the sensor noise. The story and the
            ground truth stay the same.
        size: (width, height) in pixels, 48 or more each. The picture is scaled to show at least
            the 4:3 stage: at 320x240 the target's box has sides of 35 to 75 px. At that size the
            film takes about a second to prepare and 25 ms a frame; time grows with the area.

    Returns:
        A sequence; iterate it or index it for (H, W, 3) uint8 RGB frames.

    Raises:
        InputError: frames, seed or size out of range.
    """
    return SyntheticSequence(frames, seed, size)


def _loop(rows: Sequence[tuple[float, ...]]) -> CubicSpline:
    """A smooth closed curve through the script's rows: time in frames -> value."""
    times = np.linspace(0, PERIOD, len(rows) + 1)
    return CubicSpline(times, np.array([*rows, rows[0]], float), bc_type="periodic")


def _walked(path: CubicSpline) -> Array:
    """Strides walked by each frame of the loop; a whole number of them closes it."""
    steps = np.linalg.norm(path(np.arange(PERIOD) + 0.5, 1), axis=1)
    distance = np.concatenate([[0.0], np.cumsum(steps)])
    strides = np.round(distance[-1] / _STRIDE)
    walked: Array = distance * strides / distance[-1]
    return walked
