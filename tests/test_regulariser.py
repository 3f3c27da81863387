"""Maps by hand: their numbers, the change the regulariser wants, and where it leads."""

from __future__ import annotations

import math

import pytest
import torch
from figure_checks import legible
from torch import Generator

from rltrack import preset
from rltrack.chapters.regulariser import (
    among_handmade_maps,
    concentration,
    descent,
    gradient_maps,
    handmade_maps,
    map_statistics,
    spot,
    widening_spot,
)
from rltrack.plots.attention_maps import map_strip
from rltrack.tracking.attention import Maps

CONFIG = preset("paper")


@pytest.fixture(scope="module")
def maps() -> dict[str, torch.Tensor]:
    return handmade_maps(Generator().manual_seed(0), size=21)


def test_maps_have_mean_one_and_grow_uneven(maps: dict[str, torch.Tensor]) -> None:
    found = [map_statistics(values, CONFIG) for values in maps.values()]
    assert all(seen.mean == pytest.approx(1, rel=1e-5) for seen in found)
    ratios = [seen.ratio for seen in found]
    assert ratios == sorted(ratios)
    assert ratios[0] < 1e-6
    assert ratios[-1] == pytest.approx((21 * 21 - 1) ** 0.5, rel=1e-4)


def test_a_spot_is_one_in_the_middle_and_falls_to_a_share_at_its_radius() -> None:
    values = spot(0.5, size=41)
    assert values[20, 20] == 1
    assert values[20, 30] == values[10, 20] == pytest.approx(1 / math.e)
    assert spot(0.001, size=41).sum() == 1
    assert spot(1000, size=41).min() > 0.9999


def test_an_opinion_says_its_numbers() -> None:
    assert (
        str(map_statistics(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), CONFIG)) == "μ 0.5, σ 0.5, σ/μ 1"
    )


def test_the_gradient_is_the_quotient_rules(maps: dict[str, torch.Tensor]) -> None:
    values = maps["a ring"].double()
    seen, n = map_statistics(values, CONFIG), values.numel()
    expected = (values - seen.mean) / (n * seen.deviation * seen.mean)
    expected = expected - seen.deviation / (n * seen.mean**2)
    torch.testing.assert_close(seen.gradient, expected)


@pytest.mark.parametrize("positive", [True, False])
def test_descent_lowers_r_and_evens_what_it_should(
    maps: dict[str, torch.Tensor], positive: bool
) -> None:
    one = (maps["a ring"] + maps["noise"])[None]
    path = descent(Maps(one, one), positive, CONFIG, steps=20, rate=5.0)
    assert len(path) == 21
    assert path[-1][0] < path[0][0]
    first, last = path[0][1], path[-1][1]
    even, uneven = ("target", "background") if positive else ("background", "target")

    def ratio(found: Maps, which: str) -> float:
        return map_statistics(getattr(found, which)[0], CONFIG).ratio

    assert ratio(last, even) < ratio(first, even)
    assert ratio(last, uneven) > ratio(first, uneven)
    assert (last.target >= 0).all()
    assert torch.equal(first.target, one)


def test_charts_show_every_map(maps: dict[str, torch.Tensor]) -> None:
    found = {name: map_statistics(values, CONFIG) for name, values in maps.items()}
    few = {name: maps[name] for name in ("even", "a broad patch", "a ring", "a spot")}
    legible(gradient_maps(few, found))
    figure = gradient_maps(maps, found)
    assert len(figure.axes) == 2 * len(maps)
    assert figure.axes[3].get_title().startswith("a ring\n")
    wanted = figure.axes[len(maps)].images[0].get_array()
    assert abs(wanted).max() < 1e-9  # of an even map
    strip = map_strip({"A": [maps["even"], maps["a spot"]]}, ["0", "1"])
    assert {ax.images[0].get_clim() for ax in strip.axes} == {(0, float(maps["a spot"].max()))}


def test_the_widening_spot_is_marked_on_both_curves() -> None:
    spots = {radius: spot(radius, 21) for radius in (0.1, 0.5, 2.0)}
    found = {radius: map_statistics(values, CONFIG) for radius, values in spots.items()}
    figure = widening_spot(spots, found, 0.5)
    legible(figure)
    above, wanted, quotients = figure.axes
    assert (above.images[0].get_array() == spots[0.5].numpy()).all()
    assert wanted.images[0].get_array()[10, 10] < 0 < wanted.images[0].get_array()[0, 0]
    ratio, inverse, *marks = (line.get_ydata() for line in quotients.lines)
    assert list(ratio) == [seen.ratio for seen in found.values()]
    assert list(inverse) == pytest.approx([1 / seen.ratio for seen in found.values()])
    assert [mark[0] for mark in marks] == [ratio[1], inverse[1]]


def test_the_most_of_a_map_lies_in_fewest_places() -> None:
    assert concentration(torch.ones(10, 10)) == pytest.approx(0.1)
    lit = torch.zeros(10, 10)
    lit[3, 4] = 2.0
    assert concentration(lit) == 1
    assert concentration(torch.arange(1.0, 11), 0.2) == pytest.approx(19 / 55)


def test_real_maps_are_put_where_their_ratio_is(maps: dict[str, torch.Tensor]) -> None:
    toys = {name: map_statistics(values, CONFIG) for name, values in maps.items()}
    crop = torch.zeros(107, 107, 3, dtype=torch.uint8)
    grid = torch.zeros(52, 52)
    grid[::2, ::2] = 1.0  # a quarter of the places: sigma / mu is the root of 3
    real = {"one": (crop, Maps(grid, maps["a spot"])), "two": (crop, Maps(grid, maps["a ring"]))}
    figure = among_handmade_maps(toys, real)
    scale = figure.axes[0]
    points = [line for line in scale.lines if line.get_marker() == "o"]
    assert [line.get_ydata()[0] for line in points] == [0, 0, 1, 1, 2, 2, 3, 3]
    at = [line.get_xdata()[0] for line in points]
    assert at[0] == at[4] == pytest.approx(3**0.5)
    assert at[1] < 0.1  # smoothed, nothing of the grid is left
    assert at[2] == pytest.approx(toys["a spot"].ratio, rel=1e-5)
    walls = [line.get_xdata()[0] for line in scale.lines if line.get_marker() != "o"]
    assert walls == [seen.ratio for seen in toys.values()]
    names = [label.get_text() for label in scale.get_yticklabels()]
    assert names == ["one, $A_p$", "one, $A_n$", "two, $A_p$", "two, $A_n$"]
    assert len(figure.axes) == 1 + 2 * 3
