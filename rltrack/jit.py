"""The options with which all inner loops for the CPU are compiled."""

from __future__ import annotations

import logging
from typing import Any

import numba

__all__ = ["inlined", "jit"]

log = logging.getLogger(__name__)


def _kept() -> bool:
    """Whether compiled loops can be kept in files; else each process compiles, for ten seconds."""
    try:
        numba.njit(cache=True)(lambda: None)
    except RuntimeError:  # neither the package's folder nor the user's can be written
        log.warning("no place to keep compiled loops: set NUMBA_CACHE_DIR to a writable folder")
        return False
    return True


# Python's division would check for zero, which keeps a loop from being vectorised. Sums may be
# reordered; numbers are taken to be finite.
_options: Any = {"nogil": True, "cache": _kept(), "error_model": "numpy", "fastmath": True}

jit = numba.njit(**_options)
"""Compiles a loop, which releases the GIL and runs on one thread."""

inlined = numba.njit(inline="always", **_options)
"""Compiles a function that becomes part of its caller, where a call would cost a tenth."""
