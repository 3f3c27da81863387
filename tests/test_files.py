from __future__ import annotations

import json
from pathlib import Path

import pytest

from rltrack.files import whole, write_json


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
