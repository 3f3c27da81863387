"""Paths as users write them, checked in one place."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rltrack.errors import InputError
from rltrack.paths import given_path

PACKAGE = Path(__file__).resolve().parents[1] / "rltrack"


def test_the_home_folder_takes_the_place_of_the_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert given_path("~/clip.mp4") == tmp_path / "clip.mp4"


def test_nothing_needs_to_be_there(tmp_path: Path) -> None:
    assert given_path(tmp_path / "a" / "b.csv") == tmp_path / "a" / "b.csv"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "the boxes cannot be empty"),
        ("x" * 5000, "File name too long"),
        ("a/" * 2500, "File name too long"),
        ("a\0b", "null"),
        ("~no-such-user/b.csv", "home directory"),
        (f"{__file__}/b.csv", "what should be its folder is a file"),
    ],
)
def test_what_no_file_can_be_called_is_refused(path: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"^the boxes cannot be .*{reason}|^{reason}$"):
        given_path(path, "the boxes")


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match=r"the path cannot be .*symbolic links"):
        given_path(tmp_path / "a")


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may enter it")
def test_a_folder_that_may_not_be_entered_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0)
    with pytest.raises(InputError, match="Permission denied"):
        given_path(tmp_path / "shut" / "b.csv")


def test_every_given_path_is_checked_here() -> None:
    elsewhere = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\.expanduser\(", path.read_text(encoding="utf-8"))
    ]
    assert sorted(elsewhere) == ["paths.py"]
