"""The film's ladybirds: the body, the legs at each phase of the walk, and the light on them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rltrack.demo_film.canvas import SUN, Layer, rotation

__all__ = ["BODY", "REACH", "RIVAL", "TARGET", "Look", "draw_ladybird", "draw_silhouette"]

Array = NDArray[np.float64]
Float = NDArray[np.float32]

# The body consists of three ellipses (u, v, half length, half width): the wing cases, the pronotum
# and the head. u points ahead, and v points to the right. The whole body is 2 long.
_WINGS = (-0.20, 0.0, 0.80, 0.80)
_PRONOTUM = (0.56, 0.0, 0.27, 0.50)
_HEAD = (0.82, 0.0, 0.18, 0.28)
BODY = (_WINGS, _PRONOTUM, _HEAD)
REACH = 1.35  # half the side of a ladybird's picture, which includes the legs and feelers


class Look(NamedTuple):
    """What a ladybird looks like, as far as it differs from other ladybirds.

    Attributes:
        colour: red, green and blue of the wing cases, 0..1.
        spots: (u, v, radius) of each spot of the right wing case. The left wing case mirrors them.
        collar: half the width of the black part of the pronotum. The rest of it is ivory.
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


def draw_ladybird(look: Look, side: int, heading: float, strides: float) -> tuple[Layer, Layer]:
    """Draw a ladybird in the light of the sun.

    Args:
        look: what the ladybird looks like.
        side: S, the side of the picture in texels.
        heading: the direction that it walks in, in radians from x towards y. The sun does not turn
            with it.
        strides: the number of cycles of the legs that it has walked so far.

    Returns:
        Its paint and its shadow, both in the units of ``BODY``. The paint is premultiplied
        (S, S, 4) float32, with colours in 0..255 and alpha in 0..1. The shadow is (S, S, 1).
    """
    sun = np.append(rotation(-heading) @ SUN[:2], SUN[2])
    sun /= np.linalg.norm(sun)
    halfway = sun + (0.0, 0.0, 1.0)
    halfway /= np.linalg.norm(halfway)
    figure = _figure(look, side)
    diffuse = np.maximum(figure.normals @ sun.astype(np.float32), 0)
    glint = np.maximum(figure.normals @ halfway.astype(np.float32), 0)
    colour = figure.albedo * (0.34 + 0.86 * diffuse[..., None])
    wide = np.square(np.square(np.square(glint)))  # glint ** 8; ** is ten times slower
    narrow = np.square(np.square(np.square(wide)))
    colour += figure.gloss * (0.75 * narrow + 0.14 * wide)[..., None]
    legs = _draw_legs(side, strides) * (1 - figure.alpha)  # under the body
    alpha = figure.alpha + legs
    paint = np.minimum(colour, 1) * figure.alpha[..., None] + (legs * 0.09)[..., None]
    shadow = 0.62 * cv2.GaussianBlur(alpha, (0, 0), 0.022 * side)[..., None]
    return _layer(np.dstack([255 * paint, alpha])), _layer(shadow)


def draw_silhouette(side: int) -> Layer:
    """Draw the body alone, in white: (S, S, 2) float32, paint and alpha in 0..1."""
    alpha = _figure(TARGET, side).alpha
    return _layer(np.dstack([alpha, alpha]))


class _Figure(NamedTuple):
    """A ladybird without light: (S, S, 3) albedo and normals, (S, S, 1) gloss, (S, S) alpha."""

    albedo: Float
    normals: Float
    gloss: Float
    alpha: Float


@lru_cache(maxsize=8)
def _figure(look: Look, side: int) -> _Figure:
    """Draw a ladybird from above, with its head to the right."""
    texel = 2 * REACH / side
    axis = (np.arange(side) + 0.5) * texel - REACH
    u, v = np.meshgrid(axis, axis)

    def inside(cu: float, cv: float, au: float, av: float, soft: float = texel) -> Array:
        """Return 1 inside the ellipse and 0 outside, with a ramp between that is ``soft`` wide."""
        radius = np.hypot((u - cu) / au, (v - cv) / av)
        # To first order, the distance to the ellipse is radius - 1, divided by the norm of the
        # gradient of the radius.
        slope = np.hypot((u - cu) / au**2, (v - cv) / av**2) / np.maximum(radius, 1e-6)
        return np.asarray(np.clip(0.5 - (radius - 1) / np.maximum(slope, 1e-6) / soft, 0, 1))

    def dome(cu: float, cv: float, au: float, av: float, flat: float) -> Array:
        """Return the normals of an ellipsoid. If ``flat`` is below 1, it is flattened."""
        nu, nv = (u - cu) / au, (v - cv) / av
        up = np.sqrt(np.maximum(1 - nu**2 - nv**2, 0.02))
        normal = np.stack([nu * flat, nv * flat, up], 2)
        return np.asarray(normal / np.linalg.norm(normal, axis=2, keepdims=True))

    def paint(colour: Sequence[float] | Array, where: Array) -> None:
        albedo[:] += where[..., None] * (np.array(colour) - albedo)

    black, ivory = (0.045, 0.04, 0.05), (0.93, 0.89, 0.78)
    wings, pronotum, head = (inside(*ellipse) for ellipse in BODY)
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
    # The pronotum is darker where the wing cases overhang it and shade it.
    crease = inside(_WINGS[0] + 0.05, 0, _WINGS[2], _WINGS[3], 0.12) * (1 - wings)
    albedo *= 1 - 0.6 * crease[..., None]
    gloss = 0.35 + 0.65 * wings[..., None]
    return _Figure(*(np.asarray(a, np.float32) for a in (albedo, normals, gloss, alpha)))


def _draw_legs(side: int, strides: float) -> Float:
    """Draw six legs and two feelers at a phase of the walk, as an (S, S) mask, 0..1."""
    mask = np.zeros((side, side), np.uint8)

    def line(points: Sequence[tuple[float, float]], thick: float) -> None:
        texels = (np.array(points) + REACH) / (2 * REACH) * side - 0.5
        fixed = np.round(texels * 16).astype(np.int32)
        width = max(1, round(thick / (2 * REACH) * side))
        cv2.polylines(mask, [fixed.reshape(-1, 1, 2)], False, 255, width, cv2.LINE_AA, 4)

    for pair, (hip, foot) in enumerate(((0.42, 0.62), (-0.02, 0.02), (-0.38, -0.62))):
        for sign in (-1, 1):
            # In a tripod gait, the front and hind legs of one side step together with the middle
            # leg of the other side.
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


def _layer(texels: Float) -> Layer:
    side = texels.shape[0]
    return Layer(texels, side / (2 * REACH), np.full(2, side / 2))
