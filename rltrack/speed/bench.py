"""One run that measures how long a frame takes, where the time goes, and how fast the machine is.

Three trackers are timed. The *baseline* is the method as one would first write it
(:mod:`rltrack.speed.reference`). The *faithful* tracker computes the same, but faster. The tracker
with the preset ``realtime`` also computes less. The time of a frame has the same meaning for all
three. Of every T frames (``update_interval``), one ends with an update and T - 1 do not. Therefore

    frame = ((T - 1) * median without update + median with update) / T.

This time does not include reading the image. It does not include the first frame either, on which
the classifier is first trained. The baseline is too slow to be run over a film. Its frame time is
composed from measured parts: the crops and features of the frame's candidates and update samples,
the candidates' scores, and the iterations of the update. Like the released code, the baseline also
computes the gradients of the fixed convolutions' weights. Its time without these gradients is given
too.
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
from rltrack.hardware import machine
from rltrack.speed.baseline import measure_baseline
from rltrack.speed.cost import ceilings, flops
from rltrack.speed.timing import Times, finish, frame_ms, spread
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.inputs import checked_seed, pick_device
from rltrack.tracking.presets import preset
from rltrack.tracking.tracker import Tracker
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.start import first_true_box

__all__ = ["measure"]

Image = NDArray[np.uint8]

FRAMES = 21
"""The default number of frames, including the first one, which is not timed as a frame. With an
update every 10 frames, there are two updates.
"""

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
    """Time the three trackers on the same frames, and measure how fast the machine is.

    Args:
        source: anything that `rltrack.open_source` takes and that has ground truth. None is the
            bundled film.
        config: the configuration of the faithful tracker and the baseline, or a preset's name.
        realtime: the configuration of the third tracker, or a preset's name. None leaves it out.
        backbone: a name in `rltrack.backbones.registry.BACKBONES`.
        device: the name of a device; see `rltrack.tracking.inputs.pick_device`.
        seed: for all random numbers.
        frames: how many frames to read, including the first. There have to be more than
            ``update_interval``.
        repeats: how often each part of the baseline and each operation of the machine is timed.
        on_stage: called before each stage with words that describe it.

    Returns:
        The content of the JSON file. Times "..._ms" are for one frame, as defined above. A
        "..._ratio" says how many times faster than the baseline a tracker is. "first_fit_s" is the
        time in seconds of the faithful tracker's first frame. "fraction_of_ceiling" is the rate at
        which the faithful tracker computes the floating-point operations of a frame, divided by the
        rate of the machine's convolution or of its matrix product, whichever is higher. It is None
        if the tracker does not compute its features from crops. "peak_mib" is the largest amount of
        memory in use, in MiB, until the faithful tracker has finished. On a CPU it is the memory of
        the process, and on a GPU it is the memory of tensors. "phases" has the median and the
        interquartile range, both in milliseconds, and the number n of measurements. Each frame,
        batch or iteration is one measurement.

    Raises:
        InputError: an argument cannot be used.
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
                f"{name}: {len(images)} readable frames; timing an update needs at least "
                f"{each_config.update_interval + 1}: give more frames"
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
    on_stage("baseline: crops, features, scores and iterations")
    baseline = measure_baseline(config, backbone, where, seed, images[0], box, repeats)
    on_stage("the machine: convolution, matrix product and copy")
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
    """Return the name, the readable images, the first ground-truth box, and decoding times in s."""
    opened, box = first_true_box(open_source(source), "give a sequence that has it")
    images: list[Image] = []
    seconds = []
    start = time.perf_counter()
    for index, image in enumerate(islice(opened, frames)):
        seconds.append(time.perf_counter() - start)
        if image is not None:
            images.append(image)
        elif index == 0:
            raise InputError(f"{opened.name}: the first frame is unreadable; give another sequence")
        start = time.perf_counter()
    return opened.name, images, box, seconds


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
    # A tracker that loses the target for the whole film updates in every frame.
    usual = float(np.median(without or updating))
    return _Tracked(
        frame_ms=frame_ms(usual, float(np.median(updating)), config),
        first_fit_s=first,
        found=found,
        phases={name: spread(seconds) for name, seconds in phases.items() if any(seconds)},
    )


def _smaller(config: TrackerConfig) -> TrackerConfig:
    """Return a configuration with little work, which still loads and compiles everything."""
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
