"""Presets: complete configurations of the tracker, each with a name."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rltrack.errors import InputError, brief
from rltrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    import torch

__all__ = ["AUTO", "PRESETS", "chosen", "preset", "suited"]

log = logging.getLogger(__name__)

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
    # Ours: the convolutions run once in each frame, the classifier is narrower, and there are fewer
    # samples and iterations. Updates are shorter and come more often, so no frame takes much longer
    # than others, and a frame without the target costs less.
    # With `features_from="region"`, attention is only possible at conv3. There it takes time, and
    # at the one strength that was tried it was not seen to help. So it is off; see chapter 8 of the
    # book.
    "realtime": {
        "features_from": "region",
        "map_at": "conv3",
        "attention_weight": 0.0,
        "hidden_units": 128,
        "first_negatives": 1500,
        "regression_samples": 500,
        "averaged_candidates": 5,
        "positive_iou": (0.7, 1.0),
        "update_positives": 50,
        "update_negatives": 100,
        "update_negative_iou": (0.0, 0.3),
        "update_negative_translation": 1.0,
        "update_interval": 5,
        "update_iterations": 5,
        "mined_negatives": 128,
    },
    # Ours: about a tenth of the samples and iterations. As in the released code, positives have an
    # IoU of at least 0.7, and the result is the mean of several candidates.
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

AUTO = "auto"
"""In place of a preset's name: the configuration that :func:`suited` makes."""


def preset(name: str = "paper", /, **changes: Any) -> TrackerConfig:
    """Return the configuration of the preset ``name``, with some fields changed.

    If ``variant="attentive-features"`` is among the changes, ``attention_weight`` becomes 0, unless
    it is given too.

    Args:
        name: ``paper``, ``released-code``, ``realtime`` or ``tiny``.
        changes: fields of :class:`rltrack.TrackerConfig` and their new values.

    Raises:
        InputError: the preset is unknown, a field is unknown, or a value is out of range.
    """
    if name not in _CHANGES:
        raise InputError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    known = {field.name for field in fields(TrackerConfig)} - {"preset"}
    if unknown := sorted(set(changes) - known):
        raise InputError(
            f"unknown configuration field {unknown[0]!r}; rltrack.TrackerConfig lists the fields"
        )
    if changes.get("variant") == "attentive-features":
        changes.setdefault("attention_weight", 0.0)
    return replace(TrackerConfig(), **{"preset": name, **_CHANGES[name], **changes})


def suited(device: torch.device, **changes: Any) -> TrackerConfig:
    """Return the configuration for everyday use on a device.

    It is the preset ``paper`` on a GPU, which makes it fast, and ``realtime`` on other devices. The
    target may hang over the image's border (``border="target"``). What is to be reproduced names
    its preset instead, because this configuration may change from version to version.

    Args:
        device: where the tracker computes.
        changes: as in :func:`preset`.

    Raises:
        InputError: as :func:`preset`.
    """
    name = "paper" if device.type == "cuda" else "realtime"
    return preset(name, **{"border": "target", **changes})


def chosen(config: TrackerConfig | str, device: torch.device) -> TrackerConfig:
    """Return ``config``, or the preset of this name, or with ``auto`` what is :func:`suited`.

    The first choice of a process is told in one line, as a warning.

    Raises:
        InputError: the preset is unknown, or ``config`` is neither a name nor a configuration.
    """
    if not isinstance(config, TrackerConfig | str):
        raise InputError(
            f"config is {brief(config)}; give the name of a preset or a rltrack.TrackerConfig"
        )
    if config == AUTO:
        made = suited(device)
        _tell(made.preset, device.type)
        return made
    return preset(config) if isinstance(config, str) else config


@lru_cache
def _tell(name: str, device: str) -> None:
    log.warning("preset %s is chosen for the device %s; name a preset to use another", name, device)
