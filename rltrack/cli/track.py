"""`rltrack track`: follow one target through a video, or several."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rltrack.cli.options import (
    Backbone,
    Debug,
    Device,
    Seed,
    first_boxes,
)
from rltrack.cli.status import ending, fail_part_way
from rltrack.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["track"]

log = logging.getLogger(__name__)


def track(
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
            "--box",
            metavar="X,Y,W,H|FILE",
            help="The target's bounding box in the first frame, in 0-based pixels; or a file of "
            "CVAT (.xml), MOT or YOLO (.txt) with the boxes of all targets. Repeatable.",
        ),
    ] = None,
    select: Annotated[
        bool, typer.Option("--select", help="Draw the first box in a window.")
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="boxes.csv",
            help="Write boxes, scores and found to this file, one row for each frame and target. "
            "For annotation tools: .xml is CVAT's form, .txt MOT's, .zip YOLO's.",
        ),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(
            "--video",
            metavar="out.mp4",
            help="Write an annotated video: .mp4, .mov, .mkv, .webm.",
        ),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="summary.json", help="Write settings, speed and metrics."),
    ] = None,
    html: Annotated[
        str | None,
        typer.Option(
            "--html",
            metavar="page.html",
            help="Write a page to look at: key frames, trajectory, score, attention, settings.",
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            metavar="auto|paper|released-code|realtime|tiny",
            help="The configuration to start from. auto is realtime on a CPU and paper on a GPU, "
            "and lets the target hang over the image's border.",
        ),
    ] = "auto",
    attention_weight: Annotated[
        float | None,
        typer.Option(
            "--attention-weight",
            metavar="L",
            help="Lambda of the paper's Eq. 5; 0 is the paper's baseline. The default is the "
            "preset's: 0 for realtime, 5 for the others. With attentive-features it is 0.",
            show_default=False,
        ),
    ] = None,
    variant: Annotated[
        str,
        typer.Option(
            "--variant",
            metavar="reciprocative|attentive-features",
            help="The paper's tracker, or its rival of Table 2.",
        ),
    ] = "reciprocative",
    backbone: Backbone = "embedded",
    device: Device = "auto",
    seed: Seed = 0,
    overlay: Annotated[
        str | None,
        typer.Option(
            "--overlay", metavar="attention|confidence", help="The heat map to draw into the video."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            metavar="N|TIME",
            help="The first frame to track: its number, from 0, or a time, as 12.5s or 1:02.5. "
            "It is frame 0 of the results.",
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--end", metavar="N|TIME", help="The first frame after --start that is left out."
        ),
    ] = None,
    target: Annotated[
        int | None,
        typer.Option(
            "--target",
            metavar="N",
            help="Of a sequence folder with several targets, use groundtruth_rect.N.txt. The "
            "default is the one nearest to --box.",
            show_default=False,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Follow one target through SOURCE, or several targets in one pass.

    Ctrl-C stops the run and keeps what was tracked. The speed (FPS) is that of the tracking alone,
    without the first frame, in which the target is learned.
    """
    from rltrack.tracking.inputs import pick_device
    from rltrack.tracking.presets import AUTO, suited
    from rltrack.tracking.presets import preset as configuration

    changes: dict[str, Any] = {"variant": variant}
    if attention_weight is not None:
        changes["attention_weight"] = attention_weight
    if preset == AUTO:
        config = suited(pick_device(device), **changes)
    else:
        config = configuration(preset, **changes)
    if box and select:
        raise InputError("--box and --select both give the first box: use one of them")
    if select:
        _check_display()

    from rltrack.cli.terminal import print_track, session
    from rltrack.video.run import track_several
    from rltrack.video.sources import open_source
    from rltrack.video.tracks import TrackingError

    outputs = [path for path in (out, video, json, html) if path is not None]
    failure = None
    with session() as bar:
        bar.start(Path(source).name)
        if preset == AUTO:
            log.info("preset %s, which suits the device; --preset chooses another", config.preset)
        if not outputs:
            log.warning("nothing is written without --out, --video, --json or --html")
        frames = open_source(source, target=target)
        boxes = [each for text in box or () for each in first_boxes(text, start, frames)]
        try:
            tracks = track_several(
                frames,
                boxes or [_selected_box if select else None],
                config=config,
                backbone=backbone,
                device=device,
                seed=seed,
                out=out,
                video=video,
                summary=json,
                html=html,
                overlay=overlay,
                start=start,
                end=end,
                on_frame=bar.advance,
            )
        except TrackingError as error:
            tracks, failure = error.tracks, error
    if len(tracks[0]):
        print_track(
            tracks, outputs if failure is None else [*map(str, failure.kept)], bool(outputs)
        )
    if failure is not None:
        fail_part_way(failure, failure.kept, debug)
    raise typer.Exit(ending(*tracks))


def _check_display() -> None:
    """Find out in another process: without a display, OpenCV's window kills its own."""
    probe = "import cv2; cv2.namedWindow('rltrack'); cv2.waitKey(1); cv2.destroyAllWindows()"
    try:
        opened = subprocess.run([sys.executable, "-c", probe], capture_output=True, timeout=60)
        works = opened.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        works = False
    if not works:
        raise InputError("--select needs a display, and there is none: give --box X,Y,W,H")


def _selected_box(image: NDArray[np.uint8]) -> list[float]:
    """Let the user draw the box; the window fits the screen whatever the frame's size."""
    import cv2

    title = "Draw a box round the target, then press Enter; c gives up"
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    box = [float(side) for side in cv2.selectROI(title, image[..., ::-1].copy(), False)]
    cv2.destroyWindow(title)
    cv2.waitKey(1)
    if not (box[2] > 0 and box[3] > 0):
        raise InputError("no box was drawn: draw one, or give --box X,Y,W,H")
    return box
