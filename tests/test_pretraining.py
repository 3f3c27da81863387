"""Rendered scenes, the samples cut from them, what is learned from them, and how that is kept."""

from __future__ import annotations

import dataclasses
import gc
import math
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack.backbones.filter_banks import analytic_bank, random_bank
from rltrack.backbones.lrn_stage import pooled, pooled_once
from rltrack.backbones.vggm import VGGM
from rltrack.errors import InputError
from rltrack.pretraining.crop_batches import NEGATIVES, POSITIVES, CropBatch, cut, draw_batch
from rltrack.pretraining.objectives import OBJECTIVES, Ranking, ridge_scores
from rltrack.pretraining.scenes import KINDS, OBJECTS, SIZE, Change, Scenes, render
from rltrack.pretraining.separation import separation
from rltrack.pretraining.shapes import SHAPES, normals, shapes
from rltrack.pretraining.textures import TEXTURES, textures
from rltrack.pretraining.training import Recipe, matched, train
from rltrack.pretraining.variants import between, scaled
from rltrack.tracking import crops as cropping
from rltrack.tracking.boxes import iou


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return render(6, 3, seeded())


# --- What is drawn ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", range(len(TEXTURES)), ids=[t.__name__ for t in TEXTURES])
def test_textures_are_images_that_differ(kind: int) -> None:
    drawn = textures(torch.full((4,), kind), 48, seeded())
    assert drawn.shape == (4, 3, 48, 48)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert (drawn.std((2, 3)).amax(1) > 0.01).all()  # none is flat
    assert len({bytes(image.numpy()) for image in drawn}) == 4
    assert torch.equal(drawn, textures(torch.full((4,), kind), 48, seeded()))


@pytest.mark.parametrize("kind", range(len(SHAPES)), ids=[s.__name__ for s in SHAPES])
def test_shapes_lie_within_their_square(kind: int) -> None:
    heights = shapes(torch.full((8,), kind), 64, seeded())
    assert heights.min() >= 0
    assert heights.max() <= 1
    inside = (heights > 0).float().mean((1, 2))
    assert ((inside > 0.05) & (inside < 0.95)).all()
    frame = torch.cat([heights[:, [0, -1]].flatten(1), heights[:, :, [0, -1]].flatten(1)], 1)
    assert (frame == 0).float().mean() > 0.9


def test_normals_of_a_plane_point_up_and_of_a_slope_aside() -> None:
    flat, slope = torch.zeros(1, 8, 8), torch.linspace(0, 1, 8).expand(1, 8, 8)
    torch.testing.assert_close(normals(flat)[0, :, 4, 4], torch.tensor([0.0, 0.0, 1.0]))
    x, y, z = normals(slope)[0, :, 4, 4].tolist()
    assert x < 0 < z
    assert y == 0


def test_scenes_are_frames_with_boxes(scenes: Scenes) -> None:
    assert scenes.frames.shape == (6, 3, 3, SIZE, SIZE)
    assert scenes.boxes.shape == (6, 3, OBJECTS, 4)
    assert scenes.frames.min() >= -128
    assert scenes.frames.max() <= 127
    assert scenes.kinds.max() < KINDS
    x, y, w, h = scenes.boxes[:, :, 0].unbind(-1)
    assert (torch.stack([x, y, SIZE - x - w, SIZE - y - h]) >= 0).all()
    assert (torch.stack([w, h]) >= 8).all()  # the target is always there


def test_scenes_change_from_moment_to_moment_and_repeat_with_their_seed(scenes: Scenes) -> None:
    assert (scenes.boxes[:, 0, 0] != scenes.boxes[:, 1, 0]).any(-1).all()
    again = render(6, 3, seeded())
    assert all(torch.equal(a, b) for a, b in zip(scenes, again, strict=True))
    assert not torch.equal(scenes.frames, render(6, 3, seeded(1)).frames)


