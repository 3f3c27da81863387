"""Runs of a sweep that nobody tracked, with every field that a run's file has."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from rltrack import preset
from rltrack.tracking.config import TrackerConfig


def key(*about: Any) -> str:
    """Twelve hexadecimal digits, the same for the same."""
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]


def made_run(
    target: str = "Deer", seed: int = 0, config: TrackerConfig | None = None, **more: Any
) -> dict[str, Any]:
    """A run of 11 frames; ``more`` are fields that are other than here."""
    used = asdict(config or preset("paper"))
    boxes = more.get("boxes", [[0, 0, 1, 1]] * 11)
    return {
        "target": target,
        "seed": seed,
        "tracker": key(used, more.get("weights")),
        "config": used,
        "backbone": "embedded",
        "commit": "abc",
        "device": "cpu",
        "versions": {"rltrack": "0.1.0"},
        "seconds": 30.0,
        "first_fit_s": 10.0,
        "frame_ms": 2000.0,
        "dp20": 1.0,
        "os": 0.5,
        "cle": 4.0,
        "os50": 0.5,
        "frames": len(boxes),
        "skipped": 0,
        "success": [0.5] * 21,
        "precision": [1.0] * 51,
        "boxes": boxes,
        "confidence": [None] + [1.0] * (len(boxes) - 1),
        **more,
    }
