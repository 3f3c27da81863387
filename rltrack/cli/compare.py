"""`rltrack compare`: the tracker beside OpenCV's, on one video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rltrack.cli.options import Backbone, Debug, Device, Preset, Seed, comma_list, parsed_box
from rltrack.cli.printing import console, show
from rltrack.cli.status import INTERRUPTED, fail, fail_part_way
from rltrack.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from rltrack.benchmarks.side_by_side import Comparison

__all__ = ["compare"]


def compare(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A video file, a folder of frames, a sequence folder of OTB (its ground truth "
            "gives the first box, and metrics), or a webcam's index.",
        ),
    ],
    box: Annotated[
        list[str] | None,
        typer.Option(
            "--box", metavar="X,Y,W,H", help="The target's box in the first frame, 0-based pixels."
        ),
    ] = None,
    peers: Annotated[
        str,
        typer.Option(
            "--peers",
            metavar="A,B",
            help="csrt, kcf, mosse, tld, mil, boosting. All but mil need the environment that "
            "`make peers` makes.",
        ),
    ] = "csrt,kcf",
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The folder for boxes and the video. The default is out/compare, or out/compare-2 "
            "and so on if there are files in it.",
            show_default=False,
        ),
    ] = None,
    preset: Preset = "paper",
    backbone: Backbone = "embedded",
    device: Device = "auto",
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Follow a target with rltrack and with OpenCV's trackers, and compare them.

    Ctrl-C stops the run and keeps what was tracked. The speed (FPS) is that of the tracking alone,
    without the first frame. In each frame the trackers work one after the other.
    """
    if len(box or ()) > 1:
        raise InputError("--box is given twice: OpenCV's trackers follow one target")
    start = parsed_box(box[0]) if box else None

    from rltrack.benchmarks.side_by_side import ComparisonError
    from rltrack.benchmarks.side_by_side import compare as run
    from rltrack.cli.terminal import session
    from rltrack.outputs import free_folder

    failure = None
    with session() as bar:
        bar.start("compare")
        try:
            comparison = run(
                source,
                start,
                peers=comma_list(peers),
                folder=free_folder("out/compare") if out is None else out,
                config=preset,
                backbone=backbone,
                device=device,
                seed=seed,
                on_frame=bar.advance,
            )
        except ComparisonError as error:
            comparison, failure = error.comparison, error
    frames = len(comparison.track)
    if frames:
        _show(comparison)
    if failure is not None:
        fail_part_way(failure, comparison.files, debug)
    kept = f"what was tracked, {frames} frames, is kept" if frames else "nothing was tracked yet"
    if comparison.track.interrupted:
        fail(f"interrupted; {kept}", INTERRUPTED)


def _show(comparison: Comparison) -> None:
    """Print a comparison for people: speeds and metrics, or without ground truth the overlaps."""
    import cv2

    done, runs = comparison.track, comparison.runs
    show(
        f"{done.name}, {len(done)} frames",
        f"  {runs[0].name}: preset {done.config.preset}, {done.config.variant}, lambda "
        f"{done.config.attention_weight:g}, backbone {done.backbone}, seed {done.seed}, "
        f"{done.device}",
        f"  {', '.join(run.name for run in runs[1:])}: OpenCV {cv2.__version__}, default settings",
        "",
    )
    scored = done.metrics is not None
    ranking = _table("found", "FPS", *(("DP20", "OS", "CLE") if scored else ()))
    for run in runs:
        cells = [str(run.found.sum()), "-" if run.fps is None else f"{run.fps:.1f}"]
        if run.metrics is not None:
            cells += [f"{run.metrics.dp20:.3f}", f"{run.metrics.os:.3f}", f"{run.metrics.cle:.1f}"]
        ranking.add_row(run.name, *cells)
    console().print(ranking)
    if not scored:
        show(
            "",
            "mean overlap of each two trackers' boxes, and over how many of the frames after the "
            "first:",
            "those in which both find the target",
        )
        pairs = _table(*(run.name for run in runs))
        for run, overlaps, counts in zip(runs, comparison.overlaps, comparison.shared, strict=True):
            means = zip(overlaps, counts, strict=True)
            pairs.add_row(run.name, *(f"{mean:.2f} ({n})" if n else "- (0)" for mean, n in means))
        console().print(pairs)
    show("", f"written: {', '.join(map(str, comparison.files))}")


def _table(*columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table("tracker", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right", no_wrap=True)
    return made