def test_nothing_of_form_or_light_changes_if_nothing_shall() -> None:
    """Objects keep proportions and brightness; they still move, and grow or shrink."""
    still = render(4, 3, seeded(), Change(form=0, light=0))
    usual = render(4, 3, seeded())
    assert not torch.equal(still.frames, usual.frames)
    _, _, w, h = still.boxes[:, :, 0].unbind(-1)
    aspect = (w / h).log()
    assert (aspect - aspect[:, :1]).abs().max() < 0.15  # of whole pixels
    assert (w[:, 0] != w[:, 1]).any()

    def swing(scenes: Scenes) -> Tensor:
        return scenes.frames.mean((2, 3, 4)).std(1).mean()

    assert swing(still) < 0.5 * swing(render(4, 3, seeded(), Change(light=2)))
    w, h = render(4, 3, seeded(), Change(form=4)).boxes[:, :, 0, 2:].unbind(-1)
    turned = (w / h).log()
    assert (turned - turned[:, :1]).abs().max() > 0.4


# --- What is cut out ------------------------------------------------------------------------


def test_samples_overlap_the_target_as_they_should(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[Scenes, Tensor]] = []

    def spy(frames: Tensor, boxes: Tensor) -> Tensor:
        found.append((render(16, 2, seeded()), boxes))
        return torch.zeros(*boxes.shape[:3], 3, 1, 1)

    monkeypatch.setattr("rltrack.pretraining.crop_batches.cut", spy)
    lesson = draw_batch(16, 2, seeded())
    ((drawn, boxes),) = found
    overlap = iou(boxes, drawn.boxes[:, :, :1])
    assert boxes.shape[2] == POSITIVES + NEGATIVES
    assert (overlap[..., :POSITIVES] >= 0.5).float().mean() > 0.98
    assert (overlap[..., POSITIVES:] <= 0.5).float().mean() > 0.95
    assert torch.equal(overlap, lesson.overlaps)
    # What is too large or small is asked about, and not taught.
    size = (boxes[..., 2:] / drawn.boxes[:, :, :1, 2:]).log2().abs().amax(-1)
    resized = size[..., POSITIVES + NEGATIVES // 3 : POSITIVES + 2 * NEGATIVES // 3]
    assert resized[:, 0].max() <= 0.5
    assert resized[:, 1].median() > 0.5


def test_crops_are_the_trackers(scenes: Scenes) -> None:
    """Without its rounding: boxes whose enlarged corners are whole, and smaller than a crop."""
    whole = torch.tensor([[40.0, 30, 107 / 139 * 50, 107 / 139 * 60]])
    whole[:, :2] = torch.tensor([[70.0, 80]]) - whole[:, 2:] / 2  # 50 x 60 pixels around there
    frame = (scenes.frames[0, 0] + 128).round()
    ours = cut(frame[None, None] - 128, whole[None, None])[0, 0, 0]
    theirs = cropping.crops(frame.to(torch.uint8), whole)[0].float() - 128
    assert (ours - theirs)[:, 1:-1, 1:-1].abs().max() <= 1  # its edges do not see beyond


def test_lessons_have_crops_of_each_moment() -> None:
    lesson = draw_batch(2, 3, seeded())
    assert lesson.crops.shape == (2, 3, POSITIVES + NEGATIVES, 3, 107, 107)
    assert lesson.kinds.shape == (2,)


# --- What is asked ------------------------------------------------------------------------


def features(n: int = 3, moments: int = 4, dims: int = 4608) -> Tensor:
    return torch.rand(n, moments, POSITIVES + NEGATIVES, dims, generator=seeded())


def a_lesson(n: int = 3, moments: int = 4) -> CropBatch:
    overlaps = torch.tensor([0.8] * POSITIVES + [0.2] * NEGATIVES).expand(n, moments, -1)
    return CropBatch(
        torch.zeros(n, moments, POSITIVES + NEGATIVES, 3, 1, 1), overlaps, torch.arange(n)
    )


def test_ridge_scores_are_the_primal_solution() -> None:
    x = features(dims=7).double()
    scores = ridge_scores(x, strength=0.3)
    known, new = x[:, :2].flatten(1, 2), x[:, 2:].flatten(1, 2)
    labels = torch.tensor([1.0] * POSITIVES + [-1.0] * NEGATIVES).double().repeat(2)
    for i in range(3):
        ridge = 0.3 * known[i].square().sum(-1).mean() * torch.eye(7, dtype=torch.float64)
        weights = torch.linalg.solve(known[i].T @ known[i] + ridge, known[i].T @ labels)
        torch.testing.assert_close(scores[i].flatten(), new[i] @ weights)
    torch.testing.assert_close(ridge_scores(10 * x, strength=0.3), scores)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_objectives_prefer_features_that_tell_targets_apart(name: str) -> None:
    lesson = a_lesson()
    objective = OBJECTIVES[name](seeded())
    mixed = features()
    told = 0.05 * features()
    for scene in range(3):
        told[scene, :, :POSITIVES, scene * 100 : scene * 100 + 100] += 1
        told[scene, :, POSITIVES:, 1000:1100] += 1
    if name == "kinds":  # the classifier is learned: let it point at what sets the kinds apart
        with torch.no_grad():
            objective.weight.zero_()
            for scene in range(3):
                objective.weight[scene, scene * 100 : scene * 100 + 100] = 0.1
    assert objective(told, lesson) < objective(mixed, lesson) - 0.1
    told.requires_grad_()
    objective(told, lesson).backward()
    assert told.grad is not None
    assert told.grad.isfinite().all()


def test_ranking_asks_for_the_order_of_overlaps(monkeypatch: pytest.MonkeyPatch) -> None:
    overlaps = torch.tensor([0.9, 0.6, 0.1])
    lesson = a_lesson(1, 2)._replace(overlaps=overlaps.expand(1, 2, 3))

    def loss(*scores: float) -> float:
        at = "rltrack.pretraining.objectives.ridge_scores"
        monkeypatch.setattr(at, lambda _: torch.tensor([[scores]]))
        return float(Ranking(seeded(), sharpness=1.0)(torch.zeros(1, 2, 3, 4), lesson))

    # By hand: each pair counts by the difference of its overlaps, 0.3 + 0.8 + 0.5.
    by_hand = sum(w * math.log1p(math.exp(-d)) for w, d in ((0.3, 1), (0.8, 3), (0.5, 2))) / 1.6
    assert loss(3, 2, 0) == pytest.approx(by_hand)
    assert loss(3, 2, 0) < loss(2, 3, 0) < loss(0, 2, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pooled_once_is_pooled(dtype: torch.dtype) -> None:
    z = 40 * torch.randn(2, 8, 9, 9, generator=seeded(), dtype=dtype)
    z = z.contiguous(memory_format=torch.channels_last).requires_grad_()
    g = torch.randn(2, 8, 4, 4, generator=seeded(1), dtype=dtype)
    torch.testing.assert_close(pooled_once(z), pooled(z))
    (ours,) = torch.autograd.grad(pooled_once(z), z, g)
    (expected,) = torch.autograd.grad(pooled(z), z, g)
    torch.testing.assert_close(ours, expected)
    (again,) = torch.autograd.grad(pooled_once(z), z, g.requires_grad_(), create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        again.sum().backward()


# --- Training -----------------------------------------------------------------------------

TINY = Recipe(objective="neighbours+kinds", steps=4, scenes=1, moments=2, warmup=1)


def test_training_goes_on_where_it_stopped_to_the_bit(tmp_path: Path) -> None:
    def stop(step: int, loss: float) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TINY, tmp_path / "parts", on_step=stop)
    steps: list[int] = []
    resumed = train(TINY, tmp_path / "parts", on_step=lambda step, loss: steps.append(step))
    assert steps == [3, 4]
    whole = train(TINY, tmp_path / "whole")
    assert resumed.losses == whole.losses
    assert len(whole.losses) == 4
    for name, weights in whole.weights.items():
        assert torch.equal(resumed.weights[name], weights)
        assert not torch.equal(weights, analytic_bank()[name])
    assert not list(tmp_path.rglob("*.part"))


def test_no_state_is_kept_in_the_middle_of_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = torch.optim.Adam.step

    def stopped(adam: torch.optim.Adam) -> None:
        step(adam)
        raise KeyboardInterrupt  # the weights are changed, and the loss is not yet recorded

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(TINY, tmp_path / "parts")
    resumed, whole = train(TINY, tmp_path / "parts"), train(TINY, tmp_path / "whole")
    assert resumed.losses == whole.losses
    for name, weights in whole.weights.items():
        assert torch.equal(resumed.weights[name], weights)


def test_another_recipe_or_a_damaged_state_is_refused(tmp_path: Path) -> None:
    one = dataclasses.replace(TINY, steps=1)
    train(one, tmp_path)
    with pytest.raises(InputError, match=r"belongs to the recipe .* choose another folder"):
        train(dataclasses.replace(one, seed=1), tmp_path)
    (tmp_path / "state.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no training state"):
        train(one, tmp_path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"objective": "neighbours+fame"}, "unknown objective fame; there are neighbours"),
        ({"precision": "float16"}, "must be float32 or bfloat16"),
        ({"moments": 1}, "two moments"),
        ({"form": -1.0}, "form is -1"),
        ({"seed": 2**30, "steps": 2**10}, "from 0 to 1073741823"),
    ],
)
def test_bad_recipes_are_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says.replace("+", r"\+")):
        Recipe(**changes)  # type: ignore[arg-type]


