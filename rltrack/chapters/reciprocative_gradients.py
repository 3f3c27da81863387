"""Chapter 4: the gradient of the regulariser by hand, its graph, and what clipping leaves of it.

No automatic differentiation of the network is used. For a sample let x be its features, D_4 and D_5
the diagonal matrices of zeros and ones of the hidden units that are off and on, w_c a row of W_6,
and J the Jacobian of the fixed layers:

    u_c = W_4^T D_4 W_5^T D_5 w_c           what fc4-6 send back,
    G_c = J^T u_c                           Eq. 2,
    a_c = sum over channels of max(0, G_c)  the map,
    v_c = J (1[G_c > 0] dR/da_c)            dR/du_c.

u_c is linear in each of the three weights, so the gradient of each is an outer product. Biases
change u_c only where a unit switches, and there it has no derivative. Their gradient is zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from numpy.typing import NDArray
from torch import Generator, Tensor

from rltrack.backbones.interface import Backbone
from rltrack.backbones.jacobian import FeatureJacobian
from rltrack.plots.style import BLUE, PAGE_WIDTH, TEXT, VERMILION, page
from rltrack.tracking import training_boxes
from rltrack.tracking.attention import (
    BACKGROUND,
    TARGET,
    attention_maps,
    mean_and_deviation,
    reciprocative_loss,
)
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.crops import crops
from rltrack.tracking.memory import Samples
from rltrack.tracking.training import gradient_at

__all__ = [
    "Clipping",
    "attention_gradients",
    "backward_graph",
    "batch_gradients",
    "clipping",
    "gradients",
]


@torch.no_grad()
def attention_gradients(
    classifier: Classifier, jacobian: FeatureJacobian, positives: int, eps: float
) -> dict[str, Tensor]:
    """Gradients of the attention term of Eq. 5, without its lambda, for the weights of fc4-6.

    R is averaged over targets and over background, as `reduction="mean"` does.

    Args:
        classifier: without dropout.
        jacobian: of the samples, those of the target first; J is taken at the stem's output.
        positives: how many of them are of the target.
        eps: least mean and deviation, see `rltrack.tracking.attention.mean_and_deviation`.

    Returns:
        By name, as ``fc4.weight``.
    """
    w4, w5, w6 = (layer.weight for layer in (classifier.fc4, classifier.fc5, classifier.fc6))
    hidden = classifier.fc4(jacobian.features).relu()
    d4 = (hidden > 0).to(w4.dtype)  # (N, 512)
    d5 = (classifier.fc5(hidden) > 0).to(w4.dtype)
    target = torch.arange(len(d4), device=d4.device) < positives
    counts = torch.where(target, positives, len(d4) - positives).to(w4.dtype)
    found = {f"fc{k}.weight": torch.zeros_like(w) for k, w in ((4, w4), (5, w5), (6, w6))}
    for c in (BACKGROUND, TARGET):
        b5 = d5 * w6[c]  # D_5 w_c
        b4 = d4 * (b5 @ w5)  # D_4 W_5^T D_5 w_c, so that u_c = W_4^T b_4
        g = jacobian.transpose_product(b4 @ w4)
        slope = _slope(g.clamp(min=0).sum(1), target == (c == TARGET), eps)
        v = jacobian.product((slope / counts[:, None, None])[:, None] * (g > 0))
        f4 = d4 * (v @ w4.T)  # D_4 W_4 v_c
        found["fc4.weight"] += b4.T @ v
        found["fc5.weight"] += b5.T @ f4
        found["fc6.weight"][c] += (d5 * (f4 @ w5.T)).sum(0)
    return found


def _slope(maps: Tensor, even: Tensor, eps: float) -> Tensor:
    """dR/da (N, h, w): of sigma / mu where a map should be ``even`` (N,), else of mu / sigma."""
    mean, deviation = (m[:, None, None] for m in mean_and_deviation(maps, eps))
    places = maps[0].numel()
    slope = (maps - mean) / (places * deviation * mean) - deviation / (places * mean**2)
    return torch.where(even[:, None, None], slope, -((mean / deviation) ** 2) * slope)


_FORWARD, _FIRST, _SECOND = "#444444", BLUE, VERMILION

# Boxes of the graph, in inches: name -> (x, y, half its width, text, colour of its edge).
_NODES = {
    "I": (0.7, 5.3, 0.5, "crop $I$", _FORWARD),
    "conv": (0.7, 4.35, 0.55, "backbone\nfixed", _FORWARD),
    "x": (0.7, 3.4, 0.55, "features $x$", _FORWARD),
    "fc": (0.7, 2.45, 0.55, "fc4-6: $\\theta$\nlearned", _FORWARD),
    "f": (0.7, 1.5, 0.5, "scores $f_c$", _FORWARD),
    "ce": (0.7, 0.55, 0.35, "$L_{CE}$", _FORWARD),
    "u": (2.2, 2.45, 0.5, "$u_c = \\partial f_c / \\partial x$", _FIRST),
    "A": (2.2, 4.35, 0.5, "maps\n$A_p$, $A_n$", _FIRST),
    "R": (2.2, 5.3, 0.48, "$R(A_p, A_n)$", _FIRST),
    "back": (
        3.85, 5.3, 0.5, "$v_c =$\n$\\partial R / \\partial u_c$", _SECOND
    ),
    "term": (3.85, 2.45, 0.45, "$\\lambda\\,\\partial R / \\partial \\theta$", _SECOND),
    "sum": (3.85, 0.55, 0.5, "the step\nof $\\theta$", _FORWARD),
}  # fmt: skip

_ARROWS = (
    ("I", "conv", _FORWARD, "-"),
    ("conv", "x", _FORWARD, "-"),
    ("x", "fc", _FORWARD, "-"),
    ("fc", "f", _FORWARD, "-"),
    ("f", "ce", _FORWARD, "-"),
    ("f", "u", _FIRST, "-"),
    ("fc", "u", _FIRST, "-"),
    ("u", "A", _FIRST, "-"),
    ("conv", "A", _FIRST, "-"),
    ("A", "R", _FIRST, "-"),
    ("R", "back", _SECOND, "--"),
    ("back", "term", _SECOND, "--"),
    ("u", "term", _SECOND, "--"),
    ("ce", "sum", _FORWARD, "--"),
    ("term", "sum", _SECOND, "--"),
)


def backward_graph() -> Figure:
    """Draw the graph of Eq. 5: forward, first backward, and second backward.

    A bar shows where ``create_graph=False`` cuts it.
    """
    width, height = PAGE_WIDTH, 6.5
    figure = page(height)
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(-0.9, height - 0.9))
    axes.set_axis_off()
    patches = {}
    for name, (x, y, half, text, colour) in _NODES.items():
        patches[name] = axes.add_patch(
            FancyBboxPatch(
                (x - half, y - 0.22), 2 * half, 0.44, boxstyle="round,pad=0.04",
                edgecolor=colour, facecolor="white", linewidth=1.6,
            )
        )  # fmt: skip
        axes.text(x, y, text, ha="center", va="center", fontsize=TEXT)
    for start, end, colour, line in _ARROWS:
        axes.add_patch(
            FancyArrowPatch(
                _NODES[start][:2], _NODES[end][:2], patchA=patches[start], patchB=patches[end],
                arrowstyle="-|>", mutation_scale=11, color=colour, linestyle=line, linewidth=1.5,
                shrinkA=2, shrinkB=2,
            )
        )  # fmt: skip
    axes.text(
        2.2, 0.62, "$\\partial L_{CE} / \\partial \\theta$", ha="center", va="bottom", fontsize=TEXT
    )
    axes.plot([3.0, 3.0], [5.05, 5.55], color="black", linewidth=3, solid_capstyle="butt")
    axes.text(3.78, 4.97, "create_graph=\nFalse cuts here", ha="right", va="top", fontsize=TEXT)
    legend = (
        ("forward, and the gradient of $L_{CE}$", _FORWARD),
        ("first backward, recorded", _FIRST),
        ("second backward", _SECOND),
    )
    for line_number, (text, colour) in enumerate(legend):
        axes.text(
            0.2, -0.1 - 0.28 * line_number, text, color=colour, fontsize=TEXT, fontweight="bold"
        )
    return figure


class Clipping(NamedTuple):
    """Norms of both parts of Eq. 5's gradient, and how far their sum is shortened."""

    cross_entropy: float
    """Norm of the cross-entropy's gradient."""
    attention: float
    """Norm of the attention term's, lambda included."""
    cosine: float
    """Of the two."""
    alone: float
    """What clipping multiplies the cross-entropy's gradient by if it is alone; at most 1."""
    together: float
    """And if the other one is added; at most 1."""


