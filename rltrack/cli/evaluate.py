"""`rltrack evaluate`: any trackers' raw results, scored, ranked, with what is left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rltrack.cli.printing import console, show
from rltrack.errors import InputError
from rltrack.plain_text import on_terminal

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["evaluate"]


def evaluate(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULT",
            help="<Tracker>.json or .json.gz, or a folder of them; a folder <Tracker> of "
            "<Sequence>.txt, .csv, .json or .mat, or of folders <Sequence> with result.json or "
            "<Sequence>_001.txt; <Sequence>_<Tracker>.mat, .txt or .csv, or a folder of them; a "
            "sweep's folder, or a file kept of one.",
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            metavar="NAME|FOLDER|FILE|A,B,C",
            help="otb2013, otb50, otb2015, dev14, dev18, quick5, rest13; got10k, lasot, uav123, "
            "uav20l, trackingnet, nfs, nfs240, or the folder of such a benchmark; a text file of "
            "names of OTB's targets; or these names.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Folder that holds otb/, got10k/ and so on, with the ground truth. By default "
            "$RLTRACK_DATA, else the cache folder.",
            show_default=False,
        ),
    ] = None,
    ground_truth: Annotated[
        str | None,
        typer.Option(
            "--ground-truth",
            metavar="FILE",
            help="Use the ground truth in this .json or .json.gz, such as pysot's OTB100.json: "
            "1-based boxes by target.",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(
            "--frames",
            metavar="stored|official",
            help="Rows as they are, or the benchmark's frames (Tiger1 from 6). By default "
            "official, with --ground-truth stored.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        int | None,
        typer.Option(
            "--base",
            metavar="0|1",
            min=0,
            max=1,
            help="The leftmost pixel's number in the results. The default is 0 in .csv, else the "
            "benchmark's: 1 in OTB.",
            show_default=False,
        ),
    ] = None,
    attributes: Annotated[
        bool, typer.Option("--attributes", help="Also show OS by OTB's attributes.")
    ] = False,
    json: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="OUT.json", help="Write all numbers and curves to this JSON."
        ),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(
            "--plot", metavar="OUT", help="Draw precision and success: .png, .pdf or .svg."
        ),
    ] = None,
) -> None:
    """Score trackers by their raw results (one-pass evaluation) with the benchmark's measures."""
    from rltrack.cache import data_dir
    from rltrack.cli.terminal import warnings_shown
    from rltrack.evaluation.ground_truth import inputs_of, load
    from rltrack.evaluation.ranking import compare
    from rltrack.evaluation.raw_results import inputs_of as inputs_of_results
    from rltrack.files import try_each, write_json
    from rltrack.plots.benchmarks import precision_and_success
    from rltrack.plots.figure_files import FORMATS, write_plot
    from rltrack.video.own_files import own_outputs

    place = data_dir() if data is None else data
    inputs = inputs_of(dataset, data=place, ground_truth=ground_truth)
    given = {"numbers": json, "plots": plot}
    read = (*inputs, *inputs_of_results(results))
    files = own_outputs(given, read, {"numbers": (".json",), "plots": FORMATS})
    with warnings_shown() as warnings:
        benchmark = load(dataset, data=place, ground_truth=ground_truth, frames=frames)
        if attributes and benchmark.folder is not None:
            raise InputError(
                "--attributes is for OTB, and no attributes are read of "
                f"{benchmark.folder.layout.title}: leave it out"
            )
        report = compare(benchmark, results, base=base)
        warnings.show()
    for table in _tables(report, attributes):
        console().print(table)
        show("")
    for line in _left_out(report):
        show(line)
    if not any(tracker["scores"] for tracker in report["trackers"]):
        raise InputError(
            f"nothing could be scored: no result has a box for each frame of a target of {dataset}"
        )
    write: dict[str, Callable[[Path], object]] = {
        "numbers": partial(write_json, content=report),
        "plots": lambda file: write_plot(precision_and_success(report), file),
    }
    try_each(partial(write[what], file) for what, file in files.items())


