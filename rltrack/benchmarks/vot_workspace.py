"""VOT-2016 with the challenge's own toolkit: a workspace, its runs, and EAO, accuracy, robustness.

The experiment is the challenge's baseline: supervised, so that a tracker whose region no longer
overlaps the true one is started again five frames later; 15 repetitions. The toolkit starts the
tracker (`rltrack.benchmarks.trax_entry`, which says how a polygon becomes a box), resets it, and
analyses. The challenge's other experiment, unsupervised, is left to the toolkit's own command line:
EAO, A and R do not need it.

Two of the toolkit's habits are avoided. An error of the tracker goes to a log, and the command ends
as if all were well: here it is a `VotError` with the tracker's own words. And analyses are kept by
the names of tracker and sequences, so that new results get old numbers: here they are made anew.
"""

from __future__ import annotations

import configparser
import shutil
import struct
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from rltrack.data.sequences import Sequence, is_read, read_sequence
from rltrack.errors import InputError, brief
from rltrack.outputs import Folder, Input
from rltrack.paths import given_path, is_file, is_folder, listed
from rltrack.video.images import read_image

__all__ = [
    "NAME",
    "SEQUENCES",
    "STACKS",
    "VotError",
    "check_toolkit",
    "init",
    "inputs_of",
    "open_workspace",
    "our_section",
    "our_tracker",
    "trajectories",
]

STACKS = {"vot2016": "vot2016/rgb", "small": "stack.yaml"}
"""By name, what a workspace calls them: the challenge's own, which comes with the toolkit; and one
to try it out, with two repetitions and a range for EAO that fits short sequences."""

NAME = "rltrack"
"""What the tracker is called in a workspace."""

EXPERIMENT = "baseline"

SEQUENCES = 60
"""How many VOT-2016 has."""

# The toolkit's default is 30 seconds; learning the first frame can take longer on a CPU.
_TIMEOUT_S = 3600

_SMALL = """\
title: a small VOT-2016, which shows that the plumbing works and nothing else
experiments:
  baseline:
    type: supervised
    repetitions: 2
    skip_initialize: 5
    analyses:
      - type: supervised_average_ar
        sensitivity: 30
      - type: supervised_eao_score
        low: 10
        high: 100
"""


class VotError(RuntimeError):
    """The tracker or the toolkit failed; finished repetitions are kept. One line."""


def check_toolkit() -> None:
    """Check that the toolkit is there.

    Raises:
        InputError: it is not.
    """
    try:
        metadata.version("vot-toolkit")
    except metadata.PackageNotFoundError:
        raise InputError('this needs the VOT toolkit: pip install "rltrack[vot]"') from None


