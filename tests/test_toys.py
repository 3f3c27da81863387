"""Maps by hand: their numbers, the change the regulariser wants, and where it leads."""

from __future__ import annotations

import pytest
import torch
from torch import Generator

from rltrack import preset
from rltrack.attention import Maps
from rltrack.charts import map_strip, opinions
from rltrack.toys import descent, opinion, toy_maps

CONFIG = preset("paper")


@pytest.fixture(scope="module")
def maps() -> dict[str, torch.Tensor]:
    return toy_maps(Generator().manual_seed(0), size=21)


def test_maps_have_mean_one_and_grow_uneven(maps: dict[str, torch.Tensor]) -> None:
    found = [opinion(values, CONFIG) for values in maps.values()]
    assert all(seen.mean == pytest.approx(1, rel=1e-5) for seen in found)
    ratios = [seen.ratio for seen in found]
    assert ratios == sorted(ratios)
    assert ratios[0] < 1e-6
    assert ratios[-1] == pytest.approx((21 * 21 - 1) ** 0.5, rel=1e-4)


def test_the_gradient_is_the_quotient_rules(maps: dict[str, torch.Tensor]) -> None:
    values = maps["a ring"].double()
    seen, n = opinion(values, CONFIG), values.numel()
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
        return opinion(getattr(found, which)[0], CONFIG).ratio

    assert ratio(last, even) < ratio(first, even)
    assert ratio(last, uneven) > ratio(first, uneven)
    assert (last.target >= 0).all()
    assert torch.equal(first.target, one)


def test_charts_show_every_map(maps: dict[str, torch.Tensor]) -> None:
    found = {name: opinion(values, CONFIG) for name, values in maps.items()}
    figure = opinions(maps, found)
    assert len(figure.axes) == 2 * len(maps)
    assert figure.axes[3].get_title().startswith("a ring\n")
    wanted = figure.axes[len(maps)].images[0].get_array()
    assert abs(wanted).max() < 1e-9  # of an even map
    strip = map_strip({"A": [maps["even"], maps["a spot"]]}, ["0", "1"])
    assert {ax.images[0].get_clim() for ax in strip.axes} == {(0, float(maps["a spot"].max()))}
