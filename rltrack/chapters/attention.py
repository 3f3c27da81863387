"""Chapter 2: what Eq. 1 says of a score, and how far it holds.

A score is followed from one crop to another beside its tangent, and while parts of a crop are
hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from rltrack.backbones.interface import Backbone
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.plots.attention_maps import lay_over
from rltrack.plots.style import BLUE, GREEN, ORANGE, PINK, TEXT, VERMILION, page
from rltrack.tracking.attention import TARGET, through_jacobian
from rltrack.tracking.classifier import Classifier
from rltrack.video.heat_maps import smoothed

__all__ = [
    "Expansion",
    "agreement",
    "blend",
    "expansion",
    "expansions",
    "occlusion",
    "tangent",
]


class Expansion(NamedTuple):
    """A score along a line, ``I(t) = I_0 + t (I_1 - I_0)``."""

    steps: NDArray[np.float64]
    """(S,) the values of t."""
    exact: NDArray[np.float64]
    """(S,) f_c(I(t)), logits."""
    linear: NDArray[np.float64]
    """(S,) f_c(I_0) + t A_c . (I_1 - I_0), Eq. 1."""

    def radius(self, tolerance: float = 0.1) -> float:
        """Return the last t up to which Eq. 1 gives the change of the score within ``tolerance``.

        The tolerance is a share of the change so far. The radius is 0 if the error of the first
        step is larger.
        """
        change = np.abs(self.exact - self.exact[0])
        wrong = np.abs(self.linear - self.exact) > tolerance * change + 1e-12
        return float(self.steps[np.argmax(wrong) - 1] if wrong.any() else self.steps[-1])


@torch.no_grad()
def expansion(
    classifier: Classifier,
    extractor: Backbone,
    crops: Tensor,
    steps: Sequence[float],
    c: int = TARGET,
    at: Literal["conv1", "input"] = "conv1",
) -> Expansion:
    """Follow f_c from the first of two crops towards the second.

    Args:
        classifier: fc4-6, called without dropout.
        extractor: the backbone.
        crops: (2, 3, S, S) uint8, I_0 and I_1.
        steps: the values of t. The first one is 0.
        c: the class whose score is followed.
        at: where the line is straight and the derivative is taken: conv1's output, or the crop.
    """
    pixels = extractor.pixels(crops)
    with torch.enable_grad():
        jacobian = FeatureJacobian(extractor, pixels[:1], at)
        slope = through_jacobian(classifier, jacobian)(c).detach()
    ends = pixels if at == "input" else extractor.stem(pixels)
    start, way = ends[:1], ends[1:] - ends[:1]
    t = torch.tensor(list(steps), device=way.device, dtype=way.dtype)
    line = start + t[:, None, None, None] * way
    features = extractor(line) if at == "input" else extractor.trunk(line)
    exact = classifier(features)[:, c]
    linear = exact[0] + t * (slope * way).sum()
    as_arrays = (x.double().cpu().numpy() for x in (t, exact, linear))
    return Expansion(*as_arrays)


@torch.no_grad()
def occlusion(
    classifier: Classifier, extractor: Backbone, crop: Tensor, squares: int = 9, c: int = TARGET
) -> Tensor:
    """Hide one square of a crop after the other, and return how much f_c falls.

    A hidden square has the grey that the backbone takes for 0.

    Args:
        classifier: fc4-6, called without dropout.
        extractor: the backbone.
        crop: (1, 3, S, S) uint8.
        squares: the crop is divided into ``squares`` x ``squares`` of them, to whole pixels.
        c: the class whose score is meant.

    Returns:
        The score of the crop less the score without each square, logits of shape
        (squares, squares). It is negative where the score rises.
    """
    edges = [round(i * crop.shape[-1] / squares) for i in range(squares + 1)]
    hidden = crop.repeat(squares**2, 1, 1, 1)
    for one, (rows, columns) in zip(hidden, product(pairwise(edges), repeat=2), strict=True):
        one[:, slice(*rows), slice(*columns)] = extractor.crop.fill
    scores: Tensor = classifier(extractor.features(torch.cat([crop, hidden])))[:, c]
    return (scores[0] - scores[1:]).view(squares, squares)


def agreement(hidden: Tensor, attention: Tensor) -> float:
    """Return how well a map predicts what hiding finds: their correlation, -1 to 1.

    Args:
        hidden: (squares, squares), the result of :func:`occlusion`.
        attention: (h, w), a map, which is averaged over the same squares.
    """
    by_square = F.interpolate(attention[None, None], hidden.shape, mode="area")
    return float(torch.corrcoef(torch.stack([by_square.flatten(), hidden.flatten()]))[0, 1])


def blend(crops: Tensor, t: float) -> Tensor:
    """Return (1, 3, S, S) uint8: a rounded point on the line between the first two of ``crops``."""
    start, end = crops[:2].float()
    return torch.lerp(start, end, t).round().to(torch.uint8)[None]


def expansions(
    lines: Mapping[str, Expansion], near: Mapping[str, Expansion], tolerance: float = 0.1
) -> Figure:
    """Draw scores along lines with their tangents, and the tangents' errors close to the start.

    Args:
        lines: by name, expansions with even steps from 0 to 1.
        near: by the same names, expansions with steps that begin with 0 and then grow by a factor.
        tolerance: the share of the change that is marked.
    """
    figure = page(5.6)
    scores, errors = figure.subplots(2, 1)
    for (name, line), colour in zip(lines.items(), (PINK, BLUE, ORANGE, GREEN), strict=False):
        scores.plot(line.steps, line.exact, color=colour, label=name)
        scores.plot(line.steps, line.linear, color=colour, linestyle=":")
        first = near[name]
        change = np.abs(first.exact - first.exact[0])[1:]
        error = np.abs(first.linear - first.exact)[1:]
        share = np.divide(error, change, out=np.full(len(error), np.nan), where=change > 0)
        errors.plot(first.steps[1:], share, color=colour, marker="o", markersize=3)
    low, high = (reduce([reduce(line.exact) for line in lines.values()]) for reduce in (min, max))
    margin = 0.25 * (high - low)  # a tangent may leave the picture
    scores.set(ylim=(low - margin, high + margin), xlabel="t, from the crop (0) to another (1)")
    scores.set_ylabel("score $f_1$; dotted: its tangent")
    scores.legend(frameon=False)
    errors.axhline(tolerance, color="0.4", linewidth=1, linestyle="--")
    errors.annotate(
        f"{tolerance:.0%} wrong", (0, tolerance), (4, 4),
        xycoords=("axes fraction", "data"), textcoords="offset points", color="0.3",
    )  # fmt: skip
    errors.set(xscale="log", yscale="log", xlabel="t")
    errors.set_ylabel("error / change of the score")
    for axes in (scores, errors):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def tangent(
    line: Expansion, here: Expansion, t: float, crop: NDArray[np.uint8], attention: Any
) -> Figure:
    """Draw a point on the line between two crops: the crop, its map, and the tangent there.

    Args:
        line: the whole way, with steps from 0 to 1.
        here: from the point to the line's end, with steps from 0 to 1.
        t: the point, from 0 to below 1.
        crop: (S, S, 3), the crop there.
        attention: (h, w), the crop's map.
    """
    figure = page(4.2)
    grid = figure.add_gridspec(2, 2, height_ratios=[1.3, 1])
    picture, overlay = (figure.add_subplot(grid[0, column]) for column in (0, 1))
    scores = figure.add_subplot(grid[1, :])
    picture.imshow(crop)
    picture.set_axis_off()
    picture.set_title(f"the crop at t = {t:.1f}", fontsize=TEXT)
    lay_over(overlay, crop, np.asarray(smoothed(attention), float))
    overlay.set_axis_off()
    overlay.set_title("$A_p$ there, smoothed", fontsize=TEXT)
    scores.plot(line.steps, line.exact, color=BLUE)
    scores.plot(t + here.steps * (1 - t), here.linear, ":", color=VERMILION, linewidth=2)
    scores.plot(t, here.exact[0], "o", color=VERMILION)
    reach = np.ptp(line.exact)
    scores.set(xlabel="t", ylim=(line.exact.min() - 1.2 * reach, line.exact.max() + 0.3 * reach))
    scores.set_title("score $f_1$; dotted: its tangent here", fontsize=TEXT)
    scores.spines[["top", "right"]].set_visible(False)
    return figure
