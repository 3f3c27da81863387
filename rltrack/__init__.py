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
    from rltrack.backbones import load_backbone
    from rltrack.config import TrackerConfig, preset
    from rltrack.errors import InputError
    from rltrack.evaluation import evaluate
    from rltrack.film import synthetic
    from rltrack.run import track
    from rltrack.tracker import Result, Tracker
    from rltrack.video import open_source

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
    "Result": "tracker",
    "Tracker": "tracker",
    "TrackerConfig": "config",
    "evaluate": "evaluation",
    "load_backbone": "backbones",
    "open_source": "video",
    "preset": "config",
    "synthetic": "film",
    "track": "run",
    "track_several": "run",
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
