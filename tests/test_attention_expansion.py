"""The tangent of a score along a line, and how far it is trusted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from figure_checks import legible
from torch import Generator

from rltrack import preset, synthetic
from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.chapters.attention import (
    Expansion,
    agreement,
    blend,
    expansion,
    expansions,
    occlusion,
    tangent,
)
from rltrack.chapters.first_frame import learned, maps_at, plain_loss, resemblance
from rltrack.plots.attention_maps import map_rows
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.crops import crops as crops_of


@pytest.fixture(scope="module")
def asked() -> tuple[Classifier, VGGM, torch.Tensor]:
    generator = Generator().manual_seed(0)
    classifier = Classifier(VGGM.feature_shape, generator, dtype=torch.float64)
    crops = torch.randint(0, 256, (2, 3, 107, 107), generator=generator, dtype=torch.uint8)
    return classifier, load_vggm("analytic", dtype=torch.float64), crops


@pytest.mark.parametrize("at", ["conv1", "input"])
@pytest.mark.parametrize("c", [0, 1])
def test_the_tangent_touches_the_score(asked, at: str, c: int) -> None:
    classifier, net, crops = asked
    steps = [0, 1e-9, 1e-8, 1.0]
    line = expansion(classifier, net, crops, steps, c, at)
    ends = classifier(net.features(crops))[:, c].tolist()
    assert line.exact[[0, -1]] == pytest.approx(ends)
    change = line.exact - line.exact[0]
    assert change[2] == pytest.approx((line.linear - line.linear[0])[2], rel=1e-3)
    assert np.diff(line.linear) == pytest.approx(
        np.diff(steps) * (line.linear[-1] - line.linear[0])
    )


def test_the_line_is_the_same_at_the_input_and_at_conv1(asked) -> None:
    """conv1 is linear, but for rounding and a bias that both ends share."""
    classifier, net, crops = asked
    lines = [expansion(classifier, net, crops, [0, 0.1, 0.7], at=at) for at in ("conv1", "input")]
    np.testing.assert_allclose(lines[0].exact, lines[1].exact)
    np.testing.assert_allclose(lines[0].linear, lines[1].linear)


def test_a_map_agrees_with_hiding_where_both_have_the_same_squares() -> None:
    hidden = torch.tensor([[1.0, 2.0], [3.0, 7.0]])
    fine = hidden.repeat_interleave(3, 0).repeat_interleave(3, 1)
    fine[::3] -= 1
    fine[1::3] += 1  # within a square only its mean counts
    assert agreement(hidden, 5 * fine + 2) == pytest.approx(1)
    assert agreement(hidden, -fine) == pytest.approx(-1)


def test_occlusion_is_what_a_score_loses_without_each_square(asked) -> None:
    classifier, net, crops = asked
    lost = occlusion(classifier, net, crops[:1], squares=3)
    assert lost.shape == (3, 3)
    without = crops[:1].clone()
    without[..., 36:71, 71:] = net.crop.fill  # 107 pixels in three parts: to 36, to 71, to 107
    both = classifier(net.features(torch.cat([crops[:1], without])))[:, 1]
    assert lost[1, 2].item() == pytest.approx((both[0] - both[1]).item(), rel=1e-9)
    grey = torch.full_like(crops[:1], net.crop.fill)
    assert not occlusion(classifier, net, grey, squares=3).any()


def test_a_blend_is_on_the_line_and_rounded() -> None:
    crops = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    crops[1] = 255
    assert torch.equal(blend(crops, 0), crops[:1])
    assert torch.equal(blend(crops, 1), crops[1:])
    assert torch.equal(blend(crops, 0.3), torch.full_like(crops[:1], 76))  # 76.5, to even
    assert torch.equal(blend(crops, 0.5).unique(), torch.tensor([128], dtype=torch.uint8))


def test_the_radius_ends_where_the_error_first_exceeds_its_share() -> None:
    steps = np.array([0, 0.1, 0.2, 0.4])
    exact = np.array([1, 2, 3, 5.0])
    assert Expansion(steps, exact, exact).radius() == 0.4
    assert Expansion(steps, exact, exact + [0, 0.05, 0.5, 0]).radius() == 0.1
    assert Expansion(steps, exact, exact + [0, 0.5, 0, 0]).radius() == 0
    assert Expansion(steps, exact, exact + [0, 0.5, 0, 0]).radius(0.6) == 0.4


def test_maps_of_each_place_have_its_size(asked) -> None:
    classifier, net, crops = asked
    config = preset("realtime")
    for at, side in (("input", 107), ("conv1", 51), ("conv3", 3)):
        maps = maps_at(classifier, net, crops, config, at)
        assert maps.target.shape == maps.background.shape == (2, side, side)
        assert (maps.target >= 0).all()
        assert not maps.target.requires_grad


def test_a_frame_is_learned_and_its_crops_are_cut(asked) -> None:
    net, film = asked[1], synthetic(1)
    config = preset(
        "tiny", attention_weight=0, first_learning_rate=1e-3, first_positives=20,
        first_negatives=60, mined_negatives=16, regression_samples=20,
    )  # fmt: skip
    found = learned(
        film[0], film.ground_truth[0], [(0, 0), (60, 40)], config, backbone=net, device="cpu"
    )
    frame = torch.tensor(film[0]).permute(2, 0, 1)
    moved = torch.tensor(film.ground_truth[:1] + [60, 40, 0, 0])
    assert torch.equal(found.crops[1:], crops_of(frame, moved))
    target, background = found.classifier(found.extractor.features(found.crops))[:, 1].tolist()
    assert target > background


def test_maps_resemble_each_other_as_their_numbers_say(asked) -> None:
    classifier, net, crops = asked
    config = preset("paper")
    alike, cosines = resemblance(classifier, net, crops, config)
    assert alike.shape == cosines.shape == (2,)
    maps = maps_at(classifier, net, crops, config)
    expected = np.corrcoef(maps.target[1].flatten(), maps.background[1].flatten())[0, 1]
    assert alike[1].item() == pytest.approx(expected)
    with torch.no_grad():  # the same row for both classes: nothing tells them apart
        twin = Classifier(VGGM.feature_shape, Generator().manual_seed(0), dtype=torch.float64)
        twin.fc6.weight[0] = twin.fc6.weight[1]
    for ones in resemblance(twin, net, crops, config):
        torch.testing.assert_close(ones, torch.ones(2, dtype=torch.float64))


def test_charts_show_every_line_and_map(asked) -> None:
    classifier, net, crops = asked
    line = expansion(classifier, net, crops, [0, 0.01, 0.1])
    near = line._replace(steps=line.steps + 1)
    figure = expansions({"one": line, "two": line}, {"one": near, "two": near})
    legible(figure)
    scores, errors = figure.axes
    assert len(scores.lines) == 4
    np.testing.assert_array_equal(errors.lines[0].get_xdata(), near.steps[1:])
    assert errors.get_xscale() == errors.get_yscale() == "log"
    np.testing.assert_array_equal(scores.lines[0].get_ydata(), line.exact)
    crop = crops[0].permute(1, 2, 0).numpy()
    maps = {"a": np.diag([4.0, 2, 1]), "b": np.eye(51)}
    figure = map_rows([(crop, maps), (crop, {"a": np.ones((3, 3))})])
    legible(figure)
    assert [len(ax.images) for ax in figure.axes] == [1, 2, 2, 1, 2, 0]
    assert figure.axes[2].images[1].get_array().shape == (51, 51)
    assert figure.axes[1].get_title() == "a"


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.diag([1.0] + 19 * [0])])
def test_an_empty_map_is_drawn_as_such(values) -> None:
    figure = map_rows([(np.zeros((107, 107, 3), np.uint8), {"a": values})])
    _, shown = figure.axes[1].images
    np.testing.assert_array_equal(shown.get_array(), values)


def test_the_tangent_is_drawn_from_its_point_to_the_end(asked) -> None:
    classifier, net, crops = asked
    whole = expansion(classifier, net, crops, np.linspace(0, 1, 11))
    at = blend(crops, 0.4)
    rest = expansion(classifier, net, torch.cat([at, crops[1:]]), [0, 1])
    figure = tangent(whole, rest, 0.4, at[0].permute(1, 2, 0).numpy(), np.eye(51))
    legible(figure)
    curve, line, point = figure.axes[2].lines
    np.testing.assert_array_equal(curve.get_ydata(), whole.exact)
    np.testing.assert_allclose(line.get_xdata(), [0.4, 1])
    np.testing.assert_array_equal(line.get_ydata(), rest.linear)
    # Rounding to whole pixels is all that keeps the point off the curve.
    assert point.get_ydata()[0] == pytest.approx(whole.exact[4], abs=0.02 * np.ptp(whole.exact))


def test_a_plain_loss_has_no_attention_and_fast_is_less_of_it() -> None:
    fast, whole = plain_loss(True), plain_loss(False)
    assert fast.attention_weight == whole.attention_weight == 0
    assert fast.first_iterations < whole.first_iterations
    assert fast.first_positives < whole.first_positives
