"""Deep attentive tracking via reciprocative learning.

This package is a visual object tracker that implements the paper of Pu, Song, Ma, Zhang and Yang
(NeurIPS 2018). It trains a classifier on the video itself. During training, the classifier's own
attention maps teach it to look at the whole target.

    import rltrack

    video = rltrack.open_source("clip.mp4")
    tracker = rltrack.Tracker()
    for index, image in enumerate(video):
        result = tracker.update(image) if index else tracker.init(image, (x, y, w, h))
        print(result.box, result.score, result.found)

A bounding box is `(x, y, w, h)` in 0-based pixels: left edge, top edge, width and height. An image
is an (H, W, 3) uint8 RGB array.

Importing the package is quick. PyTorch and OpenCV are loaded when a name that needs them is first
used.
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


if not TYPE_CHECKING:  # a type checker would take it for a promise of any name

    def __getattr__(name: str) -> Any:
        """Load a public name from its module when it is first used (PEP 562)."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, including those that are not loaded yet."""
    return sorted({*globals(), *__all__})
