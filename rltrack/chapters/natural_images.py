"""Chapter 10: what EfficientNet-Lite0 recognises as a whole network, and its early maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from rltrack.backbones.efficientnet_lite import STAGES, inverted_residuals
from rltrack.backbones.interface import Backbone
from rltrack.backbones.inverted_residual import InvertedResidual
from rltrack.backbones.layout import CropLayout
from rltrack.backbones.lite0_weights import lite0_weights
from rltrack.plots.style import PAGE_WIDTH, TEXT, page
from rltrack.tracking.boxes import scaled
from rltrack.tracking.crops import crops

__all__ = ["INSECTS", "Recognised", "liveliest", "logits", "map_sheet", "recognised"]

INSECTS = {
    300: "tiger beetle",
    301: "ladybird",
    302: "ground beetle",
    303: "long-horned beetle",
    304: "leaf beetle",
    305: "dung beetle",
    306: "rhinoceros beetle",
    307: "weevil",
    308: "fly",
    309: "bee",
    310: "ant",
}
"""The names of a few of ImageNet's 1000 classes, by number."""


_CLASSIFIED = CropLayout(size=224, padding=0, fill=127)


class Recognised(NamedTuple):
    """The class that the network holds an image for."""

    number: int
    """ImageNet's number of the class, 0..999."""
    probability: float
    """The softmax of the class's logit, 0..1."""

    def __str__(self) -> str:
        name = INSECTS.get(self.number, f"class {self.number}")
        return f"{name} ({self.probability:.0%})"


@torch.no_grad()
def logits(images: Tensor) -> Tensor:
    """Return the logits (N, 1000) of the whole EfficientNet-Lite0 for uint8 images (N, 3, H, W).

    Unlike in the backbone, convolutions are padded, as they were when the network was trained.
    """
    weights = lite0_weights()
    blocks = inverted_residuals(STAGES)
    mine = {name: weights[f"blocks.{name}"] for name in blocks.state_dict()}
    blocks.load_state_dict(mine, assign=True)
    x = (images.float() - 127) / 128
    x = F.conv2d(_padded(x, 3, 2), weights["first.weight"], weights["first.bias"], 2)
    x = F.relu6(x)
    for block in blocks:
        assert isinstance(block, InvertedResidual)
        hidden = x if block.expand is None else F.relu6(block.expand(x))
        hidden = _padded(hidden, block.depthwise.kernel_size[0], block.depthwise.stride[0])
        y: Tensor = block.project(F.relu6(block.depthwise(hidden)))
        x = x + y if block.skip else y
    x = F.relu6(F.conv2d(x, weights["head.weight"], weights["head.bias"]))
    return F.linear(x.mean((2, 3)), weights["classes.weight"], weights["classes.bias"])


def recognised(image: NDArray[np.uint8], box: Sequence[float], context: float = 1.5) -> Recognised:
    """Return what the network holds the part of an image around a box for.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: x, y, w, h in pixels.
        context: side of the square part, divided by the longer side of the box.
    """
    x, y, w, h = box
    side = context * max(w, h)
    part = torch.tensor(
        [[x + w / 2 - side / 2, y + h / 2 - side / 2, side, side]], dtype=torch.float32
    )
    square = crops(torch.tensor(image).permute(2, 0, 1), part, _CLASSIFIED)
    probabilities = logits(square)[0].softmax(0)
    number = int(probabilities.argmax())
    return Recognised(number, float(probabilities[number]))


def liveliest(
    backbone: Backbone, image: NDArray[np.uint8], box: Sequence[float], n: int = 8
) -> tuple[NDArray[np.uint8], dict[int, Tensor]]:
    """Return the region around a box, and the maps of those channels that vary the most in it.

    Args:
        backbone: computes the maps.
        image: (H, W, 3) uint8 RGB.
        box: x, y, w, h in pixels. The region is four times as large.
        n: how many maps to return.

    Returns:
        The region (R, R, 3), and the maps (cells, cells) by the number of their channel.
    """
    layout = CropLayout(backbone.dense_layout.size, 0, backbone.crop.fill)
    part = scaled(torch.tensor([list(box)], dtype=torch.float32), 4)
    region = crops(torch.tensor(image).permute(2, 0, 1), part, layout)
    maps = backbone.dense(backbone.pixels(region))[0]
    chosen = maps.var((1, 2)).argsort(descending=True)[:n].tolist()
    return region[0].permute(1, 2, 0).numpy(), {channel: maps[channel] for channel in chosen}


def map_sheet(region: NDArray[np.uint8], maps: Mapping[int, Tensor]) -> Figure:
    """Draw a region and maps of it, three in a row; each is bright where it is near its maximum.

    Args:
        region: (R, R, 3) uint8 RGB.
        maps: (cells, cells) each, by the number of their channel.
    """
    rows = -(-(1 + len(maps)) // 3)
    figure = page((PAGE_WIDTH / 3 + 0.2) * rows)
    grid = figure.subplots(rows, 3, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    grid[0].imshow(region)
    grid[0].set_title("region", fontsize=TEXT)
    for axes, (channel, values) in zip(grid[1:], maps.items(), strict=False):
        axes.imshow(values.numpy(), cmap="magma", vmin=0)
        axes.set_title(f"channel {channel}", fontsize=TEXT)
    return figure


def _padded(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad as TensorFlow does, so that the output has 1 / stride of the input's side, rounded up."""
    sides = []
    for side in (x.shape[-1], x.shape[-2]):
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        sides += [total // 2, total - total // 2]
    return F.pad(x, sides)
