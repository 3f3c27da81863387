"""A film of our own: a ladybird on the forest floor, with exact ground truth.

Everything a tracker finds hard is in it, and nothing has to be downloaded: the target walks,
turns, grows and shrinks, passes under grass and under a leaf, and meets a look-alike, while the
camera pans and the light changes. Each frame is computed from its index alone, so that any frame
can be asked for at any time and is always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from rltrack.errors import InputError

__all__ = ["SyntheticSequence", "synthetic"]

Array = NDArray[np.float64]
Float = NDArray[np.float32]
Image = NDArray[np.uint8]

# The film is staged in units of 1/240 of the picture's height at 4:3, around the world's origin,
# and it is a loop: its last frame leads to its first, and frame 120 shows the scene of frame 0.
PERIOD = 120
STAGE = (320.0, 240.0)

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
_SUN = np.array([-0.50, -0.62, 0.60])  # to the sun: x right, y down, z to the camera
_LENGTH = 60.0  # the ladybird's length at magnification 1, in stage units

# Sub-exposures: (time in frames, x, y in pixels). Their mean is the anti-aliased picture with the
# motion blur of a shutter that is open for 0.4 of a frame, around the frame's own time.
_EXPOSURES = (
    (-0.15, -0.125, -0.375),
    (-0.05, 0.375, -0.125),
    (0.05, -0.375, 0.125),
    (0.15, 0.125, 0.375),
)

# The body: ellipses (u, v, half length, half width) of wing cases, pronotum and head, where u
# points ahead, v to the right, and the whole is 2 long.
_WINGS, _PRONOTUM, _HEAD = (
    (-0.20, 0.0, 0.80, 0.80),
    (0.56, 0.0, 0.27, 0.50),
    (0.82, 0.0, 0.18, 0.28),
)
_BODY = (_WINGS, _PRONOTUM, _HEAD)
_STRIDE = 30.0  # stage units walked in one cycle of the legs
_REACH = 1.35  # half the side of the ladybird's picture, legs and feelers included


class Look(NamedTuple):
    """What tells one ladybird from another.

    Attributes:
        colour: red, green, blue of the wing cases, 0..1.
        spots: (u, v, radius) of the spots of the right wing case; the left one mirrors them.
        collar: half width of the black of the pronotum; the rest is ivory.
    """

    colour: tuple[float, float, float]
    spots: tuple[tuple[float, float, float], ...]
    collar: float


TARGET = Look(
    (0.86, 0.10, 0.05),
    ((0.46, 0.0, 0.15), (0.17, 0.43, 0.17), (-0.30, 0.27, 0.18), (-0.55, 0.57, 0.13)),
    0.30,
)
RIVAL = Look(
    (0.90, 0.26, 0.05),
    (
        (0.30, 0.30, 0.10),
        (0.02, 0.60, 0.10),
        (-0.14, 0.22, 0.11),
        (-0.50, 0.44, 0.12),
        (-0.74, 0.16, 0.09),
    ),
    0.16,
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
        # Plates reach beyond all that the camera sees; 1.5 texels a pixel allow for the zoom.
        self._texels = 1.5 * self._pixels
        self._ground_half = self._middle / self._pixels * 1.2 + 40.0
        self._near_half = self._ground_half + 20.0
        rng = np.random.default_rng([seed, 0])
        self._ground = _paint_ground(rng, self._ground_half, self._texels)
        self._near = _paint_near(rng, self._near_half, self._texels, self._near_point)
        self._shade = _paint_shade(rng)

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
        ladybirds = [self._draw_ladybird(look, path, i) for look, path in _CAST]
        total = np.zeros((height, width, 3), np.float32)
        for delay, dx, dy in _EXPOSURES:
            time, shift = i + delay, np.array((dx, dy))
            picture = self._warp_plate(self._ground, time, shift, 0.0).astype(np.float32)
            for (_, path), (paint, shadow) in zip(_CAST, ladybirds, strict=True):
                matrix, place = self._pose(path, time)
                reach = 0.16 * np.abs(np.linalg.det(matrix)) ** 0.5
                _shadow_over(picture, shadow, matrix, place + shift - reach * _SUN[:2])
                _sprite_over(picture, paint, matrix, place + shift)
            near = self._warp_plate(self._near, time, shift, _NEARNESS)
            picture *= _LIGHT_PAST[near[..., 3:]]
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
        matrix, place = self._pose("target", i)
        mask = np.zeros((height, width, 1), np.float32)
        body = _figure(TARGET, self._side()).alpha[..., None]
        _sprite_over(mask, np.concatenate([body, body], 2), matrix, place)
        return mask[..., 0]

    def visibility(self, index: int) -> float:
        """The share 0..1 of the target's body that no grass or leaf hides in a frame."""
        mask = self.mask(index)
        i = range(self.length)[index]
        near = self._warp_plate(self._near, i, np.zeros(2), _NEARNESS)[..., 3] / 255.0
        return float((mask * (1 - near)).sum() / mask.sum())

    def _view(self, time: float, nearness: float) -> tuple[Array, Array]:
        """The camera: pixel = matrix @ place + shift, for the ground or for the grass above it."""
        zoom = self._pixels * 2.0 ** self._paths["zoom"](time)[0]
        matrix = zoom * _turn(self._paths["roll"](time)[0])
        return matrix, self._middle - matrix @ self._paths["camera"](time) * (1 + nearness)

    def _near_point(self, time: float) -> Array:
        """The point of the near plate that is over the target at a time."""
        point: Array = self._paths["target"](time) + _NEARNESS * self._paths["camera"](time)
        return point

    def _pose(self, path: str, time: float) -> tuple[Array, Array]:
        """A ladybird: pixel = matrix @ (u, v) + place, with (u, v) as in `_BODY`."""
        view, shift = self._view(time, 0.0)
        place = view @ self._paths[path](time) + shift
        ahead = view @ self._paths[path](time, 1)
        turn = _turn(np.arctan2(ahead[1], ahead[0]))
        lean = _turn(self._paths["lean"](time)[0])
        squeeze = lean @ np.diag([1.0, self._paths["squeeze"](time)[0]]) @ lean.T
        climb = 2.0 ** self._paths["climb"](time)[0] if path == "target" else 1.0
        scale = np.abs(np.linalg.det(view)) ** 0.5 * climb * _LENGTH / 2
        return scale * squeeze @ turn, place

    def _box(self, index: int) -> tuple[float, float, float, float]:
        """The box round the transformed ellipses of the body, in closed form."""
        matrix, place = self._pose("target", index)
        ellipses = np.array(_BODY)
        centers = ellipses[:, :2] @ matrix.T + place
        # An ellipse's support function along x is the norm of the matrix's x row times its axes.
        halves = np.linalg.norm(matrix[None] * ellipses[:, None, 2:], axis=2)
        low, high = (centers - halves).min(0), (centers + halves).max(0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    def _side(self) -> int:
        """Side of a ladybird's picture in texels: about 1.5 a pixel at the largest scale."""
        return int(1.5 * self._pixels * _LENGTH * _REACH * 1.4 / 2) * 2

    def _warp_plate(self, plate: Image, time: float, shift: Array, nearness: float) -> Image:
        matrix, offset = self._view(time, nearness)
        half = self._near_half if nearness else self._ground_half
        inverse = self._texels * np.linalg.inv(matrix)
        # Pixel and texel centres are at half-integers, OpenCV counts them from 0.
        start = inverse @ (0.5 - offset - shift) + self._texels * half - 0.5
        warped = cv2.warpAffine(
            plate,
            np.column_stack([inverse, start]),
            self._size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        return np.asarray(warped, np.uint8)

    def _draw_ladybird(self, look: Look, path: str, index: int) -> tuple[Float, Float]:
        """Lights a ladybird for a frame: premultiplied (S, S, 4) paint and (S, S, 1) shadow."""
        ahead = self._paths[path](index, 1)
        sun = np.append(_turn(-np.arctan2(ahead[1], ahead[0])) @ _SUN[:2], _SUN[2])
        sun /= np.linalg.norm(sun)
        halfway = sun + np.array((0.0, 0.0, 1.0))
        halfway /= np.linalg.norm(halfway)
        figure = _figure(look, self._side())
        diffuse = np.maximum(figure.normals @ sun.astype(np.float32), 0)
        glint = np.maximum(figure.normals @ halfway.astype(np.float32), 0)
        colour = figure.albedo * (0.34 + 0.86 * diffuse[..., None])
        wide = np.square(np.square(np.square(glint)))  # glint ** 8; ** is ten times slower
        narrow = np.square(np.square(np.square(wide)))
        colour += figure.gloss * (0.75 * narrow + 0.14 * wide)[..., None]
        legs = _draw_legs(self._side(), float(self._walked[path][index % PERIOD]))
        alpha = figure.alpha + legs * (1 - figure.alpha)
        rim = legs * (1 - figure.alpha) * 0.09
        paint = np.minimum(colour, 1) * figure.alpha[..., None] + rim[..., None]
        shadow = cv2.GaussianBlur(alpha, (0, 0), 0.022 * self._side())
        return np.dstack([255 * paint, alpha]), 0.62 * shadow[..., None]

    def _light(self, index: int) -> Float:
        """Light that falls on each pixel: (H, W, 3), the trees' swaying shade times the gain."""
        width, height = self._size
        matrix, offset = self._view(index, 0.0)
        inverse = np.linalg.inv(matrix)
        start = inverse @ (0.5 - offset) + self._paths["sway"](index) + _SHADE_SIDE / 2
        shade = cv2.warpAffine(
            self._shade,
            np.column_stack([inverse, start]),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )
        across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        vignette = 1 - 0.10 * (across**2 + down**2)
        # Shade is cooler than the sun: its blue falls less.
        tint = np.array([1.0, 0.94, 0.80], np.float32)
        light = 1 - (1 - shade * vignette)[..., None] * tint
        return np.asarray(light * self._paths["light"](index), np.float32)


_CAST = ((RIVAL, "rival"), (TARGET, "target"))
_SHADE_SIDE = 512
_LIGHT_PAST = (1 - np.arange(256) / 255).astype(np.float32)  # what an 8-bit alpha lets through


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
        A sequence: iterate it or index it for (H, W, 3) uint8 RGB frames.

    Raises:
        InputError: frames, seed or size out of range.
    """
    return SyntheticSequence(frames, seed, size)


def _turn(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


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


class _Figure(NamedTuple):
    """A ladybird without its light: (S, S, 3) albedo and normals, (S, S, 1) gloss, (S, S) alpha."""

    albedo: Float
    normals: Float
    gloss: Float
    alpha: Float


@lru_cache(maxsize=8)
def _figure(look: Look, side: int) -> _Figure:
    """Draws a ladybird from above, ahead to the right."""
    texel = 2 * _REACH / side
    axis = (np.arange(side) + 0.5) * texel - _REACH
    u, v = np.meshgrid(axis, axis)

    def inside(cu: float, cv: float, au: float, av: float, soft: float = texel) -> Array:
        """1 in the ellipse, 0 outside, and a ramp `soft` wide between."""
        radius = np.hypot((u - cu) / au, (v - cv) / av)
        # First-order distance to the ellipse: (radius - 1) over the radius's gradient.
        slope = np.hypot((u - cu) / au**2, (v - cv) / av**2) / np.maximum(radius, 1e-6)
        return np.asarray(np.clip(0.5 - (radius - 1) / np.maximum(slope, 1e-6) / soft, 0, 1))

    def dome(cu: float, cv: float, au: float, av: float, flat: float) -> Array:
        """Normals of an ellipsoid; `flat` < 1 flattens it."""
        nu, nv = (u - cu) / au, (v - cv) / av
        up = np.sqrt(np.maximum(1 - nu**2 - nv**2, 0.02))
        normal = np.stack([nu * flat, nv * flat, up], 2)
        return np.asarray(normal / np.linalg.norm(normal, axis=2, keepdims=True))

    def paint(colour: Sequence[float] | Array, where: Array) -> None:
        albedo[:] += where[..., None] * (np.array(colour) - albedo)

    black, ivory = (0.045, 0.04, 0.05), (0.93, 0.89, 0.78)
    wings, pronotum, head = (inside(*ellipse) for ellipse in _BODY)
    albedo = np.zeros((side, side, 3))
    paint(black, head)
    for sign in (-1, 1):
        paint(ivory, inside(0.90, sign * 0.13, 0.05, 0.07, 3 * texel))
    paint(ivory, pronotum)
    paint(black, inside(0.56, 0.0, 0.30, look.collar, 3 * texel) * pronotum)
    paint(look.colour, wings)
    rim = 1 - inside(_WINGS[0], 0, _WINGS[2] * 0.93, _WINGS[3] * 0.93, 0.10)
    paint(np.array(look.colour) * 0.55, 0.7 * rim * wings)
    for su, sv, radius in look.spots:
        for sign in (-1, 1):
            paint(black, inside(su, sign * sv, radius, radius, 2.5 * texel) * wings)
    seam = np.exp(-((v / 0.022) ** 2))
    paint(black, 0.8 * seam * wings)

    normals = dome(*_HEAD, 0.9)
    for ellipse, cover, flat in ((_PRONOTUM, pronotum, 0.7), (_WINGS, wings, 0.95)):
        normals += (cover > 0.5)[..., None] * (dome(*ellipse, flat) - normals)
    alpha = np.maximum(np.maximum(wings, pronotum), head)
    # Where the wing cases overhang the pronotum it lies in their shade.
    crease = inside(_WINGS[0] + 0.05, 0, _WINGS[2], _WINGS[3], 0.12) * (1 - wings)
    albedo *= 1 - 0.6 * crease[..., None]
    gloss = 0.35 + 0.65 * wings[..., None]
    return _Figure(*(np.asarray(a, np.float32) for a in (albedo, normals, gloss, alpha)))


def _draw_legs(side: int, strides: float) -> Float:
    """Six legs and two feelers at a phase of the walk, as an (S, S) mask 0..1."""
    mask = np.zeros((side, side), np.uint8)

    def line(points: Sequence[tuple[float, float]], thick: float) -> None:
        texels = (np.array(points) + _REACH) / (2 * _REACH) * side - 0.5
        fixed = np.round(texels * 16).astype(np.int32)
        width = max(1, round(thick / (2 * _REACH) * side))
        cv2.polylines(mask, [fixed.reshape(-1, 1, 2)], False, 255, width, cv2.LINE_AA, 4)

    for pair, (hip, foot) in enumerate(((0.42, 0.62), (-0.02, 0.02), (-0.38, -0.62))):
        for sign in (-1, 1):
            # Tripod gait: front and hind legs of one side step with the middle one of the other.
            phase = 2 * np.pi * (strides + 0.5 * ((pair + (sign > 0)) % 2))
            swing = 0.16 * np.sin(phase)
            lift = 0.05 * np.cos(phase)
            knee = (0.5 * (hip + foot) + 0.5 * swing, sign * 0.82)
            tip = (foot + swing, sign * (1.06 - lift))
            line([(hip, sign * 0.40), knee, tip], 0.07)
            line([tip, (tip[0] - 0.06, tip[1] + sign * 0.10)], 0.04)
    for sign in (-1, 1):
        sway = 0.05 * np.sin(2 * np.pi * strides + sign)
        line([(0.94, sign * 0.16), (1.12, sign * 0.30 + sway), (1.26, sign * 0.30 + sway)], 0.04)
    return mask.astype(np.float32) / np.float32(255)


def _window(
    picture: Float, sprite: Float, matrix: Array, place: Array
) -> tuple[Float, Float] | None:
    """The part of the picture that a sprite reaches, and the sprite warped onto it."""
    height, width = picture.shape[:2]
    reach = _REACH * np.abs(matrix).sum(1)
    x0, y0 = np.maximum(np.floor(place - reach), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(place + reach), (width, height)).astype(int)
    if x0 >= x1 or y0 >= y1:
        return None
    texels = sprite.shape[0] / (2 * _REACH)
    inverse = texels * np.linalg.inv(matrix)
    start = inverse @ ((x0 + 0.5, y0 + 0.5) - place) + texels * _REACH - 0.5
    warped = cv2.warpAffine(
        sprite,
        np.column_stack([inverse, start]),
        (int(x1 - x0), int(y1 - y0)),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    above = np.asarray(warped, np.float32).reshape(y1 - y0, x1 - x0, -1)
    return picture[y0:y1, x0:x1], above


def _sprite_over(picture: Float, sprite: Float, matrix: Array, place: Array) -> None:
    """Lays a premultiplied sprite, alpha last, over the picture."""
    if window := _window(picture, sprite, matrix, place):
        below, above = window
        below *= 1 - above[..., -1:]
        below += above[..., :-1]


def _shadow_over(picture: Float, shadow: Float, matrix: Array, place: Array) -> None:
    """Darkens the picture by a shadow (S, S, 1) of strengths 0..1."""
    if window := _window(picture, shadow, matrix, place):
        window[0][:] *= 1 - window[1]


# ---- The plates: painted once, at the sequence's making


def _noise(rng: Generator, shape: tuple[int, int], cell: float) -> Float:
    """Smooth noise (H, W), mean 0 and deviation about 1, with blobs `cell` texels wide."""
    grid = rng.standard_normal((int(shape[0] / cell) + 4, int(shape[1] / cell) + 4))
    big = (round(grid.shape[1] * cell), round(grid.shape[0] * cell))
    noise = cv2.resize(grid.astype(np.float32), big, interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise[: shape[0], : shape[1]] * np.float32(1.4), np.float32)


class _Plate:
    """A picture to paint on: premultiplied (H, W, 4) float32, in stage units around the origin."""

    def __init__(self, half: Array, texels: float) -> None:
        self.half, self.texels = half, texels
        width, height = np.ceil(2 * half * texels).astype(int)
        self.paint = np.zeros((height, width, 4), np.float32)

    def grid(self, place: Array, reach: float) -> tuple[Float, Array, Array] | None:
        """The part of the plate within `reach` of a place, and x, y of its texels from there."""
        height, width = self.paint.shape[:2]
        x0, y0 = np.maximum(np.floor((place - reach + self.half) * self.texels), 0).astype(int)
        x1, y1 = np.ceil((place + reach + self.half) * self.texels).astype(int)
        x1, y1 = min(x1, width), min(y1, height)
        if x0 >= x1 or y0 >= y1:
            return None
        x = (np.arange(x0, x1) + 0.5) / self.texels - self.half[0] - place[0]
        y = (np.arange(y0, y1) + 0.5) / self.texels - self.half[1] - place[1]
        return self.paint[y0:y1, x0:x1], *np.meshgrid(x, y)

    def over(self, part: Float, colour: Array, alpha: Array) -> None:
        """Paints a colour (h, w, 3), with an alpha (h, w), over a part of the plate."""
        part *= (1 - alpha[..., None]).astype(np.float32)
        part[..., :3] += colour * alpha[..., None]
        part[..., 3] += alpha

    def leaf(
        self,
        rng: Generator,
        place: Array,
        angle: float,
        length: float,
        width: float,
        colour: Array,
        *,
        bend: float = 0.0,
        lobes: float = 0.0,
        veins: float = 1.0,
        shadow: float = 0.6,
        blade: bool = False,
    ) -> None:
        """Paints a leaf, or a blade of grass, with the shadow that it throws.

        Args:
            rng: of its freckles.
            place: (x, y) of its middle.
            angle: of its tip, radians.
            length: from stalk to tip.
            width: at the widest.
            colour: (3,) red, green, blue 0..1.
            bend: sideways bow, in lengths.
            lobes: depth 0..1 of the lobes of its edge, as an oak's.
            veins: strength of the veins' relief.
            shadow: strength 0..1 of the shadow.
            blade: widest at the root and pointed, with veins along it.
        """
        found = self.grid(place, 0.62 * length + width)
        if found is None:
            return
        part, x, y = found
        cos, sin = np.cos(angle), np.sin(angle)
        freckles = rng.spawn(1)[0]  # so that the layout is the same at every size

        def outline(x: Array, y: Array) -> tuple[Array, Array, Array]:
            u = (cos * x + sin * y) / (length / 2)
            v = (cos * y - sin * x) / (width / 2) - bend * (1 - u**2) * length / width
            along = np.clip((u + 1) / 2, 0, 1)
            if blade:
                edge = (1 - along) ** 0.6
            else:
                edge = 2.25 * along**0.62 * (1 - along) ** 0.80
                edge *= 1 - lobes * (0.5 - 0.5 * np.cos(2 * np.pi * 4.5 * along**0.9)) ** 1.5
            return u, v, (np.abs(v) - edge) * width / 2

        soft = 0.06 * length
        cast = np.array(-_SUN[:2]) * 0.05 * length
        _, _, outside = outline(x - cast[0], y - cast[1])
        dark = shadow * np.clip(0.5 - outside / soft, 0, 1) ** 2
        part[..., :3] *= (1 - dark[..., None]).astype(np.float32)
        u, v, outside = outline(x, y)
        alpha = np.clip(0.5 - outside * self.texels, 0, 1) * (np.abs(u) < 1)
        stalk = np.clip(0.5 - (np.abs(v) * width / 2 - 0.02 * length) * self.texels, 0, 1)
        alpha = np.maximum(alpha, stalk * (u < -0.5) * (u > -1.2) * (not blade))

        # Height of the leaf: two halves folded at the midrib, side veins, a curl, freckles.
        if blade:
            relief = 0.10 * np.cos(v * 9) * veins - 0.14 * np.sign(v)
        else:
            ribs = (u - 0.55 * np.abs(v)) * 5.5
            relief = veins * 0.20 * np.exp(-(((ribs - np.round(ribs)) / 0.13) ** 2))
            relief += veins * 0.35 * np.exp(-((v * width / length / 0.05) ** 2))
            relief -= 0.13 * np.sign(v) * (cos * _SUN[1] - sin * _SUN[0])
        relief += 0.16 * (u * (cos * _SUN[0] + sin * _SUN[1]))
        relief += 0.10 * _noise(freckles, u.shape, max(3.0, 0.10 * length * self.texels))
        relief += 0.05 * _noise(freckles, u.shape, 2.0)
        relief -= 0.22 * np.exp(outside / (0.05 * length))  # darker at its edge
        tinge = 0.10 * _noise(freckles, u.shape, max(4.0, 0.3 * length * self.texels))
        shaded = np.maximum(colour + tinge[..., None] * (0.8, 0.5, 0.1), 0.02)
        shaded = shaded * np.maximum(1 + relief, 0.1)[..., None]
        self.over(part, np.minimum(shaded, 1), alpha)

    def ball(self, place: Array, radius: float, colour: Array, gloss: float) -> None:
        """Paints a berry or a pebble and its shadow."""
        found = self.grid(place, 2 * radius)
        if found is None:
            return
        part, x, y = found
        cast = -_SUN[:2] * 0.6 * radius
        dark = 0.7 * np.clip(1.3 - np.hypot(x - cast[0], y - cast[1]) / radius, 0, 1)
        part[..., :3] *= (1 - dark[..., None]).astype(np.float32)
        up = np.sqrt(np.maximum(1 - (x**2 + y**2) / radius**2, 0))
        sun = _SUN / np.linalg.norm(_SUN)
        facing = np.maximum((x * sun[0] + y * sun[1]) / radius + up * sun[2], 0)
        shaded = colour * (0.35 + 0.85 * facing)[..., None] + gloss * facing[..., None] ** 30
        alpha = np.clip(0.5 - (np.hypot(x, y) - radius) * self.texels, 0, 1)
        self.over(part, np.minimum(shaded, 1), alpha)

    def uint8(self) -> Image:
        return np.asarray(np.clip(self.paint * 255 + 0.5, 0, 255), np.uint8)


def _paint_ground(rng: Generator, half: Array, texels: float) -> Image:
    """Moss strewn with autumn leaves, twigs, stones and rowan berries: (H, W, 3)."""
    plate = _Plate(half, texels)
    shape = plate.paint.shape[:2]
    damp = _noise(rng.spawn(1)[0], shape, 40 * texels)[..., None]
    fine = _noise(rng.spawn(1)[0], shape, max(2.0, 1.6 * texels))[..., None]
    moss = np.array([0.23, 0.28, 0.12]) + damp * (-0.015, 0.035, 0.0) + 0.04 * fine
    plate.paint[..., :3] = np.clip(moss, 0.03, 1)
    plate.paint[..., 3] = 1

    def places(count_per_stage: float) -> Array:
        count = round(count_per_stage * 4 * half[0] * half[1] / (STAGE[0] * STAGE[1]))
        return rng.uniform(-half, half, (count, 2))

    for place in places(420):
        tuft = np.array([0.32, 0.42, 0.14]) * rng.uniform(0.5, 1.35) + rng.normal(0, 0.02, 3)
        plate.leaf(
            rng,
            place,
            rng.uniform(0, 2 * np.pi),
            rng.uniform(7, 16),
            rng.uniform(1.6, 3),
            tuft,
            bend=rng.normal(0, 0.1),
            shadow=0.35,
            blade=True,
            veins=0.5,
        )
    for place in places(9):
        stone = np.array([0.42, 0.40, 0.37]) * rng.uniform(0.6, 1.3)
        plate.ball(place, rng.uniform(2.5, 6), stone, 0.05)
    order = rng.permutation(len(_LEAVES))
    for n, place in enumerate(places(30)):
        colour, lobes = _LEAVES[order[n % len(order)]]
        length = rng.uniform(30, 58)
        plate.leaf(
            rng,
            place,
            rng.uniform(0, 2 * np.pi),
            length,
            length * rng.uniform(0.42, 0.58),
            np.array(colour) * rng.uniform(0.8, 1.15),
            bend=rng.normal(0, 0.07),
            lobes=lobes,
        )
    for place in places(9):
        bark = np.array([0.30, 0.21, 0.14]) * rng.uniform(0.7, 1.2)
        plate.leaf(
            rng,
            place,
            rng.uniform(0, 2 * np.pi),
            rng.uniform(50, 120),
            rng.uniform(2, 4),
            bark,
            bend=rng.normal(0, 0.05),
            shadow=0.6,
            blade=True,
        )
    for place in places(5):
        for _ in range(rng.integers(1, 4)):
            berry = np.array([0.80, 0.12, 0.06]) * rng.uniform(0.8, 1.1)
            plate.ball(place + rng.normal(0, 6, 2), rng.uniform(4.0, 5.5), berry, 0.5)
    for place in places(26):
        plate.leaf(
            rng,
            place,
            rng.uniform(0, 2 * np.pi),
            rng.uniform(18, 40),
            rng.uniform(2, 3.4),
            np.array([0.36, 0.48, 0.15]) * rng.uniform(0.7, 1.15),
            bend=rng.normal(0, 0.12),
            shadow=0.5,
            blade=True,
        )
    plate.paint *= 1.25  # the sun is out
    return np.ascontiguousarray(plate.uint8()[..., :3])


def _paint_near(
    rng: Generator, half: Array, texels: float, over_target: Callable[[float], Array]
) -> Image:
    """Grass and a leaf, nearer to the camera and out of focus: premultiplied (H, W, 4)."""
    plate = _Plate(half, texels)
    green = np.array([0.40, 0.56, 0.16])
    for time, tip, length, width in _BLADES:
        ahead = over_target(time + 0.5) - over_target(time - 0.5)
        outward = np.array([ahead[1], -ahead[0]]) / np.hypot(*ahead)
        outward *= np.sign(outward @ over_target(time))
        root = over_target(time) + outward * (length - tip)
        plate.leaf(
            rng,
            root - outward * length / 2,
            np.arctan2(*-outward[::-1]),
            length,
            width,
            green * rng.uniform(0.85, 1.15),
            bend=rng.normal(0, 0.03),
            blade=True,
            shadow=0.0,
        )
    time, length, width, skew = _COVER
    ahead = over_target(time + 0.5) - over_target(time - 0.5)
    plate.leaf(
        rng,
        over_target(time),
        np.arctan2(ahead[1], ahead[0]) + skew,
        length,
        width,
        np.array([0.80, 0.50, 0.13]),
        bend=0.06,
        shadow=0.0,
    )
    plate.paint = cv2.GaussianBlur(plate.paint, (0, 0), 1.1 * texels)
    return plate.uint8()


def _paint_shade(rng: Generator) -> Float:
    """Light that the trees let through: (512, 512), 0.6..1, a texel per stage unit, it tiles."""
    side = _SHADE_SIDE
    noise = rng.standard_normal((side, side))
    across = np.fft.fftfreq(side)
    low = np.exp(-2 * (np.pi * 16 * np.hypot(across, across[:, None])) ** 2)
    smooth = np.fft.ifft2(np.fft.fft2(noise) * low).real
    smooth /= smooth.std()
    return (1 - 0.42 / (1 + np.exp(-4 * (smooth - 0.35)))).astype(np.float32)


# Fallen leaves: colour, and depth of the lobes. Some are as red as the ladybird.
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
# Near blades of grass: frame at which the target is under it, how far the tip reaches beyond the
# target's centre, length, width at the root.
_BLADES = (
    (17.0, 60.0, 210.0, 24.0),
    (47.0, 40.0, 200.0, 14.0),
    (66.0, 44.0, 200.0, 20.0),
    (106.0, 40.0, 190.0, 22.0),
)
_COVER = (84.0, 92.0, 58.0, 1.1)  # near leaf: frame, length, width, angle to the target's path
