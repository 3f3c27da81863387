"""`rltrack report`: what the runs of a sweep show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from rltrack.cli.printing import show
from rltrack.cli.sweep import values_of

__all__ = ["report"]


_ENDINGS = {
    "markdown": (".md",),
    "latex": (".tex",),
    "page": (".html",),
    "results": (".json.gz",),
}


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
    html: Annotated[
        str | None,
        typer.Option(
            "--html",
            metavar="OUT.html",
            help="Write a page to look at: tables, differences and curves.",
        ),
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
    from rltrack.benchmarks.report_page import write_report_page
    from rltrack.benchmarks.report_tables import latex as as_latex
    from rltrack.benchmarks.report_tables import markdown as as_markdown
    from rltrack.cli.terminal import warnings_shown
    from rltrack.evaluation.run_files import inputs_in, load
    from rltrack.evaluation.run_files import keep as keep_runs
    from rltrack.files import SIGNATURE, try_each, write_bytes
    from rltrack.paths import given_path
    from rltrack.plots.figure_files import FORMATS, write_plot
    from rltrack.plots.paired_differences import differences_from_first
    from rltrack.video.own_files import own_outputs

    folder = given_path(place, "the sweep")
    given = {"markdown": markdown, "latex": latex, "plot": plot, "page": html, "results": keep}
    files = own_outputs(given, inputs_in(folder), {**_ENDINGS, "plot": FORMATS})
    with warnings_shown() as warnings:
        results: Sequence[Mapping[str, Any]] = load(folder)
        warnings.show()
    for text in where or ():
        results = chosen(results, *values_of(text, "--where"))

    def show_and_write() -> None:
        made = compared(results)
        show(*as_markdown(made).split("\n"))
        write = {
            "markdown": lambda file: write_bytes(
                file, f"<!-- {SIGNATURE} -->\n{as_markdown(made)}\n".encode()
            ),
            "latex": lambda file: write_bytes(file, f"% {SIGNATURE}\n{as_latex(made)}\n".encode()),
            "plot": lambda file: write_plot(differences_from_first(made), file),
            "page": lambda file: write_report_page(file, made, results, place),
        }
        try_each(partial(write[what], file) for what, file in files.items())

    kept = files.pop("results", None)
    # The results are also kept of a sweep that has nothing to compare yet.
    try_each([*([partial(keep_runs, results, kept)] if kept else []), show_and_write])
