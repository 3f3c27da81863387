"""Paths as users write them, checked in one place."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rltrack.cli.main import main
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


@pytest.mark.parametrize(
    "command",
    [
        ["track", "shut"],
        ["evaluate", "shut", "--dataset", "Girl"],
        ["evaluate", "results", "--dataset", "shut"],
        ["evaluate", "results", "--dataset", "."],  # it is one folder of several
        ["report", "shut"],
        ["sweep", "--dataset", "Girl", "--data", ".", "--out", "out"],
    ],
    ids=" ".join,
)
def test_a_folder_that_may_not_be_looked_into_is_named(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("shut", "results"):
        Path(name).mkdir()
    Path("otb").symlink_to("shut")
    denied = PermissionError(errno.EACCES, "Permission denied")
    stat, iterdir = Path.stat, Path.iterdir

    def guarded_stat(path: Path, **how: Any) -> os.stat_result:
        if {"shut", "otb"} & {parent.name for parent in path.parents}:
            raise denied
        return stat(path, **how)

    def guarded_iterdir(path: Path) -> Iterator[Path]:
        if path.name in ("shut", "otb"):
            raise denied
        return iterdir(path)

    monkeypatch.setattr(Path, "stat", guarded_stat)  # root may look into any folder
    monkeypatch.setattr(Path, "iterdir", guarded_iterdir)
    assert main(command) == 2
    said = capsys.readouterr().err
    assert re.match(r"error: cannot (look into|list) the folder (shut|otb)\b", said)
    assert said.endswith(": Permission denied; change its permissions\n")


def test_every_given_path_is_checked_here() -> None:
    elsewhere = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\.expanduser\(", path.read_text(encoding="utf-8"))
    ]
    assert sorted(elsewhere) == ["paths.py"]
