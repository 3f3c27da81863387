"""What is measured on a GPU: how near it is to a CPU, how fast it is, and what it waits for.

``data_scripts/measure_gpu.py`` runs these parts one by one and keeps the result of each.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor
from torch.profiler import ProfilerActivity, profile

from rltrack.backbones.registry import load_backbone
from rltrack.demo_film.film import synthetic
from rltrack.evaluation.metrics import evaluate
from rltrack.speed.bench import measure
from rltrack.speed.timing import finish
from rltrack.tracking import sampling
from rltrack.tracking.attention import attention_maps
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.crops import crops
from rltrack.tracking.memory import Samples
from rltrack.tracking.region import Region
from rltrack.tracking.tracker import Tracker
from rltrack.tracking.training import fit, gradient_at, optimizer

__all__ = ["agreement", "calls", "film", "speed", "stages"]

_WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
"""CUDA's calls in which the CPU waits for the GPU."""


def agreement(
    device: str,
    config: TrackerConfig,
    backbone: str = "embedded",
    dtype: torch.dtype = torch.float32,
    boxes: int = 32,
) -> dict[str, float]:
    """Compare each stage of a frame with the same stage on the CPU in float64.

    Random numbers differ between devices, so two whole runs cannot be compared number by number.
    Here both devices get the same boxes and the same classifier, and dropout is off. Features are
    those of crops that a CPU has cut, so a difference in the crops has no effect on other stages.

    Args:
        device: the name of the device.
        config: a configuration with attention.
        backbone: a name in `rltrack.backbones.registry.BACKBONES`.
        dtype: the type of the computation on ``device``.
        boxes: how many boxes are compared.

    Returns:
        For each stage, the largest difference, divided by the largest value on the CPU. Crops are
        uint8, and their difference is in grey levels.
    """
    ours = stages(torch.device(device), config, backbone, dtype, boxes)
    oracle = stages(torch.device("cpu"), config, backbone, torch.float64, boxes)
    return {name: _difference(name, ours[name], oracle[name]) for name in oracle}


def _difference(name: str, ours: Tensor, oracle: Tensor) -> float:
    ours, oracle = ours.detach().cpu().double(), oracle.detach().double()
    largest = 1.0 if name == "crops" else float(oracle.abs().max().clamp(min=1e-30))
    return float((ours - oracle).abs().max()) / largest


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
    ).to(device, dtype)
    image = torch.from_numpy(film[0]).to(device).permute(2, 0, 1)
    net = load_backbone(backbone, device=device, dtype=dtype, precision=config.precision)
    classifier = Classifier(net.feature_shape, cpu, dropout=0.0, dtype=torch.float64)
    classifier.to(device, dtype)
    given = crops(image.cpu(), around.cpu(), net.crop).to(device)
    samples = Samples(net.features(given), given)
    half = samples.take(slice(boxes // 2)), samples.take(slice(boxes // 2, None))
    maps = attention_maps(gradient_at(classifier, net, samples, config), config).target
    scores = classifier(samples.features)
    region = Region(net, image, target.to(device, dtype)).features(around)
    # Without dropout and with all samples in each step, nothing depends on random numbers.
    whole = _whole_batches(config, boxes)
    steps = Generator(device).manual_seed(0)
    learner = classifier, net, optimizer(classifier, whole.first_learning_rate, whole)
    fit(*learner, *half, 3, whole, steps)
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
    source = synthetic(frames)

    def overlap(where: str, seed: int) -> float:
        tracker = Tracker(config, device=where, seed=seed)
        images = iter(source)
        boxes = [tracker.init(next(images), source.ground_truth[0].tolist()).box]
        boxes += [tracker.update(image).box for image in images]
        return evaluate(np.array(boxes), source.ground_truth).os

    return {where: [overlap(where, seed) for seed in range(seeds)] for where in ("cpu", device)}


def speed(device: str, config: TrackerConfig) -> dict[str, Any]:
    """Time the tracker on the film, beside the plain program: `rltrack.speed.bench.measure`."""
    return measure(config=config, realtime=None, device=device)


def calls(device: str, config: TrackerConfig, frames: int = 11) -> dict[str, float]:
    """Count what a frame asks of a GPU, on the average over ``frames - 1`` frames of the film.

    ``launches`` are the kernels that are started, ``waits`` the calls in which the CPU waits for
    the GPU, and ``copies`` the transfers of memory that the CPU asks for. ``device_ms`` is the sum
    of the kernels' times in milliseconds.

    Returns:
        The four averages by their names. All are 0 on a CPU.
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
    events = run.key_averages()
    counts = Counter({event.key: event.count for event in events})
    ours = frames - 1
    return {
        "launches": sum(counts[name] for name in counts if name.startswith("cudaLaunch")) / ours,
        "waits": sum(counts[name] for name in _WAITS) / ours,
        "copies": sum(counts[name] for name in counts if name.startswith("cudaMemcpy")) / ours,
        "device_ms": sum(event.self_device_time_total for event in events) / 1000 / ours,
    }
