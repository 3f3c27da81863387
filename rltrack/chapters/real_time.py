"""Chapter 8: what each step from the plain arithmetic to the tracker's saves, on this machine.

All ways in one list compute the same, and each makes one change to the way before it. Only the last
ones compute less, or with fewer bits, and their names say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Generator, Tensor

from rltrack.backbones.interface import Backbone, chunks
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.backbones.lrn_stage import local_response_norm
from rltrack.backbones.registry import load_vggm
from rltrack.chapters.speed_results import two_digits
from rltrack.demo_film.film import synthetic
from rltrack.plain_text import in_figure
from rltrack.plots.style import (
    ACROSS,
    BLUE,
    GREEN,
    ORANGE,
    PAGE_WIDTH,
    PINK,
    SKY,
    TEXT,
    YELLOW,
    page,
)
from rltrack.speed.reference import ReferenceExtractor, iteration
from rltrack.speed.timing import timed
from rltrack.tracking import crops as cropping
from rltrack.tracking import sampling
from rltrack.tracking.attention import (
    Gradient,
    at_features,
    attention_maps,
    double_backward,
    reciprocative_loss,
    through_jacobian,
)
from rltrack.tracking.boxes import center
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.inputs import pick_device
from rltrack.tracking.memory import Samples
from rltrack.tracking.presets import preset
from rltrack.tracking.region import Region

__all__ = [
    "Speedup",
    "crop_speedups",
    "feature_speedups",
    "frame_times",
    "iteration_speedups",
    "region_map",
    "speedup_bars",
]


class Speedup(NamedTuple):
    """One way to compute something."""

    name: str
    milliseconds: float
    """The fastest of a few."""
    times_faster: float
    """Than the first rung."""


def crop_speedups(n: int = 256, *, device: str = "auto", repeats: int = 3) -> list[Speedup]:
    """``n`` crops of one frame."""
    frame, boxes = _scene(n, pick_device(device))
    extents = cropping.crop_extents(boxes)
    ways = {"two matrix products": lambda: cropping.by_products(frame, extents)}
    if frame.device.type == "cpu":
        ways["two short loops"] = lambda: cropping.by_loops(frame, extents)
    return _climbed(ways, frame.device, repeats)


def feature_speedups(n: int = 64, *, device: str = "auto", repeats: int = 3) -> list[Speedup]:
    """conv3 features of ``n`` crops."""
    frame, boxes = _scene(n, pick_device(device))
    where = frame.device
    net = load_vggm(device=where)
    narrow = load_vggm(device=where, precision="bfloat16")
    plain = ReferenceExtractor.of(net)
    pixels = cropping.crops(frame, boxes)

    @torch.no_grad()
    def by_tensors() -> None:
        for part in chunks(n, where):
            x = net.stem(net.pixels(pixels[part]))
            x = net.conv2(F.max_pool2d(local_response_norm(F.relu(x)), 3, 2))
            F.relu(net.conv3(F.max_pool2d(local_response_norm(F.relu(x)), 3, 2)))

    @torch.no_grad()
    def fused() -> None:
        for part in chunks(n, where):
            net(net.pixels(pixels[part]))

    ways: dict[str, Callable[[], object]] = {
        "PyTorch's layers": lambda: plain.features(pixels),
        "channels last, LRN as shifted sums": by_tensors,
    }
    if where.type == "cpu":
        ways["ReLU, LRN and pooling in one loop"] = fused
        ways["parts side by side on threads"] = lambda: net.features(pixels)
    ways["bfloat16 convolutions"] = lambda: narrow.features(pixels)
    ways["one map for all (interpolated)"] = lambda: Region(net, frame, boxes[0]).features(boxes)
    return _climbed(ways, where, repeats)


def iteration_speedups(n: int = 16, *, device: str = "auto", repeats: int = 3) -> list[Speedup]:
    """The gradient of Eq. 5 at ``n`` targets and ``n`` background samples."""
    frame, boxes = _scene(2 * n, pick_device(device))
    where, config = frame.device, preset("paper")
    net = load_vggm(device=where)
    narrow = load_vggm(device=where, precision="bfloat16")
    library = load_vggm(device=where)
    for convolution in (library.conv1, library.conv2, library.conv3):
        setattr(convolution, "transpose_product", convolution.by_library)  # noqa: B010
    plain = ReferenceExtractor.of(net)
    classifier = Classifier(net.feature_shape, Generator(where).manual_seed(0), device=where)
    pixels = cropping.crops(frame, boxes)
    samples = Samples(net.features(pixels), pixels)
    positives, negatives = samples.take(slice(n)), samples.take(slice(n, None))
    parameters = list(classifier.parameters())

    def descend(gradient: Callable[[], Gradient]) -> Callable[[], object]:
        def step() -> None:
            maps = attention_maps(gradient(), config).split(n)
            loss = reciprocative_loss(classifier(samples.features), n, maps, config)
            torch.autograd.grad(loss.total, parameters)

        return step

    def jacobian(extractor: Backbone) -> Gradient:
        return through_jacobian(classifier, FeatureJacobian(extractor, extractor.pixels(pixels)))

    ways: dict[str, Callable[[], object]] = {
        "PyTorch's layers, twice through autograd": lambda: iteration(
            plain, classifier, positives, negatives, replace(config, clip_scope="fc")
        ),
        "channels last, one pass for both classes": descend(
            lambda: double_backward(classifier, net, net.pixels(pixels))
        ),
        "products with the Jacobian": descend(lambda: jacobian(library)),
    }
    if where.type == "cpu":
        ways["transposed convolutions as matrix products"] = descend(lambda: jacobian(net))
    ways["bfloat16 convolutions"] = descend(lambda: jacobian(narrow))
    ways["maps at conv3 (another map)"] = descend(lambda: at_features(classifier, samples.features))
    return _climbed(ways, where, repeats)


def _climbed(
    ways: Mapping[str, Callable[[], object]], device: torch.device, repeats: int
) -> list[Speedup]:
    best = {name: 1000 * min(timed(work, repeats, device)) for name, work in ways.items()}
    first = next(iter(best.values()))
    return [
        Speedup(name, milliseconds, first / milliseconds) for name, milliseconds in best.items()
    ]


def _scene(n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """A frame of the film, and ``n`` candidates around the target in it."""
    film = synthetic(1)
    image = film[0]
    boxes = sampling.gaussian(
        torch.tensor(film.ground_truth[0], device=device, dtype=torch.float32),
        n,
        torch.tensor(image.shape[1::-1], device=device, dtype=torch.float32),
        translation=0.6,
        scale=1.05,
        generator=Generator(device).manual_seed(0),
    )
    frame = torch.tensor(np.ascontiguousarray(image), device=device).permute(2, 0, 1)
    return frame, boxes


_REST = "update and the rest"

# Okabe and Ito's, in an order whose lightness alternates: readable without colours, too.
_COLOURS = {
    "crop": PINK,
    "features": BLUE,
    "score": ORANGE,
    _REST: GREEN,
}

_INK = {"features": "white"}  # of what is written on a colour, where black is hard to read


def frame_times(report: Mapping[str, Any]) -> Figure:
    """Where a frame's milliseconds go in each tracker of a report of `rltrack.speed.bench.measure`.

    Shares, since the totals differ by two orders of magnitude; the milliseconds are written in, and
    how many times faster than the baseline it is.
    """
    timed = {"baseline": report["baseline"], **dict(reversed(report["trackers"].items()))}
    figure = page(0.85 * len(timed) + 0.9)
    axes = figure.subplots()
    for row, (name, one) in enumerate(timed.items()):
        total, phases = one["frame_ms"], one["phases"]
        times = {phase: phases[phase]["median_ms"] for phase in _COLOURS if phase in phases}
        times[_REST] = max(total - sum(times.values()), 0)
        left = 0.0
        for phase, milliseconds in times.items():
            share = milliseconds / sum(times.values())
            axes.barh(row, share, left=left, color=_COLOURS[phase], edgecolor="white", height=0.5)
            text = f"{milliseconds:.0f} ms"
            if share * ACROSS > len(text) + 1:
                axes.text(
                    left + share / 2, row, text,
                    ha="center", va="center", color=_INK.get(phase, "black"),
                )  # fmt: skip
            left += share
        ratio = one.get("times_faster")
        faster = f", {two_digits(ratio)} times faster" if ratio else ""
        axes.text(0, row - 0.3, f"{in_figure(name)}: {total:.0f} ms a frame{faster}", va="bottom")
    axes.set_ylim(len(timed) - 0.7, -0.75)
    axes.set_xlim(0, 1)
    axes.set_axis_off()
    handles = [Rectangle((0, 0), 1, 1, color=colour) for colour in _COLOURS.values()]
    figure.legend(
        handles, list(_COLOURS), loc="outside lower left", ncols=4, frameon=False,
        title="share of a frame's time, the update's part in it included", alignment="left",
        columnspacing=1.2, handlelength=1.2,
    )  # fmt: skip
    return figure


def speedup_bars(rungs: Mapping[str, Sequence[Speedup]]) -> Figure:
    """Milliseconds of each rung, and how many times faster than the first, a panel a ladder."""
    sizes = [len(ladder) for ladder in rungs.values()]
    figure = page(0.47 * sum(sizes) + 0.4 * len(sizes))
    panels = np.atleast_1d(figure.subplots(len(sizes), height_ratios=sizes))
    for axes, (title, ladder) in zip(panels, rungs.items(), strict=True):
        longest = max(rung.milliseconds for rung in ladder)
        for row, rung in enumerate(ladder):
            axes.barh(row, rung.milliseconds, color=BLUE, height=0.36)
            axes.text(0, row - 0.22, rung.name, va="bottom")
            digits = 0 if rung.milliseconds >= 10 else 1
            text = f" {rung.milliseconds:.{digits}f} ms, {rung.times_faster:.1f}x"
            axes.text(rung.milliseconds, row, text, va="center")
        axes.set_xlim(0, 1.5 * longest)
        axes.set_ylim(len(ladder) - 0.75, -0.75)
        axes.set_axis_off()
        axes.set_title(title, loc="left", fontsize=TEXT, fontweight="bold")
    return figure


def region_map(image: NDArray[np.uint8], region: Region, boxes: Any) -> Figure:
    """A frame, the cells of the region's map as dots, and the nine cells that each box reads.

    Args:
        image: (H, W, 3) uint8 RGB.
        region: in it.
        boxes: (N, 4) tensor, the first the target.
    """
    figure = page(PAGE_WIDTH * image.shape[0] / image.shape[1])
    axes = figure.subplots()
    axes.imshow(image)
    x, y, width, height = region.extent
    grid = np.meshgrid(*region.map_cells().T.tolist())
    axes.plot(*(g.ravel() for g in grid), ".", color="white", markersize=1.6, alpha=0.8)
    axes.add_patch(Rectangle((x, y), width, height, fill=False, color="white", linewidth=1.5))
    for index, box in enumerate(boxes):
        colour = SKY if index == 0 else YELLOW
        line = "-" if index == 0 else "--"
        left, top, w, h = box.tolist()
        axes.add_patch(
            Rectangle((left, top), w, h, fill=False, color=colour, linewidth=2, linestyle=line)
        )
        cells = region.cells(box[None])[0].numpy()
        across, down = np.meshgrid(cells[:, 0], cells[:, 1])
        axes.plot(across.ravel(), down.ravel(), "o", color=colour, markersize=5, mec="black")
        middle = center(box).tolist()
        axes.plot(*middle, "+", color="black", markersize=6)
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    axes.set_axis_off()
    return figure
