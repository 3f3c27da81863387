"""`rltrack bench`: how fast this machine tracks, and where the time goes."""

from __future__ import annotations

from typing import Annotated

import typer

from rltrack.cli.options import Backbone, Device, Preset, Seed, checked_device
from rltrack.cli.printing import console
from rltrack.cli.status import DONE, INTERRUPTED, say

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
        typer.Option("--json", metavar="OUT", help="Write all numbers to this JSON."),
    ] = None,
) -> None:
    """Time the tracker, its parts, a plain version of it, and the machine. It takes minutes."""
    from rltrack.backbones.registry import backbone_files
    from rltrack.cli.terminal import stop_signals, warnings_shown
    from rltrack.files import write_json
    from rltrack.outputs import checked_outputs, inputs_of
    from rltrack.speed.bench import measure
    from rltrack.speed.bench_tables import tables
    from rltrack.video.sources import open_source

    source = None if sequence is None else open_source(sequence)
    inputs = (*inputs_of(source), *backbone_files(backbone))
    out = checked_outputs({"times": json}, inputs)
    try:
        with stop_signals(), warnings_shown() as warnings:
            with console(stderr=True).status("") as status:
                result = measure(
                    source,
                    config=preset,
                    backbone=backbone,
                    device=checked_device(device),
                    seed=seed,
                    on_stage=status.update,
                )
            warnings.show()
    except KeyboardInterrupt:
        raise typer.Exit(say("interrupted; nothing is kept", INTERRUPTED)) from None
    for table in tables(result):
        console().print(table)
    if out:
        write_json(out["times"], result)
    raise typer.Exit(DONE)
