"""What a frame costs to compute, and how fast the machine could compute it at best."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from rltrack.backbones.interface import Backbone, chunks
from rltrack.parallel import each
from rltrack.speed.timing import timed
from rltrack.tracking.config import TrackerConfig

__all__ = ["ceilings", "flops", "frame_samples"]


def frame_samples(config: TrackerConfig) -> int:
    """Return how many crops a frame needs the features of."""
    return config.candidates + config.update_positives + config.update_negatives


def flops(config: TrackerConfig, extractor: Backbone) -> dict[str, float]:
    """Floating-point operations of each phase: two for each multiply-add of backbone and fc4-6.

    What is computed element by element (ReLU, LRN, pooling, the maps' statistics, SGD) is left
    out, and so are cropping, box regression, and the gradients of the fixed weights that
    ``clip_scope="all"`` asks for. With conv = stem + trunk and fc = fc4 + fc5 + fc6, the
    multiply-adds of one sample, and B samples in a batch of which M were looked through::

        features    samples * conv,
        score       candidates * fc,
        iteration   M fc                             mining
                    + B (3 fc - fc4)                 cross-entropy: forward; backward to the
                                                     weights, and to what fc5 and fc6 are given
                    + B (conv + fc)                  maps: forward, once for both classes
                    + 2 B (trunk + fc)               A_c = J^T u_c and u_c itself, each class
                    + 2 B (trunk + 2 fc - fc6)       J times the gradient of A_c; fc4-6's
                                                     part in u_c backward, as above but fc6.

    The last three rows are there if lambda > 0, the last one if also ``second_order``. Maps at
    the input add the stem to both J's; maps at the features need no convolution.

    Args:
        config: how many samples, how many iterations, where the maps live.
        extractor: whose layers are counted.

    Returns:
        "features" and "score" of a frame, "iteration", "first_fit", and "frame", which is a frame
        after the first with its share of an update.
    """
    conv, trunk = sum(extractor.multiply_adds), extractor.multiply_adds.trunk
    fc4, fc5, fc6 = math.prod(extractor.feature_shape) * 512, 512 * 512, 512 * 2
    fc = fc4 + fc5 + fc6
    back = {"conv3": 0, "conv1": trunk, "input": conv}[config.map_at]
    forward = 0 if config.map_at == "conv3" else conv
    batch = config.batch_positives + config.batch_negatives
    iteration = config.scored_negatives * fc + batch * (3 * fc - fc4)
    if config.attention_weight > 0:
        iteration += batch * (forward + fc + 2 * (back + fc))
        if config.second_order:
            iteration += 2 * batch * (back + 2 * fc - fc6)
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


def ceilings(extractor: Backbone, repeats: int = 3) -> dict[str, float]:
    """Measure the best that this machine does at the operations of tracking, with all its threads.

    Args:
        extractor: the backbone whose heaviest layer is run, on several batch sizes, each at once
            and in the tracker's parts.
        repeats: how often each is run. The best time counts.

    Returns:
        "convolution_gflops" and "matrix_gflops" (a square product in float32), in 1e9 FLOP/s, and
        "copy_gb_per_s", memory read and written, in 1e9 bytes/s.
    """
    layer, shape, multiply_adds = extractor.heaviest()
    device, dtype = next(layer.parameters()).device, extractor.dtype
    cpu = device.type == "cpu"

    def best(work: Callable[[], object]) -> float:
        return min(timed(work, repeats, device))

    def rate(crops: int) -> float:
        x = torch.randn(crops, *shape, device=device, dtype=dtype).contiguous(
            memory_format=torch.channels_last
        )

        @torch.no_grad()
        def convolve(part: slice) -> Tensor:
            y: Tensor = layer(x[part])
            return y

        whole = best(lambda: convolve(slice(None)))
        parts = best(lambda: each(convolve, chunks(crops, device), device))
        return 2 * crops * multiply_adds / min(whole, parts)

    side = 2048 if cpu else 8192
    matrix = torch.randn(side, side, device=device)
    there = torch.zeros(2**26, device=device)  # 256 MiB, more than caches hold
    here = torch.empty_like(there)
    return {
        "convolution_gflops": max(map(rate, (16, 64) if cpu else (64, 256, 1024))) / 1e9,
        "matrix_gflops": 2 * side**3 / best(lambda: matrix @ matrix) / 1e9,
        "copy_gb_per_s": 2 * there.nbytes / best(lambda: here.copy_(there)) / 1e9,
    }