def init(
    workspace: str | Path,
    *,
    data: str | Path,
    stack: str = "vot2016",
    preset: str = "paper",
    attention_weight: float | None = None,
    backbone: str = "embedded",
    device: str = "auto",
    seed: int = 0,
) -> int:
    """Make a workspace of the toolkit, whose sequences are links to those in ``data``.

    Args:
        workspace: the folder to make; if it is there, it must be empty.
        data: a folder of sequence folders as `rltrack.data.fetch` makes them (``img/%08d.jpg`` and
            ``groundtruth.txt``), or one that holds such a folder as ``vot``.
        stack: a name of `STACKS`.
        preset: see `rltrack.tracking.presets.preset`.
        attention_weight: lambda; None takes the preset's.
        backbone: a name of `rltrack.backbones.registry.BACKBONES`, or a file.
        device: see `rltrack.tracking.inputs.pick_device`.
        seed: of the first repetition; the others count on from it.

    Returns:
        How many sequences there are.

    Raises:
        InputError: something given cannot be used; nothing is written then.
    """
    workspace = given_path(workspace, "the workspace").resolve()
    if stack not in STACKS:
        raise InputError(f"unknown stack {stack!r}; there are {', '.join(STACKS)}")
    settings = _settings(preset, attention_weight, backbone, device, seed)
    sequences = _sequences(given_path(data, "the folder of sequences"))
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        if any(workspace.iterdir()):
            raise InputError(f"{workspace} is not empty: give the workspace a folder of its own")
        for sequence, folder in sequences:
            _link_sequence(sequence, folder, workspace / "sequences" / sequence.name)
        names = [sequence.name for sequence, _ in sequences]
        (workspace / "sequences" / "list.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        if stack == "small":
            (workspace / STACKS[stack]).write_text(_SMALL, encoding="utf-8")
        with (workspace / "trackers.ini").open("w", encoding="utf-8") as file:
            _registry(settings).write(file)
        for name in ("logs", "results"):
            (workspace / name).mkdir()
        (workspace / "config.yaml").write_text(
            f"stack: {STACKS[stack]}\nregistry:\n- ./trackers.ini\n", encoding="utf-8"
        )
    except OSError as error:
        _empty(workspace)  # half a workspace would be in the way of the next try
        raise InputError(f"cannot make the workspace {workspace}: {error}") from None
    return len(sequences)


def _settings(
    preset: str, attention_weight: float | None, backbone: str, device: str, seed: int
) -> dict[str, str]:
    """What the tracker is told, having made one of it."""
    from rltrack.backbones.registry import with_path
    from rltrack.benchmarks.trax_entry import make_tracker
    from rltrack.tracking.presets import preset as configuration

    if attention_weight is None:
        attention_weight = configuration(preset).attention_weight
    if not 0 <= seed < 2**31:
        raise InputError(f"seed is {seed}; it must be a whole number from 0 to 2^31 - 1")
    settings = {
        "preset": preset,
        "attention_weight": str(attention_weight),
        "backbone": with_path(backbone, Path.resolve),  # the toolkit runs it in another folder
        "device": device,
        "seed": str(seed),
    }
    make_tracker(settings)
    return settings


def _registry(settings: Mapping[str, str]) -> configparser.ConfigParser:
    registry = configparser.ConfigParser()
    registry[NAME] = {
        "label": NAME,
        "protocol": "traxpython",
        "command": "rltrack.benchmarks.trax_entry",
        "timeout": str(_TIMEOUT_S),
        **{f"arg_{name}": value.replace("%", "%%") for name, value in settings.items()},
    }
    return registry


def _sequences(data: Path) -> list[tuple[Sequence, Path]]:
    """The sequences of a folder, each with its own."""
    place = data / "vot" if is_folder(data / "vot") else data
    folders = [folder for folder in listed(place) if is_file(folder / "groundtruth.txt")]
    if not folders:
        raise InputError(
            f"no sequences in {place}: wanted folders with groundtruth.txt and img; "
            "`rltrack fetch vot2016` gets them"
        )
    return [(_checked(read_sequence(folder), folder), folder) for folder in folders]


def _checked(sequence: Sequence, folder: Path) -> Sequence:
    for number, file in enumerate(sequence.frames, start=1):
        if file.name != f"{number:08d}.jpg":
            raise InputError(
                f"{folder}: frame {number} is {file.name}; the toolkit wants {number:08d}.jpg"
            )
    if read_image(sequence.frames[0]) is None:  # the toolkit takes the size from it
        raise InputError(f"{sequence.frames[0]} cannot be read: fetch the sequence again")
    truth = sequence.ground_truth
    if sequence.problem is not None:
        raise InputError(sequence.problem)
    if truth is None or np.isnan(truth).any():
        raise InputError(f"{folder}: groundtruth.txt must have a region for each frame")
    return sequence


def _empty(folder: Path) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _link_sequence(sequence: Sequence, source: Path, place: Path) -> None:
    place.mkdir(parents=True)
    _link(source / "groundtruth.txt", place / "groundtruth.txt")
    _link(sequence.frames[0].parent, place / "color")
    text = f"name={sequence.name}\nchannels.color=color/%08d.jpg\n"
    (place / "sequence").write_text(text, encoding="utf-8")


def _link(source: Path, place: Path) -> None:
    try:
        place.symlink_to(source.resolve(), target_is_directory=source.is_dir())
    except OSError:  # a file system without links, or Windows without the right to make them
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copyfile(source, place)


def inputs_of(workspace: str | Path) -> tuple[Input, ...]:
    """Return what a report reads of a workspace, which no output may overwrite.

    Raises:
        InputError: no folder can have this name.
    """
    place = given_path(workspace, "the workspace")
    read = {"config.yaml", "trackers.ini", "stack.yaml", "sequences", "results"}
    linked = place.glob("sequences/*/*")  # the data itself, on the other side of the links
    inputs = (Folder(path, is_read) if path.is_dir() else path for path in linked)
    return (Folder(place, lambda file: file.parts[0] in read), *inputs)


def open_workspace(workspace: Path) -> tuple[Any, Any]:
    """Return the toolkit's workspace, and the supervised experiment in it.

    Raises:
        InputError: the folder is no workspace, or the toolkit cannot use it.
    """
    from vot import ToolkitException, get_logger
    from vot.workspace import Workspace

    if not is_file(workspace / "config.yaml"):
        raise InputError(f"{workspace} is no VOT workspace: make one with `rltrack vot init`")
    get_logger().setLevel("ERROR")  # else it prints percentages
    try:
        opened = Workspace.load(str(workspace))
        return opened, opened.stack[EXPERIMENT]
    except (ToolkitException, KeyError) as error:
        raise InputError(
            f"the VOT workspace {workspace} cannot be used ({error}): make a new one with "
            "`rltrack vot init`"
        ) from error


def our_section(workspace: Path) -> dict[str, str]:
    """Return our section of ``trackers.ini``, which says what the tracker is told.

    Raises:
        InputError: there is none, or the file cannot be read.
    """
    registry, file = configparser.ConfigParser(), workspace / "trackers.ini"
    try:
        registry.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read ({brief(str(error))}): make a new one") from error
    if NAME not in registry:
        raise InputError(f"{file} has no section [{NAME}]: make a new one")
    return dict(registry[NAME])


def our_tracker(workspace: Path, environment: Mapping[str, str] | None = None) -> Any:
    """Return our tracker, as the toolkit reads it from ``trackers.ini``.

    Args:
        workspace: the folder.
        environment: variables of the tracker's process, besides those of this one.

    Raises:
        InputError: there is no section of ours in ``trackers.ini``.
    """
    from vot.tracker import Tracker

    more = {f"env_{name}": value for name, value in (environment or {}).items()}
    source = str(workspace / "trackers.ini")
    return Tracker(_identifier=NAME, _source=source, **our_section(workspace), **more)


def trajectories(experiment: Any, tracker: Any, sequence: Any) -> list[Any]:
    """Return what a tracker has of a sequence: a list of regions for each finished repetition.

    Raises:
        VotError: a result cannot be read.
    """
    try:
        return list(experiment.gather(tracker, sequence))
    except (OSError, ValueError, IndexError, struct.error) as error:  # cut short by a kill, say
        raise VotError(
            f"a result of {tracker.reference} on {sequence.name} cannot be read ({error}): delete "
            f"the folder {sequence.name} in results/{tracker.reference}/{experiment.identifier}"
        ) from error
