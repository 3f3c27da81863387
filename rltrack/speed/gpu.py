"""What is measured on a GPU: how near it is to a CPU, how fast it is, and what it waits for.

``data_scripts/measure_gpu.py`` runs these parts one by one and keeps the result of each.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.profiler import ProfilerActivity, profile

from rltrack.backbones.registry import load_backbone
from rltrack.demo_film.film import synthetic
from rltrack.evaluation.metrics import evaluate
from rltrack.speed.bench import measure
from rltrack.speed.timing import finish
from rltrack.tracking import sampling
from rltrack.tracking.attention import attention_maps
from rltrack.tracking.boxes import iou
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.crops import crops
from rltrack.tracking.memory import Samples
from rltrack.tracking.region import Region
from rltrack.tracking.tracker import Tracker
from rltrack.tracking.training import fit, gradient_at, optimizer
from rltrack.video.run import track

__all__ = ["agreement", "calls", "film", "same_boxes", "speed", "stages"]

_WAITS = ("cudaStreamSynchronize", "cudaEventSynchronize")
"""CUDA's calls in which a tracker waits for the GPU. The profiler waits for the whole device."""

_LONGEST = 12
"""How many kernels `calls` names."""


def agreement(
    device: str,
    config: TrackerConfig,
    backbone: str = "embedded",
    dtype: torch.dtype = torch.float32,
    boxes: int = 8,
) -> dict[str, float]:
    """Compare each stage of a frame with the same stage on the CPU in float64.

    Both get the same boxes and the same classifier, and dropout, whose random numbers differ
    between devices, is off. Features are those of crops that a CPU has cut, so a difference in the
    crops has no effect on other stages.

    Args:
        device: the name of the device.
        config: a configuration with attention.
        backbone: a name in `rltrack.backbones.registry.BACKBONES`.
        dtype: the type of the computation on ``device``. ``config.precision`` is that of its
            convolutions.
        boxes: how many boxes are compared. A CPU takes seconds for each in float64.

    Returns:
        For each stage, the length of the difference, divided by the length of what the CPU
        computed. Of the crops, it is the largest difference in grey levels. Maps differ the most:
        where a rounded activation lies on the other side of a bend of ReLU6, a derivative is on or
        off, and not a little larger or smaller.
    """
    ours = stages(torch.device(device), config, backbone, dtype, boxes)
    oracle = _oracle(replace(config, precision="float32"), backbone, boxes)
    return {name: _difference(name, ours[name], oracle[name]) for name in oracle}


@lru_cache(maxsize=4)
def _oracle(config: TrackerConfig, backbone: str, boxes: int) -> dict[str, Tensor]:
    """Compute the stages on the CPU in float64, once for all that are compared with them."""
    return stages(torch.device("cpu"), config, backbone, torch.float64, boxes)


def _difference(name: str, ours: Tensor, oracle: Tensor) -> float:
    ours, oracle = ours.detach().cpu().double(), oracle.detach().double()
    if name == "crops":
        return float((ours - oracle).abs().max())
    return float((ours - oracle).norm() / oracle.norm().clamp(min=1e-30))


