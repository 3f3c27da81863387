"""The classifier: three linear layers, which are trained on the video itself (paper, section 5).

    fc4, fc5   dropout, linear to 512 units, ReLU
    fc6        dropout, linear to 2 scores

The scores are logits. f_0 is the score of the background, and f_1 is the score of the target.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

__all__ = ["Classifier"]


class Classifier(nn.Module):
    """The trained layers fc4-6, which turn features (N, C k k) into scores (N, 2).

    With ``attentive_features``, the features first go through a small attention module. This is the
    rival in the paper's Table 2. From the feature map (N, C, k, k), two 1x1 convolutions compute a
    weight 2 sigmoid(.) in (0, 2) for each place of the map, and the features at this place are
    multiplied by it. The weights start near 1, so training starts near the plain classifier.

    Args:
        feature_shape: the backbone's (C, k, k); see `rltrack.backbones.interface.Backbone`.
        generator: draws the initial weights, on its own device.
        units: the number of units of fc4, and of fc5.
        attentive_features: whether the classifier has the attention module.
        dropout: share of inputs that are dropped before each of fc4-6 in training.
        device: where to compute.
        dtype: type of weights, features and scores.
    """

    def __init__(
        self,
        feature_shape: tuple[int, int, int],
        generator: Generator,
        *,
        units: int = 512,
        attentive_features: bool = False,
        dropout: float = 0.5,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.feature_shape, self.dropout = feature_shape, dropout
        self.fc4 = nn.Linear(math.prod(feature_shape), units, device="meta", dtype=dtype)
        self.fc5 = nn.Linear(units, units, device="meta", dtype=dtype)
        self.fc6 = nn.Linear(units, 2, device="meta", dtype=dtype)
        self.squeeze = self.weigh = None
        if attentive_features:
            self.squeeze = nn.Conv2d(feature_shape[0], 32, 1, device="meta", dtype=dtype)
            self.weigh = nn.Conv2d(32, 1, 1, device="meta", dtype=dtype)
        self.to_empty(device=generator.device)
        for layer in self.children():
            # This is PyTorch's default, but drawn from the generator that is passed in.
            weight, bias = cast(Tensor, layer.weight), cast(Tensor, layer.bias)
            bound = weight[0].numel() ** -0.5
            nn.init.uniform_(weight, -bound, bound, generator=generator)
            nn.init.uniform_(bias, -bound, bound, generator=generator)
        self.to(device)

    def feature_weights(self, features: Tensor) -> Tensor:
        """Return the attention module's weights (N, 1, k, k), in (0, 2).

        Raises:
            ValueError: the classifier has no attention module.
        """
        if self.squeeze is None or self.weigh is None:
            raise ValueError("no attention module; construct it with attentive_features=True")
        hidden = F.relu(self.squeeze(features.view(-1, *self.feature_shape)))
        return 2 * torch.sigmoid(self.weigh(hidden))

    def forward(self, features: Tensor, dropout: Generator | None = None) -> Tensor:
        """Return the scores (N, 2), which are unbounded logits, of ``features`` (N, C k k).

        Args:
            features: the backbone's features, >= 0.
            dropout: if given, dropout is active as in training, and this generator draws it.
        """
        x = features
        if self.weigh is not None:
            x = (x.view(-1, *self.feature_shape) * self.feature_weights(x)).flatten(1)
        x = F.relu(self.fc4(self._drop(x, dropout)))
        x = F.relu(self.fc5(self._drop(x, dropout)))
        return cast(Tensor, self.fc6(self._drop(x, dropout)))

    def _drop(self, x: Tensor, generator: Generator | None) -> Tensor:
        if generator is None or self.dropout == 0:
            return x
        keep = (
            torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float32)
            >= self.dropout
        )
        return x * keep / (1 - self.dropout)
