"""Scenes: a target among others like it, before a background, at a few moments in time.

Between moments all that a tracker meets may change: place, size, pose, shape, light, focus, what
stands in front. The background moves too.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack.pretraining.shapes import SHAPES, normals, shapes
from rltrack.pretraining.textures import TEXTURES, textures, uniform

__all__ = ["GENTLE", "KINDS", "OBJECTS", "SIZE", "Change", "Scenes", "render"]

SIZE = 160
"""Side of a frame, pixels."""
OBJECTS = 3
"""The target and those beside it; one more stands in front at times."""
KINDS = len(TEXTURES) * len(SHAPES)
"""What a target may be: a texture on a shape."""
_PATTERN = 64  # side of what is wrapped around an object


class Change(NamedTuple):
    """How much a scene changes from moment to moment. With 1, it changes gently."""

    form: float = 1.0
    """How much objects turn, bend and change their proportions."""
    light: float = 1.0
    """How much the light changes its direction, brightness and colour."""


GENTLE = Change()


class Scenes(NamedTuple):
    """``n`` scenes at T moments."""

    frames: Tensor
    """(n, T, 3, SIZE, SIZE) float32, -128..127, as crops are."""
    boxes: Tensor
    """(n, T, OBJECTS, 4) float32, (x, y, w, h) in pixels; the first is the target's."""
    kinds: Tensor
    """(n,) of the targets, below :data:`KINDS`."""


class _Pose(NamedTuple):
    """Where an object is at T moments of n scenes; (n, T) each."""

    x: Tensor
    y: Tensor
    """Centre, pixels."""
    width: Tensor
    height: Tensor
    """Half sides of its pattern, pixels."""
    angle: Tensor


def render(n: int, moments: int, generator: Generator, change: Change = GENTLE) -> Scenes:
    """Draw ``n`` scenes, each at so many moments, on the generator's device."""
    device = generator.device
    kinds = torch.randint(KINDS, (n,), generator=generator, device=device)
    patterns, heights = _objects(kinds, generator)
    target = _pose(n, moments, generator, change)
    others = (_pose(n, moments, generator, change, near=target) for _ in range(OBJECTS - 1))
    poses = [target, *others]

    image = _background(n, moments, generator)
    light = _light(n, moments, generator, change)
    boxes = torch.empty(n, moments, OBJECTS, 4, device=device, dtype=torch.float32)
    for i in reversed(range(OBJECTS)):
        image, alpha = _put(image, patterns[i], heights[i], poses[i], light, generator, change)
        boxes[:, :, i] = _bounds(alpha)
    front, shape = patterns[-1], heights[-1]
    image, _ = _put(image, front, shape, _in_front_of(target, generator), light, generator, change)
    return Scenes(_photographed(image, generator, change), boxes, kinds)


