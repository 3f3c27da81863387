"""The page of a sweep's report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from html_checks import checked
from made_runs import key, made_run

from rltrack import preset
from rltrack.cli.main import main
from rltrack.evaluation.run_files import keep, names_of, short_names_of

TARGETS = ["Basketball", "Bolt", "Boy", "Car4", "Couple", "Deer"]


def run(target: str, seed: int, os: float, **changes: Any) -> dict[str, Any]:
    config = preset("paper", **changes)
    return made_run(target, seed, config, os=os, machine="A <fast> one", threads=2)


def sweep() -> list[dict[str, Any]]:
    return [
        run(target, seed, 0.4 + 0.05 * i + 0.1 * (weight > 0), attention_weight=weight)
        for i, target in enumerate(TARGETS)
        for seed in (0, 1)
        for weight in (0.0, 5.0)
    ]


def kept(results: list[dict[str, Any]], path: Path) -> str:
    keep(results, path)
    return str(path)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_the_page_of_a_sweep_says(capsys: pytest.CaptureFixture[str]) -> None:
    file = kept(sweep(), Path("a&b<i>.json.gz"))
    assert main(["report", file, "--html", "out/page.html"]) == 0
    page = checked(Path("out/page.html").read_text(encoding="utf-8"))
    for words in (
        "Sweep report a&b<i>.json.gz", "attention_weight 5", "0.625 ± 0.000", "6 targets, seeds 0",
        "OS minus OS of: attention_weight 0.", "+0.100 (+0.100 to +0.100)", "Precision", "Success",
        "Basketball 0.400 0.500", "Deer 0.650 0.750", "A <fast> one (cpu, 2 threads)",
        "rltrack 0.1.0", "Highest OS 0.625",
    ):  # fmt: skip
        assert words in page.text, words
    assert str(Path.cwd()) not in page.source
    assert len(page.all("circle")) == len(TARGETS)
    assert len([p for p in page.all("path") if p["class"].startswith("line s")]) == 2 + 2 * 2


def test_one_tracker_has_nothing_to_be_compared_with() -> None:
    file = kept([run("Deer", 0, 0.5)], Path("a.json.gz"))
    assert main(["report", file, "--html", "page.html"]) == 0
    page = checked(Path("page.html").read_text(encoding="utf-8"))
    assert "Differences" not in page.text and "OS minus first" not in page.text
    assert "preset paper" in page.text


def test_only_shared_targets_count() -> None:
    runs = [r for r in sweep() if not (r["target"] == "Car4" and r["seed"] == 1)]
    file = kept([*runs, run("Car4", 1, 0.2, attention_weight=0.0)], Path("a.json.gz"))
    assert main(["report", file, "--html", "page.html"]) == 0
    page = checked(Path("page.html").read_text(encoding="utf-8"))
    assert "Car4 0." not in page.text and "not in the means Car4 (3 runs)" in page.text
    assert "all pairs with the first: +0.100" in page.text


def test_targets_need_not_be_otbs() -> None:
    name = "GOT-10k_Val_000001"
    file = kept([run(name, 0, 0.5), run(name, 0, 0.6, attention_weight=0.0)], Path("a.json.gz"))
    assert main(["report", file, "--html", "page.html"]) == 0
    page = checked(Path("page.html").read_text(encoding="utf-8"))
    assert f"{name} 0.600 0.500" in page.text


def test_the_input_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    file = kept(sweep(), Path("a.json.gz"))
    before = Path(file).read_bytes()
    assert main(["report", file, "--html", file]) == 2
    assert "that file belongs to the input" in capsys.readouterr().err
    assert Path(file).read_bytes() == before


def test_short_names_say_what_is_special() -> None:
    made = [
        run("Deer", 0, 0.5),
        run("Deer", 0, 0.5, map_at="input"),
        run("Deer", 0, 0.5, reduction="sum"),
        run("Deer", 0, 0.5, score_seed=10.0),
    ]
    names, usual = short_names_of(made)
    assert [*names.values()] == [
        "the usual values", "map_at input", "reduction sum", "score_seed 10"
    ]  # fmt: skip
    assert usual == "map_at conv1, score_seed 1, reduction mean"
    assert short_names_of(made[:2]) == (names_of(made[:2]), "")
    assert [*names] == [key(made_["config"], None) for made_ in made]
