"""How long a frame takes, where the time goes, and what the machine could do: all in one run.

Three trackers are timed. The *baseline* is the arithmetic as one would first write it
(:mod:`rltrack.speed.reference`); the *faithful* tracker does the same, faster; the preset
``realtime`` also does less. A frame's time means the same for all: of T frames
(``update_interval``) one ends with an update and T - 1 do not, and

    frame = ((T - 1) * median without update + median with update) / T.

Reading the image is not in it, nor is the first frame, which is learned. The baseline is too slow
to be run over a film, so its frame is composed from measured parts: crops and features of the
frame's candidates and update samples, the candidates' scores, and the update's iterations. As the
released code does, it computes the gradients of the fixed convolutions' weights too; what it would
take without is given beside.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from rltrack import __version__
from rltrack.backbones.registry import load_backbone
from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.speed.baseline import measure_baseline
from rltrack.speed.cost import ceilings, flops
from rltrack.speed.hardware import machine
from rltrack.speed.timing import Times, finish, frame_ms, spread
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.inputs import checked_seed, pick_device
from rltrack.tracking.presets import preset
from rltrack.tracking.tracker import Tracker
from rltrack.video.sources import FrameSource, open_source

__all__ = ["measure"]

Image = NDArray[np.uint8]

FRAMES = 21
"""How many frames are timed. With an update every 10 frames, there are two updates."""

TRACKERS = ("baseline", "faithful", "realtime")

PHASES = ("crop", "features", "score", "iteration")


def measure(
    source: str | Path | Iterable[Any] | FrameSource | None = None,
    *,
    config: TrackerConfig | str = "paper",
    realtime: TrackerConfig | str | None = "realtime",
    backbone: str = "embedded",
    device: str = "auto",
    seed: int = 0,
    frames: int = FRAMES,
    repeats: int = 3,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> dict[str, Any]:
    """Time the three trackers over the same frames, and measure the machine.

    Args:
        source: what `rltrack.open_source` takes, with ground truth. None is the bundled film.
        config: the configuration of the faithful tracker and the baseline, or a preset's name.
        realtime: the configuration of the third tracker, or a preset's name. None leaves it out.
        backbone: a name in `rltrack.backbones.registry.BACKBONES`.
        device: see `rltrack.tracking.inputs.pick_device`.
        seed: of all randomness.
        frames: how many frames to track, with the first; more than ``update_interval``.
        repeats: how often each part of the baseline and of the machine is timed.
        on_stage: called with words that say what is timed next.

    Returns:
        The content of the JSON file. Times "..._ms" are per frame, as defined above. "..._ratio"
        says how many times faster than the baseline a tracker is. "first_fit_s" is the faithful
        tracker's first frame. "fraction_of_ceiling" compares the rate at which the faithful tracker
        does a frame's FLOPs with the better of the machine's convolution and matrix product; it is
        None if its convolutions are not per crop. "peak_mib" is the largest memory held until the
        faithful tracker was done, of the process, or on a GPU of tensors. "phases" has the median,
        the interquartile range (both in milliseconds) and the number n of what was timed, once for
        each frame, batch or iteration.

    Raises:
        InputError: something given cannot be used.
    """
    config = preset(config) if isinstance(config, str) else config
    realtime = preset(realtime) if isinstance(realtime, str) else realtime
    seed = checked_seed(seed)
    where = pick_device(device)
    on_stage("reading frames")
    name, images, box, decode = _read(synthetic(frames) if source is None else source, frames)
    for each_config in (config, realtime):
        if each_config is not None and len(images) <= each_config.update_interval:
            raise InputError(
                f"{name}: {len(images)} readable frames; to see an update takes "
                f"{each_config.update_interval + 1}"
            )

    def tracked(what: str, config: TrackerConfig) -> _Tracked:
        on_stage(f"{what}: warming up")
        small = Tracker(_smaller(config), backbone=backbone, device=where, seed=seed)
        _follow(small, images[:2], box)
        if where.type == "cuda":
            torch.cuda.reset_peak_memory_stats(where)
        on_stage(f"{what}: {len(images)} frames")
        return _follow(Tracker(config, backbone=backbone, device=where, seed=seed), images, box)

    faithful = tracked("faithful", config)
    peak = _peak_mib(where)
    fast = None if realtime is None else tracked("realtime", realtime)
    on_stage("baseline")
    baseline = measure_baseline(config, backbone, where, seed, images[0], box, repeats)
    on_stage("the machine")
    extractor = load_backbone(backbone, device=where, precision=config.precision)
    best = ceilings(extractor, repeats)

    counted = flops(config, extractor) if config.features_from == "crops" else None
    ceiling = max(best["convolution_gflops"], best["matrix_gflops"])
    return {
        "device": str(where),
        "machine": machine(where),
        "preset": config.preset,
        "attention_weight": config.attention_weight,
        "backbone": backbone,
        "seed": seed,
        "source": name,
        "frames": len(images),
        "baseline_ms": baseline.frame_ms,
        "faithful_ms": faithful.frame_ms,
        "realtime_ms": fast and fast.frame_ms,
        "faithful_ratio": baseline.frame_ms / faithful.frame_ms,
        "realtime_ratio": fast and baseline.frame_ms / fast.frame_ms,
        "fraction_of_ceiling": counted and counted["frame"] / (1e6 * faithful.frame_ms) / ceiling,
        "first_fit_s": faithful.first_fit_s,
        "realtime_first_fit_s": fast and fast.first_fit_s,
        "peak_mib": peak,
        "found": {"faithful": faithful.found, "realtime": fast and fast.found},
        "phases": {
            "source": {"decode": spread(decode)},
            "baseline": baseline.phases,
            "faithful": faithful.phases,
            "realtime": fast and fast.phases,
        },
        "composed": baseline.composed,
        "flops": counted,
        "ceilings": best,
        "threads": torch.get_num_threads(),
        "versions": {
            "rltrack": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
    }


class _Tracked(NamedTuple):
    frame_ms: float
    first_fit_s: float
    found: int
    """Frames after the first in which the target was found."""
    phases: dict[str, Times]


def _read(source: Any, frames: int) -> tuple[str, list[Image], list[float], list[float]]:
    """Return the name, the readable images, the first true box, and the seconds each image took."""
    opened = open_source(source)
    if opened.ground_truth is None:
        raise InputError(f"{opened.name} has no ground truth to take the first box from")
    images: list[Image] = []
    seconds = []
    start = time.perf_counter()
    for index, image in enumerate(islice(opened, frames)):
        seconds.append(time.perf_counter() - start)
        if image is not None:
            images.append(image)
        elif index == 0:
            raise InputError(f"{opened.name}: the first frame cannot be read")
        start = time.perf_counter()
    return opened.name, images, opened.ground_truth[0].tolist(), seconds


def _follow(tracker: Tracker, images: Sequence[Image], box: Sequence[float]) -> _Tracked:
    config = tracker.config
    start = time.perf_counter()
    tracker.init(images[0], box)
    finish(tracker.device)
    first = time.perf_counter() - start

    found = 0
    without: list[float] = []
    updating: list[float] = []
    phases: dict[str, list[float]] = {name: [] for name in PHASES}
    for image in images[1:]:
        before = dict(tracker.timings)
        start = time.perf_counter()
        found += tracker.update(image).found
        finish(tracker.device)
        seconds = time.perf_counter() - start
        spent = {name: total - before[name] for name, total in tracker.timings.items()}
        (updating if spent["update"] else without).append(seconds)
        for name in PHASES:
            if name in spent:
                phases[name].append(spent[name])
        if spent["update"]:
            phases["iteration"].append(spent["update"] / config.update_iterations)
    usual = float(np.median(without or updating))  # lost throughout, it updates in every frame
    return _Tracked(
        frame_ms=frame_ms(usual, float(np.median(updating)), config),
        first_fit_s=first,
        found=found,
        phases={name: spread(seconds) for name, seconds in phases.items() if any(seconds)},
    )


def _smaller(config: TrackerConfig) -> TrackerConfig:
    """Return a short configuration that touches everything there is to load and compile."""
    return replace(
        config,
        first_iterations=1,
        first_positives=min(64, config.first_positives),
        first_negatives=min(64, config.first_negatives),
        regression_samples=min(64, config.regression_samples),
        update_iterations=1,
        update_interval=1,
    )


def _peak_mib(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
