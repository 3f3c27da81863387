"""The pages for researchers and teachers: commands that exist, hours that the kept files have."""

from __future__ import annotations

import gzip
import json
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from rltrack.cli.main import app
from rltrack.data.otb import targets
from rltrack.evaluation.run_files import load, settings, tracker_key, weights_of
from rltrack.tracking.config import TrackerConfig

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
PAGES = [BOOK / "reproducing.md", BOOK / "teaching.md"]


def commands(text: str) -> list[str]:
    """Command lines, in blocks and in the midst of a text, continued lines put together."""
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)).replace("\\\n", " ")
    lines = [line.split("   #")[0] for line in blocks.splitlines()]
    words = [one for one in re.findall(r"`([^`\n]+)`", text) if " " in one]
    return [line.removeprefix(".venv/bin/").strip() for line in [*lines, *words]]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_and_their_options_exist(path: Path) -> None:
    program, makefile = get_command(app), (ROOT / "Makefile").read_text(encoding="utf-8")
    checked = 0
    for command in commands(path.read_text(encoding="utf-8")):
        name, *words = shlex.split(command, comments=True)
        if name == "rltrack":
            context = program.make_context("rltrack", words, resilient_parsing=False)
            _, one, rest = program.resolve_command(context, words)  # type: ignore[attr-defined]
            if rest:  # else the command is only named
                one.make_context(words[0], list(rest))  # raises for an unknown option or value
        elif name == "make":
            assert f"\n{words[0]}:" in makefile
        elif name == "python":
            assert (ROOT / words[0]).is_file()
        else:
            continue
        checked += 1
    assert checked


def test_parameters_of_notebooks_exist() -> None:
    pytest.importorskip("papermill", reason="needs the extra 'book'")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BOOK)
        import runner
    found = [one for one in commands(PAGES[0].read_text(encoding="utf-8")) if "runner.py" in one]
    assert found
    for command in found:
        words = shlex.split(command)
        name = words[words.index("book/runner.py") + 1 if "book/runner.py" in words else 2]
        pairs = [
            (words[i + 1], runner.literal(words[i + 2])) for i, w in enumerate(words) if w == "-p"
        ]
        assert runner.chosen_parameters([BOOK / f"{name}.ipynb"], dict(pairs))


def test_runs_and_hours_are_those_of_the_kept_files() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    rows = re.findall(r"\| `([\w.]+\.json\.gz)`[^|]*\| (\d+) \| ([\d.]+) \|$", text, re.M)
    assert len(rows) >= 7
    for name, runs, hours in rows:
        with gzip.open(BOOK / "results" / name, "rt", encoding="utf-8") as file:
            kept = json.load(file)["results"]
        assert len(kept) == int(runs), name
        assert f"{sum(run['seconds'] for run in kept) / 3600:.1f}" == hours, name
        assert {run["threads"] for run in kept} == {1}, name  # so a run's hours are core-hours


@pytest.mark.parametrize("file", sorted((BOOK / "results").glob("*.json.gz")), ids=lambda f: f.name)
def test_a_kept_run_has_the_key_of_its_tracker(file: Path) -> None:
    """Else a sweep would make it again, and a report would take it for another tracker's."""
    for run in load(file):
        values = settings(run["config"])
        config = TrackerConfig(
            **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        )
        assert run["tracker"] == tracker_key(config, weights_of(run)), (run["target"], run["seed"])


def test_files_that_are_named_are_kept() -> None:
    named = re.findall(r"`([\w.]+\.(?:json\.gz|jsonl|npz|json))`", PAGES[0].read_text("utf-8"))
    assert named and all((BOOK / "results" / name).is_file() for name in named)


def test_frames_of_the_papers_tables() -> None:
    sets = ("otb2013", "otb2015")
    frames = {name: sum(target.frames for target in targets(name)) for name in sets}
    text = PAGES[0].read_text(encoding="utf-8")
    for times, of, count in re.findall(r"(\d+) times OTB-(\d+): ([\d,]+) \|", text):
        assert int(times) * frames[f"otb{of}"] == int(count.replace(",", ""))
    hours = [f"{frames[name] / 3600:.1f} hours" for name in frames]
    assert all(one in text for one in hours)


def test_the_answers_to_the_first_question() -> None:
    import torch

    from rltrack import preset
    from rltrack.tracking.attention import Maps, regulariser

    one, two = torch.tensor([[[0.0, 0], [0, 4]]]), torch.tensor([[[0.0, 0], [2, 2]]])
    text = PAGES[1].read_text(encoding="utf-8")
    for target, said in ((one, r"\approx 2.73"), (two, "{math}`1 + 1 = 2`")):
        found = regulariser(Maps(target, two), positive=True, config=preset("paper"))
        assert found.item() == pytest.approx(2 if said.endswith("2`") else 1 + 3**0.5, abs=1e-5)
        scaled = regulariser(Maps(10 * target, 10 * two), positive=True, config=preset("paper"))
        assert scaled.item() == pytest.approx(found.item(), abs=1e-5)
        assert said in text
