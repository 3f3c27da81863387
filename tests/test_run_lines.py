"""Files of runs, a line each: what a killed process leaves, and what is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from rltrack.errors import InputError
from rltrack.evaluation.run_lines import append, stored


def test_runs_come_back(tmp_path: Path) -> None:
    file = tmp_path / "new" / "runs.jsonl"
    runs = [{"target": "Deer", "seed": 0, "os": 0.5}, {"target": "数\n", "seed": 1, "os": 0.25}]
    for run in runs:
        append(file, run)
    assert stored(file) == runs
    assert file.read_text().count("\n") == 2


def test_half_a_last_line_is_left_out_and_written_over(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_text('{"seed": 0}\n{"seed": 1, "o')
    assert stored(file) == [{"seed": 0}]
    append(file, {"seed": 1})
    assert file.read_text() == '{"seed": 0}\n{"seed": 1}\n'


@pytest.mark.parametrize("line", ["", "{", "[1]", "3"])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_text(f'{{"seed": 0}}\n{line}\n{{"seed": 1}}\n')
    with pytest.raises(InputError, match=r"line 2 of .*runs\.jsonl is not a JSON object"):
        stored(file)
    with pytest.raises(InputError, match="cannot read"):
        stored(tmp_path / "none.jsonl")
