"""How fast this machine tracks, and how much faster it could be: what `rltrack bench` measures.

Several trackers follow the target through the same frames, one after the other. They are compared
with the *baseline*, which is the method as one would first write it, and computes what the last of
the trackers computes (:mod:`rltrack.speed.reference`). The baseline is too slow to be run over a
film. Its frame time is composed from measured parts (:mod:`rltrack.speed.baseline`). Like the
released code, the baseline also computes the gradients of the fixed convolutions' weights. Its time
without these gradients is given too.

The time of a frame does not include reading the image. It does not include the first frame either,
on which the classifier is first trained. :class:`rltrack.speed.timed_run.TimedRun` defines the
times of a tracker, and :mod:`rltrack.speed.cost` what the machine allows at best.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from rltrack import __version__
from rltrack.backbones.registry import load_backbone
from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.hardware import machine, peak_mib
from rltrack.speed.baseline import measure_baseline
from rltrack.speed.ceilings import ceilings
from rltrack.speed.cost import at_best_ms, stages
from rltrack.speed.timed_run import Follower, TimedRun, timed_peer, timed_run
from rltrack.speed.timing import spread
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.inputs import checked_seed, pick_device
from rltrack.tracking.presets import preset
from rltrack.tracking.tracker import Tracker
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.start import first_true_box

__all__ = ["measure", "usual_trackers"]

Image = NDArray[np.uint8]

FRAMES = 51
"""The default number of frames, including the first one. Slow trackers use fewer of them."""


def usual_trackers(name: str = "paper") -> dict[str, TrackerConfig]:
    """Return what is usually compared, by name: a preset, the same without attention, ``realtime``.

    Each needs less memory than the next one, as :func:`measure` wants it.

    Raises:
        InputError: the preset is unknown.
    """
    chosen = preset(name)
    if name == "realtime":
        return {name: chosen}
    weights = sorted({0.0, chosen.attention_weight})
    of_preset = {
        f"{name}, lambda {weight:g}": replace(chosen, attention_weight=weight) for weight in weights
    }
    return {"realtime": preset("realtime"), **of_preset}


def measure(
    source: str | Path | Iterable[Any] | FrameSource | None = None,
    *,
    trackers: Mapping[str, TrackerConfig] | None = None,
    peers: Mapping[str, Follower] | None = None,
    backbone: str = "embedded",
    device: str = "auto",
    seed: int = 0,
    frames: int = FRAMES,
    repeats: int = 3,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> dict[str, Any]:
    """Time trackers on the same frames, and measure how fast the machine is.

    Args:
        source: anything that `rltrack.open_source` takes and that has ground truth. None is the
            bundled film.
        trackers: configurations by name, from the one that needs the least memory to the one that
            needs the most. The baseline has the last one's. None is :func:`usual_trackers`.
        peers: other trackers by name, which were not used before, on the CPU.
        backbone: a name in `rltrack.backbones.registry.BACKBONES`, or a file.
        device: the name of a device; see `rltrack.tracking.inputs.pick_device`.
        seed: for all random numbers.
        frames: how many frames to read, including the first. Each tracker needs two of its
            ``update_interval`` after the first.
        repeats: how often each part of the baseline and each operation of the machine is timed.
        on_stage: called before each stage with words that describe it.

    Returns:
        The content of the JSON file, which describes the run. Among others it has these entries.

        - "trackers": by name, what :class:`rltrack.speed.timed_run.TimedRun` has, and "fps", the
          inverse of "frame_ms". "times_faster" is the frame time of the baseline divided by the
          tracker's. "peak_mib" is the largest amount of memory in use, in MiB, until this tracker
          has finished: on a CPU that of the whole process since it began, and on a GPU that of this
          tracker's tensors. "at_best_ms" is the time that each phase and a "frame" take at least
          on this machine, and "fraction_of_limit" is the frame's divided by "frame_ms". "stages"
          has what this follows from: for each stage its phase, its GFLOP and MB, its time at best,
          and how often it comes in a frame.
        - "baseline": "frame_ms", "phases", and in "composed" how they are composed.
        - "peers": by name, what a :class:`rltrack.speed.timed_run.TimedRun` has, "fps" and
          "times_faster", or under "failed" why there is none.
        - "ceilings": the machine's speeds; see :func:`rltrack.speed.ceilings.ceilings`.
        - "decode": the times of reading a frame.
        - "interrupted": whether a Ctrl-C ended the measuring. Then what was not measured is missing
          in "trackers" and "peers", and "baseline" and "ceilings" may be None.

        A "phases" has the median and the interquartile range, both in milliseconds, and the number
        n of measurements of each phase.

    Raises:
        InputError: an argument cannot be used.
    """
    trackers = usual_trackers() if trackers is None else trackers
    seed, where = checked_seed(seed), pick_device(device)
    on_stage("reading frames")
    name, images, box, decode = _read(synthetic(frames) if source is None else source, frames)
    needed = 1 + 2 * max(config.update_interval for config in trackers.values())
    if len(images) < needed:
        raise InputError(
            f"{name}: {len(images)} readable frames; timing updates needs at least {needed}: give "
            "more frames"
        )

    result: dict[str, Any] = {
        "device": str(where),
        "machine": machine(where),
        "threads": torch.get_num_threads(),
        "backbone": backbone,
        "seed": seed,
        "source": name,
        "size": list(images[0].shape[1::-1]),
        "trackers": {},
        "baseline": None,
        "peers": {},
        "ceilings": None,
        "decode": spread(decode),
        "interrupted": False,
        "versions": {
            "rltrack": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
    }
    try:
        _fill(result, trackers, peers or {}, where, images, box, repeats, on_stage)
    except KeyboardInterrupt:
        result["interrupted"] = True
    return result


def _fill(
    result: dict[str, Any],
    trackers: Mapping[str, TrackerConfig],
    peers: Mapping[str, Follower],
    device: torch.device,
    images: list[Image],
    box: list[float],
    repeats: int,
    on_stage: Callable[[str], None],
) -> None:
    """Measure, and put each entry into ``result`` as soon as it is known."""
    backbone, seed, timed = result["backbone"], result["seed"], result["trackers"]
    for label, config in trackers.items():
        on_stage(f"{label}: warming up")
        small = Tracker(_smaller(config), backbone=backbone, device=device, seed=seed)
        small.init(images[0], box)
        small.update(images[1])
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        on_stage(f"{label}: {len(images)} frames at most")
        tracker = Tracker(config, backbone=backbone, device=device, seed=seed)
        timed[label] = _told(timed_run(tracker, images, box)) | {
            "preset": config.preset,
            "attention_weight": config.attention_weight,
            "peak_mib": peak_mib(device),
        }
        del small, tracker
    for label, peer in peers.items():
        on_stage(f"{label}: {len(images)} frames")
        try:
            result["peers"][label] = _told(timed_peer(peer, images, box))
        except (InputError, RuntimeError) as error:
            result["peers"][label] = {"failed": str(error)}

    on_stage("baseline: crops, features, scores and iterations")
    plainly = [*trackers.values()][-1]
    baseline = measure_baseline(plainly, backbone, device, seed, images[0], box, repeats)
    result["baseline"] = {
        "frame_ms": baseline.frame_ms,
        "phases": baseline.phases,
        "composed": baseline.composed,
    }
    for one in (*timed.values(), *result["peers"].values()):
        if "frame_ms" in one:
            one["times_faster"] = baseline.frame_ms / one["frame_ms"]
    on_stage("the machine: convolution, matrix product and copy")
    best = ceilings(load_backbone(backbone, device=device, precision=plainly.precision), repeats)
    result["ceilings"] = best
    for label, config in trackers.items():
        timed[label] |= _limits(config, backbone, device, best, timed[label]["frame_ms"])


def _told(run: TimedRun) -> dict[str, Any]:
    return {**asdict(run), "fps": run.fps}


def _limits(
    config: TrackerConfig,
    backbone: str,
    device: torch.device,
    best: Mapping[str, float],
    frame_ms: float,
) -> dict[str, Any]:
    """Return what the machine allows the tracker at best, and which part of it is reached."""
    found = stages(config, load_backbone(backbone, device=device, precision=config.precision))
    limits = at_best_ms(found, best)
    return {
        "at_best_ms": limits,
        "fraction_of_limit": limits["frame"] / frame_ms,
        "stages": {
            name: {
                "phase": stage.phase,
                "gflop": stage.flops / 1e9,
                "mb": stage.bytes / 1e6,
                "at_best_ms": stage.at_best_ms(best),
                "a_frame": stage.a_frame,
            }
            for name, stage in found.items()
        },
    }


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
