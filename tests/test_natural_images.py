"""Chapter 10: the whole network against another implementation, and the study's numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from figure_checks import legible
from torch import Generator

from rltrack import InputError, load_backbone, synthetic
from rltrack.backbones.lite0_weights import lite0_file
from rltrack.benchmarks.published import published
from rltrack.chapters import lite0_study
from rltrack.chapters.natural_images import liveliest, logits, map_sheet, recognised
from rltrack.evaluation.run_lines import stored

KEPT = Path(__file__).parents[1] / "book" / "results"


def test_the_whole_network_is_that_of_an_independent_implementation() -> None:
    library = pytest.importorskip("efficientnet_lite_pytorch", reason="needs the test extra")
    theirs = library.EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(lite0_file(), weights_only=True))
    images = torch.randint(0, 256, (2, 3, 224, 224), generator=Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs((images - 127) / 128)
    got = logits(images.to(torch.uint8))
    assert expected.std() > 1
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_it_sees_a_ladybird() -> None:
    film = synthetic(21)
    seen = recognised(film[20], film.ground_truth[20])
    assert str(seen).startswith("ladybird (") and seen.number == 301
    assert 0.2 < seen.probability < 1


def test_the_liveliest_channels_vary_the_most() -> None:
    film, net = synthetic(1), load_backbone("lite0")
    region, maps = liveliest(net, film[0], film.ground_truth[0], 3)
    assert region.shape == (363, 363, 3) and len(maps) == 3
    spreads = [float(values.var()) for values in maps.values()]
    assert spreads == sorted(spreads, reverse=True) and spreads[-1] > 0
    figure = map_sheet(region, maps)
    legible(figure)
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles == ["region", *(f"channel {channel}" for channel in maps)]


def runs(**of: float) -> list[dict[str, Any]]:
    """Runs of variants on all nine targets with two seeds, each target with the same OS."""
    return [
        {"variant": name, "target": target, "seed": seed, "os": os, "dp20": 1.0}
        for name, os in of.items()
        for target in lite0_study.TARGETS
        for seed in (0, 1)
    ]


def test_variants_are_compared_with_the_chosen_one_over_the_seeds_that_both_have() -> None:
    made = runs(chosen=0.6, sparse=0.5)
    more = [{**one, "seed": 2, "os": 0.0} for one in made if one["seed"] == 0]
    made += [one for one in more if one["variant"] == "chosen"]  # counts only for its own row
    table = lite0_study.table(made)
    assert "| the chosen one | 3 | 0.400 | 0.400 |  | 9 of 27 |  |" in table
    assert "| 3x3 cells, 16 px apart | 2 | 0.500 | 0.500 | -0.100 | 0 of 18 | 0 of 18 |" in table
    legible(lite0_study.figure(made))


def test_a_seed_without_all_targets_does_not_count() -> None:
    made = runs(chosen=0.6, sparse=0.5)
    made.remove(next(one for one in made if one["variant"] == "sparse" and one["seed"] == 1))
    assert "16 px apart | 1 | 0.500" in lite0_study.table(made)


def test_the_kept_study_has_every_variant_and_the_chosen_one_is_not_beaten() -> None:
    kept = stored(KEPT / "lite0_study.jsonl")
    assert {one["variant"] for one in kept} == set(lite0_study.VARIANTS)
    assert {one["target"] for one in kept} == set(lite0_study.TARGETS)
    assert not any("," in name for name in lite0_study.VARIANTS)  # the script joins them by commas
    assert len({(one["variant"], one["target"], one["seed"]) for one in kept}) == len(kept)


@pytest.mark.data
def test_the_study_goes_on_where_it_was_interrupted(data_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs.jsonl"
    known = {"variant": "sparse", "target": "Deer", "seed": 0, "os": 0.5, "dp20": 1.0}
    out.write_text(json.dumps(known) + "\n")
    assert not list(lite0_study.run(out, data_root, ["sparse"], ["Deer"], range(1)))
    with pytest.raises(InputError):
        list(lite0_study.run(out, tmp_path, ["sparse"], ["Crossing"], range(1)))
    assert stored(out) == [known]


def test_the_comparison_averages_seeds_and_names_every_target(tmp_path: Path) -> None:
    found = lite0_study.comparison(KEPT)
    assert found.table.count("\n") == 20  # heads, a rule, 18 targets and their mean
    (best, *_) = published(KEPT)
    mean = np.mean([one["os"] for one in best["scores"].values()])
    assert f"| MDNet | {mean:.3f} |" in found.means
    assert mean == pytest.approx(0.665, abs=5e-4)
    rows = [line.split(" | ") for line in found.differences.splitlines()[2:]]
    judged = [("above 0" in every, "above 0" in kept_out) for _, every, kept_out in rows]
    assert judged == [(True, False), (True, False), (True, True), (False, False)]  # as chapter 10
