"""Names from outside are text wherever they are printed, drawn or typeset."""

from __future__ import annotations

import ast
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import key, made_run

import rltrack.cli
from rltrack.benchmarks.report import report
from rltrack.benchmarks.report_tables import latex, markdown, table
from rltrack.cli.main import main
from rltrack.cli.printing import console, one_line
from rltrack.evaluation.run_files import keep
from rltrack.plain_text import in_latex, in_markdown, on_terminal
from rltrack.plots.benchmarks import precision_and_success
from rltrack.plots.paired_differences import differences

NAMES = {
    "$x^$": "$x^$",
    "$\\frac$": "$\\frac$",
    "$$": "$$",
    "\\$": "\\$",
    "US$5": "US$5",
    "_x": "_x",
    "__": "__",
    "a|b": "a|b",
    "[k] *b* <i> `c` &amp; ~s~": "[k] *b* <i> `c` &amp; ~s~",
    "[/red] :smile:": "[/red] :smile:",
    "a\x1b[2Jb\x1b]0;t\x07": "a\\x1b[2Jb\\x1b]0;t\\x07",
    "two\nlines\r": "two\\nlines\\r",
    "\u202eright\u2028to left\x9b": "\\u202eright\\u2028to left\\x9b",
    "bytes \udcff": "bytes \\udcff",
    "日本": "日本",
}
"""How names are to be seen."""


def test_on_a_terminal_what_is_not_seen_is_written_out() -> None:
    assert {name: on_terminal(name) for name in NAMES} == NAMES
    assert on_terminal("na\u00efve \u00a0 \U0001f600 λ ± ²") == "na\u00efve \u00a0 \U0001f600 λ ± ²"


@given(st.text())
def test_nothing_of_a_name_acts_on_a_terminal(name: str) -> None:
    shown = on_terminal(name)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode()


def cells(text: str) -> Iterator[str]:
    """The cells of a Markdown table's rows, as they are seen."""
    parser = pytest.importorskip("markdown_it", reason="the oldest rich does without it")
    tokens = parser.MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    kinds = [token.type for token in tokens]
    assert kinds[0] == "table_open" and kinds[-1] == "table_close"
    for kind, token in zip(kinds, tokens[1:], strict=False):
        if kind == "td_open":
            children = token.children or []
            assert {child.type for child in children} <= {"text"}
            yield "".join(child.content for child in children)


@given(st.lists(st.text(), min_size=2, max_size=2))
def test_a_cell_of_a_markdown_table_is_the_name(names: list[str]) -> None:
    wanted = [" ".join(on_terminal(name).split(" ")).strip() for name in names]
    assert [cell.strip() for cell in cells(table(("one", "two"), [names]))] == wanted


def test_markdown_of_the_names() -> None:
    assert list(cells(table(("name",), [[name] for name in NAMES]))) == list(NAMES.values())
    assert in_markdown("attention_weight 0.5, seed 1 (a-b)") == "attention_weight 0.5, seed 1 (a-b)"
    assert in_markdown("_x_y_|$") == r"\_x_y\_\|\$"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("attention_weight 0.5", r"attention\_weight 0.5"),
        ("50% & #1 {x} $y$", r"50\% \& \#1 \{x\} \$y\$"),
        ("a\\b^2~c", r"a\textbackslash{}b\textasciicircum{}2\textasciitilde{}c"),
        ("<i>|`q'", r"\textless{}i\textgreater{}\textbar{}\textasciigrave{}q'"),
        ("[3pt] *", "{[}3pt] {*}"),
        ("a---b ''", "a-{}-{}-b '{}'"),
        ("a\x1b[2J\n", r"a\textbackslash{}x1b{[}2J\textbackslash{}n"),
    ],
)
def test_latex_of_names(name: str, wanted: str) -> None:
    assert in_latex(name) == wanted


@given(st.text())
def test_every_special_character_of_latex_is_escaped(name: str) -> None:
    text = re.sub(r"\\(text[a-z]+\{\}|[{}$&#_%])|\{([\[*])\}|\{\}", "", in_latex(name))
    assert not set(text) & set("\\{}$&#_%^~<>|`[*")


def drawn(figure: Any) -> set[str]:
    """All texts in a figure, as they are seen."""
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg")
    texts = ElementTree.fromstring(file.getvalue()).iter("{http://www.w3.org/2000/svg}text")
    return {"".join(text.itertext()) for text in texts}


