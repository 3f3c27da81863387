"""The network: three fixed convolutions that see, three linear layers that learn.

    stage   operation                                            output
    conv1   7x7, stride 2; ReLU; LRN; max-pool 3, stride 2       96, 51, 51 -> 96, 25, 25
    conv2   5x5, stride 2; ReLU; LRN; max-pool 3, stride 2       256, 11, 11 -> 256, 5, 5
    conv3   3x3; ReLU                                            512, 3, 3 = 4608 features
    fc4-6   dropout, linear; ReLU after fc4 and fc5              512 -> 512 -> 2 scores

The layout is MDNet's with VGG-M's convolutions (paper, section 5). Scores are logits: f_0 of the
background, f_1 of the target.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from rltrack import kernels
from rltrack.crops import CROP, GREY
from rltrack.parallel import batches, each
from rltrack.stage import pooled

__all__ = [
    "FEATURES",
    "SHAPES",
    "Classifier",
    "FeatureExtractor",
    "chunks",
]

SHAPES: dict[str, tuple[int, ...]] = {
    "conv1.weight": (96, 3, 7, 7),
    "conv1.bias": (96,),
    "conv2.weight": (256, 96, 5, 5),
    "conv2.bias": (256,),
    "conv3.weight": (512, 256, 3, 3),
    "conv3.bias": (512,),
}
MAP = (512, 3, 3)
FEATURES = 512 * 3 * 3


class Convolution(nn.Conv2d):
    """A fixed convolution. What comes in goes out in the same type, whatever it computes in."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) to the convolution with bias."""
        return self._computed(F.conv2d, input, self.bias)

    def dilated(self, input: Tensor) -> Tensor:
        """The convolution with twice the distance between its taps."""
        return self._computed(partial(F.conv2d, dilation=2), input, self.bias)

    def product(self, a: Tensor) -> Tensor:
        """Its Jacobian's product with a change ``a`` of the input: no bias."""
        return self._computed(F.conv2d, a, None)

    def transpose_product(self, g: Tensor) -> Tensor:
        """The transposed Jacobian's product with ``g``, which is like the output."""
        return self.by_matrix_product(g) if g.device.type == "cpu" else self.by_library(g)

    def by_library(self, g: Tensor) -> Tensor:
        """That product as PyTorch's transposed convolution."""
        return self._computed(F.conv_transpose2d, g, None)

    def by_matrix_product(self, g: Tensor) -> Tensor:
        """That product as what each output sends back to the patch under it, added up.

        All patches are one matrix product, on a CPU faster than the transposed convolution.
        """
        (n, outputs, p, q), (channels, side) = g.shape, self.weight.shape[1:3]
        rows = g.to(self.weight.dtype).permute(0, 2, 3, 1).reshape(-1, outputs)
        filters = self.weight.permute(0, 2, 3, 1).reshape(outputs, -1)
        patches = (rows @ filters).to(g.dtype).view(n, p, q, side, side * channels)
        height, width = ((at - 1) * self.stride[0] + side for at in (p, q))
        out = torch.empty(n, height, width * channels, dtype=g.dtype)
        kernels.overlap_add(patches.numpy(), self.stride[0], channels, out.numpy())
        return out.view(n, height, width, channels).permute(0, 3, 1, 2)

    def _computed(self, operation: Callable[..., Tensor], x: Tensor, bias: Tensor | None) -> Tensor:
        return operation(x.to(self.weight.dtype), self.weight, bias, self.stride).to(x.dtype)


