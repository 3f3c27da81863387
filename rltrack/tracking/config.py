"""The configuration of the tracker: every choice that the method leaves open.

The paper leaves many choices open, and its released code sometimes differs from what the paper
states. Therefore each field below names its source. *Paper* gives the section of the paper.
*Released code* means what the authors' public repository does. *Ours* means that neither of them
says, or that we had to choose. The preset ``paper`` consists of the defaults. The preset
``released-code`` changes exactly those fields where the released code differs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from rltrack.errors import InputError, brief
from rltrack.tracking.field_limits import Range, limits_of

__all__ = ["Border", "TrackerConfig"]

Border = Literal["center", "box", "target"]
"""How far a box that is drawn may hang over the image's border; see `rltrack.tracking.sampling`."""


_ADDED = {"border": "image", "hidden_units": 512}
"""Fields that the first sweeps did not have, and their defaults."""


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    """How the tracker samples, learns, computes attention and decides. It cannot be changed later.

    :func:`rltrack.preset` makes a configuration from a preset's name and the fields to change. All
    numbers are stored as Python's int and float, and a list of two numbers is stored as a tuple.
    Therefore values from JSON or NumPy give the same configuration as plain values.

    Raises:
        InputError: a value is of the wrong type or out of range, or two values do not fit together.
    """

    preset: str = "paper"
    """Name of the preset that these values came from. It is only a label and has no effect."""

    # --- What is learned ------------------------------------------------------------------
    variant: Literal["reciprocative", "attentive-features"] = "reciprocative"
    """What learns to attend. Paper Table 2: ``reciprocative`` trains the classifier with Eq. 5.
    ``attentive-features`` is the rival: an attention module weights conv3's features, and the loss
    is the plain cross-entropy."""
    attention_weight: float = 5.0
    """Lambda of Eq. 5, >= 0. Paper 5.1: 5. With 0, the tracker is the paper's baseline."""

    hidden_units: int = 512
    """Units of the classifier's layers fc4 and fc5. Paper 5: 512, as in VGG-M's tracker MDNet."""

    # --- The attention map (Eq. 1, 2) -----------------------------------------------------
    map_at: Literal["conv1", "input", "conv3"] = "conv1"
    """The activation where the map lives: the score is differentiated with respect to it. Paper
    3.1: "the output of the first layer during backward propagation", which can mean ``conv1`` or
    ``input``. Released code: conv1's output before its ReLU, 96x51x51. Ours: ``conv3``, the 3x3
    features themselves, for which no convolution has to be differentiated."""
    map_part: Literal["positive", "all"] = "positive"
    """Which derivatives the map is made from. Paper 3.1: the positive ones. Released code: all."""
    map_channels: Literal["sum", "sum-of-squares"] = "sum"
    """How the channels are reduced to one map. The paper does not say. Ours: their sum. Released
    code: their sum of squares."""
    score_seed: float = 1.0
    """The gradient of the score with which back-propagation starts. Paper: 1. Released code: 10. It
    scales the whole map, so it cancels in every ratio of Eq. 3 and 4."""
    attention_dropout: bool = False
    """Whether dropout is active in the classifier while the maps are computed. The paper does not
    say. Released code: no."""
    second_order: bool = True
    """Whether the gradient step differentiates through the maps. The paper implies it. Released
    code: yes, on the PyTorch that it was written for. On a current PyTorch it silently behaves as
    with False: the attention term no longer reaches the classifier. The field exists to show this
    effect."""

    # --- The regulariser (Eq. 3, 4) and the loss (Eq. 5) ----------------------------------
    map_statistics: Literal["sample", "batch"] = "sample"
    """How the ratios of means and standard deviations are formed. Paper Eq. 3, 4: ``sample``, from
    the statistics of each map. Released code: ``batch``, from statistics that are first summed over
    the maps of all samples with the same label."""
    reduction: Literal["mean", "sum"] = "mean"
    """How the samples' values of R are reduced before they are added to the cross-entropy, which is
    *summed* over the batch. This sets what a value of lambda means. The paper does not say. Ours:
    ``mean``, the mean over the positives plus the mean over the negatives, which has the scale of
    the released code. With ``map_statistics="batch"`` the field has no effect, because there is
    only one R for each label."""
    attention_eps: float = 1e-12
    """Lower bound of each mean and standard deviation, so that maps of zeros have finite gradients.
    Ours. Released code: no bound; both sides of each ratio are multiplied by 1e10 instead."""

    # --- Stochastic gradient descent ------------------------------------------------------
    first_iterations: int = 50
    """H1, the number of gradient steps on the first frame. Paper 5."""
    first_learning_rate: float = 2e-4
    """Learning rate on the first frame. Paper 5."""
    update_iterations: int = 15
    """H2, the number of gradient steps in an update. Paper 5."""
    update_learning_rate: float = 3e-4
    """Learning rate in an update. Paper 5."""
    update_interval: int = 10
    """T, the number of frames from one long-term update to the next. Paper 5."""
    batch_positives: int = 32
    """Positive samples in each mini-batch. Paper 5."""
    batch_negatives: int = 32
    """Negative samples in each mini-batch. Paper 5. Released code: they are those with the highest
    target scores among ``mined_negatives`` samples (hard negative mining)."""
    mined_negatives: int = 1024
    """Negative samples that each iteration scores to find the hard ones. Released code."""
    momentum: float = 0.9
    """Momentum of stochastic gradient descent. Released code."""
    weight_decay: float = 5e-4
    """Weight decay of stochastic gradient descent. Released code."""
    fc6_rate_factor: float = 10.0
    """Learning rate of fc6, divided by the learning rate of the other layers. Released code."""
    dropout: float = 0.5
    """Share of inputs that are dropped before each of fc4-6 in training. Released code."""
    clip_norm: float = 10.0
    """Upper limit of the gradient's norm. A longer gradient is scaled down. Released code."""
    clip_scope: Literal["fc", "all"] = "fc"
    """Which gradients the norm is computed over. The paper does not say. Ours: ``fc``, those of the
    trained layers. Released code: ``all``, which also counts the gradients that the attention term
    sends to the fixed convolutions. This is much slower."""

    # --- First-frame samples --------------------------------------------------------------
    first_positives: int = 500
    """Positive samples of the first frame. Paper 5: N1 = 5500 samples, positive and negative ones
    together. Released code: how they are divided."""
    first_negatives: int = 5000
    """Negative samples of the first frame, the rest of N1. Released code: one half is uniform
    around the target, and the other half is spread over the whole image."""
    positive_iou: Range = (0.5, 1.0)
    """Range of a positive sample's IoU with the target, here and in updates. Paper 4: above 0.5.
    Released code: at least 0.7. Few samples are between the two: positives are drawn so close that
    the IoU of a square target is above 0.64, and only a long one has many below 0.7."""
    first_negative_iou: Range = (0.0, 0.5)
    """Range of a first-frame negative's IoU with the target. Paper 4 and released code."""
    positive_translation: float = 0.1
    """Spread of the centres of positive samples, which are Gaussian. All spreads of centres are in
    units of the target's mean side, (w + h) / 2; see :mod:`rltrack.tracking.sampling`. Released
    code."""
    positive_scale: float = 1.2
    """Spread of the sizes of positive samples. All spreads of sizes are factors: 1.2 means from
    1 / 1.2 to 1.2 times the target's size. Released code."""
    first_negative_translation: float = 1.0
    """Spread of the centres of the first-frame negatives around the target, which are uniform.
    Released code."""
    first_negative_scale: float = 2.0
    """Spread of the sizes of these negatives. Released code."""
    whole_image_scale: float = 1.2
    """Spread of the sizes of the negatives over the whole image. Released code."""
    aspect: float = 1.1
    """Spread of the aspect ratio of first-frame negatives and of samples for box regression. The
    width is multiplied by at most this factor while the height is divided by it, or the reverse.
    Released code."""

    # --- Box regression -------------------------------------------------------------------
    # The paper gives none of these six values.
    regression_samples: int = 1000
    """Boxes of the first frame that the regression is fitted to. Released code."""
    regression_translation: float = 0.3
    """Spread of the centres of these boxes, which are uniform. Released code."""
    regression_scale: float = 1.5
    """Spread of the sizes of these boxes. Released code."""
    regression_iou: Range = (0.6, 1.0)
    """Range of the IoU of these boxes with the target, and of a candidate with its regressed box. A
    regressed box out of this range is discarded. Released code."""
    regression_area: Range = (1.0, 2.0)
    """Range of the area of these boxes divided by the target's area, and of a candidate's area
    divided by its regressed box's area. A regressed box out of this range is discarded. Because the
    range starts at 1, regression only ever makes boxes smaller. Released code."""
    regression_alpha: float = 1000.0
    """Strength of the ridge. Released code."""

    # --- The fixed convolutions -----------------------------------------------------------
    features_from: Literal["crops", "region"] = "crops"
    """What the convolutions are computed on. Paper: ``crops``, one crop for each sample. Ours:
    ``region``. The convolutions run once over the target's surroundings, and the features of each
    sample are interpolated in the resulting feature map (RoI-align)."""
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """The number format of the convolutions' multiplications. Everything else is computed in the
    tracker's own type, which is float32 by default. Ours: ``tf32`` and ``bfloat16`` are faster.
    ``tf32`` needs an NVIDIA GPU and is the same as float32 elsewhere. On a CPU, ``bfloat16`` is
    faster only if the CPU has instructions for it, and otherwise several times slower."""

    # --- Each frame -----------------------------------------------------------------------
    candidates: int = 256
    """N2, the number of candidate boxes in each frame. Paper 5."""
    search_translation: float = 0.6
    """Spread of the centres of candidates, which are Gaussian. Released code."""
    search_scale: float = 1.05
    """Spread of the sizes of candidates. Released code."""
    search_translation_lost: float = 1.5
    """Spread of the candidates' centres after a frame in which the target was not found. Released
    code."""
    border: Literal["image", "target"] = "image"
    """How candidates, samples and the result are kept in the image. Released code: ``image``.
    Candidates and the result lie inside the image, and samples have their centres inside. A target
    that hangs over the image's border is then not followed. Ours: ``target``. The centres lie
    inside the image, or no further outside than the target's own centre."""
    averaged_candidates: int = 1
    """Number of best candidates whose mean is the result. Paper 4: 1. Released code: 5."""
    follow: Literal["candidate", "result"] = "candidate"
    """The box around which the next candidates and the update samples are drawn: ``candidate``, the
    chosen candidate before box regression, or ``result``, the regressed box. Paper 4: "the
    predicted location", which can mean either. Released code: ``candidate``. Box regression only
    ever makes boxes smaller (``regression_area``), so with ``result`` the target would shrink from
    frame to frame."""
    success_threshold: float = 0.0
    """The target counts as found if its score (the logit f_1) is above this. Released code."""

    # --- Update samples and memory --------------------------------------------------------
    update_positives: int = 56
    """Positive samples drawn in each frame in which the target is found. Paper 4: N2 = 256 positive
    and negative samples together. Ours: how they are divided. Released code: 50."""
    update_negatives: int = 200
    """Negative samples drawn in such a frame. Paper 4: N2 = 256 together with the positive ones.
    Released code: 200."""
    update_negative_iou: Range = (0.0, 0.5)
    """Range of such a negative's IoU with the target. Paper 4: below 0.5, said of the first frame.
    Released code: below 0.3."""
    update_negative_translation: float = 1.5
    """Spread of the centres of these negatives, which are uniform. Released code."""
    update_negative_scale: float = 1.2
    """Spread of the sizes of these negatives. Released code."""
    long_memory: int = 100
    """Number of frames whose positive samples are kept, for long-term updates. Released code."""
    short_memory: int = 20
    """Number of frames whose negative samples are kept, and whose positive samples are used in the
    update after a frame in which the target was not found. Released code."""

    @property
    def candidate_border(self) -> Border:
        """How far a candidate may reach over the image's border; see the field `border`."""
        return "box" if self.border == "image" else "target"

    @property
    def sample_border(self) -> Border:
        """How far a training sample may reach over the image's border; see the field `border`."""
        return "center" if self.border == "image" else "target"

    @property
    def scored_negatives(self) -> int:
        """Negatives that an iteration scores: at least as many as the batch needs."""
        return max(self.mined_negatives, self.batch_negatives)

    def identity(self) -> dict[str, Any]:
        """Return the values that tell a configuration from all others, to name its runs by.

        A field that was added later counts only where it is not at its default. Thus the runs that
        were made before are still found.
        """
        return {k: v for k, v in asdict(self).items() if (k, v) not in _ADDED.items()}

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in fields(self):
            value, hint = getattr(self, field.name), hints[field.name]
            choices = get_args(hint) if get_origin(hint) is Literal else ()
            if limits := limits_of(field.name, hint):
                number, wanted = limits.kept(value, hint), limits.wanted
                ok = number is not None
                object.__setattr__(self, field.name, number)  # because the dataclass is frozen
            elif choices:
                ok, wanted = value in choices, "one of " + ", ".join(map(str, choices))
            elif hint is bool:
                ok, wanted = isinstance(value, bool), "True or False"
            else:
                ok, wanted = isinstance(value, str), "a name"
            if not ok:
                raise InputError(f"{field.name} is {brief(value)}; it must be {wanted}")
        if self.map_part == "all" and self.map_channels == "sum":
            raise InputError(
                'map_part="all" with map_channels="sum" lets signed derivatives cancel; '
                'use map_channels="sum-of-squares"'
            )
        if self.variant == "attentive-features" and self.attention_weight > 0:
            raise InputError(
                f"attention_weight is {self.attention_weight:g}; it must be 0 for "
                'variant="attentive-features", which is trained with the plain loss'
            )
        if self.features_from == "region" and self.attention_weight > 0 and self.map_at != "conv3":
            raise InputError(
                'features_from="region" has no crops to compute attention from; use map_at="conv3"'
            )
        if self.averaged_candidates > self.candidates:
            raise InputError(
                f"averaged_candidates is {self.averaged_candidates}; there are only "
                f"{self.candidates} candidates"
            )
