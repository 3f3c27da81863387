"""Chapter 8: the settings in which presets differ, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from rltrack.benchmarks.report_tables import table
from rltrack.tracking.config import TrackerConfig

__all__ = ["differing"]

_WORDS = {
    "features_from": "features from",
    "map_at": "attention maps at",
    "attention_weight": "λ",
    "hidden_units": "units in a layer of the classifier",
    "first_negatives": "background samples in the first frame",
    "regression_samples": "samples for box regression",
    "update_positives": "samples of the target in a later frame",
    "update_negatives": "background samples in a later frame",
    "mined_negatives": "background samples that a batch's negatives are chosen from",
    "update_interval": "frames from update to update",
    "update_iterations": "steps in an update",
    "positive_iou": "overlap of a sample of the target",
    "update_negative_iou": "overlap of a background sample in a later frame",
    "update_negative_translation": "spread of these, in sides of the target",
    "averaged_candidates": "candidates whose mean is the result",
}


def differing(configs: Mapping[str, TrackerConfig]) -> str:
    """Make a Markdown table of the settings that are not the same in all configurations.

    Args:
        configs: by their names. A setting for which there are no words here has its field's name.
    """
    settings = {name: asdict(config) for name, config in configs.items()}
    first = next(iter(settings.values()))
    differ = [
        field
        for field in [*_WORDS, *(field for field in first if field not in {*_WORDS, "preset"})]
        if any(one[field] != first[field] for one in settings.values())
    ]
    rows = [
        (_WORDS.get(field, field), *(_shown(one[field]) for one in settings.values()))
        for field in differ
    ]
    return table(["", *configs], rows)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " to ".join(f"{bound:g}" for bound in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