class FeatureExtractor(nn.Module):
    """conv1-3, fixed. Maps (N, 3, 107, 107) crops to (N, 4608) features.

    Args:
        weights: tensors named and shaped as `rltrack.network.SHAPES`.
        device: where to compute.
        dtype: of pixels, responses and features.
        precision: of the convolutions; see :class:`rltrack.TrackerConfig`.
    """

    dtype: torch.dtype

    def __init__(
        self,
        weights: dict[str, Tensor],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.conv1 = Convolution(3, 96, 7, stride=2, device="meta")
        self.conv2 = Convolution(96, 256, 5, stride=2, device="meta")
        self.conv3 = Convolution(256, 512, 3, device="meta")
        self.load_state_dict({k: v.clone() for k, v in weights.items()}, assign=True)
        self.requires_grad_(False)
        self.place(device, dtype, precision)

    def placed(
        self, device: torch.device | str, dtype: torch.dtype, precision: str
    ) -> FeatureExtractor:
        """These convolutions on ``device``, in ``dtype`` and ``precision``; a copy if they are not.

        Who shares them need not know of each other.
        """
        if self._placement == (torch.device(device), dtype, precision):
            return self
        other = copy.deepcopy(self)
        other.place(device, dtype, precision)
        return other

    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Move to ``device``, to work there in ``dtype`` and ``precision``."""
        self.dtype = dtype
        self._placement = torch.device(device), dtype, precision
        computed = torch.bfloat16 if precision == "bfloat16" else dtype
        for convolution in (self.conv1, self.conv2, self.conv3):
            convolution.to(torch.device(device), computed)
            weight = convolution.weight
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        if torch.device(device).type == "cuda":
            # PyTorch's default lets cuDNN round float32 to TF32. A switch of the whole process:
            # of trackers at the same time, the last one made decides for all.
            torch.backends.cudnn.allow_tf32 = precision == "tf32"

    def pixels(self, crops: Tensor) -> Tensor:
        """uint8 crops (N, 3, 107, 107) as the network's input, -128..127."""
        return crops.to(self.dtype, memory_format=torch.channels_last).sub_(GREY)

    def stem(self, x: Tensor) -> Tensor:
        """Input (N, 3, 107, 107) to conv1's output, before its ReLU: (N, 96, 51, 51)."""
        return cast(Tensor, self.conv1(x))

    def trunk(self, z1: Tensor) -> Tensor:
        """conv1's output (N, 96, 51, 51) to features (N, 4608)."""
        return F.relu(self.conv3(pooled(self.conv2(pooled(z1))))).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Input (N, 3, 107, 107), -128..127, to features (N, 4608), >= 0."""
        return self.trunk(self.stem(x))

    @torch.no_grad()
    def dense(self, x: Tensor) -> Tensor:
        """Input (N, 3, S, S) to the features of all its 107x107 windows at steps of 8 pixels.

        Returns:
            (N, 512, M, M), M = (S - 107) // 8 + 5. Cells (i, j), (i, j + 2), ... (i + 4, j + 4),
            a 3x3 map, are the features of the window at (8 j, 8 i).
        """
        z2 = self.conv2(pooled(self.stem(x)))
        return F.relu(self.conv3.dilated(pooled(z2, stride=1)))

    @torch.no_grad()
    def features(self, crops: Tensor) -> Tensor:
        """uint8 crops (N, 3, 107, 107) to features (N, 4608), a bounded number at a time."""
        if crops.shape[1:] != (3, CROP, CROP):
            raise ValueError(f"crops are {tuple(crops.shape)}; wanted (N, 3, {CROP}, {CROP})")
        out = torch.empty(len(crops), FEATURES, device=crops.device, dtype=self.dtype)

        @torch.no_grad()
        def work(part: slice) -> None:
            out[part] = self(self.pixels(crops[part]))

        each(work, chunks(len(crops), crops.device), crops.device)
        return out


def chunks(n: int, device: torch.device) -> list[slice]:
    """``n`` crops in passes through the convolutions.

    Many enough to fill a GPU; on a CPU few enough to give several threads work and to bound
    memory (1 MB a crop after conv1), enough to make up for laying out the weights in each pass.
    """
    return batches(n, 16 if device.type == "cpu" else 256)


class Classifier(nn.Module):
    """fc4-6, all that is learned. Maps (N, 4608) features to (N, 2) scores (logits).

    With ``attentive_features`` the features first pass a small attention module, the paper's
    rival in Table 2: two 1x1 convolutions look at conv3 (N, 512, 3, 3) and weight its nine
    places, by 2 sigmoid(.) in (0, 2), so that it starts near 1, the plain classifier.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        attentive_features: bool = False,
        dropout: float = 0.5,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.fc4 = nn.Linear(FEATURES, 512, device="meta", dtype=dtype)
        self.fc5 = nn.Linear(512, 512, device="meta", dtype=dtype)
        self.fc6 = nn.Linear(512, 2, device="meta", dtype=dtype)
        self.squeeze = self.weigh = None
        if attentive_features:
            self.squeeze = nn.Conv2d(MAP[0], 32, 1, device="meta", dtype=dtype)
            self.weigh = nn.Conv2d(32, 1, 1, device="meta", dtype=dtype)
        self.to_empty(device=device)
        for layer in self.children():
            # PyTorch's own default, but from the generator that is passed in.
            weight, bias = cast(Tensor, layer.weight), cast(Tensor, layer.bias)
            bound = weight[0].numel() ** -0.5
            nn.init.uniform_(weight, -bound, bound, generator=generator)
            nn.init.uniform_(bias, -bound, bound, generator=generator)

    def feature_weights(self, features: Tensor) -> Tensor:
        """The attention module's weights (N, 1, 3, 3), in (0, 2); ``attentive_features`` only."""
        if self.squeeze is None or self.weigh is None:
            raise ValueError("this classifier has no attention module")
        hidden = F.relu(self.squeeze(features.view(-1, *MAP)))
        return 2 * torch.sigmoid(self.weigh(hidden))

    def forward(self, features: Tensor, dropout: Generator | None = None) -> Tensor:
        """Scores (N, 2), unbounded logits, of ``features`` (N, 4608).

        Args:
            features: of conv3, >= 0.
            dropout: when given, units are dropped at random from this generator (training).
        """
        x = features
        if self.weigh is not None:
            x = (x.view(-1, *MAP) * self.feature_weights(x)).flatten(1)
        x = F.relu(self.fc4(self._drop(x, dropout)))
        x = F.relu(self.fc5(self._drop(x, dropout)))
        return cast(Tensor, self.fc6(self._drop(x, dropout)))

    def _drop(self, x: Tensor, generator: Generator | None) -> Tensor:
        if generator is None or self.dropout == 0:
            return x
        keep = torch.rand(x.shape, generator=generator, device=x.device) >= self.dropout
        return x * keep / (1 - self.dropout)
