"""Configurations that do next to nothing: enough to run every line of a tracker."""

from __future__ import annotations

from typing import Any

from rltrack import preset

QUICK = preset(
    "tiny",
    attention_weight=0.0,
    first_iterations=6,
    first_positives=24,
    first_negatives=64,
    regression_samples=32,
    candidates=24,
    update_positives=4,
    update_negatives=8,
    update_iterations=2,
    mined_negatives=32,
    batch_positives=8,
    batch_negatives=8,
)

FAST: dict[str, Any] = {
    "candidates": 16,
    "first_iterations": 2,
    "update_iterations": 1,
    "first_positives": 20,
    "first_negatives": 40,
    "update_positives": 5,
    "update_negatives": 10,
    "regression_samples": 20,
}
"""Changes to a preset."""
