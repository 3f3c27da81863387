"""`rltrack bench`: how fast this machine tracks, and where the time goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rltrack.cli.options import Backbone, Device, Preset, Seed, checked_device
from rltrack.cli.status import DONE, FAILED, INTERRUPTED, fail, say

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
    from rich.console import Console

    from rltrack.cli.terminal import stop_signals, warnings_shown
    from rltrack.files import writable, write_json
    from rltrack.speed.bench import measure
    from rltrack.speed.bench_tables import tables

    out = None if json is None else writable(json, "times", Path(sequence) if sequence else None)
    try:
        with stop_signals(), warnings_shown() as warnings:
            with Console(stderr=True).status("") as status:
                result = measure(
                    sequence,
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
        Console().print(table)
    if out is not None:
        try:
            write_json(out, result)
        except OSError as error:
            fail(f"cannot write the times: {error}", FAILED)
    raise typer.Exit(DONE)
