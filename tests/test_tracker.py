"""The tracker's parts and its two calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator

from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.evaluation.metrics import evaluate
from rltrack.tracking.box_regression import BoxRegressor, corrected
from rltrack.tracking.boxes import iou
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.inputs import pick_device
from rltrack.tracking.memory import SampleMemory, Samples
from rltrack.tracking.presets import PRESETS, preset
from rltrack.tracking.tracker import Tracker
from rltrack.tracking.training import hard_negatives

# --- Configuration --------------------------------------------------------------------------


def test_presets_differ_where_paper_and_released_code_do() -> None:
    paper, released = preset("paper"), preset("released-code")
    assert (paper.candidates, paper.first_positives + paper.first_negatives) == (256, 5500)
    assert paper.update_positives + paper.update_negatives == 256
    differing = {
        f.name
        for f in dataclasses.fields(TrackerConfig)
        if getattr(paper, f.name) != getattr(released, f.name)
    }
    assert differing == {
        "preset", "map_part", "map_channels", "map_statistics", "score_seed", "clip_scope",
        "positive_iou", "averaged_candidates", "update_positives",
        "update_negative_iou",
    }  # fmt: skip
    assert {preset(name).preset for name in PRESETS} == set(PRESETS)


def test_config_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("paper").attention_weight = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"atention_weight": 1.0}, "unknown configuration field 'atention_weight'"),
        ({"attention_weight": -1.0}, "attention_weight is -1.0"),
        ({"attention_weight": float("nan")}, "attention_weight is nan"),
        ({"map_at": "conv2"}, "map_at is 'conv2'; it must be one of conv1, input"),
        ({"candidates": 0}, "candidates is 0"),
        ({"positive_iou": (0.7, 0.5)}, "two increasing numbers"),
        ({"map_part": "all"}, "cancel"),
        ({"averaged_candidates": 500}, "only 256"),
        ({"variant": "attentive-features", "attention_weight": 5.0}, "plain loss"),
        ({"second_order": 1}, "True or False"),
    ],
)
def test_bad_configuration_is_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says.replace("(", r"\(")):
        preset("paper", **changes)


def test_unknown_preset_names_the_known() -> None:
    with pytest.raises(InputError, match="unknown preset 'best'; there are paper, released-code"):
        preset("best")


def test_attentive_features_have_the_plain_loss() -> None:
    assert preset("paper", variant="attentive-features").attention_weight == 0


# --- Memory, mining, regression ---------------------------------------------------------------


def samples(value: float, n: int) -> Samples:
    return Samples(torch.full((n, 2), value), None)


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = SampleMemory(long=5, short=2)
    for frame in range(8):
        memory.add(samples(frame, 3), samples(-frame, 4))
    assert len(memory) == 5
    positives, negatives = memory.long_term()
    assert positives.features[:, 0].unique().tolist() == [3, 4, 5, 6, 7]
    assert negatives.features[:, 0].unique().tolist() == [-7, -6]
    recent, _ = memory.short_term()
    assert recent.features[:, 0].unique().tolist() == [6, 7]
    assert len(recent.features) == 6


def test_memory_is_of_the_size_of_its_frames_and_read_in_place() -> None:
    drawn = samples(1.0, 500)
    memory = SampleMemory(long=5, short=2)
    for _ in range(3):
        memory.add(drawn.take(slice(3)), drawn.take(slice(3, 7)))
    positives, negatives = memory.long_term()
    assert (len(positives.features), len(negatives.features)) == (3 * 3, 2 * 4)
    for kept, rows in ((positives, 5 * 3), (negatives, 2 * 4)):
        assert kept.features.untyped_storage().nbytes() == rows * 2 * 4


def test_memory_keeps_crops_beside_their_features() -> None:
    memory = SampleMemory(long=3, short=2)
    for frame in range(5):
        crops = torch.full((2, 3, 4, 4), frame, dtype=torch.uint8)
        one = Samples(torch.full((2, 6), float(frame)), crops)
        memory.add(one, one)
    for kept in (*memory.long_term(), *memory.short_term()):
        assert kept.crops is not None
        assert kept.crops[:, 0, 0, 0].tolist() == kept.features[:, 0].tolist()
    assert memory.short_term()[0].features[:, 0].unique().tolist() == [3, 4]


def test_hard_negatives_are_the_highest_scored() -> None:
    classifier = Classifier(VGGM.feature_shape, Generator().manual_seed(0))
    features = torch.rand(40, 4608, generator=Generator().manual_seed(1))
    scores = classifier(features)[:, 1]
    hard = hard_negatives(classifier, features, 8)
    assert sorted(hard.tolist()) == sorted(scores.argsort(descending=True)[:8].tolist())


def test_a_correction_moves_the_centre_and_scales_the_sides() -> None:
    box = torch.tensor([[100.0, 50, 40, 60]])
    shift = torch.tensor([[0.1, -0.05, np.log(0.9), 0]], dtype=torch.float32)
    torch.testing.assert_close(corrected(box, shift), torch.tensor([[106.0, 47, 36, 60]]))


def test_box_regression_is_ridge_by_the_normal_equations() -> None:
    generator = Generator().manual_seed(0)
    x = torch.randn(30, 12, generator=generator, dtype=torch.float64)
    target = torch.tensor([50.0, 40.0, 30.0, 20.0], dtype=torch.float64)
    jitter = 4 * torch.randn(30, 4, generator=generator, dtype=torch.float64)
    boxes = target + jitter
    ridge = BoxRegressor(x, boxes, target, alpha=7.0, iou_range=(0, 1), area_range=(0, 9))
    aims = torch.stack(
        [
            (target[0] + target[2] / 2 - boxes[:, 0] - boxes[:, 2] / 2) / boxes[:, 2],
            (target[1] + target[3] / 2 - boxes[:, 1] - boxes[:, 3] / 2) / boxes[:, 3],
            torch.log(target[2] / boxes[:, 2]),
            torch.log(target[3] / boxes[:, 3]),
        ],
        dim=1,
    )
    centred = x - x.mean(0)
    expected = torch.linalg.solve(
        centred.T @ centred + 7 * torch.eye(12, dtype=torch.float64),
        centred.T @ (aims - aims.mean(0)),
    )
    torch.testing.assert_close(ridge.weights, expected)
    torch.testing.assert_close(ridge.intercept, aims.mean(0) - x.mean(0) @ expected)


def test_box_regression_learns_and_discards_what_leaves_its_range() -> None:
    """Features that hold the correction itself: almost free ridge maps every box to the target."""
    generator = Generator().manual_seed(0)
    image = torch.tensor([200.0, 200.0], dtype=torch.float64)
    target = torch.tensor([50.0, 40.0, 30.0, 20.0], dtype=torch.float64)
    boxes = target + torch.tensor([-9.0, -6.0, 18.0, 12.0]) * torch.rand(
        200, 4, generator=generator, dtype=torch.float64
    )
    middle = boxes[:, :2] + boxes[:, 2:] / 2
    features = torch.cat(
        [(target[:2] + target[2:] / 2 - middle) / boxes[:, 2:], (target[2:] / boxes[:, 2:]).log()],
        dim=1,
    )
    ridge = BoxRegressor(features, boxes, target, alpha=1e-9, iou_range=(0.6, 1), area_range=(1, 2))
    fits = iou(boxes, target) >= 0.6
    assert fits.any()
    assert not fits.all()
    out = ridge(features, boxes, image)
    torch.testing.assert_close(out[fits], target.expand(int(fits.sum()), 4), atol=1e-3, rtol=0)
    torch.testing.assert_close(out[~fits], boxes[~fits])


# --- Backbones ------------------------------------------------------------------------------


def test_backbones_are_seeded() -> None:
    one, two = (load_vggm("analytic").state_dict() for _ in range(2))
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_first_layer_filters_are_distinct_and_see_colour() -> None:
    filters = load_vggm("analytic").conv1.weight.flatten(1)
    filters = filters / filters.norm(dim=1, keepdim=True)
    similarity = filters @ filters.T - torch.eye(96)
    assert similarity.max() < 0.995
    by_channel = load_vggm("analytic").conv1.weight.sum((2, 3))
    assert ((by_channel - by_channel.mean(1, keepdim=True)).norm(dim=1) > 1e-3).sum() >= 8


def test_pick_device() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in ("cpu", "cuda")
    for name in ("abacus", "meta", "cpu:0", "cuda:one", "", None):
        with pytest.raises(InputError, match="unknown device"):
            pick_device(name)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="device 'cuda:99' cannot be used"):
        pick_device("cuda:99")


# --- Tracking -------------------------------------------------------------------------------

FILM = synthetic(12)
BOX = tuple(FILM.ground_truth[0])
# Fewer samples than `tiny` has, and longer steps: enough to follow the film's first frames.
FEW = {
    "first_learning_rate": 1e-3,
    "first_positives": 50,
    "first_negatives": 150,
    "regression_samples": 75,
    "batch_positives": 2,
    "batch_negatives": 2,
    "mined_negatives": 32,
    "candidates": 32,
    "update_positives": 4,
    "update_negatives": 12,
}


def plain(**changes: object) -> Tracker:
    """A tracker without attention, for what does not depend on it: several times faster."""
    config = preset("tiny", **{**FEW, "attention_weight": 0.0, **changes})
    return Tracker(config, backbone="analytic", device="cpu")


def follow(tracker: Tracker, frames: int = 12) -> list[tuple[float, ...]]:
    results = [tracker.init(FILM[0], FILM.ground_truth[0])]
    results += [tracker.update(FILM[i]) for i in range(1, frames)]
    return [(*r.box, r.score) for r in results]


def test_it_follows_and_is_bit_reproducible() -> None:
    config = preset("tiny", **FEW, first_iterations=8, update_interval=4)

    def run(seed: int, frames: int) -> list[tuple[float, ...]]:
        return follow(Tracker(config, backbone="analytic", device="cpu", seed=seed), frames)

    one, two = run(3, 9), run(3, 6)
    assert one[:6] == two
    boxes = torch.tensor([r[:4] for r in one])
    overlap = iou(boxes, torch.from_numpy(FILM.ground_truth[:9]).float())
    assert overlap.min() > 0.4
    assert run(4, 2) != one[:2]


@pytest.mark.parametrize(
    "changes",
    [
        {"variant": "attentive-features"},
        {"attention_weight": 0.0},
        {"map_at": "input"},
        {"clip_scope": "all"},
        {"follow": "result"},
        {"attention_dropout": True},
    ],
    ids=lambda c: next(iter(c)),
)
def test_every_way_of_tracking_follows(changes: dict[str, object]) -> None:
    quick = {**FEW, "first_iterations": 6, "update_interval": 2, **changes}
    tracker = Tracker(preset("tiny", **quick), backbone="analytic", device="cpu")
    boxes = torch.tensor([r[:4] for r in follow(tracker, 4)])
    assert iou(boxes, torch.from_numpy(FILM.ground_truth[:4]).float()).min() > 0.4


def test_double_precision() -> None:
    few = {**FEW, "first_positives": 20, "first_negatives": 50, "regression_samples": 25}
    config = preset("tiny", **few, attention_weight=0.0)
    tracker = Tracker(config, device="cpu", dtype=torch.float64)
    boxes = torch.tensor([r[:4] for r in follow(tracker, 3)])
    assert iou(boxes, torch.from_numpy(FILM.ground_truth[:3]).float()).min() > 0.4


def test_a_lost_target_keeps_its_box_widens_the_search_and_relearns() -> None:
    tracker = plain()
    first = tracker.init(FILM[0], FILM.ground_truth[0])
    empty = np.full_like(FILM[0], 128)
    for _ in range(2):
        result = tracker.update(empty)
        assert not result.found
        assert result.score <= 0
        np.testing.assert_allclose(result.box, first.box)
    boxes, _ = tracker.candidates
    near = plain()
    near.init(FILM[0], FILM.ground_truth[0])
    near.update(FILM[1])
    assert boxes[:, 0].std() > 1.5 * near.candidates[0][:, 0].std()
    before = tracker.timings
    assert before["update"] > 0
    before["update"] = -1.0  # a copy: it changes nothing
    assert tracker.timings["update"] > 0
    assert len(tracker._memory) == 1  # nothing is learned from a failed frame
    assert tracker.update(FILM[1]).found


def test_following_the_result_or_the_candidate() -> None:
    """The released code regresses for output only; the search goes on from the candidate."""
    for way, same in (("result", True), ("candidate", False)):
        tracker = plain(follow=way)
        tracker.init(FILM[0], FILM.ground_truth[0])
        results = [tracker.update(FILM[i]) for i in (1, 2, 3)]
        centred = np.allclose(tracker._target.numpy(), results[-1].box, atol=1e-4)
        regressed = any(
            not np.isclose(tracker.candidates[0], r.box, atol=1e-3).all(1).any() for r in results
        )
        assert regressed
        assert centred is same or not same


OVER = (-18.0, 90.0, 36.0, 48.0)


@pytest.mark.parametrize("border", ["image", "target"])
def test_a_target_over_the_border_is_followed_if_the_border_allows_it(border: str) -> None:
    still = FILM[0]
    tracker = plain(border=border)
    tracker.init(still, OVER)
    results = [tracker.update(still) for _ in range(4)]
    over = [result.box[0] < -8 and result.found for result in results]
    assert all(over) if border == "target" else not any(over)
    if border == "target":
        assert evaluate([OVER, *(result.box for result in results)], [OVER] * 5).os > 0.7


def test_attention_and_candidates_can_be_looked_at() -> None:
    tracker = plain()
    box = tuple(FILM.ground_truth[0])
    tracker.init(FILM[0], box)
    target, background = tracker.attention(FILM[0], box)
    assert target.shape == background.shape == (51, 51)
    assert target.min() >= 0
    assert target.max() > 0
    x, y, w, h = tracker.crop_extent(box)
    assert x < box[0] < box[0] + box[2] < x + w
    assert y < box[1] < box[1] + box[3] < y + h
    tracker.update(FILM[1])
    boxes, scores = tracker.candidates
    assert boxes.shape == (32, 4)
    assert scores.shape == (32,)
    # Looking changes nothing.
    twin = plain()
    twin.init(FILM[0], box)
    twin.update(FILM[1])
    tracker.attention(FILM[1], box)
    assert tracker.update(FILM[2]) == twin.update(FILM[2])


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ((1, 2, 3), "wanted four numbers"),
        (("a", 2, 3, 4), "wanted four numbers"),
        ("1234", "wanted four numbers"),
        ((10**400, 2, 3, 4), "wanted four numbers"),
        ((float("nan"), 2, 3, 4), "must be finite"),
        ((5, 5, 0, 10), "must be positive"),
        ((5, 5, 20, 1e-5), "must be at least 1 pixel"),
        ((500, 5, 10, 10), "outside the 320x240 image"),
        ((-50, 5, 10, 10), "outside the 320x240 image"),
    ],
)
def test_bad_boxes_are_named(box: tuple[float, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Tracker("tiny", backbone="random", device="cpu").init(FILM[0], box)


def test_bad_images_are_named() -> None:
    tracker = Tracker("tiny", backbone="random", device="cpu")
    for image in (FILM[0][..., 0, 0], FILM[0].astype(float), FILM[0][:0], None):
        with pytest.raises(InputError, match=r"image: got .*, wanted"):
            tracker.init(image, (1, 1, 20, 20))
    with pytest.raises(InputError, match="before init"):
        tracker.update(FILM[0])


def test_a_target_that_has_shrunk_to_less_than_a_pixel_is_looked_at() -> None:
    tracker = plain(first_iterations=1)
    tracker.init(FILM[0], BOX)
    least = (40.0, 40.0, 0.5, 0.5)
    assert tracker.attention(FILM[0], least)[0].any()
    assert min(tracker.crop_extent(least)[2:]) > 0
    assert np.isfinite(tracker.scores(FILM[0], [least])).all()


def test_after_an_init_that_failed_the_tracker_is_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracker = plain(first_iterations=1)
    tracker.init(FILM[0], BOX)  # of the earlier target, nothing must be left
    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "_fit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tracker.init(FILM[1], BOX)
    with pytest.raises(InputError, match=r"before init\(\)"):
        tracker.update(FILM[2])
    tracker.init(FILM[1], BOX)
    tracker.update(FILM[2])


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_needs_init_says_so() -> None:
    tracker = plain()
    for call in (
        lambda: tracker.update(FILM[0]),
        lambda: tracker.candidates,
        lambda: tracker.scores(FILM[0], [BOX]),
        lambda: tracker.attention(FILM[0], BOX),
    ):
        with pytest.raises(InputError, match=r"before init\(\)"):
            call()


def test_boxes_to_be_scored_are_an_array_of_boxes() -> None:
    tracker = plain(first_iterations=1)
    tracker.init(FILM[0], BOX)
    assert tracker.scores(FILM[0], [BOX]).shape == (1,)
    for boxes in ([], BOX, [BOX[:3]], [BOX, BOX[:3]], [[10**400, 0, 1, 1]], "box", None):
        with pytest.raises(InputError, match="boxes are "):
            tracker.scores(FILM[0], boxes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ((1, 2, 3), "wanted"),
        ((float("nan"), 2, 3, 4), "must be finite"),
        ((1, 2, float("inf"), 4), "must be finite"),
        ((5, 5, 0, 10), "must be positive"),
        ((5, 5, 10, -1), "must be positive"),
        ((-5e9, -5e9, 1e10, 1e10), "no number may be beyond 1e7"),
        ((1e30, 5, 10, 10), "no number may be beyond 1e7"),
    ],
)
def test_bad_boxes_are_not_looked_at(box: tuple[float, ...], says: str) -> None:
    tracker = plain(first_iterations=1)
    tracker.init(FILM[0], BOX)
    for call in (
        lambda: tracker.scores(FILM[0], [box]),
        lambda: tracker.attention(FILM[0], box),
        lambda: tracker.crop_extent(box),
    ):
        with pytest.raises(InputError, match=says):
            call()


def test_boxes_outside_of_the_image_can_be_looked_at() -> None:
    tracker = plain(first_iterations=1)
    tracker.init(FILM[0], BOX)
    away, around = (-500, 5, 10, 10), (-1e4, -1e4, 3e4, 3e4)
    assert np.isfinite(tracker.scores(FILM[0], [BOX, away, around])).all()
    assert np.isfinite(tracker.attention(FILM[0], away)[0]).all()
    assert tracker.crop_extent(away)[0] < -500


def test_the_first_image_is_converted_once() -> None:
    reads = []

    class Photo:
        def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
            reads.append(1)
            return FILM[0]

    plain(first_iterations=1).init(Photo(), BOX)  # type: ignore[arg-type]
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"config": None}, "config is None; give the name of a preset"),
        ({"config": {"preset": "tiny"}}, "config is {'preset': 'tiny'}; give"),
        ({"dtype": torch.float16}, "dtype is torch.float16; it must be torch.float32"),
        ({"dtype": torch.int32}, "dtype is torch.int32"),
        ({"dtype": "float32"}, "dtype is float32"),
        ({"device": torch.device("cuda:99")}, "device 'cuda:99' cannot be used on this machine"),
    ],
)
def test_what_a_tracker_cannot_be_made_of_is_named(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Tracker(**{"config": "tiny", "backbone": "random", "device": "cpu", **wrong})


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "3"])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(InputError, match="seed is "):
        Tracker("tiny", backbone="random", device="cpu", seed=seed)  # type: ignore[arg-type]
    assert Tracker("tiny", backbone="random", device="cpu", seed=np.int64(3)).seed == 3


def test_an_image_that_could_not_be_read_keeps_the_box_and_teaches_nothing() -> None:
    tracker, other = plain(), plain()
    for each in (tracker, other):
        each.init(FILM[0], BOX)
    before = tracker.update(FILM[1])
    other.update(FILM[1])
    box, score, found = tracker.update(None)
    assert box == before.box
    assert np.isnan(score)
    assert not found
    assert tracker.update(FILM[2]) == other.update(FILM[2])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_learns_whatever_the_callers_mode(
    mode: Callable[[], AbstractContextManager], threads: Callable[[int], None]
) -> None:
    changes = {"attention_weight": 5.0, "first_iterations": 2, "update_interval": 1}
    expected = follow(plain(**changes), 3)
    with mode():
        tracker = plain(**changes)
        assert follow(tracker, 3) == expected
        assert tracker.attention(FILM[0], BOX)[0].any()
        threads(2)
        assert np.isfinite(tracker.scores(FILM[0], [BOX] * 40)).all()


def test_trackers_on_one_backbone_do_not_change_it_for_each_other() -> None:
    shared = load_vggm("random")
    kept = {name: weight.clone() for name, weight in shared.state_dict().items()}
    few = {"attention_weight": 0.0, "first_iterations": 2}
    first = Tracker(preset("tiny", **few), backbone=shared, device="cpu")
    expected = follow(first, 3)
    for changes, dtype in (
        ({"precision": "bfloat16"}, torch.float32),
        ({"clip_scope": "all"}, torch.float32),
        ({}, torch.float64),
    ):
        config = preset("tiny", **few, **changes)
        assert Tracker(config, backbone=shared, device="cpu", dtype=dtype).extractor is not shared
    assert first.extractor is shared
    assert not any(weight.requires_grad for weight in shared.parameters())
    for name, weight in shared.state_dict().items():
        assert torch.equal(weight, kept[name])
        assert weight.dtype == torch.float32
    assert follow(first, 3) == expected


@pytest.mark.parametrize("side", [(4, 4), (3, 60)])
def test_a_small_target_keeps_its_size(side: tuple[int, int]) -> None:
    ground = np.random.default_rng(0).integers(60, 120, (120, 160, 3), dtype=np.uint8)
    w, h = side
    frames = []
    for x in range(60, 66):
        frames.append(ground.copy())
        frames[-1][40 : 40 + h, x : x + w] = 250, 40, 40
    tracker = plain(first_iterations=5)
    tracker.init(frames[0], (60, 40, w, h))
    for frame in frames[1:]:
        result = tracker.update(frame)
    ratio = np.array(result.box[2:]) / side
    assert (ratio > 0.5).all()
    assert (ratio < 1.6).all()


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((320, 240), (40, 40, 4, 3)),  # under 10 px
        ((320, 240), (40, 40, 1, 1)),
        ((320, 240), (0, 0, 320, 240)),  # fills the image
        ((320, 240), (300, 200, 60, 80)),  # reaches outside
        ((24, 18), (5, 5, 8, 8)),  # a tiny image
        ((1, 1), (0, 0, 1, 1)),
    ],
)
def test_hard_shapes_are_survived(size: tuple[int, int], box: tuple[float, ...]) -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    tracker = plain(first_iterations=2)
    tracker.init(image, box)
    result = tracker.update(image)
    assert np.isfinite(result.box).all()
    assert min(result.box[2:]) > 0


def test_frames_may_change_size() -> None:
    tracker = plain()
    tracker.init(FILM[0], FILM.ground_truth[0])
    assert tracker.update(np.ascontiguousarray(FILM[1][:200, :300])).found


def test_the_image_is_not_changed() -> None:
    image = FILM[0].copy()
    image.setflags(write=False)
    plain().init(image, FILM.ground_truth[0])
    assert np.array_equal(image, FILM[0])


@pytest.mark.gpu
def test_cuda_follows_too() -> None:
    boxes = torch.tensor([r[:4] for r in follow(Tracker("tiny", device="cuda"))])
    assert iou(boxes, torch.from_numpy(FILM.ground_truth[:12]).float()).min() > 0.4


def test_fewer_first_samples_than_an_update_keeps_are_repeated() -> None:
    few = preset(
        "tiny", **{**FEW, "first_positives": 3, "first_negatives": 6, "update_positives": 8}
    )
    tracker = Tracker(few, device="cpu")
    film = synthetic(2)
    tracker.init(film[0], film.ground_truth[0])
    positives, negatives = tracker._memory.long_term()
    assert len(positives.features) == few.update_positives
    assert len(negatives.features) == few.update_negatives
    assert torch.equal(positives.features[:3], positives.features[3:6])
    tracker.update(film[1])
