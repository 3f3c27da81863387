"""The schema of a sweep's run: what its file must hold, checked whenever one is read.

Runs of older versions of the package lack the later fields ``weights``, ``machine``, ``truth`` and
``threads``, and fields of the configuration, which have their defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from rltrack.errors import InputError, brief
from rltrack.tracking.config import TrackerConfig

__all__ = ["checked_run"]


class _Kind(NamedTuple):
    """The values that a field accepts."""

    wanted: str
    accepts: Callable[[Any], bool]


def _number(value: Any, low: float = -1e12, high: float = 1e12) -> bool:
    """Return whether this is a number in a range.

    By default it is one that can occur. No pixels, seconds or scores are beyond 10^12, and squares
    of what is can overflow.
    """
    # Python counts true and false as integers.
    return type(value) in (int, float) and bool(low <= value <= high)


def _numbers(count: int) -> _Kind:
    def accepts(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) == count
            and all(_number(each, 0, 1) for each in value)
        )

    return _Kind(f"{count} numbers from 0 to 1", accepts)


def _whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _boxes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(row, list) and len(row) == 4 and all(map(_number, row)) for row in value)
    )


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) < 256


_SHARE = _Kind("a number from 0 to 1", lambda value: _number(value, 0, 1))
_POSITIVE = _Kind("a number, at least 0", lambda value: _number(value, 0))
_UNLESS_NONE = _Kind("a number, at least 0, or null", lambda v: v is None or _number(v, 0))
_COUNT = _Kind("a whole number, at least 0", lambda value: _whole(value, 0, 2**63 - 1))
_NAME = _Kind("a name of at most 255 characters", _text)

_DIGITS = _Kind(
    "12 hexadecimal digits",
    lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{12}", value) is not None,
)

_REQUIRED = {
    "target": _Kind(
        "the name of a target", lambda v: _text(v) and v.isprintable() and "/" not in v
    ),
    "seed": _Kind("a whole number from 0 to 2^63 - 1", _COUNT.accepts),
    "tracker": _DIGITS,
    "config": _Kind("an object", lambda value: isinstance(value, dict)),
    "backbone": _NAME,
    "commit": _Kind("a name or null", lambda value: value is None or _text(value)),
    "device": _NAME,
    "versions": _Kind(
        "an object of names",
        lambda value: isinstance(value, dict) and all(map(_text, value.values())),
    ),
    "seconds": _POSITIVE,
    "first_fit_s": _POSITIVE,
    "frame_ms": _UNLESS_NONE,
    "dp20": _SHARE,
    "os": _SHARE,
    "cle": _UNLESS_NONE,
    "os50": _SHARE,
    "frames": _COUNT,
    "skipped": _COUNT,
    "success": _numbers(21),
    "precision": _numbers(51),
    "boxes": _Kind("rows of four numbers, one a frame", _boxes),
    "confidence": _Kind(
        "numbers or nulls",
        lambda value: isinstance(value, list) and all(v is None or _number(v) for v in value),
    ),
}

_LATER = {
    "weights": _NAME,
    "machine": _NAME,
    "truth": _DIGITS,
    "threads": _Kind("a whole number, at least 1", lambda value: _whole(value, 1, 2**31)),
}


def checked_run(content: Any) -> dict[str, Any]:
    """Return what a run's file holds, if it is a run of a sweep.

    Args:
        content: what was read from JSON.

    Raises:
        InputError: it is no such run. The message says which field is wrong.
    """
    if not isinstance(content, dict):
        raise InputError(f"it is {brief(content)}; it must be an object")
    for name, kind in {**_REQUIRED, **_LATER}.items():
        if name not in content:
            if name in _LATER:
                continue
            raise InputError(f"it has no {name}")
        if not kind.accepts(content[name]):
            raise InputError(f"{name} is {brief(content[name])}; it must be {kind.wanted}")
    if more := content.keys() - _REQUIRED.keys() - _LATER.keys():
        raise InputError(f"it has the unknown field {brief(min(more))}")
    _check_config(content["config"])
    boxes, frames = len(content["boxes"]), content["frames"] + content["skipped"]
    if not boxes == frames == len(content["confidence"]):
        raise InputError(
            f"it has {boxes} boxes and {len(content['confidence'])} scores for {frames} frames"
        )
    return content


def _check_config(config: Mapping[str, Any]) -> None:
    """Check that a configuration is one that this version of the package can make."""
    known = {field.name for field in fields(TrackerConfig)}
    if unknown := config.keys() - known:
        raise InputError(f"its configuration has the unknown field {brief(min(unknown))}")
    if not _text(config.get("preset", "paper")):
        raise InputError(f"its preset must be {_NAME.wanted}")
    TrackerConfig(**config)
