"""What a frame costs to compute, and how fast the machine could be at it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from rltrack.config import TrackerConfig
from rltrack.network import FEATURES, SHAPES, FeatureExtractor, chunks
from rltrack.parallel import each

__all__ = ["ceilings", "finish", "flops", "frame_samples", "timed"]


def frame_samples(config: TrackerConfig) -> int:
    """Crops whose features a frame needs."""
    return config.candidates + config.update_positives + config.update_negatives


# Multiply-adds of one crop: places of the output times weights.
_PLACES = {"conv1": 51 * 51, "conv2": 11 * 11, "conv3": 3 * 3}
_CONV = {name: places * math.prod(SHAPES[f"{name}.weight"]) for name, places in _PLACES.items()}
_FC4, _FC5, _FC6 = FEATURES * 512, 512 * 512, 512 * 2


def flops(config: TrackerConfig) -> dict[str, float]:
    """Floating-point operations of each phase: two for each multiply-add of conv1-3 and fc4-6.

    What is computed element by element (ReLU, LRN, pooling, the maps' statistics, SGD) is left
    out, and so are cropping, box regression, and the gradients of the fixed weights that
    ``clip_scope="all"`` asks for. With conv = conv1 + conv2 + conv3 and fc = fc4 + fc5 + fc6, the
    multiply-adds of one sample, and B samples in a batch of which M were looked through::

        features    samples * conv,
        score       candidates * fc,
        iteration   M fc                             mining
                    + B (3 fc - fc4)                 cross-entropy: forward; backward to the
                                                     weights, and to what fc5 and fc6 are given
                    + B (conv + fc)                  maps: forward, once for both classes
                    + 2 B (conv2 + conv3 + fc)       A_c = J^T u_c and u_c itself, each class
                    + 2 B (conv2 + conv3 + 2 fc - fc6)   J times the gradient of A_c; fc4-6's
                                                     part in u_c backward, as above but fc6.

    The last three rows are there if lambda > 0, the last one if also ``second_order``. Maps at
    the input add conv1 to both J's; maps at conv3 need no convolution.

    Returns:
        "features" and "score" of a frame, "iteration", "first_fit", and "frame", which is a frame
        after the first with its share of an update.
    """
    conv, fc = sum(_CONV.values()), _FC4 + _FC5 + _FC6
    back = {"conv3": 0, "conv1": conv - _CONV["conv1"], "input": conv}[config.map_at]
    forward = 0 if config.map_at == "conv3" else conv
    batch = config.batch_positives + config.batch_negatives
    iteration = config.scored_negatives * fc + batch * (3 * fc - _FC4)
    if config.attention_weight > 0:
        iteration += batch * (forward + fc + 2 * (back + fc))
        if config.second_order:
            iteration += 2 * batch * (back + 2 * fc - _FC6)
    features, score = frame_samples(config) * conv, config.candidates * fc
    first = config.regression_samples + config.first_positives + config.first_negatives
    updates = config.update_iterations / config.update_interval
    return {
        "features": 2.0 * features,
        "score": 2.0 * score,
        "iteration": 2.0 * iteration,
        "first_fit": 2.0 * (first * conv + config.first_iterations * iteration),
        "frame": 2.0 * (features + score + updates * iteration),
    }


def ceilings(extractor: FeatureExtractor, repeats: int = 3) -> dict[str, float]:
    """The best this machine does, with all its threads, on what tracking is made of.

    Args:
        extractor: whose conv2, the largest layer, is run: on several batch sizes, each at once
            and in the tracker's parts.
        repeats: of each; the best counts.

    Returns:
        "convolution_gflops" and "matrix_gflops" (a square product in float32), in 1e9 FLOP/s;
        "copy_gb_per_s", memory read and written, in 1e9 bytes/s.
    """
    weight = extractor.conv2.weight
    device, dtype = weight.device, extractor.dtype
    cpu = device.type == "cpu"

    def best(work: Callable[[], object]) -> float:
        return min(timed(work, repeats, device))

    def rate(crops: int) -> float:
        shape = crops, SHAPES["conv2.weight"][1], 25, 25
        x = torch.randn(shape, device=device, dtype=dtype).contiguous(
            memory_format=torch.channels_last
        )

        @torch.no_grad()
        def convolve(part: slice) -> Tensor:
            y: Tensor = extractor.conv2(x[part])
            return y

        whole = best(lambda: convolve(slice(None)))
        parts = best(lambda: each(convolve, chunks(crops, device), device))
        return 2 * crops * _CONV["conv2"] / min(whole, parts)

    side = 2048 if cpu else 8192
    matrix = torch.randn(side, side, device=device)
    there = torch.zeros(2**26, device=device)  # 256 MiB, more than caches hold
    here = torch.empty_like(there)
    return {
        "convolution_gflops": max(map(rate, (16, 64) if cpu else (64, 256, 1024))) / 1e9,
        "matrix_gflops": 2 * side**3 / best(lambda: matrix @ matrix) / 1e9,
        "copy_gb_per_s": 2 * there.nbytes / best(lambda: here.copy_(there)) / 1e9,
    }


def timed(work: Callable[[], object], repeats: int, device: torch.device) -> list[float]:
    """Times of ``work``, after one that is not counted."""
    seconds = []
    for _ in range(repeats + 1):
        finish(device)
        start = time.perf_counter()
        work()
        finish(device)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def finish(device: torch.device) -> None:
    """Wait for what ``device`` was given to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
