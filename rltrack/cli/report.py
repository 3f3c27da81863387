"""`rltrack report`: what the runs of a sweep show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rltrack.cli.sweep import values_of

__all__ = ["report"]


def report(
    place: Annotated[
        str, typer.Argument(metavar="DIR", help="A sweep's folder, or a file kept of one.")
    ],
    markdown: Annotated[
        str | None,
        typer.Option("--markdown", metavar="OUT.md", help="Write the table to this file."),
    ] = None,
    latex: Annotated[
        str | None, typer.Option("--latex", metavar="OUT.tex", help="Write the table as LaTeX.")
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="OUT.png", help="Draw the differences from the first row."),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option("--keep", metavar="OUT.json.gz", help="Write all results to one file."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="FIELD=A,B",
            help="Use only trackers with one of these values, such as backbone=vggm. Repeatable.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Compare the trackers of a sweep: means, spread over seeds, paired differences.

    Only the targets and seeds that all trackers have in common count.
    """
    from rltrack.benchmarks.report import chosen
    from rltrack.benchmarks.report import report as compared
    from rltrack.benchmarks.report_tables import latex as as_latex
    from rltrack.benchmarks.report_tables import markdown as as_markdown
    from rltrack.evaluation.run_files import keep as keep_runs
    from rltrack.evaluation.run_files import load
    from rltrack.files import writable, write_bytes
    from rltrack.plots.benchmarks import checked_plot, differences_from_first, write_plot

    folder = Path(place).expanduser()
    results: Sequence[Mapping[str, Any]] = load(folder)
    for text in where or ():
        results = chosen(results, *values_of(text, "--where"))
    given = {"markdown": markdown, "latex": latex, "plot": plot, "results": keep}
    files = {what: writable(file, what, None) for what, file in given.items() if file is not None}
    if "plot" in files:
        checked_plot(files["plot"])
    if "results" in files:  # also of a sweep that has nothing to compare yet
        keep_runs(results, files["results"])
    made = compared(results)
    print(as_markdown(made))
    if "markdown" in files:
        write_bytes(files["markdown"], (as_markdown(made) + "\n").encode())
    if "latex" in files:
        write_bytes(files["latex"], (as_latex(made) + "\n").encode())
    if "plot" in files:
        write_plot(differences_from_first(made, results), files["plot"])