def stages(
    device: torch.device, config: TrackerConfig, backbone: str, dtype: torch.dtype, boxes: int
) -> dict[str, Tensor]:
    """Return what each stage computes from the first frame of the film, from fixed boxes.

    Returns:
        "crops" (N, 3, S, S), "features" (N, C k k), "region" (N, C k k), "scores" (N, 2), "maps"
        (N, H, W), and "weights", those of the first layer after three gradient steps.
    """
    film = synthetic(1)
    cpu = Generator().manual_seed(0)
    target = torch.from_numpy(film.ground_truth[0]).double()
    height, width = film[0].shape[:2]
    around = sampling.gaussian(
        target,
        boxes,
        torch.tensor([width, height], dtype=torch.float64),
        translation=0.3,
        scale=1.2,
        generator=cpu,
    ).to(dtype)
    image = torch.from_numpy(film[0]).to(device).permute(2, 0, 1)
    net = load_backbone(backbone, device=device, dtype=dtype, precision=config.precision)
    classifier = Classifier(net.feature_shape, cpu, dropout=0.0, dtype=torch.float64)
    classifier.to(device, dtype)
    given = crops(image.cpu(), around, net.crop).to(device)
    samples = Samples(net.features(given), given)
    half = samples.take(slice(boxes // 2)), samples.take(slice(boxes // 2, None))
    maps = attention_maps(gradient_at(classifier, net, samples, config), config).target
    scores = classifier(samples.features)
    region = Region(net, image, target.to(dtype)).features(around)
    # Without dropout, and with all samples in each step.
    whole = _whole_batches(config, boxes)
    learner = classifier, net, optimizer(classifier, whole.first_learning_rate, whole)
    fit(*learner, *half, 3, whole, cpu)
    return {
        "crops": crops(image, around, net.crop),
        "features": samples.features,
        "region": region,
        "scores": scores,
        "maps": maps,
        "weights": classifier.fc4.weight,
    }


def _whole_batches(config: TrackerConfig, boxes: int) -> TrackerConfig:
    half = boxes // 2
    return replace(
        config,
        dropout=0.0,
        batch_positives=half,
        batch_negatives=boxes - half,
        mined_negatives=boxes - half,
    )


def film(device: str, config: TrackerConfig, frames: int = 60, seeds: int = 3) -> dict[str, Any]:
    """Track the film on the CPU and on the device, and return OS of each seed on each."""
    truth = synthetic(frames).ground_truth
    return {
        where: [evaluate(_followed(where, config, frames, seed), truth).os for seed in range(seeds)]
        for where in ("cpu", device)
    }


def same_boxes(
    device: str, config: TrackerConfig, frames: int = 11, seed: int = 0
) -> dict[str, list[float]]:
    """Track the film on the CPU and on the device, and compare their boxes frame by frame.

    All random numbers but dropout's are the same on all devices. So dropout is off here, and the
    boxes differ by what rounding does: at first hardly at all. When two candidates have almost the
    same score, the devices may choose different ones, and after that learn different samples.

    Returns:
        Of each frame, the IoU of the two boxes ("iou") and the largest difference of their numbers
        in pixels ("pixels").
    """
    config = replace(config, dropout=0.0)
    ours, other = (
        torch.from_numpy(_followed(where, config, frames, seed)) for where in (device, "cpu")
    )
    return {
        "iou": iou(ours, other).tolist(),
        "pixels": (ours - other).abs().amax(1).tolist(),
    }


def _followed(device: str, config: TrackerConfig, frames: int, seed: int) -> NDArray[np.float64]:
    film = synthetic(frames)
    return track(film, film.ground_truth[0], config=config, device=device, seed=seed).boxes


def speed(device: str, config: TrackerConfig) -> dict[str, Any]:
    """Time the tracker on the film, beside the plain program: `rltrack.speed.bench.measure`."""
    return measure(trackers={config.preset: config}, device=device)


def calls(device: str, config: TrackerConfig, frames: int = 11) -> dict[str, Any]:
    """Count what a frame asks of a GPU, on the average over ``frames - 1`` frames of the film.

    ``launches`` are the kernels that run, ``waits`` the calls in which the CPU waits for the GPU,
    and ``copies`` the transfers of memory. ``device_ms`` is the sum of the times of kernels and
    transfers in milliseconds, and ``longest`` has those that take the most, by name, with their
    milliseconds.

    Returns:
        The averages by their names. All are 0 on a CPU, and ``longest`` is empty.
    """
    source = synthetic(frames)
    tracker = Tracker(config, device=device)
    images = list(source)
    tracker.init(images[0], source.ground_truth[0].tolist())
    finish(tracker.device)
    cuda = tracker.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as run:
        for image in images[1:]:
            tracker.update(image)
        finish(tracker.device)
    ours = frames - 1
    counts: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for event in run.key_averages():
        if event.device_type.name == "CUDA" and not getattr(event, "is_user_annotation", False):
            kind = "copies" if event.key.startswith(("Memcpy", "Memset")) else "launches"
            counts[kind] += event.count
            times[event.key] += event.self_device_time_total / 1000 / ours
        elif event.key in _WAITS:
            counts["waits"] += event.count
    return {
        **{name: counts[name] / ours for name in ("launches", "waits", "copies")},
        "device_ms": sum(times.values()),
        "longest": {name[:120]: ms for name, ms in times.most_common(_LONGEST)},
    }
