"""How long a frame takes, where the time goes, and what the machine could do: all in one run.

Three trackers are timed. The *baseline* is the arithmetic as one would first write it
(:mod:`rltrack.reference`); the *faithful* tracker does the same, faster; the preset ``realtime``
also does less. A frame's time means the same for all: of T frames (``update_interval``) one ends
with an update and T - 1 do not, and

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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from rltrack import __version__, reference, sampling
from rltrack.backbones import load_backbone
from rltrack.config import TrackerConfig, preset
from rltrack.cost import ceilings, finish, flops, frame_samples, timed
from rltrack.errors import InputError
from rltrack.film import synthetic
from rltrack.fitting import hard_negatives
from rltrack.machine import machine
from rltrack.memory import Samples
from rltrack.network import Classifier
from rltrack.reference import ReferenceExtractor, iteration
from rltrack.tracker import Tracker, checked_seed, pick_device
from rltrack.video import FrameSource, open_source

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["measure", "tables"]

Image = NDArray[np.uint8]
Times = dict[str, float]

FRAMES = 21
"""With an update every 10 frames: two."""
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
    """Time the three trackers over the same frames, and the machine.

    Args:
        source: what `rltrack.open_source` takes, with ground truth; None for the bundled film.
        config: of the faithful tracker and the baseline, or a preset's name.
        realtime: likewise, of the third tracker; None leaves it out.
        backbone: a name of `rltrack.backbones.BACKBONES`.
        device: see `rltrack.tracker.pick_device`.
        seed: of all randomness.
        frames: how many to track, the first included; more than ``update_interval``.
        repeats: of each timed part of the baseline and of the machine.
        on_stage: told what is timed next, in words.

    Returns:
        What the JSON file holds. Times "..._ms" are per frame as said above; "..._ratio" is how
        many times faster than the baseline; "first_fit_s" the faithful tracker's first frame;
        "fraction_of_ceiling" the faithful frame's FLOPs, in its time, against the better of the
        machine's convolution and matrix product, None where its convolutions are not per crop;
        "peak_mib" the most memory held until the faithful tracker was done, of the process, or on
        a GPU of tensors; "phases" the median, the interquartile range (both in milliseconds)
        and the number n of what was timed, once a frame, batch or iteration.

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
    baseline = _baseline(config, backbone, where, seed, images[0], box, repeats)
    on_stage("the machine")
    best = ceilings(load_backbone(backbone, device=where, precision=config.precision), repeats)

    counted = flops(config) if config.features_from == "crops" else None
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
            "source": {"decode": _spread(decode)},
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


# --- The trackers -------------------------------------------------------------------------------


class _Tracked(NamedTuple):
    frame_ms: float
    first_fit_s: float
    found: int
    """Frames after the first in which the target was found."""
    phases: dict[str, Times]


class _Composed(NamedTuple):
    frame_ms: float
    phases: dict[str, Times]
    composed: dict[str, Any]


def _read(source: Any, frames: int) -> tuple[str, list[Image], list[float], list[float]]:
    """Name, readable images, the first one's true box, and the seconds each image took."""
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
        frame_ms=_frame_ms(usual, float(np.median(updating)), config),
        first_fit_s=first,
        found=found,
        phases={name: _spread(seconds) for name, seconds in phases.items() if any(seconds)},
    )


def _frame_ms(without: float, with_update: float, config: TrackerConfig) -> float:
    """Milliseconds a frame, of seconds; see the module."""
    interval = config.update_interval
    return 1000 * ((interval - 1) * without + with_update) / interval


def _smaller(config: TrackerConfig) -> TrackerConfig:
    """A run that touches all there is to load and compile, and ends soon."""
    return replace(
        config,
        first_iterations=1,
        first_positives=min(64, config.first_positives),
        first_negatives=min(64, config.first_negatives),
        regression_samples=min(64, config.regression_samples),
        update_iterations=1,
        update_interval=1,
    )


