from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rltrack.errors import InputError
from rltrack.files import (
    GrowingFile,
    WriteError,
    alone,
    set_aside,
    try_each,
    whole,
    write_bytes,
    write_json,
)


def test_a_file_takes_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "boxes.csv"
    with whole(path) as part:
        part.write_text("half")
        assert not path.exists()
        part.write_text("all")
    assert path.read_text() == "all"
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("before")

    def fail() -> None:
        with whole(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_one_and_its_file_is_replaced(tmp_path: Path) -> None:
    path, link, dangling = (tmp_path / name for name in ("there/boxes.csv", "link", "dangling"))
    path.parent.mkdir()
    path.write_text("before")
    link.symlink_to(path)
    dangling.symlink_to(tmp_path / "new" / "boxes.csv")
    for each in (link, dangling):
        with whole(each) as part:
            part.write_text("after")
        assert each.is_symlink() and each.read_text() == "after"
    assert path.read_text() == "after" and list(path.parent.iterdir()) == [path]


def test_json_has_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}


def test_damaged_files_are_set_aside_under_names_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "run.json.gz"
    for content, name in (("a", ".aside"), ("b", ".aside-2"), ("c", ".aside-3")):
        path.write_text(content)
        assert set_aside(path) == tmp_path / f"run.json.gz{name}"
        assert not path.exists()
    assert [file.read_text() for file in sorted(tmp_path.iterdir())] == ["a", "b", "c"]


# --- A full disk ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 4, 5])
def test_a_file_without_room_leaves_what_was_there(
    size: int, tmp_path: Path, room: Callable[[int], AbstractContextManager[None]]
) -> None:
    path, new = tmp_path / "table.md", tmp_path / "new.md"
    path.write_text("before")
    for each, safe in ((path, "; the file that was there is unchanged"), (new, "")):
        with pytest.raises(WriteError) as caught, room(size):
            write_bytes(each, b"after!")
        assert str(caught.value) == f"cannot write {each}: File too large{safe}"
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]
    with room(6):
        write_bytes(path, b"after!")
    assert path.read_text() == "after!"


def test_what_does_not_reach_the_disk_does_not_take_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.md"
    path.write_text("before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"No space left on device; the file .* is unchanged"):
        write_bytes(path, b"after!")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def full(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("failing", range(7))
def test_a_growing_file_holds_the_pieces_before_the_disk_was_full(
    failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write, calls = tmp_path / "boxes.csv", os.write, []

    def half(file: int, piece: bytes) -> int:  # each piece takes two writes
        calls.append(piece)
        return full() if len(calls) > failing else write(file, bytes(piece[:3]))

    path.write_text("before")
    growing = GrowingFile(path)
    monkeypatch.setattr(os, "write", half)
    pieces = [b"first\n", b"secnd\n", b"third\n"]
    written = failing // 2
    for piece in pieces[:written]:
        growing.append(piece)
    if written < len(pieces):
        with pytest.raises(WriteError, match=r"boxes\.csv: No space left on device$"):
            growing.append(pieces[written])
    assert path.read_text() == "before" and growing.part.read_bytes() == b"".join(pieces[:written])
    growing.finish()
    assert path.read_bytes() == (b"".join(pieces[:written]) or b"before")
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_does_not_keep_the_next_file_from_being_written(tmp_path: Path) -> None:
    def fail(name: str) -> None:
        with whole(tmp_path / name):
            full()

    def write() -> None:
        write_bytes(tmp_path / "b", b"b")

    with pytest.raises(WriteError, match=r"/a: No space left on device; cannot write .*/c: No"):
        try_each([lambda: fail("a"), write, lambda: fail("c")])
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


# --- Two runs at once ----------------------------------------------------------------------------


def test_two_writers_of_one_file_share_no_temporary_file(tmp_path: Path) -> None:
    path, left = tmp_path / "boxes.csv", tmp_path / "boxes.csv.part"
    left.write_text("the user's")
    with whole(path) as one, whole(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one" and left.read_text() == "the user's"
    assert sorted(tmp_path.iterdir()) == [path, left]


def test_a_folder_is_one_run_s_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path, "fetch"):
        with pytest.raises(InputError, match="another `rltrack fetch` is at work in"):
            alone(tmp_path, "fetch").__enter__()
    with alone(tmp_path, "fetch"):
        pass
    assert list(tmp_path.iterdir()) == []
