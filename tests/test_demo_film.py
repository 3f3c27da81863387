"""The bundled sequence: exact boxes, the same frames every time, and all that it promises."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from rltrack import synthetic as module_or_function
from rltrack.demo_film.film import PERIOD, SyntheticSequence, synthetic
from rltrack.errors import InputError
from rltrack.evaluation.metrics import evaluate


@pytest.fixture(scope="module")
def film() -> SyntheticSequence:
    return synthetic()


def test_is_a_sequence(film: SyntheticSequence) -> None:
    assert (film.name, film.fps, film.length, len(film)) == ("synthetic", 25.0, 120, 120)
    assert film.ground_truth.shape == (120, 4)
    assert film.ground_truth.dtype == np.float64
    assert film[0].shape == (240, 320, 3)
    assert film[0].dtype == np.uint8
    short = synthetic(frames=3)
    assert [np.array_equal(a, film[i]) for i, a in enumerate(short)] == [True] * 3
    assert np.array_equal(short[-1], film[2])
    with pytest.raises(IndexError):
        short[3]


def test_the_package_gives_the_function() -> None:
    assert module_or_function is synthetic


def test_a_frame_depends_on_its_index_alone(film: SyntheticSequence) -> None:
    first = film[71]
    film[3], film[118]
    assert np.array_equal(film[71], first)
    assert np.array_equal(synthetic(frames=72)[71], first)
    first[:] = 0  # a frame is the caller's
    assert film[71].any()


def test_the_seed_changes_the_picture_and_not_the_story(film: SyntheticSequence) -> None:
    other = synthetic(frames=120, seed=1)
    assert np.array_equal(other.ground_truth, film.ground_truth)
    assert np.abs(other[5].astype(int) - film[5]).mean() > 5
    # The noise alone differs between frames a period apart.
    twice = synthetic(frames=PERIOD + 1)
    change = twice[PERIOD].astype(int) - twice[0]
    assert 0.5 < change.std() < 6
    np.testing.assert_allclose(twice.ground_truth[PERIOD], twice.ground_truth[0], atol=1e-9)


def extents(mask: np.ndarray) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x, y = columns[0], rows[0]
    return float(x), float(y), float(columns[-1] + 1 - x), float(rows[-1] + 1 - y)


@pytest.mark.parametrize("size", [(320, 240), (500, 300), (96, 128)])
def test_the_ground_truth_bounds_the_rendered_silhouette(size: tuple[int, int]) -> None:
    film = synthetic(size=size)
    for i in range(0, 120, 7):
        x, y, w, h = film.ground_truth[i]
        mx, my, mw, mh = extents(film.mask(i) > 0.5)
        assert np.allclose((mx, my, mx + mw, my + mh), (x, y, x + w, y + h), atol=1.0), i


def test_the_ground_truth_is_exact(film: SyntheticSequence) -> None:
    # Oracle: points on the outline, sent one by one through the pose.
    angles = np.linspace(0, 2 * np.pi, 20000)
    body = [(-0.20, 0.80, 0.80), (0.56, 0.27, 0.50), (0.82, 0.18, 0.28)]
    points = np.concatenate(
        [np.stack([u + a * np.cos(angles), b * np.sin(angles)], 1) for u, a, b in body]
    )
    for i in (0, 33, 84):
        matrix, place = film._pose("target", i)
        outline = points @ matrix.T + place
        low, high = outline.min(0), outline.max(0)
        np.testing.assert_allclose(film.ground_truth[i], [*low, *(high - low)], atol=1e-4)


def test_the_ladybird_in_the_picture_is_where_the_mask_is(
    film: SyntheticSequence, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["rltrack.demo_film.film"]
    blue = module.TARGET._replace(colour=(0.05, 0.10, 0.86))
    for i in (4, 40, 100):
        plain = film[i].astype(int)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_CAST", ((module.RIVAL, "rival"), (blue, "target")))
            repainted = film[i].astype(int)
        changed = np.abs(repainted - plain).max(2) > 40
        # All that changed is in the body, blur of the shutter aside, and it is most of the body.
        body = film.mask(i)
        assert changed.sum() > 0.3 * body.sum()
        near = cv2.dilate((body > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert not changed[~near].any()


def test_the_boxes_scale_with_the_picture(film: SyntheticSequence) -> None:
    np.testing.assert_allclose(synthetic(size=(160, 120)).ground_truth, film.ground_truth / 2)


def test_the_target_stays_in_view_and_of_fair_size(film: SyntheticSequence) -> None:
    x, y, w, h = film.ground_truth.T
    assert x.min() > 4 and y.min() > 4 and (x + w).max() < 316 and (y + h).max() < 236
    assert 35 < min(w.min(), h.min()) and max(w.max(), h.max()) < 76


def heading(film: SyntheticSequence, i: int) -> float:
    matrix, _ = film._pose("target", i)
    return float(np.arctan2(matrix[1, 0], matrix[0, 0]))


@pytest.mark.parametrize("frames", [36, 120])
def test_the_events(film: SyntheticSequence, frames: int) -> None:
    boxes = film.ground_truth[:frames]
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    assert np.ptp(centers, axis=0).max() > 60  # it moves
    areas = [abs(np.linalg.det(film._pose("target", i)[0])) for i in range(frames)]
    scale = np.sqrt(np.array(areas) / areas[0])
    assert scale.max() > 1.25  # it grows, the squeeze deducted
    turn = np.unwrap([heading(film, i) for i in range(frames)])
    assert np.ptp(turn) > np.radians(75)  # it turns
    hidden = 1 - np.array([film.visibility(i) for i in range(frames)])
    assert ((hidden > 0.15) & (hidden < 0.6)).sum() >= 5  # it is partly hidden
    rival = np.array([film._pose("rival", i)[1] for i in range(frames)])
    assert np.hypot(*(rival - centers).T).min() < 1.2 * boxes[:, 2:].max()  # the look-alike is near
    lit = [film[i][film.mask(i) > 0.9].mean() for i in range(0, frames, 4)]
    assert max(lit) / min(lit) > 1.25  # its light changes


def test_the_second_half_is_harder(film: SyntheticSequence) -> None:
    seen = np.array([film.visibility(i) for i in range(120)])
    heavy = np.flatnonzero(seen < 0.3)
    assert heavy.min() > 60 and 4 <= len(heavy) <= 14 and np.ptp(heavy) == len(heavy) - 1
    assert seen.min() < 0.1
    assert seen[:36].min() > 0.6
    area = film.ground_truth[:, 2:].prod(1)
    assert area.min() < 0.7 * area[0]  # smaller than at the start


def test_the_background_moves(film: SyntheticSequence) -> None:
    def corner(i: int) -> np.ndarray:
        return cv2.cvtColor(film[i], cv2.COLOR_RGB2GRAY)[150:240, 0:120].astype(np.float32)

    window = cv2.createHanningWindow((120, 90), cv2.CV_32F)
    shift, response = cv2.phaseCorrelate(corner(9), corner(12), window)
    assert response > 0.1
    assert 1.0 < np.hypot(*shift) < 15


@pytest.mark.parametrize("frames", [36, 120])
def test_standing_still_fails(film: SyntheticSequence, frames: int) -> None:
    truth = film.ground_truth[:frames]
    assert evaluate(np.repeat(truth[:1], frames, 0), truth).os < 0.3


def test_colour_alone_is_ambiguous(film: SyntheticSequence) -> None:
    # As much strong red lies outside the target as in it, somewhere in every part of the film.
    for i in (0, 30, 60, 90):
        red, green, _ = (film[i][..., c].astype(int) for c in range(3))
        strong = red > 2 * green + 30
        inside = film.mask(i) > 0.5
        assert strong[~inside].sum() > strong[inside].sum()


@pytest.mark.parametrize(
    ("options", "named"),
    [({"frames": 0}, "frames"), ({"seed": -1}, "seed"), ({"size": (320, 20)}, "size")],
)
def test_what_cannot_be_rendered_is_named(options: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        synthetic(**options)
