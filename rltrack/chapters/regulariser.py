"""Chapter 3: attention maps made by hand, and what the regulariser (Eq. 3, 4) makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, Tensor

from rltrack.plots.attention_maps import lay_over
from rltrack.plots.style import BLUE, PAGE_WIDTH, TEXT, VERMILION, page
from rltrack.tracking.attention import Maps, mean_and_deviation, regulariser
from rltrack.tracking.config import TrackerConfig
from rltrack.video.heat_maps import smoothed

__all__ = [
    "MapStatistics",
    "among_handmade_maps",
    "concentration",
    "descent",
    "gradient_maps",
    "handmade_maps",
    "map_statistics",
    "spot",
    "widening_spot",
]

SIZE = 49  # as the stem's output


def spot(radius: float, size: int = SIZE) -> Tensor:
    """A map (size, size), 1 in the middle and 1/e at ``radius``, in halves of the map's side."""
    at = torch.linspace(-1, 1, size, dtype=torch.float32)
    return torch.exp(-(at[:, None].square() + at.square()) / radius**2)


def handmade_maps(generator: Generator, size: int = SIZE) -> dict[str, Tensor]:
    """Maps (size, size) >= 0, by name: of mean 1, from even to a single place."""
    at = torch.linspace(-1, 1, size, dtype=torch.float32)
    distance = (at[:, None].square() + at.square()).sqrt()
    noise = torch.rand(size, size, generator=generator, dtype=torch.float32)
    lit = torch.zeros(size, size, dtype=torch.float32)
    lit[size // 2, size // 2] = 1
    made = {
        "even": torch.ones(size, size, dtype=torch.float32),
        "noise": noise,
        "a broad patch": spot(2**-0.5, size),
        "a ring": torch.exp(-40 * (distance - 0.6).square()),
        "a spot": spot(40**-0.5, size),
        "one place": lit,
    }
    return {name: made_map / made_map.mean() for name, made_map in made.items()}


class MapStatistics(NamedTuple):
    """What the regulariser sees in a map, and where it wants it changed."""

    mean: float
    deviation: float
    ratio: float
    """sigma / mu: what Eq. 3 wants small in A_p, and Eq. 4 in A_n."""
    gradient: Tensor
    """(h, w) of that ratio; where it is negative, the map is to grow."""

    def __str__(self) -> str:
        return f"μ {self.mean:.2g}, σ {self.deviation:.2g}, σ/μ {self.ratio:.2g}"


def map_statistics(attention_map: Tensor, config: TrackerConfig) -> MapStatistics:
    """mu, sigma, sigma / mu and its gradient, of a map (h, w).

    The gradient is ``(A - mu) / (n sigma mu) - sigma / (n mu^2)`` over n places: it does not
    depend on where a place is, only on what is there.
    """
    values = attention_map.clone().requires_grad_()
    mean, deviation = (m[0] for m in mean_and_deviation(values[None], config.attention_eps))
    ratio = deviation / mean
    (gradient,) = torch.autograd.grad(ratio, values)
    return MapStatistics(mean.item(), deviation.item(), ratio.item(), gradient)


def concentration(attention_map: Tensor, share: float = 0.1) -> float:
    """How much of a map (h, w) >= 0 lies in that share of its places that holds the most; 0..1."""
    values = attention_map.flatten()
    largest = values.topk(max(1, round(share * len(values)))).values
    return float(largest.sum() / values.sum())


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


def gradient_maps(maps: Mapping[str, Any], found: Mapping[str, MapStatistics]) -> Figure:
    """Draw maps, and below each the change that lowers its sigma / mu: more is green, less purple.

    Args:
        maps: up to four maps (h, w), by name.
        found: the statistics of each, by name.
    """
    figure = page(2 * PAGE_WIDTH / len(maps) + 0.8)
    grid = figure.subplots(2, len(maps), squeeze=False)
    for column, (name, values) in enumerate(maps.items()):
        above, below = grid[:, column]
        above.imshow(np.asarray(values), cmap="magma", vmin=0)
        above.set_title(f"{name}\n$\\sigma/\\mu$ = {found[name].ratio:.2f}", fontsize=TEXT)
        _wanted_change(below, found[name])
        for axes in (above, below):
            axes.set(xticks=[], yticks=[])
    grid[0, 0].set_ylabel("map", fontsize=TEXT)
    grid[1, 0].set_ylabel("wanted change", fontsize=TEXT)
    return figure


def _wanted_change(axes: Axes, seen: MapStatistics) -> None:
    slope = -np.asarray(seen.gradient)
    reach = max(float(np.abs(slope).max()), 1e-9)  # an even map wants no change
    axes.imshow(slope, cmap="PRGn", vmin=-reach, vmax=reach)


def among_handmade_maps(
    toys: Mapping[str, MapStatistics], real: Mapping[str, tuple[Any, Maps]]
) -> Figure:
    """Where sigma / mu of real maps lies among that of maps by hand.

    A filled dot is a map as it is. An open one is the same map, smoothed for the eye.

    Args:
        toys: the statistics of maps that were made by hand, by name.
        real: by name, a crop (S, S, 3) uint8 RGB, and its maps (h, w).
    """
    figure = page(1.35 * len(real) + 2.9)
    grid = figure.add_gridspec(len(real) + 1, 3, height_ratios=[1] * len(real) + [2])
    scale = figure.add_subplot(grid[-1, :])
    places: list[str] = []
    for row, (name, (crop, maps)) in enumerate(real.items()):
        axes = figure.add_subplot(grid[row, 0])
        axes.imshow(np.asarray(crop))
        axes.set(xticks=[], yticks=[])
        axes.set_title(name, fontsize=TEXT)
        for column, (what, values) in enumerate(
            zip(("$A_p$", "$A_n$"), map(np.asarray, maps), strict=True), start=1
        ):
            axes = figure.add_subplot(grid[row, column])
            lay_over(axes, np.asarray(crop), values)
            axes.set(xticks=[], yticks=[])
            axes.set_title(what, fontsize=TEXT)
            for drawn, face in ((values, "black"), (smoothed(values), "white")):
                ratio = drawn.std() / drawn.mean()
                scale.plot(ratio, len(places), "o", color="black", markerfacecolor=face)
            places.append(f"{name}, {what}")
    scale.set_yticks(range(len(places)), places)
    scale.set(ylim=(len(places) - 0.5, -0.5), xlabel="$\\sigma/\\mu$; open: smoothed")
    scale.set_xscale("symlog", linthresh=1, linscale=1.5)
    scale.set_xlim(-0.05, 100)
    scale.set_xticks([0, 0.5, 1, 5, 50], ["0", "0.5", "1", "5", "50"])
    scale.minorticks_off()
    for name, seen in toys.items():
        scale.axvline(seen.ratio, color="0.6", linewidth=1)
        scale.text(
            seen.ratio, 1.01, f" {name}", rotation=60, ha="left", va="bottom", color="0.3",
            transform=scale.get_xaxis_transform(), rotation_mode="anchor",
        )  # fmt: skip
    scale.spines[["top", "right"]].set_visible(False)
    return figure


def widening_spot(
    spots: Mapping[float, Any], found: Mapping[float, MapStatistics], radius: float
) -> Figure:
    """One of several spots, how sigma / mu would have it changed, and both quotients of them all.

    Args:
        spots: maps (h, w) of values up to 1, by radius.
        found: the statistics of the spots, by radius.
        radius: of the one shown.
    """
    figure = page(4.4)
    grid = figure.add_gridspec(2, 2)
    above, wanted = (figure.add_subplot(grid[0, column]) for column in (0, 1))
    quotients = figure.add_subplot(grid[1, :])
    above.imshow(np.asarray(spots[radius]), cmap="magma", vmin=0, vmax=1)
    above.set_title("map", fontsize=TEXT)
    _wanted_change(wanted, found[radius])
    wanted.set_title("wanted change", fontsize=TEXT)
    for axes in (above, wanted):
        axes.set(xticks=[], yticks=[])
    radii, now = list(found), found[radius].ratio
    ratios = np.array([seen.ratio for seen in found.values()])
    quotients.loglog(radii, ratios, color=VERMILION, label="$\\sigma/\\mu$")
    quotients.loglog(radii, 1 / ratios, "--", color=BLUE, label="$\\mu/\\sigma$")
    quotients.loglog(radius, now, "o", color=VERMILION)
    quotients.loglog(radius, 1 / now, "o", color=BLUE)
    quotients.set_xlabel("radius, in half sides")
    quotients.legend(loc="upper center", frameon=False)
    quotients.spines[["top", "right"]].set_visible(False)
    return figure
