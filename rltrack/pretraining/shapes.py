"""Silhouettes by formula, and their relief: what a surface is put on.

Each function returns ``n`` heights (n, S, S) float32: 0 outside the shape, 0..1 inside, highest in
the middle, from which :func:`normals` makes light and shade.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from rltrack.pretraining.textures import grid, uniform

__all__ = ["SHAPES", "blobs", "figures", "normals", "polygons", "shapes"]


def shapes(kinds: Tensor, size: int, generator: Generator) -> Tensor:
    """Heights (S, S) of a shape of each of ``kinds`` (n,), which index `SHAPES`."""
    out = torch.empty(len(kinds), size, size, device=generator.device, dtype=torch.float32)
    for kind, make in enumerate(SHAPES):
        where = (kinds == kind).nonzero()[:, 0]
        if len(where):
            out[where] = make(len(where), size, generator)
    return out


def blobs(n: int, size: int, generator: Generator) -> Tensor:
    """Smooth outlines: a circle's radius, changed by a few waves around it."""
    y, x = grid(size, generator)
    angle, radius = torch.atan2(y, x)[None], (x * x + y * y).sqrt()[None]
    outline = torch.ones(n, size, size, device=generator.device, dtype=torch.float32)
    for waves in range(2, 6):
        height = uniform((n, 1, 1), 0, 0.7 / waves, generator)
        phase = uniform((n, 1, 1), 0, 2 * math.pi, generator)
        outline = outline + height * torch.cos(waves * angle + phase)
    outline = 0.95 * outline / outline.amax((1, 2), keepdim=True)
    return (1 - (radius / outline).square()).clamp(min=0).sqrt()


def polygons(n: int, size: int, generator: Generator) -> Tensor:
    """Regular polygons of three to eight sides, turned; four sides are rectangles of any shape."""
    y, x = grid(size, generator)
    sides = torch.randint(3, 9, (n, 1, 1), generator=generator, device=generator.device)
    turned = uniform((n, 1, 1), 0, 2 * math.pi, generator)
    x = x / torch.where(sides == 4, uniform((n, 1, 1), 0.4, 1, generator), 1.0)
    angle = torch.atan2(y, x) + torch.where(sides == 4, math.pi / 4, turned)
    wedge = 2 * math.pi / sides
    inner = (x * x + y * y).sqrt() * torch.cos(angle.remainder(wedge) - wedge / 2)
    return (1 - inner / (0.95 * torch.cos(wedge / 2))).clamp(min=0)


def figures(n: int, size: int, generator: Generator) -> Tensor:
    """Figures of limbs: a trunk, a head, and four strokes that leave the trunk's ends."""
    y, x = grid(size, generator)
    device = generator.device
    spread = uniform((n, 4), -0.9, 0.9, generator)
    reach = uniform((n, 4), 0.4, 0.7, generator)
    top, bottom = torch.tensor([[0.0, -0.4], [0.0, 0.25]], device=device, dtype=torch.float32)
    height = torch.zeros(n, size, size, device=device, dtype=torch.float32)
    limbs = [(top.expand(n, 2), bottom.expand(n, 2), uniform((n,), 0.16, 0.3, generator))]
    head = torch.tensor([0.0, -0.72], device=device, dtype=torch.float32).expand(n, 2)
    limbs.append((head, head + 0.02, uniform((n,), 0.14, 0.22, generator)))
    for limb in range(4):
        start = (top if limb < 2 else bottom).expand(n, 2)
        down = torch.stack([spread[:, limb].sin(), spread[:, limb].cos()], -1)
        end = start + reach[:, limb, None] * down
        limbs.append((start, end, uniform((n,), 0.08, 0.15, generator)))
    for start, end, width in limbs:
        along = end - start
        u = (x - start[:, 0, None, None]) * along[:, 0, None, None]
        u = u + (y - start[:, 1, None, None]) * along[:, 1, None, None]
        u = (u / along.square().sum(-1)[:, None, None]).clamp(0, 1)
        dx = x - start[:, 0, None, None] - u * along[:, 0, None, None]
        dy = y - start[:, 1, None, None] - u * along[:, 1, None, None]
        across = (dx * dx + dy * dy) / width[:, None, None] ** 2
        height = torch.maximum(height, (1 - across).clamp(min=0).sqrt())
    return height


SHAPES = (blobs, polygons, figures)


def normals(heights: Tensor) -> Tensor:
    """The surface's unit normals (n, 3, S, S), from heights (n, S, S); flat where it is flat."""
    size = heights.shape[-1]
    slope_y, slope_x = torch.gradient(heights * size / 4, dim=(1, 2))
    up = torch.ones_like(heights)
    return torch.nn.functional.normalize(torch.stack([-slope_x, -slope_y, up], 1), dim=1)
