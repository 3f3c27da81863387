"""Compiled loops, where nothing can be written."""

from __future__ import annotations

import logging
import tempfile

import pytest

from rltrack import jit


def test_without_a_place_to_keep_them_loops_are_still_compiled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert jit._kept()

    def refused(**given: object) -> None:
        raise PermissionError

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)  # how numba tries a folder
    with caplog.at_level(logging.WARNING):
        assert not jit._kept()
    assert "NUMBA_CACHE_DIR" in caplog.text