def _objects(kinds: Tensor, generator: Generator) -> tuple[list[Tensor], list[Tensor]]:
    """Patterns (n, 3, P, P) and heights (n, P, P): target, others, and one to stand in front.

    One of three others wears the target's pattern, one of three has its shape.
    """
    n, device = len(kinds), kinds.device
    patterns = [textures(kinds // len(SHAPES), _PATTERN, generator)]
    heights = [shapes(kinds % len(SHAPES), _PATTERN, generator)]
    for _ in range(OBJECTS):
        other = torch.randint(KINDS, (n,), generator=generator, device=device)
        pattern = textures(other // len(SHAPES), _PATTERN, generator)
        height = shapes(other % len(SHAPES), _PATTERN, generator)
        likeness = uniform((n, 1, 1), 0, 3, generator)
        patterns.append(torch.where((likeness < 1)[:, None], patterns[0], pattern))
        heights.append(torch.where(likeness > 2, heights[0], height))
    return patterns, heights


def _pose(
    n: int, moments: int, generator: Generator, change: Change, near: _Pose | None = None
) -> _Pose:
    """Return an object's walk through the scene, which begins beside ``near`` if that is given."""
    every = n, moments

    def walk(step: float) -> Tensor:
        steps = torch.randn(
            every, generator=generator, device=generator.device, dtype=torch.float32
        )
        return step * steps.cumsum(1)

    side = 2 ** (uniform((n, 1), 4.0, 5.0, generator) + walk(0.12))
    aspect = 2 ** (uniform((n, 1), -0.5, 0.5, generator) + walk(0.08 * change.form))
    angle = uniform((n, 1), -0.6, 0.6, generator) + walk(0.15 * change.form)
    if near is None:
        x, y = (uniform((n, 1), 0.35, 0.65, generator) * SIZE for _ in range(2))
    else:
        around = uniform((n, 1), 0, 2 * math.pi, generator)
        distance = uniform((n, 1), 0.8, 2.2, generator) * (near.width + side)
        x, y = near.x + distance * around.cos(), near.y + distance * around.sin()
    x, y = x + walk(0.06 * SIZE), y + walk(0.06 * SIZE)
    if near is None:
        x, y = (at.clamp(0.2 * SIZE, 0.8 * SIZE) for at in (x, y))
    return _Pose(x, y, side * aspect.sqrt(), side / aspect.sqrt(), angle)


def _in_front_of(target: _Pose, generator: Generator) -> _Pose:
    """What hides a part of the target at one moment in three, and is far away at the others."""
    every = tuple(target.x.shape)
    there = uniform(every, 0, 1, generator) < 1 / 3
    around = uniform(every, 0, 2 * math.pi, generator)
    distance = torch.where(there, uniform(every, 0.7, 1.3, generator), 100.0)
    size = uniform((len(target.x), 1), 0.5, 1, generator)
    return _Pose(
        target.x + distance * target.width * around.cos(),
        target.y + distance * target.height * around.sin(),
        size * target.width,
        size * target.height,
        uniform(every, 0, 2 * math.pi, generator),
    )


def _background(n: int, moments: int, generator: Generator) -> Tensor:
    """A textured plane (n, T, 3, SIZE, SIZE) in 0..1, seen from a camera that moves."""
    kinds = torch.randint(len(TEXTURES), (n,), generator=generator, device=generator.device)
    plane = textures(kinds, SIZE, generator)[:, None].expand(-1, moments, -1, -1, -1)
    pose = _pose(n, moments, generator, GENTLE)  # the camera's
    scale = uniform((n, 1), 0.5, 1.5, generator) * SIZE / pose.width[:, :1]
    grid = _coordinates(pose._replace(width=scale * pose.width, height=scale * pose.height))
    image = F.grid_sample(plane.flatten(0, 1), grid, padding_mode="reflection", align_corners=False)
    return image.view(n, moments, 3, SIZE, SIZE)


def _light(n: int, moments: int, generator: Generator, change: Change) -> Tensor:
    """Directions (n, T, 3) that light comes from, unit vectors; it moves a little."""
    every = n, moments, 1
    base = uniform((n, 1, 1), 0, 2 * math.pi, generator)
    around = base + change.light * uniform(every, -0.5, 0.5, generator)
    up = uniform(every, 0.5, 1.2, generator)
    return torch.cat([around.cos() * up.cos(), around.sin() * up.cos(), up.sin()], -1)


def _put(
    image: Tensor,
    pattern: Tensor,
    height: Tensor,
    pose: _Pose,
    light: Tensor,
    generator: Generator,
    change: Change,
) -> tuple[Tensor, Tensor]:
    """``image`` (n, T, 3, SIZE, SIZE) with an object in it, and where: alpha (n, T, SIZE, SIZE)."""
    n, moments = pose.x.shape
    grid = _bent(_coordinates(pose), generator, change)
    layers = torch.cat([pattern, height[:, None], normals(height)], 1)
    layers = layers[:, None].expand(-1, moments, -1, -1, -1).flatten(0, 1)
    seen = F.grid_sample(layers, grid, align_corners=False).view(n, moments, 7, SIZE, SIZE)
    colour, relief, (nx, ny, nz) = seen[:, :, :3], seen[:, :, 3], seen[:, :, 4:].unbind(2)
    cos, sin = pose.angle.cos()[..., None, None], pose.angle.sin()[..., None, None]
    lx, ly, lz = light[..., None, None].unbind(2)
    lit = ((cos * nx - sin * ny) * lx + (sin * nx + cos * ny) * ly + nz * lz).clamp(min=0)
    relieved = uniform((n, 1, 1, 1), 0, 0.8, generator)
    alpha = (12 * relief).clamp(0, 1)
    shaded = colour * (1 - relieved + relieved * lit)[:, :, None]
    return torch.lerp(image, shaded, alpha[:, :, None]), alpha


def _coordinates(pose: _Pose) -> Tensor:
    """Where in a pattern, -1..1, each pixel of a frame lies: (n * T, SIZE, SIZE, 2)."""
    at = torch.arange(SIZE, device=pose.x.device, dtype=torch.float32) + 0.5
    dx, dy = at - pose.x[..., None, None], at[:, None] - pose.y[..., None, None]
    cos, sin = pose.angle.cos()[..., None, None], pose.angle.sin()[..., None, None]
    u = (cos * dx + sin * dy) / pose.width[..., None, None]
    v = (cos * dy - sin * dx) / pose.height[..., None, None]
    return torch.stack([u, v], -1).flatten(0, 1)


def _bent(grid: Tensor, generator: Generator, change: Change) -> Tensor:
    """Bend patterns by a wave of up to 8% in each direction, another in every frame."""
    every = len(grid), 1, 1, 2
    amplitude = change.form * uniform(every, 0, 0.08, generator)
    cycles, phase = uniform(every, 1, 4, generator), uniform(every, 0, 2 * math.pi, generator)
    return grid + amplitude * torch.sin(cycles * grid.flip(-1) + phase)


def _bounds(alpha: Tensor) -> Tensor:
    """Boxes (..., 4) around what of ``alpha`` (..., S, S) is above a half; sides 0 if nothing."""
    sides = []
    for dim in (-2, -1):
        there = (alpha > 0.5).any(dim)
        at = torch.arange(SIZE, device=alpha.device).expand_as(there)
        first = torch.where(there, at, SIZE).amin(-1)
        last = torch.where(there, at, -1).amax(-1)
        sides.append((first, (last - first + 1).clamp(min=0)))
    (x, w), (y, h) = sides
    return torch.stack([x, y, w, h], -1).float()


def _photographed(image: Tensor, generator: Generator, change: Change) -> Tensor:
    """What a camera makes of ``image`` in 0..1: light, colour cast, blur, noise, -128..127."""
    n, moments = image.shape[:2]
    scene, every = (n, 1, 1, 1, 1), (n, moments, 1, 1, 1)
    grey = image.mean(2, keepdim=True)
    saturation = uniform(scene, -0.4, 1, generator).clamp(min=0)  # about a third in black and white
    image = torch.lerp(grey, image, saturation)
    image = image.clamp(min=1e-3) ** (2 ** (change.light * uniform(every, -0.4, 0.4, generator)))
    cast = 1 + change.light * uniform((n, moments, 3, 1, 1), -0.08, 0.08, generator)
    across = torch.linspace(-0.5, 0.5, SIZE, device=image.device, dtype=torch.float32)
    slope_x, slope_y = change.light * uniform((2, *every), -0.4, 0.4, generator)
    gain = uniform(scene, 0.6, 1.2, generator)
    gain = gain * (1 + change.light * uniform(every, -0.2, 0.2, generator))
    gain = gain * (1 + slope_x * across + slope_y * across[:, None])
    contrast = uniform(scene, 0.5, 1.1, generator)
    image = (image * cast * gain - 0.5) * contrast + 0.5
    image = _blurred(image.flatten(0, 1), generator).view_as(image)
    grain = torch.randn(image.shape, generator=generator, device=image.device, dtype=torch.float32)
    image = 255 * image + uniform(scene, 0, 8, generator) * grain
    return (image - 128).clamp(-128, 127)


def _blurred(images: Tensor, generator: Generator) -> Tensor:
    """Gaussian blur of each image (N, 3, S, S), its deviation 0..1.6 pixels, often small."""
    deviation = 0.1 + 1.5 * uniform((len(images), 1), 0, 1, generator).square()
    at = torch.arange(-4, 5, device=images.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (at / deviation).square())
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    rows = images.flatten(0, 1)[None]
    padded = F.pad(rows, (4, 4, 4, 4), mode="replicate")
    once = F.conv2d(padded, kernel[:, None, None], groups=len(kernel))
    return F.conv2d(once, kernel[:, None, :, None], groups=len(kernel)).view_as(images)