def clipping(
    cross_entropy: Mapping[str, Tensor], total: Mapping[str, Tensor], clip_norm: float
) -> Clipping:
    """Compare the parts of a gradient that is clipped by its one norm over all parameters.

    Args:
        cross_entropy: gradients of the cross-entropy, by parameter.
        total: of the whole loss of Eq. 5, of the same parameters.
        clip_norm: the norm that a longer gradient is shortened to.
    """
    alone, both = (
        torch.cat([gradient.flatten() for gradient in part.values()])
        for part in (cross_entropy, total)
    )
    term = both - alone
    return Clipping(
        alone.norm().item(),
        term.norm().item(),
        torch.nn.functional.cosine_similarity(alone, term, dim=0).item(),
        *(min(1.0, clip_norm / whole.norm().item()) for whole in (alone, both)),
    )


def gradients(
    classifier: Classifier,
    extractor: Backbone,
    image: NDArray[np.uint8],
    box: Tensor,
    n: int,
    config: TrackerConfig,
    generator: Generator,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of a batch of ``n`` targets and ``n`` pieces of background beside the target.

    Args:
        classifier: fc4-6; called without dropout.
        extractor: the backbone.
        image: (H, W, 3) uint8 RGB.
        box: (4,) of the target, in 0-based pixels.
        n: of each.
        config: lambda, how attention is read and samples are drawn.
        generator: of the samples.

    Returns:
        Of the cross-entropy, and of the whole loss of Eq. 5, by parameter.
    """
    sides = torch.tensor(image.shape[1::-1], device=box.device, dtype=box.dtype)
    kinds = training_boxes.positives, training_boxes.update_negatives
    boxes = torch.cat([draw(box, sides, n, config, generator) for draw in kinds])
    frame = torch.from_numpy(image).to(box.device).permute(2, 0, 1)
    cut = crops(frame, boxes, extractor.crop)
    return batch_gradients(classifier, extractor, Samples(extractor.features(cut), cut), n, config)


def batch_gradients(
    classifier: Classifier,
    extractor: Backbone,
    samples: Samples,
    positives: int,
    config: TrackerConfig,
    dropout: Generator | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of one batch, as a step of the training takes them.

    Args:
        classifier: fc4-6.
        extractor: the backbone.
        samples: those of the target first.
        positives: how many of them are of the target.
        config: lambda, and how attention is read.
        dropout: draws the classifier's dropout. None is for none.

    Returns:
        Of the cross-entropy, and of the whole loss of Eq. 5, by parameter.
    """
    scores = classifier(samples.features, dropout)
    gradient = gradient_at(classifier, extractor, samples, config, dropout)
    maps = attention_maps(gradient, config).split(positives)
    loss = reciprocative_loss(scores, positives, maps, config)
    names, learned = zip(*classifier.named_parameters(), strict=True)
    cross_entropy, total = (
        torch.autograd.grad(part, learned, retain_graph=True)
        for part in (loss.cross_entropy, loss.total)
    )
    return dict(zip(names, cross_entropy, strict=True)), dict(zip(names, total, strict=True))