def _tables(report: Mapping[str, Any], attributes: bool) -> list[Table]:
    """The ranking; OS by attribute, if asked for; and the paper's values for the same set."""
    from rltrack.data.otb import ATTRIBUTES
    from rltrack.evaluation.paper_values import PAPER

    every, trackers = len(report["targets"]), report["trackers"]
    scores = report["scores"]
    on = report["benchmark"] or f"{report['frames']} frames"
    over = "frames" if report["pooled"] else "targets"
    title = f"{on_terminal(report['dataset'])}, {on}: means over {over}"
    ranking = _table(title, "targets", *scores.values())
    for rank, tracker in enumerate(trackers, start=1):
        means = tracker["means"]
        name, targets = on_terminal(tracker["name"]), f"{means['targets']}/{every}"
        ranking.add_row(f"{rank:2} {name}", targets, *_scores(means, scores, 4))
    tables = [ranking]
    if attributes:
        sizes = {
            key: sum(key in target["attributes"] for target in report["targets"].values())
            for key in ATTRIBUTES
        }
        title = "OS by attribute; below it the number of targets, * fewer (see the end)"
        by_attribute = _table(title, *(f"{key}\n{size}" for key, size in sizes.items()))
        for tracker in trackers:
            cells = []
            for key, size in sizes.items():
                means = tracker["attributes"][key]
                cells.append(_cell(means["os"], 3) + "*" * (means["targets"] < size))
            by_attribute.add_row(on_terminal(tracker["name"]), *cells)
        tables.append(by_attribute)
    if report["dataset"] in PAPER:
        paper = _table("the paper's own, not computed here", *scores.values())
        paper.caption = "from its Figure 4 and Table 3"
        for name, values in PAPER[report["dataset"]].items():
            paper.add_row(name, *_scores(values._asdict(), scores, 3))
        tables.append(paper)
    return tables


def _table(title: str, *columns: str) -> Table:
    """A table of trackers, with a column for each number."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0) if len(columns) < 10 else 0,
    )
    made.add_column("tracker", overflow="fold")  # so that numbers are whole beside a long name
    for column in columns:
        made.add_column(column, justify="right", no_wrap=True)
    return made


def _scores(values: Mapping[str, float | None], keys: Iterable[str], digits: int) -> list[str]:
    """Scores as text. CLE is in pixels."""
    cle = values.get("cle")
    pixels = "-" if cle is None else f"{cle:.2f}"
    return [pixels if key == "cle" else _cell(values[key], digits) for key in keys]


def _cell(share: float | None, digits: int) -> str:
    """A number in [0, 1] without its leading zero."""
    return "-" if share is None else f"{share:.{digits}f}".removeprefix("0")


def _left_out(report: Mapping[str, Any]) -> list[str]:
    """What the means are not over, and what was changed: a line each."""
    lines = []
    lengths: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    shortened: dict[str, list[str]] = defaultdict(list)
    for tracker in report["trackers"]:
        for target, rows in tracker["wrong_length"].items():
            lengths[target, rows["boxes"], rows["frames"]].append(tracker["name"])
        for target in tracker["shortened"]:
            shortened[target].append(tracker["name"])
    lines += [f"official frames: {change}" for change in report["changes"]]
    lines += [
        f"official frames: the first rows of {target} are not used of {', '.join(names)} either"
        for target, names in shortened.items()
    ]
    lines += [
        f"wrong length, left out: {target} has {boxes} boxes for {frames} frames in "
        f"{', '.join(names)}" + _cure(target, boxes, frames)
        for (target, boxes, frames), names in lengths.items()
    ]
    lines += [
        f"off by one: {target} has {rows['boxes']} boxes for {rows['frames']} frames in "
        f"{tracker['name']}; the rows that both have are compared"
        for tracker in report["trackers"]
        for target, rows in tracker["off_by_one"].items()
    ]
    lines += [
        f"missing, left out: {tracker['name']} has no {', '.join(tracker['missing'])}"
        for tracker in report["trackers"]
        if tracker["missing"]
    ]
    lines += [
        f"no box: {tracker['name']} gives none in {tracker['no_box']} frames; they are misses"
        + ", and not in its CLE" * ("cle" in report["scores"])
        for tracker in report["trackers"]
        if tracker["no_box"]
    ]
    return lines


def _cure(target: str, boxes: int, frames: int) -> str:
    """What makes a wrong length right, if the benchmark's own frames do."""
    from rltrack.data.otb import OTB

    entry = OTB.get(target)
    if entry is None or not boxes == entry.frames < frames == entry.rows:
        return ""
    return f"; they start at frame {entry.first}, as with --frames official"
