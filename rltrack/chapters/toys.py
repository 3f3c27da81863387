"""Attention maps made by hand, to see what the regulariser (Eq. 3, 4) thinks of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from rltrack.attention import Maps, mean_and_deviation, regulariser
from rltrack.config import TrackerConfig

__all__ = ["Opinion", "descent", "opinion", "share_of_best", "spot", "toy_maps"]

SIZE = 51  # as conv1's


def spot(radius: float, size: int = SIZE) -> Tensor:
    """A map (size, size), 1 in the middle and 1/e at ``radius``, in halves of the map's side."""
    at = torch.linspace(-1, 1, size)
    return torch.exp(-(at[:, None].square() + at.square()) / radius**2)


def toy_maps(generator: Generator, size: int = SIZE) -> dict[str, Tensor]:
    """Maps (size, size) >= 0, by name: of mean 1, from even to a single place."""
    at = torch.linspace(-1, 1, size)
    distance = (at[:, None].square() + at.square()).sqrt()
    noise = torch.rand(size, size, generator=generator)
    lit = torch.zeros(size, size)
    lit[size // 2, size // 2] = 1
    made = {
        "even": torch.ones(size, size),
        "noise": noise,
        "over the object": spot(2**-0.5, size),
        "a ring": torch.exp(-40 * (distance - 0.6).square()),
        "a spot": spot(40**-0.5, size),
        "one place": lit,
    }
    return {name: made_map / made_map.mean() for name, made_map in made.items()}


class Opinion(NamedTuple):
    """What the regulariser sees in a map, and where it wants it changed."""

    mean: float
    deviation: float
    ratio: float
    """sigma / mu: what Eq. 3 wants small in A_p, and Eq. 4 in A_n."""
    gradient: Tensor
    """(h, w) of that ratio; where it is negative, the map is to grow."""

    def __str__(self) -> str:
        return f"μ {self.mean:.2g}, σ {self.deviation:.2g}, σ/μ {self.ratio:.2g}"


def opinion(attention_map: Tensor, config: TrackerConfig) -> Opinion:
    """mu, sigma, sigma / mu and its gradient, of a map (h, w).

    The gradient is ``(A - mu) / (n sigma mu) - sigma / (n mu^2)`` over n places: it does not
    depend on where a place is, only on what is there.
    """
    values = attention_map.clone().requires_grad_()
    mean, deviation = (m[0] for m in mean_and_deviation(values[None], config.attention_eps))
    ratio = deviation / mean
    (gradient,) = torch.autograd.grad(ratio, values)
    return Opinion(mean.item(), deviation.item(), ratio.item(), gradient)


def share_of_best(attention_map: Tensor, places: float = 0.1) -> float:
    """Share 0..1 of a map (h, w) that lies in its largest values: what it can lose at most.

    Args:
        attention_map: >= 0, not all 0.
        places: what share of the places is taken, 0..1, rounded to a whole number of them.
    """
    values = attention_map.flatten()
    best = values.topk(round(places * len(values))).values
    return (best.sum() / values.sum()).item()


def descent(
    maps: Maps, positive: bool, config: TrackerConfig, steps: int, rate: float
) -> list[tuple[float, Maps]]:
    """Change maps themselves, (1, h, w) each, by gradient descent on R: what it strives for.

    Values are kept from falling below zero, as the ReLU keeps those of real maps.

    Returns:
        R and the maps, before each step and after the last, ``steps + 1`` pairs.
    """
    now, path = maps, []
    for step in range(steps + 1):
        both = Maps(*(m.detach().clone().requires_grad_() for m in now))
        loss = regulariser(both, positive, config).sum()
        path.append((loss.item(), Maps(*(m.detach() for m in both))))
        if step < steps:
            slopes = torch.autograd.grad(loss, list(both))
            now = Maps(
                *((m - rate * s).clamp(min=0).detach() for m, s in zip(both, slopes, strict=True))
            )
    return path
