"""Reading text and JSON: whatever a file holds, what is wrong with it is said in one line."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import pytest

from rltrack import text_files
from rltrack.errors import InputError
from rltrack.text_files import read_json, read_text

PACKED = gzip.compress(json.dumps(list(range(2000))).encode(), mtime=0)


def test_packed_or_not_the_text_is_the_same(tmp_path: Path) -> None:
    for name, content in {
        "plain.json": b'{"a": 1}',
        "mark.json": b'\xef\xbb\xbf{"a": 1}',
        "packed.json.gz": gzip.compress(b'{"a": 1}'),
        "named_as_plain.json": gzip.compress(b'{"a": 1}'),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert read_json(tmp_path / name) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        ("a.json", b'{"a":' * 100_000, "nested too deeply"),
        ("a.json", b"9" * 5000, "is not JSON .*4300 digits"),
        ("a.json", b'{"a": 1', "is not JSON"),
        ("a.json", b"", "is not JSON"),
        ("a.json", b"\xff\xfe\x00", "a.json is no text in UTF-8: give a text file"),
        ("a.json.gz", b"no gzip", "cannot read"),
        ("a.json.gz", b"", "is not JSON"),
        ("a.json.gz", PACKED[:-9], "cannot read"),
        ("a.json.gz", PACKED[:12] + b"\xff" + PACKED[13:], "cannot read"),
        ("a.json.gz", PACKED[:-8] + b"\0" * 8, "cannot read .*CRC"),
        ("a.json.gz", PACKED[:10] + zlib.compress(b"1"), "cannot read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_json(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_there_or_a_folder_is_said(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=r"cannot read \S+: (Is a|No such file or) dir"):
            read_text(path)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "LARGEST", 2**20)
    file = tmp_path / "a.json.gz"
    file.write_bytes(gzip.compress(b" " * (2**20 - 1) + b"1"))
    assert read_json(file) == 1
    file.write_bytes(gzip.compress(b" " * 2**20 + b"1"))
    assert file.stat().st_size < 2000
    with pytest.raises(InputError, match="more than 1 MiB, the limit"):
        read_json(file)
