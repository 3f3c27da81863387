"""How a fetch fails: one file, all that come after it too, or because of a limit."""

from __future__ import annotations

from collections.abc import Collection

from rltrack.errors import InputError

__all__ = [
    "FetchError",
    "FetchLimitError",
    "SlowFetchError",
    "StopFetchError",
    "common_failure",
]


class FetchError(RuntimeError):
    """Something could not be downloaded. The message says why, and what to do by hand."""


class StopFetchError(FetchError):
    """A failure that the next file would meet too: no server answers, or there is no room."""


class FetchLimitError(FetchError, InputError):
    """What was offered goes beyond one of `rltrack.limits.Limits`. The message has its name."""


class SlowFetchError(StopFetchError, FetchLimitError):
    """Less arrives than the limit ``download_rate``."""


def common_failure(failures: Collection[FetchError], message: str) -> FetchError:
    """Return a failure that stands for several. It is of their kind, if all are of one kind."""
    for kind in (SlowFetchError, StopFetchError, FetchLimitError):
        if all(isinstance(failure, kind) for failure in failures):
            return kind(message)
    return FetchError(message)