def _baseline(
    config: TrackerConfig,
    backbone: str,
    device: torch.device,
    seed: int,
    image: Image,
    box: Sequence[float],
    repeats: int,
) -> _Composed:
    """Time the plain features of the candidates, and iterations on some of them."""
    extractor = ReferenceExtractor.of(load_backbone(backbone, device=device))
    extractor.place(device, torch.float32, config.precision)
    generator = Generator(device).manual_seed(seed)
    classifier = Classifier(
        generator,
        attentive_features=config.variant == "attentive-features",
        dropout=config.dropout,
        device=device,
    )
    boxes = sampling.gaussian(
        torch.tensor(box, device=device, dtype=torch.float32),
        max(config.candidates, config.batch_positives),
        torch.tensor(image.shape[1::-1], device=device, dtype=torch.float32),
        translation=config.search_translation,
        scale=config.search_scale,
        generator=generator,
    )
    pixels = reference.crops(image, boxes)
    drawn = Samples(extractor.features(pixels), pixels)
    mined = torch.arange(config.scored_negatives, device=device) % len(pixels)
    positives, pool = drawn.take(slice(config.batch_positives)), drawn.take(mined)

    def iterate(scope: Literal["fc", "all"]) -> Callable[[], object]:
        counted = replace(config, clip_scope=scope)

        def step() -> None:
            hard = hard_negatives(classifier, pool.features, config.batch_negatives)
            iteration(extractor, classifier, positives, pool.take(hard), counted, generator)

        return step

    share = frame_samples(config) / len(pixels)
    batches = timed(lambda: extractor.features(pixels), repeats, device)
    features = _spread([share * seconds for seconds in batches])
    cut = timed(lambda: reference.crops(image, boxes), repeats, device)
    crop = _spread([share * seconds for seconds in cut])

    @torch.no_grad()
    def scored() -> None:
        classifier(drawn.features[: config.candidates])

    score = _spread(timed(scored, repeats, device))
    without = _spread(timed(iterate("fc"), repeats, device))
    iterations = _spread(timed(iterate("all"), repeats, device))

    def frame_ms(one: Times) -> float:
        usual = sum(part["median_ms"] for part in (crop, features, score)) / 1000
        updating = usual + config.update_iterations * one["median_ms"] / 1000
        return _frame_ms(usual, updating, config)

    return _Composed(
        frame_ms=frame_ms(iterations),
        phases={"crop": crop, "features": features, "score": score, "iteration": iterations},
        composed={
            "how": "crop_ms + features_ms + score_ms + iteration_ms * iterations_a_frame",
            "crop_ms": crop["median_ms"],
            "features_ms": features["median_ms"],
            "score_ms": score["median_ms"],
            "crops_a_frame": frame_samples(config),
            "crops_timed": len(pixels),
            "iteration_ms": iterations["median_ms"],
            "without_fixed_gradients_ms": frame_ms(without),
            "iterations_a_frame": config.update_iterations / config.update_interval,
        },
    )


def _spread(seconds: Sequence[float]) -> Times:
    low, middle, high = (1000 * np.percentile(seconds, (25, 50, 75))).tolist()
    return {"median_ms": middle, "iqr_ms": high - low, "n": len(seconds)}


def _peak_mib(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


# --- What is shown and kept ---------------------------------------------------------------------


def tables(result: dict[str, Any]) -> list[Table]:
    """The result of :func:`measure`, for people."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    def table(title: str, *columns: str) -> Table:
        made = Table(
            title=title,
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            show_header=any(columns),
        )
        for index, column in enumerate(columns):
            made.add_column(column, justify="right" if index else "left")
        return made

    def number(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    frame = table(
        f"{result['source']}, {result['frames']} frames: preset {result['preset']}, lambda "
        f"{result['attention_weight']:g}, {result['device']}, {result['threads']} threads",
        "a frame", "ms", "FPS", "times faster", "first frame, s",
    )  # fmt: skip
    firsts = None, result["first_fit_s"], result["realtime_first_fit_s"]
    ratios = 1.0, result["faithful_ratio"], result["realtime_ratio"]
    for name, ratio, first in zip(TRACKERS, ratios, firsts, strict=True):
        ms = result[f"{name}_ms"]
        frame.add_row(
            f"{name} (composed)" if name == "baseline" else name,
            number(ms, ".1f"),
            number(ms and 1000 / ms, ".2f"),
            number(ratio, ".2f"),
            number(first, ".1f"),
        )

    frame.caption = (
        "the baseline without the fixed layers' gradients: "
        f"{result['composed']['without_fixed_gradients_ms']:.1f} ms"
    )
    frame.caption_justify = "left"

    times = result["phases"]
    phase = table("median ms and interquartile range", "phase", *TRACKERS)

    def cell(spread: Times | None) -> str:
        return "-" if spread is None else f"{spread['median_ms']:.1f} ({spread['iqr_ms']:.1f})"

    phase.add_row("decode", *[cell(times["source"]["decode"])] * len(TRACKERS))
    for name in PHASES:
        phase.add_row(name, *(cell((times[who] or {}).get(name)) for who in TRACKERS))

    machine = table("the machine, and the faithful tracker", "", "")
    best, counted = result["ceilings"], result["flops"]
    rows = [
        ("best convolution", f"{best['convolution_gflops']:.0f} GFLOP/s"),
        ("best matrix product", f"{best['matrix_gflops']:.0f} GFLOP/s"),
        ("copy", f"{best['copy_gb_per_s']:.1f} GB/s"),
    ]
    if counted is not None:
        rows += [
            ("a frame", f"{counted['frame'] / 1e9:.1f} GFLOP"),
            ("fraction of the ceiling", f"{result['fraction_of_ceiling']:.2f}"),
        ]
    rows.append(("peak memory", f"{number(result['peak_mib'], '.0f')} MiB"))
    for row in rows:
        machine.add_row(*row)
    return [frame, phase, machine]
