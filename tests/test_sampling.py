"""Boxes and samplers: what is drawn, where it lies, and that it is never too few."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

from rltrack.tracking import sampling
from rltrack.tracking.boxes import area, center, clip_to_image, iou, scaled

IMAGE = torch.tensor([320.0, 240.0])
BOX = torch.tensor([100.0, 80.0, 40.0, 60.0])
side = st.floats(1, 50)
box = st.tuples(st.floats(-20, 100), st.floats(-20, 100), side, side)


def rng(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@given(box, box)
def test_iou_against_a_plain_loop(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    lengths = [max(0.0, min(a[i] + a[i + 2], b[i] + b[i + 2]) - max(a[i], b[i])) for i in range(2)]
    overlap = lengths[0] * lengths[1]
    expected = overlap / (a[2] * a[3] + b[2] * b[3] - overlap)
    got = iou(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64))
    assert got.item() == pytest.approx(expected, abs=1e-9)


def test_clip_to_image_keeps_what_is_inside() -> None:
    boxes = torch.tensor([[-10.0, 5, 30, 30], [310, 230, 40, 40], [50, 50, 10, 10]])
    expected = torch.tensor([[0.0, 5, 20, 30], [310, 230, 10, 10], [50, 50, 10, 10]])
    torch.testing.assert_close(clip_to_image(boxes, IMAGE), expected)


def test_gaussian_has_the_released_codes_spread() -> None:
    """Centre std 0.5 * t * mean side before clipping at t * mean side; scale within s^+-1."""
    drawn = sampling.gaussian(BOX, 20000, IMAGE, translation=0.6, scale=1.05, generator=rng())
    shift = center(drawn) - center(BOX)
    reach = 0.6 * 50
    assert shift.abs().max() <= reach + 1e-3
    # Standard deviation of clip(N(0, 1/2), -1, 1): 0.4887.
    normal = torch.distributions.Normal(0.0, 1.0)
    tail = 1 - normal.cdf(torch.tensor(2.0))
    density = math.exp(-2) / math.sqrt(2 * math.pi)
    variance = 0.25 * (1 - 2 * tail - 4 * density) + 2 * tail
    expected = (reach * variance.sqrt()).expand(2)
    torch.testing.assert_close(shift.std(0), expected, rtol=0.02, atol=0)
    scale = (area(drawn) / area(BOX)).sqrt()
    assert scale.max() <= 1.05 * (1 + 1e-5)
    assert scale.min() >= (1 - 1e-5) / 1.05
    torch.testing.assert_close(drawn[:, 2] / drawn[:, 3], torch.full((20000,), 40 / 60))


def test_uniform_fills_its_range() -> None:
    drawn = sampling.uniform(
        BOX, 20000, IMAGE, translation=1.0, scale=2.0, aspect=1.1, generator=rng()
    )
    shift = (center(drawn) - center(BOX)) / 50
    assert 0.98 < shift.abs().max() <= 1 + 1e-5
    torch.testing.assert_close(shift.std(0), torch.full((2,), 3**-0.5), rtol=0.02, atol=0)
    aspect = drawn[:, 2] / drawn[:, 3] / (40 / 60)
    assert 1.1**2 * 0.99 < aspect.max() <= 1.1**2 * (1 + 1e-5)


def test_whole_image_reaches_its_last_column_and_row() -> None:
    """The grid begins half a box from the origin, and ends one pixel before the other sides."""
    drawn = sampling.whole_image(BOX, 2000, IMAGE, scale=1.0, generator=rng())
    centers = center(drawn)
    assert torch.equal(centers.amin(0), BOX[2:] / 2)
    assert torch.equal(centers.amax(0), IMAGE - 1)


def test_whole_image_reaches_every_quarter_evenly() -> None:
    drawn = sampling.whole_image(BOX, 2000, IMAGE, scale=1.2, aspect=1.1, generator=rng())
    middle = center(drawn)
    quarters = (middle[:, 0] > 170).long() * 2 + (middle[:, 1] > 135).long()
    assert torch.bincount(quarters).min() > 400
    assert len(torch.unique(middle, dim=0)) == 2000


@given(
    st.tuples(st.integers(12, 400), st.integers(12, 400)),
    st.tuples(st.floats(-5, 300), st.floats(-5, 300), st.floats(0.5, 400), st.floats(0.5, 400)),
    st.integers(0, 1000),
)
def test_samples_fit_any_image(
    image: tuple[int, int], target: tuple[float, ...], seed: int
) -> None:
    sides = torch.tensor(image, dtype=torch.float64)
    at = torch.tensor(target, dtype=torch.float64)
    least = torch.where(at[2:] < 10, (at[2:] / 2).clamp(min=1), 10)
    for drawn in (
        sampling.gaussian(
            at, 20, sides, translation=0.6, scale=1.05, border="box", generator=rng(seed)
        ),
        sampling.uniform(at, 20, sides, translation=1, scale=2, aspect=1.1, generator=rng(seed)),
        sampling.whole_image(at, 20, sides, scale=1.2, aspect=1.1, generator=rng(seed)),
    ):
        assert drawn.shape == (20, 4)
        assert torch.isfinite(drawn).all()
        assert (drawn[:, 2:] >= least - 1e-9).all()
        assert (drawn[:, 2:] <= sides.clamp(min=10) + 1e-9).all()
        assert (center(drawn) >= -1e-9).all()
        assert (center(drawn) <= sides + 1e-9).all()


def test_inside_keeps_whole_boxes_in_the_image() -> None:
    corner = torch.tensor([-10.0, -10.0, 40.0, 60.0])
    drawn = sampling.gaussian(
        corner, 500, IMAGE, translation=0.6, scale=1.05, border="box", generator=rng()
    )
    assert (drawn[:, :2] >= -1e-4).all()


OVER = [(-18.0, 90.0, 36.0, 48.0), (-30, 90, 36, 48), (300, 200, 60, 70), (-40, -30, 500, 400)]


@pytest.mark.parametrize("box", OVER, ids=str)
def test_a_target_over_the_border_sets_how_far_samples_reach(box: tuple[float, ...]) -> None:
    over = torch.tensor(box, dtype=torch.float32)
    middle = center(over)
    low, high = torch.zeros(2).minimum(middle), IMAGE.maximum(middle)
    spread = {"translation": 0.6, "scale": 1.05, "border": "target"}
    drawn = sampling.gaussian(over, 500, IMAGE, generator=rng(), **spread)
    assert (center(drawn) >= low - 1e-3).all() and (center(drawn) <= high + 1e-3).all()
    # Many are as good as the target's own box, which none is if all lie inside the image.
    assert iou(drawn, over).max() > 0.9
    inside = sampling.gaussian(over, 500, IMAGE, generator=rng(), **{**spread, "border": "box"})
    assert iou(inside, over).max() < 0.75


def test_a_target_inside_the_image_is_sampled_alike_up_to_the_border() -> None:
    spread = {"translation": 0.6, "scale": 1.05}
    by = {
        border: sampling.gaussian(BOX, 50, IMAGE, generator=rng(), border=border, **spread)
        for border in ("center", "box", "target")
    }
    assert torch.equal(by["center"], by["target"]) and torch.equal(by["box"], by["target"])


def test_labelled_returns_exactly_what_was_asked() -> None:
    def draw(n: int) -> torch.Tensor:
        return sampling.uniform(
            BOX, n, IMAGE, translation=0.3, scale=1.5, aspect=1.1, generator=rng()
        )

    kept = sampling.labelled(draw, 300, BOX, iou_range=(0.6, 1.0), area_range=(1.0, 2.0))
    assert kept.shape == (300, 4)
    overlap, ratio = iou(kept, BOX), area(kept) / area(BOX)
    assert overlap.min() >= 0.6
    assert ratio.min() >= 1
    assert ratio.max() <= 2


def test_labelled_never_returns_fewer_where_none_can_fit(caplog: pytest.LogCaptureFixture) -> None:
    """A target that fills the image has no negatives: the least overlapping boxes serve."""
    full = torch.tensor([0.0, 0.0, 320.0, 240.0])

    def draw(n: int) -> torch.Tensor:
        return sampling.uniform(full, n, IMAGE, translation=0.1, scale=1.1, generator=rng())

    kept = sampling.labelled(draw, 50, full, iou_range=(0.0, 0.3))
    assert kept.shape == (50, 4)
    assert "none of the boxes has the IoU and area wanted" in caplog.text
    assert iou(kept, full).max() <= iou(draw(800), full).median()


def test_same_generator_state_same_boxes() -> None:
    one, two = (
        sampling.gaussian(BOX, 9, IMAGE, translation=0.6, scale=1.05, generator=rng(7))
        for _ in range(2)
    )
    assert torch.equal(one, two)


def test_a_scaled_box_keeps_its_centre() -> None:
    boxes = torch.tensor([[10.0, 20, 4, 8], [0, 0, 2, 1]])
    assert scaled(boxes, 3).tolist() == [[6, 12, 12, 24], [-2, -1, 6, 3]]
