"""The command line, `rltrack`; larger commands are modules of :mod:`rltrack.commands`.

Exit status: 0 done; 1 failed part-way, results kept; 2 bad input or option, said in one line
before anything is tracked; 130 interrupted, results kept.
"""

from __future__ import annotations

import io
import logging
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from rltrack import __version__
from rltrack.commands.compare import compare
from rltrack.commands.evaluate import evaluate
from rltrack.commands.options import Backbone, Debug, Device, Preset, Seed, parsed_box
from rltrack.commands.status import BAD_INPUT, DONE, FAILED, INTERRUPTED, fail, say
from rltrack.commands.sweep import report, sweep
from rltrack.commands.vot import vot_app
from rltrack.errors import InputError

# Everything else is imported by the command that needs it: `rltrack --help` does not wait for
# PyTorch.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rltrack.run import Track, TrackingError

__all__ = ["app", "main"]

log = logging.getLogger(__name__)

# Where typer keeps it differs: up to 0.2x it used the package click, now it brings its own.
_ClickError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="rltrack",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _rltrack(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Follow a target through a video: deep attentive tracking via reciprocative learning."""
    if version:
        print(f"rltrack {__version__}")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(DONE)


@app.command("track")
def _track(
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
            metavar="X,Y,W,H",
            help="The target in the first frame, 0-based pixels. Give it once for each of several.",
        ),
    ] = None,
    select: Annotated[bool, typer.Option("--select", help="Draw the box in a window.")] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="boxes.csv",
            help="Boxes, scores and found, a row a frame; of several targets a row each.",
        ),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option("--video", metavar="out.mp4", help="Annotated video: .mp4, .mkv, .webm."),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="summary.json", help="Settings, speed and metrics."),
    ] = None,
    preset: Preset = "paper",
    attention_weight: Annotated[
        float | None,
        typer.Option(
            "--attention-weight",
            metavar="L",
            help="Lambda of the paper's Eq. 5; 0 is its baseline. By default the preset's: 5, "
            "of realtime 0; for attentive-features 0.",
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
            "--overlay", metavar="attention|confidence", help="Heat to draw into the video."
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Follow one target through SOURCE, or several in one pass.

    Ctrl-C stops it and keeps what was tracked. Speed is given as FPS of the tracking alone,
    without the first frame, in which the target is learned.
    """
    from rltrack.config import preset as configuration

    changes: dict[str, Any] = {"variant": variant}
    if attention_weight is not None:
        changes["attention_weight"] = attention_weight
    config = configuration(preset, **changes)
    if box and select:
        raise InputError("--box and --select both give the first box: use one of them")
    boxes = [parsed_box(text) for text in box or ()]
    if select:
        _check_display()

    from rltrack.run import TrackingError, track_several
    from rltrack.terminal import print_track, session

    outputs = [path for path in (out, video, json) if path is not None]
    failure = None
    with session() as bar:
        bar.start(Path(source).name)
        if not outputs:
            log.warning("nothing is written without --out, --video or --json")
        try:
            tracks = track_several(
                source,
                boxes or [_selected_box if select else None],
                config=config,
                backbone=backbone,
                device=_checked_device(device),
                seed=seed,
                out=out,
                video=video,
                summary=json,
                overlay=overlay,
                on_frame=bar.advance,
            )
        except TrackingError as error:
            tracks, failure = error.tracks, error
    if len(tracks[0]):
        print_track(tracks, outputs)
    if failure is not None:
        _fail_part_way(failure, debug)
    raise typer.Exit(_ending(*tracks))


@app.command("demo")
def _demo(
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the results go.")] = (
        "out/demo"
    ),
    frames: Annotated[int, typer.Option("--frames", metavar="N", help="How many.")] = 30,
    preset: Preset = "paper",
    backbone: Backbone = "embedded",
    device: Device = "auto",
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Track the bundled film with lambda 0 and 5; leave videos, boxes and a figure in DIR."""
    from rltrack.demo import demo
    from rltrack.run import TrackingError
    from rltrack.terminal import print_table, session

    with session() as bar:
        try:
            tracks = demo(
                out,
                frames=frames,
                config=preset,
                backbone=backbone,
                device=_checked_device(device),
                seed=seed,
                on_start=bar.start,
                on_frame=bar.advance,
            )
        except TrackingError as error:
            _fail_part_way(error, debug)
    print_table(tracks)
    status = _ending(*tracks)
    if status == DONE:
        print(f"videos, boxes, summaries and figure.png are in {out}")
    raise typer.Exit(status)


@app.command("bench")
def _bench(
    sequence: Annotated[
        str | None,
        typer.Argument(
            metavar="SEQUENCE",
            help="A sequence folder with its ground truth; without it the bundled film.",
            show_default=False,
        ),
    ] = None,
    preset: Preset = "paper",
    backbone: Backbone = "embedded",
    device: Device = "auto",
    seed: Seed = 0,
    json: Annotated[
        str | None, typer.Option("--json", metavar="OUT", help="All numbers, as a JSON file.")
    ] = None,
) -> None:
    """Time the tracker, its parts, a plain version of it, and the machine; takes minutes."""
    from rich.console import Console

    from rltrack.bench import measure, tables
    from rltrack.files import write_json
    from rltrack.recorder import writable
    from rltrack.terminal import stop_signals, warnings_shown

    out = None if json is None else writable(json, "times", Path(sequence) if sequence else None)
    try:
        with stop_signals(), warnings_shown() as warnings:
            with Console(stderr=True).status("") as status:
                result = measure(
                    sequence,
                    config=preset,
                    backbone=backbone,
                    device=_checked_device(device),
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


@app.command("info")
def _info() -> None:
    """Show versions, devices, backbones, and where files are kept."""
    import platform
    from textwrap import shorten

    import cv2
    import numpy as np
    import torch

    from rltrack.backbones import BACKBONES, backbone_card, load_backbone
    from rltrack.fetch import cache_dir, data_dir
    from rltrack.machine import machine

    devices = [f"cpu, {machine('cpu')}, {torch.get_num_threads()} threads"]
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index}, {card.name}, {card.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        devices.append("mps (untested)")
    rows = [
        ("rltrack", __version__),
        ("python", f"{platform.python_version()}, {platform.platform()}"),
        ("torch", torch.__version__),
        ("numpy", np.__version__),
        ("opencv", cv2.__version__),
        *[("device", device) for device in devices],
        ("cache", str(cache_dir())),
        ("sequences", str(data_dir())),
    ]
    for name, value in rows:
        print(f"{name:<10} {value}")
    for name in BACKBONES:
        about = backbone_card(name)
        try:
            load_backbone(name)
            state = "ready"
        except InputError as error:
            state = str(error)
        print(f"\nbackbone {name}: {state}\n  {about.recipe}\n  licence: {about.licence}")
        for fact, value in about.facts.items():
            print(f"  {fact}: {shorten(value, 160)}")


@app.command("fetch")
def _fetch(
    asset: Annotated[str, typer.Argument(metavar="vggm|otb2013|otb2015|vot2016")],
    dest: Annotated[
        str | None,
        typer.Option("--dest", metavar="DIR", help="Where to; `info` shows the default."),
    ] = None,
) -> None:
    """Fetch weights or sequences; stopped, the same command goes on from there."""
    from rltrack.fetch import FetchError, fetch, rich_progress
    from rltrack.terminal import stop_signals, warnings_shown

    try:
        with stop_signals(), warnings_shown() as warnings, rich_progress() as progress:
            warnings.show()
            print(fetch(asset, dest, progress=progress))
    except FetchError as error:
        fail(error, FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(
            say("interrupted; the same command goes on from here", INTERRUPTED)
        ) from None


app.command("compare")(compare)
app.command("evaluate")(evaluate)
app.command("sweep")(sweep)
app.command("report")(report)
app.add_typer(vot_app, name="vot")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; by default the process's own.

    Returns:
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a file name that the terminal cannot show
    # By default OpenMP's threads spin while they wait for each other. On a machine that does
    # something else too, tracking then takes several times longer. Read when PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    given = None if arguments is None else list(arguments)
    try:
        status = app(args=given, prog_name="rltrack", standalone_mode=False)
    except InputError as error:
        return say(error, BAD_INPUT)
    except _ClickError as error:
        return say(f"{error.format_message()} (rltrack --help shows how)", BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    return status if isinstance(status, int) else DONE


# --- What goes wrong ------------------------------------------------------------------------


def _ending(*tracks: Track) -> int:
    if not any(done.interrupted for done in tracks):
        return DONE
    kept = "what was tracked is kept" if len(tracks[0]) else "nothing was tracked yet"
    return say(f"interrupted; {kept}", INTERRUPTED)


def _fail_part_way(error: TrackingError, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    frames = len(error.track)
    kept = f"what was tracked before it, {frames} frames, is kept" if frames else "nothing tracked"
    fail(f"{error}; {kept}{'' if debug else ' (--debug shows where)'}", FAILED)


# --- What is given --------------------------------------------------------------------------


def _checked_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise InputError(f"unknown device {name!r}; there are auto, cpu, cuda, mps")
    return name


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
