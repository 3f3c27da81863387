"""Surfaces by formula: noise, waves, cells, dead leaves and fractals.

Each function returns ``n`` images (n, 3, S, S) float32 in 0..1, S = ``size``, on the generator's
device, each with parameters of its own.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

__all__ = [
    "TEXTURES",
    "cells",
    "fractals",
    "grid",
    "leaves",
    "noise",
    "textures",
    "uniform",
    "waves",
]


def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Evenly distributed numbers of ``shape`` in [low, high), on the generator's device."""
    return low + (high - low) * torch.rand(
        shape, generator=generator, device=generator.device, dtype=torch.float32
    )


def textures(kinds: Tensor, size: int, generator: Generator) -> Tensor:
    """An image (3, S, S) of each of ``kinds`` (n,), which index `TEXTURES`."""
    out = torch.empty(len(kinds), 3, size, size, device=generator.device, dtype=torch.float32)
    for kind, make in enumerate(TEXTURES):
        where = (kinds == kind).nonzero()[:, 0]
        if len(where):
            out[where] = make(len(where), size, generator)
    return out


def noise(n: int, size: int, generator: Generator) -> Tensor:
    """Noise whose amplitude falls with frequency as 1 / f^b, b in 0.7..2, along one axis faster."""
    fy = torch.fft.fftfreq(size, device=generator.device, dtype=torch.float32)[:, None]
    fx = torch.fft.rfftfreq(size, device=generator.device, dtype=torch.float32)[None]
    angle, squeeze = uniform((n, 1, 1), 0, math.pi, generator), uniform((n, 1, 1), 0, 2, generator)
    along, across = fx * angle.cos() + fy * angle.sin(), fy * angle.cos() - fx * angle.sin()
    radius = (along.square() + (squeeze.exp() * across).square()).sqrt().clamp(min=1 / size)
    amplitude = radius ** -uniform((n, 1, 1), 0.7, 2.0, generator)
    white = torch.randn(
        n, 2, size, size, generator=generator, device=generator.device, dtype=torch.float32
    )
    level = torch.fft.irfft2(torch.fft.rfft2(white) * amplitude[:, None], s=(size, size))
    level = level / level.std((2, 3), keepdim=True)
    return _coloured(torch.sigmoid(2 * level), generator)


def waves(n: int, size: int, generator: Generator) -> Tensor:
    """Stripes, checks and plaids: two waves, soft or square, that are added or multiplied."""
    y, x = grid(size, generator)
    angle = uniform((n, 2, 1, 1), 0, math.pi, generator)
    cycles = 2 ** uniform((n, 2, 1, 1), 0.5, 4, generator)
    phase = uniform((n, 2, 1, 1), 0, 2 * math.pi, generator)
    hardness = 2 ** uniform((n, 1, 1, 1), 0, 4, generator)
    wave = torch.sin(math.pi * cycles * (x * angle.cos() + y * angle.sin()) + phase)
    first, second = wave[:, :1], wave[:, 1:]
    product = uniform((n, 1, 1, 1), 0, 1, generator) < 0.5
    mixed = torch.where(product, first * second, 0.5 * (first + second))
    levels = torch.cat([hardness * mixed, hardness * first], 1)
    return _coloured(torch.sigmoid(2 * levels), generator)


