"""What a configuration takes and keeps, and that its folders in a sweep stay found."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from fractions import Fraction
from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch

from rltrack.benchmarks.jobs import Job
from rltrack.cli.bench import bench
from rltrack.cli.demo import demo
from rltrack.cli.sweep import sweep
from rltrack.cli.track import track as cli_track
from rltrack.errors import InputError
from rltrack.tracking import presets
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset
from rltrack.tracking.tracker import Tracker
from rltrack.video.run import track, track_several

RANGES = ("positive_iou", "first_negative_iou", "regression_iou", "update_negative_iou")
SPREADS = (
    *("positive_scale", "first_negative_scale", "whole_image_scale", "aspect"),
    *("regression_scale", "search_scale", "update_negative_scale"),
)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        *[({name: bad}, "from 0 to below 1") for name in ("dropout", "momentum") for bad in (1, 2)],
        *[({name: bad}, "at least 1") for name in SPREADS for bad in (0, 0.99)],
        *[({name: 0}, "above 0") for name in ("score_seed", "regression_alpha", "clip_norm")],
        ({"attention_eps": 1e-23}, "at least 1e-18"),
        *[({name: (0.5, 1.1)}, "two increasing numbers from 0 to 1") for name in RANGES],
        ({"positive_iou": (2, 3)}, "positive_iou is (2, 3); it must be two increasing numbers"),
        ({"positive_iou": ("a", "b")}, "two increasing numbers"),
        ({"positive_iou": (0.9, None)}, "two increasing numbers"),
        ({"positive_iou": (0.5, float("nan"))}, "two increasing numbers"),
        ({"positive_iou": 0.5}, "two increasing numbers"),
        ({"regression_area": (-1, 2)}, "two increasing numbers, not negative"),
        ({"success_threshold": float("-inf")}, "a finite number"),
        ({"candidates": np.float64(100)}, "a whole number from 1 to 1,000,000"),
        ({"candidates": True}, "a whole number from 1 to 1,000,000"),
        ({"attention_weight": True}, "a finite number, not negative"),
        ({"attention_weight": "5"}, "a finite number, not negative"),
    ],
    ids=str,
)
def test_what_cannot_be_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        preset("paper", **changes)
    ((name, value),) = changes.items()
    assert str(caught.value).startswith(f"{name} is {value!r}; it must be ")
    assert says in str(caught.value)


def test_the_ends_of_a_range_are_in_it() -> None:
    kept = preset("paper", dropout=0, momentum=0.999, search_scale=1, positive_iou=(0, 1))
    assert (kept.dropout, kept.momentum, kept.search_scale) == (0, 0.999, 1)
    assert kept.positive_iou == (0, 1)
    assert preset("paper", success_threshold=-0.5).success_threshold == -0.5


def test_numbers_of_any_type_make_the_same_configuration() -> None:
    plain = preset("paper", candidates=100, attention_weight=5.0, positive_iou=(0.5, 1.0))
    for other in (
        preset("paper", candidates=np.int64(100), attention_weight=np.float32(5)),
        preset("paper", candidates=100, attention_weight=5, positive_iou=[0.5, 1]),
        preset("paper", candidates=100, attention_weight=Fraction(5), positive_iou=(0.5, 1)),
        TrackerConfig(**json.loads(json.dumps(asdict(plain)))),
    ):
        assert other == plain and hash(other) == hash(plain)
        assert json.dumps(asdict(other)) == json.dumps(asdict(plain))


def test_what_was_run_before_is_found_again() -> None:
    # A sweep's folder of many hours is named so: keeping values otherwise would begin it anew.
    assert Job("Deer", 0, preset("paper"), "analytic").key == "372ac274ee4f", (
        "a new field has to be left out at its default: add both to _ADDED in "
        "rltrack/tracking/config.py, and leave this hash as it is"
    )
    assert Job("Deer", 0, preset("paper", border="target"), "analytic").key != "372ac274ee4f"
    for name, changes in presets._CHANGES.items():
        given = {**{f.name: f.default for f in fields(TrackerConfig)}, **changes, "preset": name}
        assert json.dumps(asdict(preset(name))) == json.dumps(given)


@pytest.mark.parametrize(("device", "name"), [("cpu", "realtime"), ("cuda", "paper")])
def test_the_device_decides_where_no_preset_is_named(
    device: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    presets._tell.cache_clear()
    where = torch.device(device)
    made = [presets.chosen("auto", where) for _ in range(2)]
    assert made == [preset(name, border="target")] * 2
    (told,) = caplog.messages
    assert told == f"preset {name} is chosen for the device {device}; name a preset to use another"
    assert presets.suited(where, attention_weight=1.0).attention_weight == 1
    for given in (preset("tiny"), "tiny"):
        assert presets.chosen(given, where) == preset("tiny")


def test_what_reproduces_names_its_preset() -> None:
    chosen_for_people = {Tracker.__init__: "auto", track: "auto", track_several: "auto"}
    assert {f: signature(f).parameters["config"].default for f in chosen_for_people} == (
        chosen_for_people
    )
    assert signature(cli_track).parameters["preset"].default == "auto"
    for command in (bench, demo, sweep):
        assert signature(command).parameters["preset"].default == "paper"
