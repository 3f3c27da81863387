"""Settings of nbval, which compares the outputs of the notebooks with the stored ones."""

from __future__ import annotations

import pytest


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Exclude SVG drawings from the comparison, as nbval excludes pictures.

    An SVG contains names that are random, so its text differs from run to run. The numbers behind a
    figure are printed beside it, and these are compared.
    """
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml",)
