"""Every choice the tracker makes, in one frozen place.

The paper leaves many choices open, and its released code sometimes makes others than the paper
states. Each field below names its source: *paper* (with the section), *released code* (what the
authors' public repository does), or *ours* (neither says, or we had to choose). The preset
``paper`` is the defaults; ``released-code`` changes exactly the fields where the code differs.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from rltrack.errors import InputError

__all__ = ["VARIANTS", "TrackerConfig"]

VARIANTS = ("reciprocative", "attentive-features")

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    """How the tracker samples, learns, attends and decides. Immutable; see :func:`preset`.

    Numbers of any type are kept as plain ones, and a list of two as a pair: what JSON or NumPy
    gives makes the same configuration.
    """

    preset: str = "paper"
    """Name of the preset these values came from; a label only."""

    # --- What is learned ------------------------------------------------------------------
    variant: Literal["reciprocative", "attentive-features"] = "reciprocative"
    """Paper Table 2: ``reciprocative`` trains the classifier with Eq. 5;
    ``attentive-features`` is its rival, a module that weights conv3, with the plain loss."""
    attention_weight: float = 5.0
    """Lambda of Eq. 5, >= 0. Paper 5.1: 5. At 0 the tracker is the paper's baseline."""

    # --- The attention map (Eq. 1, 2) -----------------------------------------------------
    map_at: Literal["conv1", "input", "conv3"] = "conv1"
    """Where the map lives. Paper 3.1 says "the output of the first layer during backward
    propagation", which can be read as ``conv1`` or ``input``; released code: conv1's output,
    96x51x51. Ours: ``conv3``, the 3x3 features themselves, which needs no convolution at all."""
    map_part: Literal["positive", "all"] = "positive"
    """Which derivatives count. Paper 3.1: the positive ones; released code: all."""
    map_channels: Literal["sum", "sum-of-squares"] = "sum"
    """How channels become one map. Paper: silent, ours: sum; released code: sum of squares."""
    score_seed: float = 1.0
    """Value fed back from the score. Paper: 1; released code: 10. Cancels in every ratio."""
    attention_dropout: bool = False
    """Attention through the classifier's dropout. Paper: silent; released code: without."""
    second_order: bool = True
    """Differentiate through the map. False is what the released code silently becomes on a
    current PyTorch, where its term no longer reaches the classifier: kept to show the effect."""

    # --- The regulariser (Eq. 3, 4) and the loss (Eq. 5) ----------------------------------
    map_statistics: Literal["sample", "batch"] = "sample"
    """Mean and deviation per map (paper Eq. 3, 4) or summed over the batch before the ratio
    (released code)."""
    reduction: Literal["mean", "sum"] = "mean"
    """Of the per-sample R against the *summed* cross-entropy; it sets what lambda means.
    Paper: silent; ours: ``mean`` over positives plus mean over negatives, the scale of the
    released code. Without effect on ``map_statistics="batch"``, which has one R a class."""
    attention_eps: float = 1e-12
    """Means and deviations are clamped here, so that zero maps have finite gradients. Ours;
    the released code instead multiplies both sides of each ratio by 1e10."""

    # --- Stochastic gradient descent ------------------------------------------------------
    first_iterations: int = 50
    """H1, paper 5."""
    first_learning_rate: float = 2e-4
    """Paper 5."""
    update_iterations: int = 15
    """H2, paper 5."""
    update_learning_rate: float = 3e-4
    """Paper 5."""
    update_interval: int = 10
    """T, frames between long-term updates; paper 5."""
    batch_positives: int = 32
    """Paper 5."""
    batch_negatives: int = 32
    """Paper 5; the highest-scoring of ``mined_negatives`` (hard negative mining)."""
    mined_negatives: int = 1024
    """Negatives scored in each iteration to find the hard ones. Released code."""
    momentum: float = 0.9
    """Released code."""
    weight_decay: float = 5e-4
    """Released code."""
    fc6_rate_factor: float = 10.0
    """fc6 learns this much faster. Released code."""
    dropout: float = 0.5
    """Before each of fc4-6, when training. Released code."""
    clip_norm: float = 10.0
    """Gradient norm is clipped here. Released code."""
    clip_scope: Literal["fc", "all"] = "fc"
    """Whose gradients make the norm: the trained layers' (ours; the paper is silent), or also
    those the attention term sends to the fixed convolutions (released code; much slower)."""

    # --- First-frame samples --------------------------------------------------------------
    first_positives: int = 500
    """Part of N1 = 5500 (paper 5); the split is the released code's."""
    first_negatives: int = 5000
    """The rest of N1: half uniform around the target, half over the whole image."""
    positive_iou: Range = (0.5, 1.0)
    """Paper 4: IoU above 0.5; released code: 0.7."""
    first_negative_iou: Range = (0.0, 0.5)
    """Paper 4 and released code."""
    positive_translation: float = 0.1
    positive_scale: float = 1.2
    """Spread of the Gaussian positives, in mean target sides and as a factor. Released code."""
    first_negative_translation: float = 1.0
    first_negative_scale: float = 2.0
    """Spread of the uniform first-frame negatives. Released code."""
    whole_image_scale: float = 1.2
    """Scale spread of the whole-image negatives. Released code."""
    aspect: float = 1.1
    """Aspect spread of first-frame negatives and box-regression samples. Released code."""

    # --- Box regression -------------------------------------------------------------------
    regression_samples: int = 1000
    regression_translation: float = 0.3
    regression_scale: float = 1.5
    regression_iou: Range = (0.6, 1.0)
    regression_area: Range = (1.0, 2.0)
    """Area of a sample over the target's, and of a candidate over its regressed box. From 1 up,
    regression only ever makes boxes smaller, here by an eighth of their area on average."""
    regression_alpha: float = 1000.0
    """Ridge strength. All six: released code; the paper names none."""

    # --- The fixed convolutions -----------------------------------------------------------
    features_from: Literal["crops", "region"] = "crops"
    """Paper: each sample is a crop of its own. Ours: ``region``, the convolutions run once over
    the target's surroundings, and samples are interpolated from their map (RoI-align)."""
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """What the convolutions multiply in; the rest stays in the tracker's own type, float32 by
    default. Ours: ``tf32`` (on an NVIDIA GPU; elsewhere as float32) and ``bfloat16`` are faster,
    the latter on a CPU only if it has instructions for it (without, several times slower)."""

    # --- Each frame -----------------------------------------------------------------------
    candidates: int = 256
    """N2, paper 5."""
    search_translation: float = 0.6
    search_scale: float = 1.05
    """Spread of the Gaussian candidates. Released code."""
    search_translation_lost: float = 1.5
    """Spread after a failed frame. Released code."""
    averaged_candidates: int = 1
    """The result is the mean of this many best candidates. Paper 4: 1; released code: 5."""
    follow: Literal["candidate", "result"] = "candidate"
    """Centre of the next search and of the update samples: the unregressed candidate (released
    code), or the regressed box. Paper 4, "the predicted location", can be read as either; but
    regression only ever makes boxes smaller (``regression_area``), so feeding it back shrinks
    the target frame by frame."""
    success_threshold: float = 0.0
    """A frame succeeds when its score (the logit f_1) is above this. Released code."""

    # --- Update samples and memory --------------------------------------------------------
    update_positives: int = 56
    update_negatives: int = 200
    """Drawn in each successful frame. Paper 4: N2 = 256 together; released code: 50 + 200."""
    update_negative_iou: Range = (0.0, 0.5)
    """Paper 4: below 0.5; released code: below 0.3."""
    update_negative_translation: float = 1.5
    update_negative_scale: float = 1.2
    """Spread of the uniform update negatives. Released code."""
    long_memory: int = 100
    """Frames whose positives are kept, for long-term updates. Released code."""
    short_memory: int = 20
    """Frames whose negatives are kept, and whose positives serve after a failure. Released
    code."""

    @property
    def scored_negatives(self) -> int:
        """Negatives scored in an iteration: as many as are to be mined from, and as are kept."""
        return max(self.mined_negatives, self.batch_negatives)

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in fields(self):
            value, hint = getattr(self, field.name), hints[field.name]
            choices = get_args(hint) if get_origin(hint) is Literal else ()
            if limits := _NARROWER.get(field.name, _USUAL.get(hint)):
                number, wanted = limits.kept(value, hint), limits.wanted
                ok = number is not None
                object.__setattr__(self, field.name, number)  # the dataclass itself is frozen
            elif choices:
                ok, wanted = value in choices, "one of " + ", ".join(map(str, choices))
            elif hint is bool:
                ok, wanted = isinstance(value, bool), "True or False"
            else:
                ok, wanted = isinstance(value, str), "a name"
            if not ok:
                raise InputError(f"{field.name} is {value!r}; it must be {wanted}")
        if self.map_part == "all" and self.map_channels == "sum":
            raise InputError(
                'map_part="all" with map_channels="sum" lets signed derivatives cancel; '
                'use map_channels="sum-of-squares"'
            )
        if self.variant == "attentive-features" and self.attention_weight > 0:
            raise InputError(
                f"the attentive-features variant has the plain loss: attention_weight is "
                f"{self.attention_weight:g}, it must be 0"
            )
        if self.features_from == "region" and self.attention_weight > 0 and self.map_at != "conv3":
            raise InputError(
                'features_from="region" keeps no crops to take attention from; use map_at="conv3"'
            )
        if self.averaged_candidates > self.candidates:
            raise InputError(
                f"averaged_candidates is {self.averaged_candidates}; there are only "
                f"{self.candidates} candidates"
            )


