"""Compile the inner loops for the CPU with numba, all with the same options."""

from __future__ import annotations

import logging
from typing import Any

import numba

__all__ = ["inlined", "jit"]

log = logging.getLogger(__name__)


def _kept() -> bool:
    """Return whether compiled loops can be kept in files.

    If they cannot, each process compiles them again, which takes about ten seconds.
    """
    try:
        numba.njit(cache=True)(lambda: None)
    except RuntimeError:  # neither the package's folder nor the user's folder is writable
        log.warning("cannot store compiled loops: set NUMBA_CACHE_DIR to a writable folder")
        return False
    return True


# Python's division checks for zero, which would prevent a loop from being vectorised. So NumPy's
# division is used. With fastmath, the compiler may reorder sums, and it assumes that all numbers
# are finite.
_options: Any = {"nogil": True, "cache": _kept(), "error_model": "numpy", "fastmath": True}

jit = numba.njit(**_options)
"""A decorator that compiles a loop. The loop releases the GIL and runs on one thread."""

inlined = numba.njit(inline="always", **_options)
"""A decorator that compiles a function and inlines it into its caller.

It is for functions where a call would cost a tenth of the time.
"""
