"""`rltrack bench`: how fast this machine tracks, and where the time goes."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import typer

from rltrack.cli.options import Backbone, Device, Preset, Seed
from rltrack.cli.printing import console
from rltrack.cli.progress import Lines
from rltrack.cli.status import INTERRUPTED, fail

__all__ = ["bench"]


def bench(
    sequence: Annotated[
        str | None,
        typer.Argument(
            metavar="SEQUENCE",
            help="A sequence folder with ground truth. The default is the bundled film.",
            show_default=False,
        ),
    ] = None,
    preset: Preset = "paper",
    backbone: Backbone = "embedded",
    device: Device = "auto",
    seed: Seed = 0,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="OUT.json", help="Write all numbers to this JSON."),
    ] = None,
    figure: Annotated[
        str | None,
        typer.Option(
            "--figure",
            metavar="OUT.png",
            help="Draw the speed against the OS of the runs that the book keeps.",
        ),
    ] = None,
) -> None:
    """Time the tracker, its parts, a plain version of it, and the machine. It takes minutes.

    Ctrl-C stops it and keeps what was measured.

    The preset is timed with attention and without, beside the preset realtime, and beside OpenCV's
    CSRT and KCF if they are installed (`make peers`).
    """
    from rltrack.backbones.registry import backbone_files
    from rltrack.benchmarks.kept_accuracy import kept_accuracy
    from rltrack.benchmarks.opencv_trackers import installed
    from rltrack.chapters.book_results import kept_results
    from rltrack.cli.terminal import stop_signals, warnings_shown
    from rltrack.errors import InputError
    from rltrack.files import try_each, write_json
    from rltrack.outputs import inputs_of
    from rltrack.plots.figure_files import FORMATS, write_plot
    from rltrack.plots.speed_accuracy import speed_accuracy
    from rltrack.speed.bench import measure, usual_trackers
    from rltrack.speed.bench_tables import tables
    from rltrack.video.own_files import own_outputs
    from rltrack.video.sources import open_source

    source = None if sequence is None else open_source(sequence)
    inputs = (*inputs_of(source), *backbone_files(backbone))
    given = {"times": json, "figure": figure}
    out = own_outputs(given, inputs, {"times": (".json",), "figure": FORMATS})
    trackers = usual_trackers(preset)
    accuracy = None
    if "figure" in out:
        try:
            kept = kept_results()
        except InputError:
            raise InputError(
                "--figure needs the runs that the book keeps; run the command of a copy of the "
                "project, which has the book, or leave the figure out"
            ) from None
        accuracy = kept_accuracy(trackers, backbone, kept)
    peers, absent = installed(("csrt", "kcf"))
    lines = Lines()
    result: dict[str, Any] = {"trackers": {}}
    with suppress(KeyboardInterrupt), stop_signals(), warnings_shown() as warnings:
        with console(stderr=True).status("") as status:

            def tell(stage: str) -> None:
                status.update(stage)
                lines.say(stage)

            result = measure(
                source,
                trackers=trackers,
                peers=peers,
                backbone=backbone,
                device=device,
                seed=seed,
                on_stage=tell,
            )
        warnings.show()
    if not result["trackers"]:
        fail("interrupted; nothing was measured yet", INTERRUPTED)
    result["peers"] |= {name: {"failed": why} for name, why in absent.items()}
    for table in tables(result):
        console().print(table)
    writing = []
    if "times" in out:
        writing.append(lambda: write_json(out["times"], result))
    if accuracy is not None:
        writing.append(lambda: write_plot(speed_accuracy(result, accuracy), out["figure"]))
    try_each(writing)
    if result["interrupted"]:
        fail("interrupted; the tables have what was measured", INTERRUPTED)
