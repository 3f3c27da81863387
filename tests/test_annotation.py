"""Pictures, checked by numbers: what changed, where, and that nothing else did."""

from __future__ import annotations

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from rltrack.plots.demo_figure import DemoRun, demo_figure
from rltrack.plots.frames import attention_overlay, filmstrip
from rltrack.tracking.result import Result
from rltrack.video.annotation import FOUND, LOST, TARGETS, draw_result, draw_trackers
from rltrack.video.heat_maps import confidence_map, overlay_heat, smoothed

GREY = np.full((480, 640, 3), 100, np.uint8)


def like(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(image.astype(int) - colour).max(2) < 12


def frame_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_the_box_is_drawn_on_its_edge_and_nothing_else_changes() -> None:
    image = GREY.copy()
    out = draw_result(image, (200, 150, 120, 90), 3.2, True)
    assert np.array_equal(image, GREY)
    assert out.shape == image.shape and out.dtype == np.uint8
    x0, y0, x1, y1 = frame_of(like(out[60:], FOUND))
    assert np.allclose((x0, y0 + 60, x1, y1 + 60), (200, 150, 320, 240), atol=3)
    changed = (out != image).any(2)
    assert not changed[158:232, 208:312].any()  # inside
    changed[:60] = False
    assert frame_of(changed)[0] >= 192 and frame_of(changed)[2] <= 328


def test_lost_is_dashed_and_of_another_colour() -> None:
    found = draw_result(GREY, (200, 150, 120, 90), 1, True)[60:]
    lost = draw_result(GREY, (200, 150, 120, 90), -1, False)[60:]
    assert like(found, FOUND).any() and not like(found, LOST).any()
    assert like(lost, LOST).any() and not like(lost, FOUND).any()
    # Along the upper side: whole, and interrupted.
    assert like(found, FOUND)[90, 202:318].all()
    assert 0.3 < like(lost, LOST)[90, 202:318].mean() < 0.8


def test_the_banner_says_what_happened() -> None:
    none = (np.nan,) * 4
    out = draw_result(GREY, none, 3.2, True)
    x0, y0, x1, y1 = frame_of((out != GREY).any(2))
    assert (x0, y0) == (0, 0) and 100 < x1 < 320 and 14 < y1 < 48
    variants = [
        out,
        draw_result(GREY, none, 3.3, True),
        draw_result(GREY, none, 3.2, False),
        draw_result(GREY, none, np.nan, True),
        draw_result(GREY, none, 3.2, True, label="λ = 5"),
    ]
    assert len({v.tobytes() for v in variants}) == len(variants)


def test_ground_truth_is_white_and_may_be_missing() -> None:
    args = (GREY, (200, 150, 120, 90), 1.0, True)
    out = draw_result(*args, ground_truth=(400, 300, 60, 50))
    assert np.allclose(frame_of(like(out, (255, 255, 255))), (400, 300, 460, 350), atol=2)
    for nothing in (None, (np.nan,) * 4):
        assert np.array_equal(draw_result(*args, ground_truth=nothing), draw_result(*args))


@pytest.mark.parametrize(
    ("width", "height", "factor"),
    [(128, 96, 4), (320, 240, 2), (399, 10, 2), (400, 300, 1), (1920, 1080, 1), (240, 320, 2)],
)
def test_small_frames_are_enlarged(width: int, height: int, factor: int) -> None:
    image = np.full((height, width, 3), 100, np.uint8)
    box = (width * 0.5, height * 0.5, width * 0.25, height * 0.25)
    out = draw_result(image, box, 1.0, True)
    assert out.shape == (factor * height, factor * width, 3)
    if height > 50:
        below = like(out, FOUND)
        below[: factor * height // 3] = False
        edge = 0.008 * max(out.shape)
        expected = np.array([0.5 * width, 0.5 * height, 0.75 * width, 0.75 * height]) * factor
        assert np.allclose(frame_of(below), expected, atol=edge)


@pytest.mark.parametrize("box", [(-50, -50, 900, 700), (1e9, 1e9, 10, 10), (600, 400, 1e7, 1e7)])
def test_boxes_outside_the_image_do_no_harm(box: tuple[float, ...]) -> None:
    for found in (True, False):
        assert draw_result(GREY, box, 0.0, found).shape == GREY.shape


def test_heat_covers_its_extent_to_the_pixel() -> None:
    image = GREY.copy()
    out = overlay_heat(image, np.ones((5, 7)), (100.0, 50.0, 210.0, 150.0))
    assert np.array_equal(image, GREY)
    assert frame_of((out != GREY).any(2)) == (100, 50, 310, 200)


def test_heat_is_placed_right() -> None:
    heat = np.zeros((50, 50))
    heat[10, 40] = 1.0  # its texel covers x 340-343... of an extent from 100, three pixels a texel
    out = overlay_heat(GREY, heat, (100.0, 50.0, 150.0, 150.0)).astype(float) - 100
    rows, columns = np.indices(out.shape[:2])
    weight = np.abs(out).sum(2)
    centre = (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()
    assert np.allclose(np.array(centre) + 0.5, (100 + 40.5 * 3, 50 + 10.5 * 3), atol=0.6)


def test_heat_may_reach_beyond_the_image() -> None:
    heat = np.zeros((10, 10))
    heat[5:, 5:] = 1.0
    out = overlay_heat(GREY, heat, (-100.0, -100.0, 200.0, 200.0))
    changed = (out != GREY).any(2)
    x0, y0, x1, y1 = frame_of(changed)
    assert (x0, y0) == (0, 0) and (x1, y1) == (100, 100)
    assert np.array_equal(overlay_heat(GREY, heat, (700.0, 10.0, 50.0, 50.0)), GREY)


def test_heat_is_normalised_and_ignores_what_is_no_heat() -> None:
    heat = np.random.default_rng(0).random((20, 20))
    extent = (20.0, 30.0, 200.0, 200.0)
    out = overlay_heat(GREY, heat, extent)
    assert np.array_equal(overlay_heat(GREY, 1000 * heat, extent), out)
    for nothing in (np.zeros((4, 4)), -np.ones((4, 4)), np.full((4, 4), np.nan)):
        assert np.array_equal(overlay_heat(GREY, nothing, extent), GREY)
    with_hole = heat.copy()
    with_hole[:, 10:] = np.nan
    changed = (overlay_heat(GREY, with_hole, extent) != GREY).any(2)
    assert frame_of(changed)[2] <= 20 + 100 + 10 and changed.any()


def test_several_trackers_are_drawn_with_the_true_box() -> None:
    results = [Result((200, 150, 120, 90), 1.0, True), Result((220, 160, 120, 90), 1.0, True)]
    args = (GREY, ["ours", "theirs"], results, "frame 3")
    out = draw_trackers(*args, ground_truth=(400, 300, 60, 50))
    assert out.shape[0] > GREY.shape[0]  # the names' strip
    white = like(out[60 : len(GREY)], (255, 255, 255))
    x0, y0, x1, y1 = frame_of(white)
    assert np.allclose((x0, y0 + 60, x1, y1 + 60), (400, 300, 460, 350), atol=2)
    plain = draw_trackers(*args)
    assert np.array_equal(draw_trackers(*args, ground_truth=(np.nan,) * 4), plain)
    assert like(plain, FOUND).any() and like(plain, TARGETS[1]).any()


def test_boxes_on_one_another_take_turns() -> None:
    found = Result((200, 150, 120, 90), 1.0, True)
    lost = found._replace(found=False)
    shares = []
    for results in ([found] * 4, [lost] * 4):
        out = draw_trackers(GREY, ["a", "b", "c", "d"], results, "frame 3")[: len(GREY)]
        shares.append([like(out[60:], colour).sum() for colour in TARGETS[:4]])
        broad, *thin = shares[-1]
        assert min(thin) > 0.6 * max(thin)
        assert broad > 1.3 * max(thin)
    assert sum(shares[1]) < 0.8 * sum(shares[0])  # the gaps are left open


def test_smoothing_fills_a_grid_of_dots() -> None:
    dots = np.zeros((51, 51))
    dots[::2, ::2] = 4.0
    inside = smoothed(dots)[10:-10, 10:-10]
    np.testing.assert_allclose(inside, 1.0, atol=0.05)


def candidates(n: int = 256) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    boxes = np.tile([300.0, 200.0, 60.0, 40.0], (n, 1))
    boxes[:, :2] += rng.normal(0, 15, (n, 2))
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    return boxes, 6 - ((centers - (340, 214)) ** 2).sum(1) / 200


def test_confidence_peaks_at_the_best_candidate() -> None:
    boxes, scores = candidates()
    out = confidence_map(boxes, scores, (480, 640), bandwidth=3.0)
    assert out.shape == (480, 640)
    y, x = np.unravel_index(np.nanargmax(out), out.shape)
    best = boxes[scores.argmax()]
    assert np.hypot(x + 0.5 - best[0] - 30, y + 0.5 - best[1] - 20) < 4
    assert scores.min() <= np.nanmin(out) and np.nanmax(out) <= scores.max()


def test_confidence_agrees_with_a_loop() -> None:
    boxes, scores = candidates(12)
    out = confidence_map(boxes, scores, (480, 640), bandwidth=7.0)
    for y, x in ((214, 340), (220, 330), (230, 318), (210, 300), (40, 40)):
        weights = [
            np.exp(-((x + 0.5 - bx - bw / 2) ** 2 + (y + 0.5 - by - bh / 2) ** 2) / 98)
            for bx, by, bw, bh in boxes
        ]
        if sum(weights) < np.exp(-3.125):
            assert np.isnan(out[y, x])
        else:
            assert out[y, x] == pytest.approx(np.average(scores, weights=weights), abs=1e-4)


def test_confidence_of_one_candidate_and_of_none() -> None:
    out = confidence_map([[10, 10, 40, 40]], [2.5], (100, 100))  # bandwidth 40 / 8 = 5
    known = np.isfinite(out)
    assert np.allclose(out[known], 2.5)
    assert np.allclose(frame_of(known), (30 - 12.5, 30 - 12.5, 30 + 12.5, 30 + 12.5), atol=1)
    assert np.isnan(confidence_map(np.empty((0, 4)), [], (20, 30))).all()
    assert np.isnan(confidence_map([[500, 500, 4, 4]], [1.0], (20, 30))).all()
    beside = confidence_map([[10, 10, 40, 40], [20, 20, np.nan, 40]], [2.5, 9.0], (100, 100))
    assert np.array_equal(beside, out, equal_nan=True)


def run(name: str, found: bool = True) -> DemoRun:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 255, (120, 160, 3), np.uint8)
    boxes = np.tile([40.0, 30.0, 50.0, 40.0], (8, 1))
    places = np.tile(boxes[0], (64, 1))
    places[:, :2] += rng.normal(0, 12, (64, 2))
    return DemoRun(
        name=name,
        frame=7,
        image=image,
        boxes=boxes,
        found=np.array([True] * 7 + [found]),
        attention=rng.random((51, 51)),
        extent=(-10.0, 20.0, 68.0, 54.0),
        candidates=places,
        scores=rng.normal(0, 3, 64),
        metrics="DP 1.00, OS 0.70",
    )


def drawn_texts(figure: Figure) -> str:
    curves = [str(line.get_label()) for line in figure.axes[-1].lines]
    return "\n".join([figure.get_suptitle(), *(ax.get_title() for ax in figure.axes), *curves])


def test_the_demo_figure() -> None:
    truth = np.tile([42.0, 32.0, 50.0, 40.0], (8, 1))
    truth[3] = np.nan
    runs = [run("λ = 0"), run("λ = 5", found=False)]
    kept = [np.array(getattr(runs[1], f)) for f in ("image", "boxes", "attention", "scores")]
    figure = demo_figure(runs, truth, title="Preset tiny")
    assert len(figure.axes) == 2 * 4 + 1  # three panels and a colour bar a run, and the overlaps
    texts = drawn_texts(figure)
    for words in ("Preset tiny", "λ = 0: frame 7", "λ = 5: frame 7", "yellow: lost", "σ/μ = 0.5"):
        assert words in texts
    assert texts.count("OS 0.70") == 2
    assert figure.get_figwidth() == 7  # a page's, where text keeps its size
    curves = [line for line in figure.axes[-1].lines if len(line.get_xdata()) == 8]
    assert len(curves) == 2
    iou = (48 * 38) / (2 * 50 * 40 - 48 * 38)
    drawn = np.asarray(curves[0].get_ydata())
    assert np.isnan(drawn[3]) and np.allclose(np.delete(drawn, 3), iou)
    for before, field in zip(kept, ("image", "boxes", "attention", "scores"), strict=True):
        assert np.array_equal(before, getattr(runs[1], field))
    saved = io.BytesIO()
    figure.savefig(saved, format="png", dpi=40)
    assert saved.getvalue()[:4] == b"\x89PNG"
    assert plt.get_fignums() == []  # pyplot knows nothing of it
    figure = demo_figure(runs, truth, title="Preset released-code, backbone " + "a/long/path" * 20)
    figure.draw_without_rendering()
    assert 0 < figure._suptitle.get_window_extent().x0  # type: ignore[attr-defined]


def test_the_demo_figure_of_one_run_without_candidates() -> None:
    alone = run("λ = 0")
    fields = {**alone.__dict__, "candidates": np.empty((0, 4)), "scores": np.empty(0)}
    fields["attention"] = np.zeros((5, 5))
    figure = demo_figure([DemoRun(**fields)], np.full((8, 4), np.nan), title="x")
    assert len(figure.axes) == 4
    figure.savefig(io.BytesIO(), format="png", dpi=30)


def test_the_confidence_panel_marks_the_best_candidate() -> None:
    one = run("λ = 0")
    figure = demo_figure([one], np.tile(one.boxes[:1], (8, 1)), title="x")
    panel = next(ax for ax in figure.axes if "confidence" in ax.get_title())
    (mark,) = panel.lines
    best = one.candidates[one.scores.argmax()]
    assert mark.get_xdata()[0] == pytest.approx(best[0] + best[2] / 2)
    assert mark.get_ydata()[0] == pytest.approx(best[1] + best[3] / 2)


def test_the_attention_overlay() -> None:
    figure = Figure()
    ax = figure.add_subplot()
    crop = np.full((60, 90, 3), (200, 40, 40), np.uint8)
    attention = np.zeros((6, 9))
    attention[:, 6:] = 1.0
    attention_overlay(ax, crop, attention, "map")
    assert ax.get_title() == "map"
    (shown,) = ax.images
    pixels = np.asarray(shown.get_array()).astype(int)
    assert shown.get_extent() == [0, 90, 60, 0]
    width = pixels.shape[1]
    cold, hot = pixels[:, : width // 2], pixels[:, 3 * width // 4 :]
    assert np.ptp(cold, axis=2).max() == 0  # grey where there is no attention
    assert np.ptp(hot, axis=2).min() > 20  # and coloured where there is


def test_filmstrip_shows_every_frame_under_its_number() -> None:
    images = [np.full((24, 32, 3), shade, np.uint8) for shade in (10, 120, 240)]
    axes = filmstrip(images, [0, 7, 14]).axes
    assert [ax.get_title() for ax in axes] == ["frame 0", "frame 7", "frame 14"]
    assert [ax.images[0].get_array().mean() for ax in axes] == [10, 120, 240]
