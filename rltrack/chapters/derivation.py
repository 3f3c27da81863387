"""The regulariser's gradient as chapters 3 and 4 derive it: products, and no differentiation.

Here the derivative by a sample is ``G_c`` and the map that R sees, its positive part summed over
channels, is ``a_c``. Each line has its equation beside it. What a tracker runs is
:func:`rltrack.attention.through_jacobian`; this is for reading, and for checking that.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rltrack.attention import BACKGROUND, TARGET
from rltrack.jacobian import FeatureJacobian
from rltrack.network import Classifier

__all__ = ["gradient_of_r", "slopes"]


def slopes(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of sigma / mu and of mu / sigma by the places of maps (..., h, w).

    The second is the first times ``-(mu / sigma)^2``: the opposite. Neither quotient is clamped,
    so that the maps must be neither zero nor even.
    """
    n = maps.shape[-2] * maps.shape[-1]
    mu = maps.mean((-2, -1), keepdim=True)
    sigma = (maps - mu).square().mean((-2, -1), keepdim=True).sqrt()
    ratio = (maps - mu) / (n * sigma * mu) - sigma / (n * mu**2)
    return ratio, -((mu / sigma) ** 2) * ratio


@torch.no_grad()
def gradient_of_r(
    classifier: Classifier, jacobian: FeatureJacobian, positives: int
) -> dict[str, Tensor]:
    """The gradient of R of Eq. 5 in fc4-6, before lambda.

    R is the mean of Eq. 3 over the targets plus the mean of Eq. 4 over the background, as in
    :func:`rltrack.attention.reciprocative_loss` by default. Maps are without dropout.

    Args:
        classifier: fc4-6, as they are.
        jacobian: of conv1-3 at N samples, targets first.
        positives: how many of them are targets.

    Returns:
        By the names of the classifier's parameters. No bias is among them: it moves a score and
        not its derivative, so its gradient is zero.
    """
    w4, w5, w6 = classifier.fc4.weight, classifier.fc5.weight, classifier.fc6.weight
    h4 = classifier.fc4(jacobian.features).relu()  # N rows, one a sample: x^T W becomes x @ W.T
    d4, d5 = (h4 > 0).to(h4), (classifier.fc5(h4) > 0).to(h4)  # the diagonals of D_4, D_5
    target = torch.arange(len(h4), device=h4.device) < positives
    share = 1 / torch.where(target, positives, len(h4) - positives)  # of a sample in its mean

    found = {f"fc{k}.weight": torch.zeros_like(w) for k, w in ((4, w4), (5, w5), (6, w6))}
    for c in (BACKGROUND, TARGET):
        b5 = d5 * w6[c]  # D_5 w_c
        b4 = d4 * (b5 @ w5)  # D_4 W_5^T D_5 w_c
        g = jacobian.transpose_product(b4 @ w4)  # G_c = J^T u_c,  u_c = W_4^T b_4
        even, uneven = slopes(g.clamp(min=0).sum(1))  # at a_c
        wants_even = target == (c == TARGET)  # Eq. 3 of A_p, Eq. 4 of A_n
        s = share[:, None, None] * torch.where(wants_even[:, None, None], even, uneven)
        v = jacobian.product((g > 0) * s[:, None])  # v_c = J (1[G_c > 0] dR/da_c)
        f4 = d4 * (v @ w4.T)  # D_4 W_4 v_c
        f5 = d5 * (f4 @ w5.T)  # D_5 W_5 D_4 W_4 v_c
        found["fc4.weight"] += b4.T @ v
        found["fc5.weight"] += b5.T @ f4
        found["fc6.weight"][c] += f5.sum(0)
    return found
