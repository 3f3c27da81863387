"""The tools that the film is painted with: plates to paint on, and layers that a camera sees."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["STAGE", "SUN", "Layer", "Plate", "noise", "rotation"]

Array = NDArray[np.float64]
Float = NDArray[np.float32]

# Width and height of the scene at 4:3, in stage units. Places on all plates are in these units.
STAGE = (320.0, 240.0)

# The direction to the sun: x to the right, y down, z to the camera.
SUN = np.array([-0.50, -0.62, 0.60])


def rotation(angle: float) -> Array:
    """Return the (2, 2) matrix that turns x towards y by an angle in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


class Layer(NamedTuple):
    """A picture that is seen through a camera. Places on it are in units of its own.

    A texel is a pixel of this picture. A pixel is a pixel of the frame that the camera takes.

    Attributes:
        texels: (h, w) or (h, w, c), uint8 or float32.
        scale: texels per unit.
        origin: (2,), the place (x, y) of the units' origin, in texels from the picture's corner.
        border: what is beyond the picture, as one of OpenCV's border modes.
    """

    texels: NDArray[Any]
    scale: float
    origin: Array
    border: int = cv2.BORDER_CONSTANT

    def warp(self, matrix: Array, place: Array, size: tuple[int, int]) -> NDArray[Any]:
        """Return the layer as the camera sees it, in a picture of ``size`` (width, height).

        The point p of the layer is seen at the pixel ``matrix @ p + place``.
        """
        inverse = self.scale * np.linalg.inv(matrix)
        # Here the centres of pixels and texels are at half-integers. In OpenCV they are at whole
        # numbers.
        start = inverse @ (0.5 - place) + self.origin - 0.5
        affine = np.column_stack([inverse, start])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self.texels, affine, size, flags=flags, borderMode=self.border)

    def over(self, picture: Float, matrix: Array, place: Array) -> None:
        """Lay the layer over ``picture`` (H, W, C), which is changed in place.

        The layer's origin is its middle. Its channels are C premultiplied colours, and alpha. A
        layer that has only alpha is a shadow: its colour is black.
        """
        reach = self.origin / self.scale @ np.abs(matrix).T
        bounds = picture.shape[1::-1]
        x0, y0 = np.clip(np.floor(place - reach), 0, bounds).astype(int).tolist()
        x1, y1 = np.clip(np.ceil(place + reach), 0, bounds).astype(int).tolist()
        if x0 == x1 or y0 == y1:
            return
        size = (x1 - x0, y1 - y0)
        above = self.warp(matrix, place - (x0, y0), size).reshape(*size[::-1], -1)
        below = picture[y0:y1, x0:x1]
        below *= 1 - above[..., -1:]
        if above.shape[2] > 1:
            below += above[..., :-1]


