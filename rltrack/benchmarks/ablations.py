"""Ablations: where the paper and its released code differ, as changes to the preset `paper`.

What the code does was found by reading it. Each change puts the code's choice, or the other reading
of the paper, into our tracker and leaves everything else as it is. Its effect can then be measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["ABLATIONS", "Ablation"]


class Ablation(NamedTuple):
    """One point in which the paper and the released code differ."""

    point: str
    paper: str
    code: str
    """What the released code does."""
    changes: Mapping[str, Any]
    """Fields of `rltrack.TrackerConfig` that make the preset `paper` do otherwise."""


ABLATIONS = (
    Ablation(
        "map at the input",
        "the input sample, or the first layer's output: both can be read",
        "conv1's output, as our preset",
        {"map_at": "input"},
    ),
    Ablation(
        "channels squared",
        "not said; ours: their sum",
        "sum of squares",
        {"map_channels": "sum-of-squares"},
    ),
    Ablation(
        "both signs",
        "positive derivatives only",
        "all, squared: the hooks that were to choose never attach",
        {"map_part": "all", "map_channels": "sum-of-squares"},
    ),
    Ablation(
        "statistics of the batch",
        "mean and deviation of each sample's map",
        "summed over the batch before the ratio",
        {"map_statistics": "batch"},
    ),
    Ablation(
        "R summed",
        "not said; ours: means over positives and over negatives",
        "four ratios of the batch, added: the scale of means",
        {"reduction": "sum"},
    ),
    Ablation(
        "clamped at 1e-6",
        "not said; ours: clamped at 1e-12",
        "both sides times 1e10, which cancels",
        {"attention_eps": 1e-6},
    ),
    Ablation(
        "score fed back as 10",
        "1",
        "10, which cancels in every ratio: whatever this row shows is chance",
        {"score_seed": 10.0},
    ),
    Ablation(
        "attention with dropout",
        "not said",
        "without, as our preset",
        {"attention_dropout": True},
    ),
    Ablation(
        "no second derivative",
        "implied",
        "with, on its PyTorch of 2017; on a current one its term does nothing",
        {"second_order": False},
    ),
    Ablation(
        "clipping counts all layers",
        "not said; ours: the learned layers'",
        "the fixed layers' gradients counted in",
        {"clip_scope": "all"},
    ),
    Ablation(
        "mean of the best five",
        "the best candidate",
        "the mean of the five best",
        {"averaged_candidates": 5},
    ),
    Ablation(
        "positives from IoU 0.7",
        "above 0.5",
        "0.7 and more",
        {"positive_iou": (0.7, 1.0)},
    ),
)
"""One row for each point, in the order of the tracker: map, regulariser, learning, samples."""