@pytest.mark.filterwarnings("error", "ignore:Glyph")
def test_a_figure_shows_the_names() -> None:
    shown = drawn(differences({name: (np.ones(2), None) for name in NAMES}, title="$x^$ minus _x"))
    assert "$x^$ minus _x" in shown
    # Long ones are broken into lines between their words.
    words = {word for text in shown for word in text.split()}
    assert words >= {word for name in NAMES.values() for word in name.split()}
    means = {"targets": 1, "dp20": 0.5, "os": 0.5, "precision": [0.5] * 51, "success": [0.5] * 21}
    trackers = [{"name": name, "means": means} for name in (*NAMES, "n" * 200)]
    made = {"dataset": "$x^$", "targets": ["Deer"], "trackers": trackers}
    figure = precision_and_success(made, top=len(trackers))
    shown = drawn(figure)
    assert shown >= {f"{name} [0.500]" for name in NAMES.values()} | {"Success, $x^$"}
    assert f"{'n' * 33}\u2026 [0.500]" in shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Raw results of trackers with all these names."""
    place = tmp_path / "results"
    place.mkdir()
    for name in NAMES:
        if "/" not in name:
            (place / f"{name}.json").write_text(json.dumps({"Deer": [[1, 1, 9, 9]] * 3, name: []}))
    (tmp_path / "truth.json").write_text(json.dumps({"Deer": [[1, 1, 9, 9]] * 3}))
    return place


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_trackers_of_any_name_are_evaluated(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    given = ["--ground-truth", str(tmp_path / "truth.json"), "--dataset", "Deer", "--attributes"]
    out = [f"--plot={tmp_path / f'p.{suffix}'}", f"--json={tmp_path / 'r.json'}"]
    assert main(["evaluate", str(folder), *given, *out]) == 0
    shown = capsys.readouterr()
    assert on_terminal(shown.out.replace("\n", "")) == shown.out.replace("\n", "")
    assert on_terminal(shown.err.replace("\n", "")) == shown.err.replace("\n", "")
    names = {name for name in NAMES if "/" not in name}
    assert all(NAMES[name] in shown.out for name in names)
    assert (tmp_path / f"p.{suffix}").stat().st_size > 1000
    report = json.loads((tmp_path / "r.json").read_text())
    assert {tracker["name"] for tracker in report["trackers"]} == names


def test_a_report_typesets_the_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        made_run(target, backbone=name, weights=name, tracker=key(name), device="cpu|\x1b[2J")
        for name in NAMES
        for target in ("Deer", "Girl", "Skiing")
    ]
    shown = list(cells(markdown(report(runs)).partition("\n\n")[0]))[::10]
    assert sorted(shown) == sorted(f"backbone {name}" for name in NAMES.values())
    typeset = latex(report(runs))
    for name in NAMES:
        assert f"\nbackbone {in_latex(name)} & 1.000" in typeset
    rows, notes = len(NAMES), len(NAMES) - 1  # a note on each difference from the first
    assert "\x1b" not in typeset and len(typeset.split("\n")) == rows + notes + 10

    keep(runs, tmp_path / "kept.json.gz")
    outputs = [f"--markdown={tmp_path / 'out.md'}", f"--latex={tmp_path / 'out.tex'}"]
    plot = f"--plot={tmp_path / 'out.svg'}"
    assert main(["report", str(tmp_path / "kept.json.gz"), *outputs, plot]) == 0
    _, table = (tmp_path / "out.md").read_text(encoding="utf-8").split("\n", 1)
    assert capsys.readouterr().out == table
    _, written = (tmp_path / "out.tex").read_text(encoding="utf-8").split("\n", 1)
    assert written == typeset + "\n"


@pytest.mark.parametrize("command", ["report", "evaluate", "track", "bench"])
def test_an_error_names_a_file_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = tmp_path / "a\x1b[2Jb\nc\udcff\u202e"
    given = ["--dataset", "Deer", "--ground-truth", str(path)] if command == "evaluate" else []
    assert main([command, str(path), *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert on_terminal(line) == line
    assert "x1b[2Jb" in line and "udcff" in line


def test_a_message_of_any_length_is_readable() -> None:
    line = one_line(f"out is {'9' * 100_000}; give another name")
    assert line.startswith("out is 999") and line.endswith("9; give another name")
    assert len(line) < 2100


def test_a_console_takes_no_markup() -> None:
    file = io.StringIO()
    console(file=file).print("[/red] [b]1 :smile:")
    assert file.getvalue() == "[/red] [b]1 :smile:\n"


@pytest.mark.parametrize("module", sorted(Path(rltrack.cli.__file__).parent.glob("*.py")), ids=str)
def test_commands_print_through_one_module(module: Path) -> None:
    if module.stem == "printing":
        return
    tree = ast.parse(module.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"print", "Console", "typer.echo", "traceback.print_exception"}
