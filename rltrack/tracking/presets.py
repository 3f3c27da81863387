"""Presets: configurations that have a name."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from rltrack.errors import InputError
from rltrack.tracking.config import TrackerConfig

__all__ = ["PRESETS", "preset"]

_CHANGES: dict[str, dict[str, Any]] = {
    "paper": {},
    "released-code": {
        "map_part": "all",
        "map_channels": "sum-of-squares",
        "map_statistics": "batch",
        "score_seed": 10.0,
        "clip_scope": "all",
        "positive_iou": (0.7, 1.0),
        "averaged_candidates": 5,
        "update_positives": 50,
        "update_negative_iou": (0.0, 0.3),
    },
    # Ours: convolutions once a frame, fewer samples and iterations. Attention would be over the
    # convolutions' output, where it takes time and was not seen to help: chapter 8 of the book.
    "realtime": {
        "features_from": "region",
        "map_at": "conv3",
        "attention_weight": 0.0,
        "first_negatives": 1500,
        "regression_samples": 500,
        "averaged_candidates": 5,
        "positive_iou": (0.7, 1.0),
        "update_positives": 50,
        "update_negatives": 100,
        "update_negative_iou": (0.0, 0.3),
        "update_negative_translation": 1.0,
        "update_iterations": 10,
        "mined_negatives": 256,
    },
    # Ours: an order of magnitude less of everything; positives and candidates as the code has them.
    "tiny": {
        "first_iterations": 15,
        "first_positives": 100,
        "first_negatives": 300,
        "regression_samples": 150,
        "candidates": 64,
        "update_positives": 8,
        "update_negatives": 32,
        "update_iterations": 3,
        "batch_positives": 8,
        "batch_negatives": 8,
        "mined_negatives": 128,
        "averaged_candidates": 3,
        "positive_iou": (0.7, 1.0),
        "long_memory": 40,
        "short_memory": 10,
    },
}

PRESETS = tuple(_CHANGES)


def preset(name: str = "paper", **changes: Any) -> TrackerConfig:
    """Return the configuration called ``name``, with ``changes`` made to it.

    ``variant="attentive-features"`` also sets ``attention_weight=0``, unless that is given.

    Raises:
        InputError: for an unknown preset, an unknown field, or a value out of range.
    """
    if name not in _CHANGES:
        raise InputError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    known = {field.name for field in fields(TrackerConfig)} - {"preset"}
    if unknown := sorted(set(changes) - known):
        raise InputError(f"unknown configuration field {unknown[0]!r}")
    if changes.get("variant") == "attentive-features":
        changes.setdefault("attention_weight", 0.0)
    return replace(TrackerConfig(), **{"preset": name, **_CHANGES[name], **changes})
