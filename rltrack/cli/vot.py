"""`rltrack vot`: VOT-2016 with the challenge's own toolkit."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rltrack.cli.options import Backbone, Device, Preset
from rltrack.cli.printing import show
from rltrack.cli.status import FAILED, INTERRUPTED, fail

if TYPE_CHECKING:
    from rltrack.benchmarks.vot_report import VotReport

__all__ = ["vot_app"]

vot_app = typer.Typer(
    help="VOT-2016 with the official toolkit: make a workspace, run it, report EAO, A and R.",
    rich_markup_mode=None,
)

_Workspace = Annotated[str, typer.Argument(metavar="WORKSPACE", help="The toolkit's folder.")]


@vot_app.command("init")
def _init(
    workspace: _Workspace,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="The folder that holds vot/. The default is $RLTRACK_DATA, else the cache folder.",
            show_default=False,
        ),
    ] = None,
    stack: Annotated[
        str,
        typer.Option(
            "--stack", metavar="vot2016|small", help="The challenge's experiment, or a small trial."
        ),
    ] = "vot2016",
    preset: Preset = "paper",
    attention_weight: Annotated[
        float | None,
        typer.Option(
            "--attention-weight",
            metavar="L",
            help="Lambda of the paper's Eq. 5. The default is the preset's.",
            show_default=False,
        ),
    ] = None,
    backbone: Backbone = "embedded",
    device: Device = "auto",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The first repetition's seed.")
    ] = 0,
) -> None:
    """Make WORKSPACE of the sequences in DIR/vot, by links to them."""
    from rltrack.benchmarks import vot_workspace as vot
    from rltrack.cache import data_dir

    vot.check_toolkit()
    count = vot.init(
        workspace,
        data=data_dir() if data is None else data,
        stack=stack,
        preset=preset,
        attention_weight=attention_weight,
        backbone=backbone,
        device=device,
        seed=seed,
    )
    show(f"{workspace}: {count} sequences, stack {stack}; next: rltrack vot run {workspace}")


@vot_app.command("run")
def _run(workspace: _Workspace) -> None:
    """Run the tracker on WORKSPACE; stopped, the same command goes on from there."""
    from rltrack.benchmarks import vot_experiment
    from rltrack.benchmarks.vot_workspace import VotError, check_toolkit
    from rltrack.cli.terminal import stop_signals

    check_toolkit()

    def show_progress(name: str, done: int, total: int) -> None:
        show(f"{name}: {done} of {total} repetitions")
        sys.stdout.flush()

    try:
        with stop_signals():
            vot_experiment.run(workspace, on_progress=show_progress)
    except VotError as error:
        fail(f"{error}; finished repetitions are kept", FAILED)
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from here", INTERRUPTED)
    show(f"all is run; next: rltrack vot report {workspace}")


@vot_app.command("report")
def _report(
    workspace: _Workspace,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="OUT.json", help="Write all numbers to this JSON."),
    ] = None,
) -> None:
    """Print EAO, accuracy and robustness, and ranks among the trackers with results there."""
    from rltrack.benchmarks import vot_report
    from rltrack.benchmarks.vot_workspace import VotError, check_toolkit, inputs_of
    from rltrack.files import write_json
    from rltrack.video.own_files import own_outputs

    check_toolkit()
    out = own_outputs({"report": json}, inputs_of(workspace), {"report": (".json",)})
    try:
        made = vot_report.report(workspace)
    except VotError as error:
        fail(error, FAILED)
    show(*_lines(made))
    if out:
        write_json(out["report"], made.content())


def _lines(made: VotReport) -> list[str]:
    """The report for people."""
    ranks = made.ranks
    width = max(len("tracker"), *map(len, made.scores))
    lines = [f"{'tracker':<{width}}    EAO      A      R  reliability{'  ranks' if ranks else ''}"]
    for name, score in made.scores.items():
        eao = "    -" if math.isnan(score.eao) else f"{score.eao:.3f}"
        line = f"{name:<{width}}  {eao}  {score.accuracy:.3f}  {score.failures:5.2f}  "
        line += f"{score.reliability:11.3f}"
        if ranks:
            line += "  " + "/".join(str(ranks[name][measure]) for measure in ranks[name])
        lines.append(line)
    first, last = made.eao_frames
    lines += [
        "",
        f"{made.sequences} sequences, the longest of {made.longest} frames, {made.repetitions} "
        f"repetitions, stack {made.stack}",
        f"EAO is over {first} to {last} frames, as far as a run reaches; R is failures a sequence",
    ]
    if ranks:
        lines.append(
            "ranks by EAO/A/R among the trackers above; the challenge's own (A_r, R_r) are others"
        )
    if made.incomplete:
        lines.append(f"left out, for frames are missing: {', '.join(made.incomplete)}")
    if not made.official:
        lines.append("this shows only that the plumbing works: it is no VOT-2016 result")
    return lines
