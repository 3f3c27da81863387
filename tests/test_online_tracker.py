"""A diary holds what the tracker did, and leaves it as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_presets import QUICKER

from rltrack import InputError, preset, synthetic, track
from rltrack.array_files import load_arrays
from rltrack.chapters import online_tracker
from rltrack.chapters.online_tracker import RunTrace, Scene, trace_figure3, trace_run, trace_runs
from rltrack.tracking import presets
from rltrack.video.excerpt import Excerpt
from rltrack.video.named_sequences import FILM

CONFIG = preset(
    "tiny",
    attention_weight=0,
    first_iterations=3,
    first_positives=16,
    first_negatives=32,
    regression_samples=20,
    candidates=16,
    update_interval=2,
)


@pytest.fixture(scope="module")
def diary() -> RunTrace:
    return trace_run(Excerpt(synthetic(12), 6), [1, 4], CONFIG)


def test_an_excerpt_is_a_part_of_its_source() -> None:
    film = synthetic(9)
    part = Excerpt(film, 3, 7)
    images = list(part)
    assert len(images) == part.length == len(part.ground_truth) == 4
    np.testing.assert_array_equal(images[0], film[3])
    np.testing.assert_array_equal(images[-1], film[6])
    np.testing.assert_array_equal(part.ground_truth[0], film.ground_truth[3])
    np.testing.assert_array_equal(next(iter(part)), images[0])


@pytest.mark.parametrize("start", [9, 20])
def test_an_excerpt_starts_where_there_is_a_box(start: int) -> None:
    with pytest.raises(InputError, match="no box"):
        Excerpt(synthetic(9), start)


def test_an_excerpt_does_not_begin_before_its_source() -> None:
    with pytest.raises(InputError, match="start is -3"):
        Excerpt(synthetic(9), -3)


def test_it_tracks_as_track_does(diary: RunTrace) -> None:
    done = track(Excerpt(synthetic(12), 6), config=CONFIG)
    np.testing.assert_array_equal(diary.boxes, done.boxes)
    np.testing.assert_array_equal(diary.scores, done.scores)
    assert diary.overlaps.mean() > 0
    assert diary.overlaps[0] == pytest.approx(1)


def test_it_learns_at_each_interval_and_after_each_failure(diary: RunTrace) -> None:
    frames = np.arange(len(diary.boxes))
    expected = (~diary.found | (frames % CONFIG.update_interval == 0)) & (frames > 0)
    np.testing.assert_array_equal(diary.learned, expected)


def test_what_it_saw_is_of_its_frames(diary: RunTrace) -> None:
    np.testing.assert_array_equal(diary.frames, [1, 4])
    np.testing.assert_array_equal(diary.shape, [240, 320])
    assert diary.attention.shape == (2, 49, 49)
    assert diary.candidates.shape == (2, 16, 4)
    best = np.sort(diary.candidate_scores, 1)[:, -CONFIG.averaged_candidates :].mean(1)
    np.testing.assert_allclose(best, diary.scores[[1, 4]], rtol=1e-5)
    first = np.argsort(-diary.candidate_scores[1])[: CONFIG.averaged_candidates]
    np.testing.assert_allclose(
        diary.chosen(CONFIG.averaged_candidates)[1], diary.candidates[1][first].mean(0)
    )
    for frame, (x, y, w, h) in zip(diary.frames, diary.extents, strict=True):
        box = diary.boxes[frame]
        assert x < box[0] and y < box[1]
        assert x + w > box[0] + box[2] and y + h > box[1] + box[3]


def test_it_tells_of_each_frame_it_looked_into(diary: RunTrace) -> None:
    one, four = diary.lines(first=60)
    assert one.startswith("frame 61: score ") and four.startswith("frame 64: score ")
    values = diary.attention[1].astype(float)
    assert four.endswith(f"σ/μ of A_p {values.std() / values.mean():.2f}")
    assert f"overlap {diary.overlaps[4]:.2f}," in four


def test_it_keeps_the_truth(diary: RunTrace) -> None:
    np.testing.assert_array_equal(diary.truth, synthetic(12).ground_truth[6:])


def test_where_the_truth_is_not_known_there_is_no_overlap() -> None:
    part = Excerpt(synthetic(4))
    part.ground_truth = part.ground_truth.copy()
    part.ground_truth[2] = np.nan
    kept = trace_run(part, [1], CONFIG)
    assert np.isnan(kept.overlaps).tolist() == [False, False, True, False]


def test_two_diaries_differ_in_lambda_alone() -> None:
    part = Excerpt(synthetic(3))
    both = trace_runs(part, [1], CONFIG, weights=(0, 2.5), seed=3)
    assert list(both) == ["λ = 0", "λ = 2.5"]
    alone = trace_run(part, [1], replace(CONFIG, attention_weight=2.5), seed=3)
    np.testing.assert_array_equal(both["λ = 2.5"].boxes, alone.boxes)


def test_figure_3_is_kept_with_what_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Scene(3, 7, (1, 2), 3)
    monkeypatch.setitem(online_tracker._SCENES, FILM, (part, part))
    monkeypatch.setitem(presets._CHANGES, "tiny", QUICKER)
    path = tmp_path / "figure.npz"
    trace_figure3(path, synthetic(7), fast=True, config="tiny", precision="float32", commit="c")
    kept, about = load_arrays(path, RunTrace)
    assert list(kept) == ["λ = 0", "λ = 5"]
    for one in kept.values():
        assert one.frames.tolist() == [1, 2] and len(one.boxes) == 4
        assert one.truth.shape == (4, 4)
    known = {"first frame": 3, "frames": 4, "preset": "tiny", "commit": "c", "seed": 0}
    assert known.items() <= about.items()


@pytest.mark.parametrize("frames", [[], [0], [1, 9]])
def test_frames_must_be_there_and_have_candidates(frames: list[int]) -> None:
    with pytest.raises(InputError, match="frames are"):
        trace_run(Excerpt(synthetic(2)), frames, CONFIG)