def cells(n: int, size: int, generator: Generator) -> Tensor:
    """Mosaics: each place has the colour of the nearest of some random points."""
    count = 24
    y, x = grid(size, generator)
    points = uniform((n, count, 2), -1, 1, generator)
    points[:, count // 2 :] *= uniform((n, 1, 1), 0.3, 1, generator)  # small cells in the middle
    nearest = torch.full((n, size, size), math.inf, device=generator.device, dtype=torch.float32)
    image = torch.empty(n, 3, size, size, device=generator.device, dtype=torch.float32)
    colours = _colours(n, count, generator)
    for point, colour in zip(points.unbind(1), colours.unbind(1), strict=True):
        distance = (x - point[:, 0, None, None]) ** 2 + (y - point[:, 1, None, None]) ** 2
        closer = distance < nearest
        nearest = torch.where(closer, distance, nearest)
        image = torch.where(closer[:, None], colour[:, :, None, None], image)
    return image


def leaves(n: int, size: int, generator: Generator) -> Tensor:
    """Dead leaves: ellipses and rectangles of all sizes that cover each other."""
    count = 48
    y, x = grid(size, generator)
    image = _colours(n, 1, generator)[:, 0, :, None, None].expand(n, 3, size, size)
    for colour in _colours(n, count, generator).unbind(1):
        left, top = uniform((2, n, 1, 1), -1, 1, generator)
        angle = uniform((n, 1, 1), 0, math.pi, generator)
        # Radii r with density r^-3: as many pixels of each size.
        r = 0.08 / (1 - 0.97 * uniform((n, 1, 1), 0, 1, generator)).sqrt()
        aspect = uniform((n, 1, 1), 0.3, 1, generator)
        dx, dy = x - left, y - top
        u = (dx * angle.cos() + dy * angle.sin()).abs() / r
        v = (dy * angle.cos() - dx * angle.sin()).abs() / (r * aspect)
        round_ = uniform((n, 1, 1), 0, 1, generator) < 0.5
        inside = torch.where(round_, u * u + v * v, torch.maximum(u, v)) < 1
        image = torch.where(inside[:, None], colour[:, :, None, None], image)
    return image


def fractals(n: int, size: int, generator: Generator) -> Tensor:
    """Attractors of iterated function systems: four random contractions, played as a game."""
    maps, points, rounds, device = 4, 4096, 24, generator.device
    angle = uniform((n, maps, 2), 0, 2 * math.pi, generator)
    stretch = uniform((n, maps, 2), 0.25, 0.85, generator)
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([cos, -sin, sin, cos], -1).view(n, maps, 2, 2, 2)
    matrix = turn[:, :, 0] @ torch.diag_embed(stretch) @ turn[:, :, 1].mT
    shift = uniform((n, maps, 2), -0.6, 0.6, generator)
    at = uniform((n, points, 2), -1, 1, generator)
    image = torch.arange(n, device=device)[:, None]
    visits, colour = [], torch.zeros(n, points, device=device, dtype=torch.float32)
    for step in range(rounds):
        which = torch.randint(maps, (n, points), generator=generator, device=device)
        at = (matrix[image, which] @ at[..., None])[..., 0] + shift[image, which]
        colour = 0.5 * (colour + which.float() / (maps - 1))
        if step >= rounds // 3:  # by then all are near the attractor
            visits.append((at, colour))
    places, colours = (torch.cat(part, 1) for part in zip(*visits, strict=True))
    low, high = places.amin(1, keepdim=True), places.amax(1, keepdim=True)
    cell = ((places - low) / (high - low).clamp(min=1e-6) * (size - 1)).round().long()
    cell = cell[..., 1] * size + cell[..., 0]
    hits = torch.zeros(n, size * size, device=device, dtype=torch.float32).scatter_add_(
        1, cell, torch.ones_like(colours)
    )
    sums = torch.zeros(n, size * size, device=device, dtype=torch.float32).scatter_add_(
        1, cell, colours
    )
    density = (hits.log1p() / hits.amax(1, keepdim=True).log1p()).sqrt()
    levels = torch.stack([density, sums / hits.clamp(min=1)], 1)
    return _coloured(levels.view(n, 2, size, size), generator)


TEXTURES = (noise, waves, cells, leaves, fractals)


def grid(size: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Coordinates y (S, 1) and x (1, S) in -1..1."""
    at = torch.linspace(-1, 1, size, device=generator.device, dtype=torch.float32)
    return at[:, None], at[None]


def _coloured(levels: Tensor, generator: Generator) -> Tensor:
    """Two levels (n, 2, S, S) in 0..1 as a colour: between two, then towards a third."""
    a, b, c = (colour[:, :, None, None] for colour in _colours(len(levels), 3, generator).unbind(1))
    first, second = levels[:, :1], levels[:, 1:]
    return torch.lerp(torch.lerp(a, b, first), c, 0.5 * second)


def _colours(n: int, count: int, generator: Generator) -> Tensor:
    """Palettes (n, count, 3) in 0..1: greys of all lightness, tinted, some strongly."""
    lightness = uniform((n, count, 1), 0, 1, generator)
    common = torch.randn(n, 1, 3, generator=generator, device=generator.device, dtype=torch.float32)
    own = torch.randn(
        n, count, 3, generator=generator, device=generator.device, dtype=torch.float32
    )
    strength = 0.3 * uniform((n, 1, 1), 0, 1, generator).square()
    return (lightness + strength * (common + own)).clamp(0, 1)
