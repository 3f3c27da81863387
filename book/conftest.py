"""How nbval compares the notebooks' outputs."""

from __future__ import annotations

import pytest


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Leave drawings out, as nbval does pictures: names in them are drawn by lot, numbers are not.

    What a figure shows is printed beside it, and compared.
    """
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml",)
