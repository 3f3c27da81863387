"""What a sweep's results say: means, spread, differences, and what does not count."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import key, made_run

from rltrack import preset
from rltrack.benchmarks.report import chosen, report
from rltrack.benchmarks.report_tables import latex, markdown
from rltrack.cli.main import main
from rltrack.errors import InputError
from rltrack.evaluation.run_files import keep, load, names_of


def result(target: str, seed: int, os: float, weight: float = 0.0, **more: Any) -> dict[str, Any]:
    config = preset("paper", attention_weight=weight)
    return {**made_run(target, seed, config, os=os, tracker=key(weight)), **more}


TARGETS = ["Basketball", "Bolt", "Boy", "Car4", "Couple", "Deer", "Girl", "Skiing"]


@pytest.fixture
def results() -> list[dict[str, Any]]:
    """Lambda 5 is better by 0.1 on every target, more or less; seeds differ by 0.02."""
    made = []
    for i, target in enumerate(TARGETS):
        for seed in (0, 1):
            base = 0.4 + 0.03 * i + 0.02 * seed
            made.append(result(target, seed, base))
            made.append(result(target, seed, base + 0.1 + 0.01 * (i % 3 - 1), weight=5.0))
    return made


def test_means_spread_and_difference(results: list[dict[str, Any]]) -> None:
    found = report(results)
    first, second = found.rows
    assert (first.name, second.name) == ("attention_weight 0", "attention_weight 5")
    assert first.mean["os"] == pytest.approx(np.mean([0.4 + 0.03 * i for i in range(8)]) + 0.01)
    assert first.spread["os"] == pytest.approx(np.std([0, 0.02], ddof=1) / np.sqrt(8))
    assert first.pairs is first.every_pair is None
    assert second.pairs is not None and second.pairs.difference is not None
    difference = second.pairs.difference
    assert difference.mean == pytest.approx(0.1 - 0.01 / 8)
    assert difference.low < difference.mean < difference.high
    assert len(second.pairs.targets) == 8
    assert second.pairs.p == pytest.approx(2 / 2**8)  # all eight have the same sign
    deviation = np.std([0.1 + 0.01 * (i % 3 - 1) for i in range(8)], ddof=1)
    smallest = (2.3646 + 1.4149) * deviation / np.sqrt(8)
    assert second.pairs.smallest_effect == pytest.approx(smallest, rel=1e-4)
    assert second.every_pair is second.pairs
    assert first.fps == pytest.approx(0.5)
    assert (found.targets, found.seeds, found.left_out) == (tuple(TARGETS), (0, 1), ())


def test_what_not_all_have_is_left_out_and_named(results: list[dict[str, Any]]) -> None:
    less = [r for r in results if not (r["target"] == "Car4" and r["seed"] == 1 and r["os"] > 0.55)]
    found = report(less)
    assert "Car4" not in found.targets
    assert found.left_out == ("Car4 (3 runs)",)
    text = markdown(found)
    assert "Not in the means, as not all have such runs: Car4 (3 runs)." in text
    # The other seed of Car4 is there, so a pair of it is.
    assert "attention_weight 5, all pairs with the first: +0.0" in text
    assert "8 targets, 15 pairs of runs. " in text and " moves this most: without it, +0.0" in text
    with pytest.raises(InputError, match="no target was run by all 2 trackers with the same seed"):
        report([results[0], results[3]])


def test_no_difference_is_none(results: list[dict[str, Any]]) -> None:
    same = [{**r, "os": 0.5} for r in results]
    pairs = report(same).rows[1].pairs
    assert pairs is not None and pairs.difference is not None
    assert pairs.difference[:3] == (0, 0, 0)
    assert pairs.p == 1


def test_a_missing_centre_error_is_skipped_in_the_mean(results: list[dict[str, Any]]) -> None:
    some = [{**r, "cle": None} if r["target"] == "Bolt" else r for r in results]
    assert report(some).rows[0].mean["cle"] == 4.0


@pytest.mark.filterwarnings("error")
def test_without_any_centre_error_there_is_no_mean(results: list[dict[str, Any]]) -> None:
    found = report([{**r, "cle": None} for r in results])
    assert np.isnan([row.mean["cle"] for row in found.rows]).all()
    assert "| nan | 0.50 |" in markdown(found)


def test_tables_hold_the_numbers(results: list[dict[str, Any]]) -> None:
    found = report(results)
    lines = markdown(found).splitlines()
    assert lines[0].startswith("| tracker | DP | OS |")
    assert "| attention_weight 5 | 1.000 ± 0.000 | 0.614 ± 0.005 |" in lines[3]
    assert lines[2].count("|") == lines[3].count("|") == 11
    assert "8 targets, seeds 0, 1" in markdown(found)
    text = latex(found)
    assert r"attention\_weight 5 & 1.000 $\pm$ 0.000" in text
    assert text.count(r"\\") == 3


def test_one_tracker_is_named_by_its_preset() -> None:
    (row,) = report([result("Deer", 0, 0.5)]).rows
    assert row.name == "preset paper"
    assert np.isnan(row.spread["os"])


def test_presets_are_named_by_what_each_changes() -> None:
    older = asdict(preset("realtime"))
    del older["precision"]  # as if it was run before there was such a field
    made = [
        result("Deer", 0, 0.5, tracker="a"),
        result("Deer", 0, 0.5, tracker="b", config=asdict(preset(precision="bfloat16"))),
        result("Deer", 0, 0.5, tracker="c", config=older),
    ]
    assert names_of(made) == {
        "a": "preset paper, attention_weight 0",
        "b": "preset paper, precision bfloat16",
        "c": "preset realtime",
    }


def test_what_runs_ran_on_is_named_where_it_is_known() -> None:
    gpu = "NVIDIA Something"
    made = report(
        [
            result("Deer", 0, 0.5),
            result("Deer", 1, 0.5, machine="Some CPU, AVX2", threads=1),
            result("Deer", 2, 0.5, machine="Some CPU, AVX2", threads=2),
            result("Deer", 3, 0.5, device=gpu, machine=gpu, threads=2),
            result("Deer", 4, 0.5, threads=2),
            result("Deer", 5, 0.5, machine="Some CPU, AVX2"),
        ]
    )
    assert made.devices == (
        gpu,
        "Some CPU, AVX2 (cpu)",
        "Some CPU, AVX2 (cpu, 1 thread)",
        "Some CPU, AVX2 (cpu, 2 threads)",
        "cpu",
        "cpu (2 threads)",
    )


def test_runs_of_an_installed_package_have_its_version() -> None:
    runs = [result("Deer", 0, 0.5, commit=None), result("Deer", 1, 0.5)]
    runs[0]["versions"] = {"rltrack": "0.1.0"}
    assert set(report(runs).commits) == {str(runs[1]["commit"]), "rltrack 0.1.0"}


def test_kept_results_come_back_and_make_the_same_file(
    results: list[dict[str, Any]], tmp_path: Path
) -> None:
    keep(results, tmp_path / "one.json.gz")
    assert load(tmp_path / "one.json.gz") == json.loads(json.dumps(results))
    keep(load(tmp_path / "one.json.gz"), tmp_path / "two.json.gz")
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()


def test_the_command_prints_and_writes(
    results: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(results, tmp_path / "kept.json.gz")
    options = ["--markdown", str(tmp_path / "t.md"), "--latex", str(tmp_path / "t.tex")]
    assert main(["report", str(tmp_path / "kept.json.gz"), *options]) == 0
    shown = capsys.readouterr().out
    assert (tmp_path / "t.md").read_text() == f"<!-- rltrack -->\n{shown}"
    assert (tmp_path / "t.tex").read_text().endswith("\\end{tabular}\n")


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("markdown", "a.md"),
        ("latex", "a.tex"),
        *(("plot", f"a{suffix}") for suffix in (".png", ".pdf", ".svg")),
        ("html", "a.html"),
        ("keep", "a.json.gz"),
    ],
)
def test_only_the_file_of_an_older_report_is_replaced(
    results: list[dict[str, Any]],
    option: str,
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept, file = tmp_path / "kept.json.gz", tmp_path / name
    keep(results, kept)
    given = ["report", str(kept), f"--{option}", str(file)]
    assert main(given) == main(given) == 0
    file.write_bytes(b"mine")
    assert main(given) == 2
    assert f"{name}: there is a file that rltrack did not write" in capsys.readouterr().err
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("option", "ending"),
    [("markdown", ".md"), ("latex", ".tex"), ("html", ".html"), ("keep", ".json.gz")],
)
def test_the_ending_of_an_output_says_what_it_is(
    results: list[dict[str, Any]],
    option: str,
    ending: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keep(results, tmp_path / "kept.json.gz")
    file = tmp_path / "a.txt"
    assert main(["report", str(tmp_path / "kept.json.gz"), f"--{option}", str(file)]) == 2
    assert f"a.txt: its name must end in {ending}" in capsys.readouterr().err
    assert not file.exists()


def test_no_results_are_said_to_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "runs.json.gz")]) == 2
    assert (
        "runs.json.gz is no file or folder of results: give a sweep's folder, or"
        in capsys.readouterr().err
    )
    assert main(["report", str(tmp_path)]) == 2
    assert "no results in" in capsys.readouterr().err
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(b"nothing"))
    assert main(["report", str(tmp_path / "x.json.gz")]) == 2
    assert "x.json.gz is not JSON" in capsys.readouterr().err


def test_a_second_seed_that_has_just_begun_hides_no_targets(results: list[dict[str, Any]]) -> None:
    begun = [r for r in results if r["seed"] == 0 or r["target"] in TARGETS[:2]]
    found = report(begun)
    assert (found.targets, found.seeds) == (tuple(TARGETS), (0,))
    assert found.left_out == ("Basketball (2 runs)", "Bolt (2 runs)")
    half = [r for r in results if r["seed"] == 0 or r["target"] in TARGETS[:5]]
    assert (report(half).targets, report(half).seeds) == (tuple(TARGETS[:5]), (0, 1))


def test_without_a_whole_target_what_all_have_in_common_counts(
    results: list[dict[str, Any]],
) -> None:
    odd = [r for r in results if r["seed"] == 0 or r["tracker"] == key(0.0)]
    found = report(odd)
    assert found.seeds == (0,)
    assert found.targets == tuple(TARGETS)
    assert found.left_out[0] == "Basketball (1 run)"


def test_results_are_chosen_by_a_field(results: list[dict[str, Any]]) -> None:
    assert {r["tracker"] for r in chosen(results, "attention_weight", [5])} == {key(5.0)}
    assert chosen(results, "positive_iou", [(0.5, 1.0)]) == results
    assert chosen(results, "backbone", ["analytic"]) == results  # what `embedded` was
    with pytest.raises(InputError, match="no result has attention_weight 3"):
        chosen(results, "attention_weight", [3])
    with pytest.raises(InputError, match="unknown configuration field 'lambda'"):
        chosen(results, "lambda", [5])


def test_a_field_that_an_older_run_lacks_has_its_default(results: list[dict[str, Any]]) -> None:
    for r in results:
        del r["config"]["border"]
    assert chosen(results, "border", ["image"]) == results
    with pytest.raises(InputError, match="no result has border target"):
        chosen(results, "border", ["target"])


def test_weights_with_two_names_are_one_backbone(results: list[dict[str, Any]]) -> None:
    for r in results:
        r["weights"] = "analytic"
        r["backbone"] = "embedded" if r["tracker"] == key(0.0) else "analytic"
    assert [row.name for row in report(results).rows] == [
        "attention_weight 0",
        "attention_weight 5",
    ]


def test_the_command_draws_the_differences(
    results: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(results, tmp_path / "kept.json.gz")
    given = ["report", str(tmp_path / "kept.json.gz"), "--plot"]
    assert main([*given, str(tmp_path / "plot.png")]) == 0
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert main([*given, str(tmp_path / "plot.doc")]) == 2
    assert "must end in .pdf or .png or .svg" in capsys.readouterr().err
    assert main([*given, str(tmp_path / "one.png"), "--where", "attention_weight=5"]) == 2
    assert "the only tracker" in capsys.readouterr().err
