"""The gradient of the regulariser, written out: no automatic differentiation of the network.

Of a sample, with x its features, D_4 and D_5 the zeros and ones of the hidden units that are off
and on, w_c a row of W_6, and J the Jacobian of the fixed layers:

    u_c = W_4^T D_4 W_5^T D_5 w_c           what fc4-6 send back,
    G_c = J^T u_c                           Eq. 2,
    a_c = sum over channels of max(0, G_c)  the map,
    v_c = J (1[G_c > 0] dR/da_c)            dR/du_c.

u_c is linear in each of the three weights, so that each has an outer product for its gradient.
Biases move u_c only where a unit switches, and there it has no derivative: theirs is zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rltrack.attention import BACKGROUND, TARGET, mean_and_deviation
from rltrack.jacobian import FeatureJacobian
from rltrack.network import Classifier

__all__ = ["attention_gradients"]


@torch.no_grad()
def attention_gradients(
    classifier: Classifier, jacobian: FeatureJacobian, positives: int, eps: float
) -> dict[str, Tensor]:
    """Gradients of the attention term of Eq. 5, without its lambda, for the weights of fc4-6.

    R is averaged over targets and over background, as `reduction="mean"` does.

    Args:
        classifier: without dropout.
        jacobian: of the samples, those of the target first; J is taken at conv1.
        positives: how many of them are of the target.
        eps: least mean and deviation, see `rltrack.attention.mean_and_deviation`.

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
