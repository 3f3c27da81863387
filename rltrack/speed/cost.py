"""What a frame costs: its operations and its traffic to memory, stage by stage.

The model answers how fast a stage could be at best on a machine whose speeds are known. An
operation cannot take less time than its arithmetic needs, and it cannot take less time than its
data needs to get from memory and back. So it takes at least the longer of the two (the roofline
model). A stage takes at least the sum over its operations, which come one after the other.
:mod:`rltrack.speed.ceilings` measures the speeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from rltrack.backbones.interface import Backbone, chunks
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.region import Region, asked_in_a_frame

__all__ = ["Operation", "Stage", "at_best_ms", "flops", "frame_samples", "stages"]


class Operation(NamedTuple):
    """One layer, or another step that reads its input once and writes its output once."""

    flops: float
    """Floating-point operations. A multiplication with an addition counts as two."""
    bytes: float
    """What is read from memory and written to it, at the least."""


@dataclass(frozen=True)
class Stage:
    """One part of the work of a frame."""

    phase: str
    """The phase of the tracker whose measured time it is a part of: "features" and "score" of every
    frame, "iteration" of every gradient step.
    """
    operations: tuple[Operation, ...]
    """The operations of one frame, or of one gradient step."""
    a_frame: float = 1.0
    """How often the stage comes in a frame, on the average."""

    @property
    def flops(self) -> float:
        """The floating-point operations, all together."""
        return sum(operation.flops for operation in self.operations)

    @property
    def bytes(self) -> float:
        """The bytes to and from memory, all together."""
        return sum(operation.bytes for operation in self.operations)

    def at_best_ms(self, ceilings: Mapping[str, float]) -> float:
        """Return the milliseconds that the stage takes at least.

        Args:
            ceilings: the machine's speeds, as `rltrack.speed.ceilings.ceilings` returns them.
        """
        flops_per_s = 1e9 * max(ceilings["convolution_gflops"], ceilings["matrix_gflops"])
        bytes_per_s = 1e9 * ceilings["copy_gb_per_s"]
        return 1000 * sum(max(a / flops_per_s, b / bytes_per_s) for a, b in self.operations)


def frame_samples(config: TrackerConfig) -> int:
    """Return the number of samples whose features are computed in a frame."""
    return config.candidates + config.update_positives + config.update_negatives


def stages(config: TrackerConfig, extractor: Backbone) -> dict[str, Stage]:
    """Count the operations and the bytes of each stage.

    Convolutions are counted as they run, once, on a few crops, or on the region of a square target.
    Everything else follows from the configuration. Operations on single elements (ReLU, LRN,
    pooling, dropout, the maps' statistics) are not counted. They can be a part of the layer before
    them, which has the numbers at hand. Cropping, box regression, and the gradients of the fixed
    weights that ``clip_scope="all"`` asks for are not counted either.

    Let fc = fc4 + fc5 + fc6 be the weights of these layers, which are also the multiply-adds of one
    sample, and D the length of a sample's features. Let B be the number of samples in a mini-batch,
    and M the number of negatives that are scored to find the hard ones. Bytes are given in numbers,
    of 4 bytes each in float32.

    ============= =============================== ==========================================
    stage         multiply-adds                   numbers read and written
    ============= =============================== ==========================================
    convolutions  of all samples' crops, or of    of each layer: input, weights and output
                  one region
    interpolation samples 4 D                     the map, and samples D
    score         candidates fc                   fc, and candidates D
    mining        M fc                            fc, and M D
    training      B (3 fc - fc4)                  3 fc - fc4, and B D
    attention     B (conv + fc)                   of each layer as for crops, and fc
                  + 2 B (trunk + fc)
                  + 2 B (trunk + 2 fc - fc6)
    descent       3 fc                            6 fc
    ============= =============================== ==========================================

    *Training* is the cross-entropy: forward; backward to the weights, and to the inputs of fc5 and
    fc6. *Attention* is there if lambda > 0. Its rows are the forward pass, once for both classes;
    the maps of both classes, u_c and A_c = J^T u_c; and, if ``second_order`` is True, J times the
    gradient of A_c, then backward through u_c to fc4-6. If the maps are at the input, J and J^T
    contain the stem too. If the maps are at the features, these rows contain no convolution.
    *Descent* is the step of SGD with momentum: the gradient is read for its norm, and again
    together with weight and velocity, and these two are written.

    Args:
        config: the numbers of samples and iterations, and the place of the maps.
        extractor: the backbone whose layers are counted.

    Returns:
        The stages by name, in the order in which they come.
    """
    length, units, size = math.prod(extractor.feature_shape), config.hidden_units, _size(extractor)
    fc4, fc6 = length * units, units * 2
    fc = fc4 + units * units + fc6
    samples, scored = frame_samples(config), config.scored_negatives
    batch = config.batch_positives + config.batch_negatives
    found: dict[str, Stage] = {}
    if config.features_from == "region":
        convolutions, cells = _region(config, extractor)
        numbers = extractor.feature_shape[0] * cells**2 + samples * length
        found["convolutions"] = Stage("features", convolutions)
        found["interpolation"] = Stage(
            "features", (Operation(8.0 * samples * length, size * numbers),)
        )
    else:
        stem, trunk = _layers(extractor)
        found["convolutions"] = Stage("features", _times(samples, (*stem, *trunk)))
    read = size * (fc + config.candidates * length)
    found["score"] = Stage("score", (Operation(2.0 * config.candidates * fc, read),))

    updates = config.update_iterations / config.update_interval
    steps = {
        "mining": (Operation(2.0 * scored * fc, size * (fc + scored * length)),),
        "training": (
            Operation(2.0 * batch * (3 * fc - fc4), size * (3 * fc - fc4 + batch * length)),
        ),
        "attention": _attention(config, extractor, fc, fc6),
        "descent": (Operation(6.0 * fc, size * 6.0 * fc),),
    }
    for name, operations in steps.items():
        if operations:
            found[name] = Stage("iteration", operations, updates)
    return found


def at_best_ms(found: Mapping[str, Stage], ceilings: Mapping[str, float]) -> dict[str, float]:
    """Return the milliseconds that each phase takes at least, and a "frame".

    Args:
        found: the stages.
        ceilings: the machine's speeds, as `rltrack.speed.ceilings.ceilings` returns them.

    Returns:
        The milliseconds of each phase, by name. They are "features" and "score" in each frame, and
        "iteration" of one gradient step. "frame" is a frame with its share of an update.
    """
    best: dict[str, float] = {}
    for stage in found.values():
        best[stage.phase] = best.get(stage.phase, 0.0) + stage.at_best_ms(ceilings)
    best["frame"] = sum(stage.a_frame * stage.at_best_ms(ceilings) for stage in found.values())
    return best


def flops(config: TrackerConfig, extractor: Backbone) -> dict[str, float]:
    """Count the floating-point operations of each phase, as :func:`stages` counts them.

    The interpolation and the descent are left out here. Their time is that of the memory.

    Args:
        config: the numbers of samples and iterations, and the place of the maps.
        extractor: the backbone whose layers are counted.

    Returns:
        The operations by name. "features" and "score" are those of a frame, "iteration" those of
        one iteration, and "frame" those of a frame with its share of an update.
    """
    found = stages(config, extractor)
    found = {name: one for name, one in found.items() if name not in ("interpolation", "descent")}

    def of(phase: str) -> float:
        return sum(stage.flops for stage in found.values() if stage.phase == phase)

    return {
        "features": of("features"),
        "score": of("score"),
        "iteration": of("iteration"),
        "frame": sum(stage.a_frame * stage.flops for stage in found.values()),
    }


def _attention(
    config: TrackerConfig, extractor: Backbone, fc: int, fc6: int
) -> tuple[Operation, ...]:
    """Count the attention maps of both classes and their gradient, for one mini-batch."""
    if config.attention_weight == 0:
        return ()
    batch, size = config.batch_positives + config.batch_negatives, _size(extractor)
    stem, trunk = ((), ()) if config.map_at == "conv3" else _layers(extractor)
    back = (*stem, *trunk) if config.map_at == "input" else trunk
    fc_products = [Operation(2.0 * batch * fc, size * fc)] * 3
    passes = (*stem, *trunk, *back, *back)
    if config.second_order:
        fc_products += [Operation(2.0 * batch * (2 * fc - fc6), size * 2.0 * fc)] * 2
        passes += (*back, *back)
    return (*_times(batch, passes), *fc_products)


def _times(samples: float, layers: Iterable[Operation]) -> tuple[Operation, ...]:
    """Return the layers' operations on ``samples`` crops, from those on one crop."""
    return tuple(Operation(samples * a, samples * b) for a, b in layers)


def _layers(extractor: Backbone) -> tuple[tuple[Operation, ...], tuple[Operation, ...]]:
    """Count the convolutions of the stem and of the trunk, for one crop of a usual batch."""
    device, side = _device(extractor), extractor.crop.size
    n = chunks(10**6, device)[0].stop
    crops = torch.zeros(n, 3, side, side, dtype=torch.uint8, device=device)
    with torch.no_grad():
        stem, z = _counted(lambda: extractor.stem(extractor.pixels(crops)))
        trunk, _ = _counted(lambda: extractor.trunk(z))
    return _times(1 / n, stem), _times(1 / n, trunk)


def _region(config: TrackerConfig, extractor: Backbone) -> tuple[tuple[Operation, ...], int]:
    """Count the convolutions of a square target's region, and the cells in a row of its map."""
    asked = asked_in_a_frame(config, extractor, config.search_translation)
    image = torch.zeros(3, 64, 64, dtype=torch.uint8, device=_device(extractor))
    box = torch.tensor([16.0, 16.0, 32.0, 32.0], device=image.device, dtype=torch.float32)
    with _Counter() as counter:
        region = Region(extractor, image, box, asked)
    return tuple(counter.operations), len(region.map_cells())


def _counted(work: Callable[[], Tensor]) -> tuple[list[Operation], Tensor]:
    """Run ``work``, and return the convolutions and matrix products in it, and its result."""
    with _Counter() as counter:
        result = work()
    return counter.operations, result


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts every operation of this thread of which PyTorch knows the number of FLOPs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func._overloadpacket):
            tensors = [x for x in (*args, out) if isinstance(x, Tensor)]
            moved = sum(x.numel() * x.element_size() for x in tensors)
            self.operations.append(
                Operation(count(*args, **(kwargs or {}), out_val=out), float(moved))
            )
        return out


def _device(extractor: Backbone) -> torch.device:
    return next(extractor.parameters()).device


def _size(extractor: Backbone) -> int:
    """Return the bytes of a number outside the convolutions."""
    return extractor.dtype.itemsize