class Plate:
    """A picture to paint on. It is (H, W, 4) float32: premultiplied red, green, blue, and alpha.

    Places and lengths are in stage units. The origin is the middle of the plate.

    Args:
        rng: draws the texture of what is painted.
        half: (2,), half the width and half the height of the plate.
        scale: texels per stage unit.

    Attributes:
        half: the argument ``half``.
        scale: the argument ``scale``.
        paint: the picture.
    """

    def __init__(self, rng: Generator, half: Array, scale: float) -> None:
        self.half, self.scale = half, scale
        width, height = np.ceil(2 * half * scale).astype(int)
        self.paint = np.zeros((height, width, 4), np.float32)
        self._rng = rng

    def leaf(
        self,
        place: Array,
        angle: float,
        length: float,
        width: float,
        colour: Array,
        *,
        bend: float,
        lobes: float = 0.0,
        veins: float = 1.0,
        shadow: float = 0.6,
        blade: bool = False,
    ) -> None:
        """Paint a leaf or a blade of grass, and the shadow that it casts.

        Args:
            place: (2,), the place (x, y) of its middle.
            angle: the direction of its tip, in radians.
            length: the length from the stalk to the tip.
            width: the width where it is widest.
            colour: (3,), red, green and blue in 0..1.
            bend: how far it is bent to the side, in lengths.
            lobes: the depth, 0..1, of the lobes at the edge of a leaf. An oak leaf has such lobes.
            veins: the strength of a blade's veins.
            shadow: the strength of the shadow, 0..1.
            blade: whether it is a blade of grass. A blade is widest at the root and pointed, and
                has veins along its length.
        """
        part, x, y = self._around(place, 0.62 * length + width)
        cos, sin = np.cos(angle), np.sin(angle)
        # The freckles have a generator of their own. Their number depends on the size of the film,
        # and the layout of the leaves must not.
        freckles = self._rng.spawn(1)[0]

        def outline(x: Array, y: Array) -> tuple[Array, Array, Array]:
            """Return places along and across the leaf, and the distance outside its edge.

            The places are in -1..1 on the leaf. The distance is negative inside the leaf.
            """
            u = (cos * x + sin * y) / (length / 2)
            v = (cos * y - sin * x) / (width / 2) - bend * (1 - u**2) * length / width
            along = np.clip((u + 1) / 2, 0, 1)
            if blade:
                edge = (1 - along) ** 0.6
            else:
                edge = 2.25 * along**0.62 * (1 - along) ** 0.80
                edge *= 1 - lobes * (0.5 - 0.5 * np.cos(2 * np.pi * 4.5 * along**0.9)) ** 1.5
            return u, v, (np.abs(v) - edge) * width / 2

        cast = -SUN[:2] * 0.05 * length
        _, _, outside = outline(x - cast[0], y - cast[1])
        self._over(part, np.zeros(3), shadow * np.clip(0.5 - outside / (0.06 * length), 0, 1) ** 2)

        u, v, outside = outline(x, y)
        alpha = np.clip(0.5 - outside * self.scale, 0, 1) * (np.abs(u) < 1)
        # The relief makes the leaf brighter or darker. It consists of veins, two halves that are
        # folded at the midrib, a curl, and freckles.
        if blade:
            relief = 0.10 * np.cos(v * 9) * veins - 0.14 * np.sign(v)
        else:
            stalk = np.clip(0.5 - (np.abs(v) * width / 2 - 0.02 * length) * self.scale, 0, 1)
            alpha = np.maximum(alpha, stalk * (u < -0.5) * (u > -1.2))
            ribs = (u - 0.55 * np.abs(v)) * 5.5
            relief = 0.20 * np.exp(-(((ribs - np.round(ribs)) / 0.13) ** 2))
            relief += 0.35 * np.exp(-((v * width / length / 0.05) ** 2))
            relief -= 0.13 * np.sign(v) * (cos * SUN[1] - sin * SUN[0])
        relief += 0.16 * (u * (cos * SUN[0] + sin * SUN[1]))
        relief += 0.10 * noise(freckles, u.shape, max(3.0, 0.10 * length * self.scale))
        relief += 0.05 * noise(freckles, u.shape, 2.0)
        relief -= 0.22 * np.exp(outside / (0.05 * length))  # the edge is darker
        tinge = 0.10 * noise(freckles, u.shape, max(4.0, 0.3 * length * self.scale))
        shaded = np.maximum(colour + tinge[..., None] * (0.8, 0.5, 0.1), 0.02)
        self._over(part, shaded * np.maximum(1 + relief, 0.1)[..., None], alpha)

    def ball(self, place: Array, radius: float, colour: Array, gloss: float) -> None:
        """Paint a berry or a pebble, and its shadow.

        Args:
            place: (2,), the place (x, y) of its middle.
            radius: its radius.
            colour: (3,), red, green and blue in 0..1.
            gloss: the strength of the highlight.
        """
        part, x, y = self._around(place, 2 * radius)
        cast = -SUN[:2] * 0.6 * radius
        shadow = 0.7 * np.clip(1.3 - np.hypot(x - cast[0], y - cast[1]) / radius, 0, 1)
        self._over(part, np.zeros(3), shadow)
        up = np.sqrt(np.maximum(1 - (x**2 + y**2) / radius**2, 0))
        sun = SUN / np.linalg.norm(SUN)
        facing = np.maximum((x * sun[0] + y * sun[1]) / radius + up * sun[2], 0)
        shaded = colour * (0.35 + 0.85 * facing)[..., None] + gloss * facing[..., None] ** 30
        self._over(part, shaded, np.clip(0.5 - (np.hypot(x, y) - radius) * self.scale, 0, 1))

    def layer(self) -> Layer:
        """Return the plate as a layer in 8 bits, which is mirrored at its borders."""
        texels = np.clip(self.paint * 255 + 0.5, 0, 255).astype(np.uint8)
        return Layer(texels, self.scale, self.half * self.scale, cv2.BORDER_REFLECT)

    def _around(self, place: Array, reach: float) -> tuple[Float, Array, Array]:
        """Return the part of the plate within ``reach`` of a place.

        Also return x and y of the texels of this part, relative to the place.
        """
        bounds = self.paint.shape[1::-1]
        low, high = place - reach + self.half, place + reach + self.half
        x0, y0 = np.clip(np.floor(low * self.scale), 0, bounds).astype(int)
        x1, y1 = np.clip(np.ceil(high * self.scale), 0, bounds).astype(int)
        x = (np.arange(x0, x1) + 0.5) / self.scale - self.half[0] - place[0]
        y = (np.arange(y0, y1) + 0.5) / self.scale - self.half[1] - place[1]
        across, down = np.meshgrid(x, y)
        return self.paint[y0:y1, x0:x1], across, down

    def _over(self, part: Float, colour: Array, alpha: Array) -> None:
        """Paint a colour, (h, w, 3) or (3,), with an alpha (h, w) over a part of the plate."""
        part *= (1 - alpha[..., None]).astype(np.float32)
        part[..., :3] += np.minimum(colour, 1) * alpha[..., None]
        part[..., 3] += alpha


def noise(rng: Generator, shape: tuple[int, ...], cell: float) -> Float:
    """Return smooth noise (H, W) with blobs ``cell`` texels wide.

    Its mean is 0, and its standard deviation is about 1.
    """
    grid = rng.standard_normal((int(shape[0] / cell) + 4, int(shape[1] / cell) + 4))
    size = (round(grid.shape[1] * cell), round(grid.shape[0] * cell))
    noise = cv2.resize(grid.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise[: shape[0], : shape[1]] * 1.4, np.float32)
