"""The interface of a backbone: the fixed layers that turn crops into features.

A backbone is cut in two parts. The *stem* leads from the input to the early activation where the
paper's attention maps live. The *trunk* leads from that activation to the features that the
classifier learns from. Sizes, shapes and costs are attributes of the backbone. The tracker, the
regulariser and the book read them there and assume none of them.
:class:`rltrack.backbones.vggm.VGGM` is the paper's backbone, and
:class:`rltrack.backbones.efficientnet_lite.EfficientNetLite0` is the default.

**How to add a backbone of another family**

1. Write a subclass of :class:`Backbone` in a module of this folder. Give it the attributes
   ``crop``, ``feature_shape``, ``dense_layout`` and ``multiply_adds``, and implement every abstract
   method. In ``__init__``, create the weights, call ``requires_grad_(False)``, and call
   :meth:`Backbone.place`.
2. If attention maps should be fast, override :meth:`Backbone.linearised` and return a subclass
   of `rltrack.backbones.linearised.LinearisedBackbone`. Without it, PyTorch's automatic
   differentiation is used.
3. Pass an instance as ``backbone`` to :class:`rltrack.Tracker`. No other code needs to change.
4. To give the backbone a name, add the name to ``BACKBONES`` in :mod:`rltrack.backbones.registry`,
   make :func:`rltrack.load_backbone` return the backbone, and add a card to
   :mod:`rltrack.backbones.cards`.

``tests/test_backbone_interface.py`` has a small, complete example, and the tests that a new family
should pass.

**What the parts are used for**

- The tracker computes features from crops with ``pixels``, ``stem`` and ``trunk``.
- ``dense`` and ``dense_layout`` are used only with ``features_from="region"``.
- ``linearised`` is used for attention maps at the stem's output or at the input.
- With ``clip_scope="all"``, PyTorch differentiates ``stem`` and ``trunk`` twice, with respect to
  their inputs and to the weights. The weights therefore have to be parameters of the module.
- ``heaviest`` is used only by :mod:`rltrack.speed`. ``multiply_adds`` is for readers and tests.

**Threads**

On a CPU, :meth:`Backbone.features` and :class:`rltrack.backbones.jacobian.FeatureJacobian` call the
other methods in several threads at the same time. These methods therefore must not change the
backbone. PyTorch keeps ``no_grad`` separately for each thread, so ``linearised`` and the methods of
its result have to turn gradients off themselves. So does ``dense``, which the tracker calls with
gradients on.

**What works with VGG-M only**

Two things work only with VGG-M's layers: files of weights (:mod:`rltrack.backbones.weights`), and
training a backbone (:mod:`rltrack.pretraining`).
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from rltrack.backbones.layout import CropLayout, DenseLayout, Heaviest, MultiplyAdds
from rltrack.backbones.linearised import LinearisedBackbone, LinearisedByAutograd, Place
from rltrack.errors import InputError
from rltrack.parallel import batches, each

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Backbone", "chunks"]


class Backbone(nn.Module, ABC):
    """The base class of backbones: fixed layers that map crops (N, 3, S, S) to features (N, C k k).

    S is ``crop.size``, and (C, k, k) is ``feature_shape``. The features of a crop are its feature
    map (C, k, k), flattened: channels first, then rows, then columns. They are >= 0.
    """

    crop: CropLayout
    """How bounding boxes become crops. A subclass sets it."""
    feature_shape: tuple[int, int, int]
    """The shape (C, k, k) of one crop's feature map. A subclass sets it."""
    regression_views: tuple[float, ...] = (1.0,)
    """What box regression sees of a box: the features of the box itself, enlarged by each of these
    factors. The first is 1. Features that see only the middle of a box do not show where its sides
    are, and a second, larger view does.
    """
    dense_layout: DenseLayout
    """The layout of the map that :meth:`dense` makes. A subclass sets it."""
    multiply_adds: MultiplyAdds
    """The cost of one crop. A subclass sets it."""
    dtype: torch.dtype
    """The dtype of pixels, responses and features. :meth:`place` sets it."""
    _placement: tuple[torch.device, torch.dtype, str]
    """The device, dtype and precision that :meth:`place` was last given. :meth:`place` sets it."""

    @abstractmethod
    def place(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> None:
        """Move the weights to ``device``, and compute there in ``dtype`` and ``precision``.

        An implementation calls this one, which records the arguments and switches TF32 on or off
        (:meth:`placed`), and moves the weights.

        Args:
            device: where to compute.
            dtype: the dtype of pixels, responses and features.
            precision: the precision of the convolutions; see :class:`rltrack.TrackerConfig`.
        """
        self.dtype = dtype
        self._placement = torch.device(device), dtype, precision
        self._switch_tf32()

    def _switch_tf32(self) -> None:
        """Let cuDNN round float32 to TF32, which is PyTorch's default, only in this precision.

        The switch is one for the whole process. The tracker that was made last decides for all.
        """
        device, _, precision = self._placement
        if device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = precision == "tf32"

    @abstractmethod
    def pixels(self, crops: Tensor) -> Tensor:
        """Turn uint8 crops (N, 3, S, S) into the backbone's input: same shape, ``self.dtype``.

        For :meth:`dense`, it also turns uint8 regions (N, 3, R, R) into an input.
        """

    @abstractmethod
    def stem(self, x: Tensor) -> Tensor:
        """Map the input (N, 3, S, S) to the activation (N, C', H, W) where attention maps live."""

    @abstractmethod
    def trunk(self, z: Tensor) -> Tensor:
        """Map the stem's output (N, C', H, W) to features (N, C k k)."""

    @abstractmethod
    def dense(self, x: Tensor) -> Tensor:
        """Map a region (N, 3, R, R) to its dense feature map (N, C, cells, cells).

        R is ``dense_layout.size``, and cells is ``dense_layout.cells``. The region is an input, as
        :meth:`pixels` returns it.
        """

    def linearised(self, pixels: Tensor, at: Place) -> LinearisedBackbone:
        """Return the linear approximation at the inputs ``pixels`` (n, 3, S, S).

        ``at`` says which activation the Jacobian is taken with respect to. This one works for every
        backbone whose operations PyTorch can differentiate twice. A subclass may have a faster way.
        """
        if at == "input":
            return LinearisedByAutograd(self.forward, pixels)
        with torch.no_grad():
            z = self.stem(pixels)
        return LinearisedByAutograd(self.trunk, z)

    @abstractmethod
    def heaviest(self) -> Heaviest:
        """Return the layer that costs the most for one crop."""

    def placed(self, device: torch.device | str, dtype: torch.dtype, precision: str) -> Self:
        """Return this backbone if it was placed in the same way, and otherwise a copy that is.

        The arguments are those of :meth:`place`. The backbone itself is not changed, so several
        trackers can share it.

        Raises:
            InputError: its weights were rounded to bfloat16, and another precision is asked for.
        """
        if self._placement == (torch.device(device), dtype, precision):
            self._switch_tf32()
            return self
        if self._placement[2] == "bfloat16" and precision != "bfloat16":
            raise InputError(
                f"this backbone was loaded in bfloat16, and {precision} is asked for: its weights "
                f"are rounded already, so load it with precision {precision!r}"
            )
        other = copy.deepcopy(self)
        other.place(device, dtype, precision)
        return other

    def forward(self, x: Tensor) -> Tensor:
        """Map the input (N, 3, S, S) to features (N, C k k)."""
        return self.trunk(self.stem(x))

    @torch.no_grad()
    def features(self, crops: Tensor) -> Tensor:
        """Map uint8 crops (N, 3, S, S) to features (N, C k k), in batches that bound memory.

        Raises:
            ValueError: the crops have another shape.
        """
        size = self.crop.size
        if crops.shape[1:] != (3, size, size):
            raise ValueError(f"crops have shape {tuple(crops.shape)}; give (N, 3, {size}, {size})")
        count = math.prod(self.feature_shape)
        out = torch.empty(len(crops), count, device=crops.device, dtype=self.dtype)

        @torch.no_grad()
        def work(part: slice) -> None:
            out[part] = cast(Tensor, self(self.pixels(crops[part])))

        each(work, chunks(len(crops), crops.device), crops.device)
        return out


def chunks(n: int, device: torch.device) -> list[slice]:
    """Split ``n`` crops into batches for a backbone.

    On a GPU a batch is large enough to keep the GPU busy. On a CPU it is small enough to give
    several threads work and to bound memory (1 MB a crop after conv1), and large enough to make up
    for the time that it takes to lay out the weights.
    """
    return batches(n, 16 if device.type == "cpu" else 256)
