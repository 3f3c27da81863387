"""Configurations that do next to nothing: enough to run every line of a tracker."""

from __future__ import annotations

from typing import Any

from rltrack import preset

QUICKER: dict[str, Any] = {
    "first_iterations": 4,
    "first_positives": 8,
    "first_negatives": 16,
    "regression_samples": 12,
    "candidates": 8,
    "averaged_candidates": 3,
    "update_positives": 2,
    "update_negatives": 4,
    "update_iterations": 2,
    "batch_positives": 2,
    "batch_negatives": 2,
    "mined_negatives": 8,
}
"""Changes to a preset, or a whole one in its place."""

QUICK = preset("tiny", attention_weight=0.0, **QUICKER)
