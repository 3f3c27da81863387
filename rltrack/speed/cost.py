"""The number of operations that a frame takes, and how fast the machine could be at best."""

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
    """Return the number of samples whose features are computed in a frame."""
    return config.candidates + config.update_positives + config.update_negatives


def flops(config: TrackerConfig, extractor: Backbone) -> dict[str, float]:
    """Count the floating-point operations of each phase.

    Each multiply-add of the backbone and of fc4-6 counts as two operations. Operations on single
    elements (ReLU, LRN, pooling, the maps' statistics, SGD) are not counted. Cropping, box
    regression, and the gradients of the fixed weights that ``clip_scope="all"`` asks for are not
    counted either. Let conv = stem + trunk and fc = fc4 + fc5 + fc6 be the multiply-adds of one
    sample. Let B be the number of samples in a mini-batch, and M the number of negatives that are
    scored to find the hard ones. The multiply-adds of the phases are::

        features    samples * conv,
        score       candidates * fc,
        iteration   M fc                             hard negative mining
                    + B (3 fc - fc4)                 cross-entropy: forward; backward to the
                                                     weights, and to the inputs of fc5 and fc6
                    + B (conv + fc)                  maps: forward, once for both classes
                    + 2 B (trunk + fc)               maps of both classes: u_c, and A_c = J^T u_c
                    + 2 B (trunk + 2 fc - fc6)       J times the gradient of A_c; then backward
                                                     through u_c to fc4-6, as above without fc6.

    The last three rows count only if lambda > 0, and the last one only if ``second_order`` is also
    True. If the maps are at the input, J and J^T contain the stem too. If the maps are at the
    features, these rows contain no convolution.

    Args:
        config: the numbers of samples and iterations, and the place of the maps.
        extractor: the backbone whose layers are counted.

    Returns:
        The operations by name. "features" and "score" are those of a frame, "iteration" those of
        one iteration, "first_fit" those of the first frame, and "frame" those of a later frame with
        its share of an update.
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
    """Measure how fast this machine does the operations of tracking at best, with all its threads.

    Args:
        extractor: the backbone. Its heaviest layer is run on batches of several sizes, each batch
            once as a whole and once divided as the tracker divides it.
        repeats: how often each operation is run. The shortest time counts.

    Returns:
        "convolution_gflops" and "matrix_gflops" (a product of square matrices in float32), in
        1e9 FLOP/s, and "copy_gb_per_s", which counts the memory read and the memory written, in
        1e9 bytes/s.
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
    matrix = torch.randn(side, side, device=device, dtype=torch.float32)
    # 256 MiB, more than a cache holds.
    there = torch.zeros(2**26, device=device, dtype=torch.float32)
    here = torch.empty_like(there)
    return {
        "convolution_gflops": max(map(rate, (16, 64) if cpu else (64, 256, 1024))) / 1e9,
        "matrix_gflops": 2 * side**3 / best(lambda: matrix @ matrix) / 1e9,
        "copy_gb_per_s": 2 * there.nbytes / best(lambda: here.copy_(there)) / 1e9,
    }
