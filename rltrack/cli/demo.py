"""`rltrack demo`: the bundled film, tracked without and with reciprocative learning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rltrack.cli.options import Backbone, Debug, Device, Preset, Seed
from rltrack.cli.printing import show
from rltrack.cli.status import DONE, ending, fail_part_way

if TYPE_CHECKING:
    from rltrack.plots.demo_figure import Snapshot
    from rltrack.video.tracks import Step, Track

__all__ = ["WEIGHTS", "demo", "make_demo"]

WEIGHTS = (0.0, 5.0)
"""The lambdas that are compared: the paper's baseline, and its tracker."""


def demo(
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The results' folder. The default is out/demo, or out/demo-2 and so on if there "
            "are files in it.",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option("--frames", metavar="N", min=1, max=10_000, help="How many frames.")
    ] = 30,
    preset: Preset = "paper",
    backbone: Backbone = "embedded",
    device: Device = "auto",
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Track the bundled film with lambda 0 and 5. Videos, boxes and a figure go to DIR."""
    from rltrack.cli.terminal import print_table, session
    from rltrack.outputs import free_folder
    from rltrack.video.tracks import TrackingError

    folder = free_folder("out/demo") if out is None else out
    with session() as bar:
        try:
            tracks = make_demo(
                folder,
                frames=frames,
                config=preset,
                backbone=backbone,
                device=device,
                seed=seed,
                on_start=bar.start,
                on_frame=bar.advance,
            )
        except TrackingError as error:
            fail_part_way(error, error.kept, debug)
    print_table(tracks)
    status = ending(*tracks)
    if status == DONE:
        show(f"videos, boxes, summaries and figure.png are in {folder}")
    raise typer.Exit(status)


def make_demo(
    folder: str | Path,
    *,
    frames: int = 30,
    config: str = "paper",
    backbone: str = "embedded",
    device: str = "auto",
    seed: int = 0,
    on_start: Callable[[str], None] | None = None,
    on_frame: Callable[[Step], None] | None = None,
) -> list[Track]:
    """Track the first frames of `rltrack.synthetic` with lambda 0, then 5, and leave the results.

    ``folder`` gets, for each lambda, ``demo-lambda0.mp4``, ``.csv`` and ``.json`` (see
    `rltrack.track`), and ``figure.png``, which compares the two.

    Args:
        folder: where the files go; made if it is not there.
        frames: how many.
        config: a preset's name.
        backbone: a backbone's name.
        device: see `rltrack.tracking.inputs.pick_device`.
        seed: of the trackers' randomness; the film is always the same.
        on_start: called before each run, with its name.
        on_frame: called after each frame.

    Returns:
        The runs, in the order of `WEIGHTS`; after a Ctrl-C, those until then.

    Raises:
        InputError: something given cannot be used.
        TrackingError: an error part-way.
    """
    from rltrack.backbones.registry import backbone_files
    from rltrack.demo_film.film import synthetic
    from rltrack.paths import given_path
    from rltrack.plots.demo_figure import demo_figure, demo_run, snapshot
    from rltrack.plots.figure_files import write_plot
    from rltrack.tracking.presets import preset
    from rltrack.video.own_files import own_outputs
    from rltrack.video.run import track

    folder = given_path(folder, "the results' folder")
    # All that can be wrong is found before the first run, not between the two.
    configs = [preset(config, attention_weight=weight) for weight in WEIGHTS]
    names = [f"demo-lambda{weight:g}" for weight in WEIGHTS]
    files = ["figure.png", *(f"{name}.{kind}" for name in names for kind in ("csv", "mp4", "json"))]
    given = {f"file {file}": folder / file for file in files}
    outputs = own_outputs(given, backbone_files(backbone))
    picture = outputs.pop("file figure.png")
    film = synthetic(frames)
    shown = frames * 4 // 5  # of 30, where the target and its look-alike touch
    tracks: list[Track] = []
    seen: list[Snapshot] = []

    def watch(step: Step) -> None:
        if step.index == shown and step.image is not None:
            seen.append(snapshot(step, step.image))
        if on_frame is not None:
            on_frame(step)

    for name, each in zip(names, configs, strict=True):
        if on_start is not None:
            on_start(name)
        tracks.append(
            track(
                film,
                config=each,
                backbone=backbone,
                device=device,
                seed=seed,
                out=folder / f"{name}.csv",
                video=folder / f"{name}.mp4",
                summary=folder / f"{name}.json",
                on_frame=watch,
            )
        )
        if tracks[-1].interrupted:
            return tracks
    runs = [demo_run(done, one, shown) for done, one in zip(tracks, seen, strict=True)]
    title = f"{film.name}, preset {config}, backbone {tracks[0].backbone}, seed {seed}"
    write_plot(demo_figure(runs, film.ground_truth, title=title), picture)
    return tracks
