"""How fast the machine could be at best, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rltrack.backbones.interface import Backbone, chunks
from rltrack.parallel import each
from rltrack.speed.timing import timed

__all__ = ["ceilings"]


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