class _Limits(NamedTuple):
    """What a field of numbers takes: from ``low`` to ``high``, both included."""

    wanted: str
    low: float = 0.0
    high: float = sys.float_info.max

    def kept(self, value: Any, kind: Any) -> Any:
        """The value as a plain int, float or `Range`, as ``kind`` says; None if not taken."""
        if kind == Range:
            if not isinstance(value, tuple | list) or len(value) != 2:
                return None
            low, high = (self.kept(number, float) for number in value)
            return (low, high) if None not in (low, high) and low <= high else None
        if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
            return None
        number = kind(value)
        return number if self.low <= number <= self.high else None


_USUAL = {
    int: _Limits("a whole number, at least 1", 1),
    float: _Limits("a finite number, not negative"),
    Range: _Limits("two increasing numbers, not negative"),
}

_NARROWER = {
    "success_threshold": _Limits("a finite number", -sys.float_info.max),
    **dict.fromkeys(
        ("score_seed", "attention_eps", "clip_norm"),
        _Limits("a finite number above 0", math.nextafter(0, 1)),
    ),
    **dict.fromkeys(
        ("momentum", "dropout"), _Limits("a number from 0 to below 1", 0, math.nextafter(1, 0))
    ),
    **dict.fromkeys(
        ("positive_iou", "first_negative_iou", "regression_iou", "update_negative_iou"),
        _Limits("two increasing numbers from 0 to 1", 0, 1),
    ),
    # A spread by a factor: from its inverse up to it.
    **dict.fromkeys(
        (
            *("positive_scale", "first_negative_scale", "whole_image_scale", "aspect"),
            *("regression_scale", "search_scale", "update_negative_scale"),
        ),
        _Limits("a finite number, at least 1", 1),
    ),
}
