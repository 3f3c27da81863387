"""The numbers that each field of the configuration accepts."""

from __future__ import annotations

import math
import sys
from numbers import Integral, Real
from typing import Any, NamedTuple

__all__ = ["Limits", "Range", "limits_of"]

Range = tuple[float, float]


class Limits(NamedTuple):
    """The numbers that a field accepts: from ``low`` to ``high``, both included."""

    wanted: str
    """The same in words, for an error message."""
    low: float = 0.0
    high: float = sys.float_info.max

    def kept(self, value: Any, kind: Any) -> Any:
        """Return ``value`` as an int, float or `Range`, as ``kind`` says; None if not accepted."""
        if kind == Range:
            if not isinstance(value, tuple | list) or len(value) != 2:
                return None
            low, high = (self.kept(number, float) for number in value)
            return (low, high) if None not in (low, high) and low <= high else None
        if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
            return None
        try:
            number = kind(value)
        except OverflowError:  # a whole number that no float can hold
            return None
        return number if self.low <= number <= self.high else None


_USUAL = {
    int: Limits("a whole number from 1 to 1,000,000", 1, 1e6),
    float: Limits("a finite number, not negative"),
    Range: Limits("two increasing numbers, not negative"),
}

_NARROWER = {
    "success_threshold": Limits("a finite number", -sys.float_info.max),
    # A map's deviation has the square of the bound in its derivative, which must not be 0.
    "attention_eps": Limits("a finite number, at least 1e-18", 1e-18),
    **dict.fromkeys(
        ("score_seed", "clip_norm", "regression_alpha"),
        Limits("a finite number above 0", math.nextafter(0, 1)),
    ),
    **dict.fromkeys(
        ("momentum", "dropout"), Limits("a number from 0 to below 1", 0, math.nextafter(1, 0))
    ),
    **dict.fromkeys(
        ("positive_iou", "first_negative_iou", "regression_iou", "update_negative_iou"),
        Limits("two increasing numbers from 0 to 1", 0, 1),
    ),
    # These are spreads by a factor, which reach from its inverse to the factor itself.
    **dict.fromkeys(
        (
            *("positive_scale", "first_negative_scale", "whole_image_scale", "aspect"),
            *("regression_scale", "search_scale", "update_negative_scale"),
        ),
        Limits("a finite number, at least 1", 1),
    ),
}


def limits_of(name: str, kind: Any) -> Limits | None:
    """Return the limits of the field ``name``, whose type is ``kind``. None if it is no number."""
    return _NARROWER.get(name, _USUAL.get(kind))