def test_matched_weights_give_features_of_the_analytic_banks_size() -> None:
    lesson = draw_batch(1, 2, seeded()).crops.flatten(0, 2)[::4]

    def size(bank: dict[str, Tensor]) -> float:
        return float(VGGM(bank)(lesson).square().mean().sqrt())

    louder = scaled(analytic_bank(), 3)
    assert size(louder) == pytest.approx(3 * size(analytic_bank()), rel=1e-4)
    assert size(matched(louder)) == pytest.approx(size(analytic_bank()), rel=1e-4)
    assert size(matched(random_bank())) == pytest.approx(size(analytic_bank()), rel=0.35)


def test_half_way_between_two_backbones_lies_the_mean_of_their_weights() -> None:
    start, end = analytic_bank(), random_bank()
    for name, weight in between(start, end, 0.5).items():
        torch.testing.assert_close(weight, (start[name] + end[name]) / 2)
    for share, same in ((0, start), (1, end)):
        assert all(torch.equal(w, same[k]) for k, w in between(start, end, share).items())


def test_separation_of_perfect_and_of_blind_features(monkeypatch: pytest.MonkeyPatch) -> None:
    net = VGGM(analytic_bank())
    count = POSITIVES + NEGATIVES
    told = F.one_hot(torch.tensor([0] * POSITIVES + [1] * NEGATIVES), 4).float()
    monkeypatch.setattr(
        "rltrack.pretraining.separation.held_out", lambda *_: told.expand(8, 4, count, 4)
    )
    assert separation(net, scenes=8) == (1.0, 1.0, 1.0)
    monkeypatch.setattr(
        "rltrack.pretraining.separation.held_out", lambda *_: torch.ones(8, 4, count, 4)
    )
    blind = separation(net, scenes=8)
    assert blind.ranked == 0
    assert blind.kept + blind.refused == 1


def test_no_file_is_opened_to_draw_a_lesson() -> None:
    """What the card says: there is no way for a photograph to get in."""
    program = """
import sys
import weakref
import torch
from rltrack.pretraining.crop_batches import draw_batch
draw_batch(1, 2, torch.Generator().manual_seed(0))  # lazy imports are over after this
opened = []
sys.addaudithook(lambda event, given: opened.append(given) if event == "open" else None)
draw_batch(2, 2, torch.Generator().manual_seed(1))
print(opened)
assert not any(name == "cv2" or name.startswith("PIL") for name in sys.modules), "an image reader"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_step_frees_its_memory() -> None:
    """Without waiting for the garbage collector, which does not see how large tensors are."""
    z = torch.randn(1, 8, 9, 9, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        out = pooled_once(z)
        kept = weakref.ref(out.grad_fn.stage)  # type: ignore[union-attr]
        torch.autograd.grad(out.sum(), z)
        del out
        assert kept() is None
    finally:
        gc.enable()
