"""Deep attentive tracking via reciprocative learning.

A visual object tracker after Pu, Song, Ma, Zhang and Yang (NeurIPS 2018): a classifier learned on
the video itself, taught by its own attention maps to look at the whole target.

    import rltrack

    video = rltrack.open_source("clip.mp4")
    tracker = rltrack.Tracker(rltrack.preset("paper"))
    for index, image in enumerate(video):
        result = tracker.update(image) if index else tracker.init(image, (x, y, w, h))
        print(result.box, result.score, result.found)

Boxes are `(x, y, w, h)` in 0-based pixels, images (H, W, 3) uint8 RGB.

Importing the package is quick: PyTorch and OpenCV are loaded with the first name that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rltrack.backbones.registry import load_backbone
    from rltrack.demo_film.film import synthetic
    from rltrack.errors import InputError
    from rltrack.evaluation.metrics import evaluate
    from rltrack.tracking.config import TrackerConfig
    from rltrack.tracking.presets import preset
    from rltrack.tracking.result import Result
    from rltrack.tracking.tracker import Tracker
    from rltrack.video.run import track, track_several
    from rltrack.video.sources import open_source

__version__ = "0.1.0"

__all__ = [
    "InputError",
    "Result",
    "Tracker",
    "TrackerConfig",
    "evaluate",
    "load_backbone",
    "open_source",
    "preset",
    "synthetic",
    "track",
    "track_several",
]

_HOME = {
    "InputError": "errors",
    "Result": "tracking.result",
    "Tracker": "tracking.tracker",
    "TrackerConfig": "tracking.config",
    "evaluate": "evaluation.metrics",
    "load_backbone": "backbones.registry",
    "open_source": "video.sources",
    "preset": "tracking.presets",
    "synthetic": "demo_film.film",
    "track": "video.run",
    "track_several": "video.run",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
