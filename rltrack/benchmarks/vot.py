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

import math
import shutil
import struct
import warnings
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rltrack import __version__
from rltrack.errors import InputError
from rltrack.sequences import Sequence, read_sequence
from rltrack.video import read_image

__all__ = [
    "STACKS",
    "Report",
    "Score",
    "VotError",
    "check_toolkit",
    "init",
    "rank",
    "report",
    "run",
]

STACKS = {"vot2016": "vot2016/rgb", "small": "stack.yaml"}
"""By name, what a workspace calls them: the challenge's own, which comes with the toolkit; and one
to try it out, with two repetitions and a range for EAO that fits short sequences."""

NAME = "rltrack"
"""The tracker's, in the workspace."""
EXPERIMENT = "baseline"
SEQUENCES = 60
"""Of VOT-2016."""

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
# The toolkit's default is 30 seconds; learning the first frame can take longer on a CPU.
_TIMEOUT_S = 3600


class VotError(RuntimeError):
    """The tracker or the toolkit failed; finished repetitions are kept. One line."""


class Score(NamedTuple):
    """One tracker's numbers."""

    eao: float
    """Expected average overlap, 0..1; NaN if no run reaches the range it is over."""
    accuracy: float
    """A: mean overlap while tracking, 0..1; the ten frames after each start do not count."""
    failures: float
    """R: failures a sequence, 0 or more; the mean over sequences, weighted by their lengths."""
    reliability: float
    """exp(-30 failures / length): the chance to last 30 frames, the AR plot's other axis."""


@dataclass(frozen=True)
class Report:
    """What :func:`report` found.

    Attributes:
        stack: its name, see `STACKS`.
        sequences: their number.
        repetitions: of each, as the stack wants them.
        eao_frames: the numbers of frames (first, last) that EAO is averaged over.
        longest: frames of the longest sequence; where it is shorter, that average ends there.
        scores: by tracker, ours (`NAME`) first.
        incomplete: trackers left out, since they have not all frames of some sequence.
        settings: of our tracker.
    """

    stack: str
    sequences: int
    repetitions: int
    eao_frames: tuple[int, int]
    longest: int
    scores: dict[str, Score]
    incomplete: tuple[str, ...]
    settings: dict[str, str]

    @property
    def official(self) -> bool:
        """Whether it is VOT-2016: its stack, and as many sequences."""
        return self.stack == "vot2016" and self.sequences == SEQUENCES

    @property
    def ranks(self) -> dict[str, dict[str, int]]:
        """By tracker, its places by EAO, accuracy and failures, see :func:`rank`; {} of one."""
        if len(self.scores) < 2:
            return {}
        by = {measure: rank(self.scores, measure) for measure in ("eao", "accuracy", "failures")}
        return {name: {measure: by[measure][name] for measure in by} for name in self.scores}

    def content(self) -> dict[str, Any]:
        """What the JSON file holds: all of it; an EAO that there is not is None, as are ranks."""
        scores = {name: score._asdict() for name, score in self.scores.items()}
        for score in scores.values():
            score["eao"] = None if math.isnan(score["eao"]) else score["eao"]
        return {
            **asdict(self),
            "scores": scores,
            "ranks": self.ranks or None,
            "official": self.official,
            "toolkit": metadata.version("vot-toolkit"),
            "version": __version__,
        }


def check_toolkit() -> None:
    """Check that the toolkit is there.

    Raises:
        InputError: it is not.
    """
    try:
        metadata.version("vot-toolkit")
    except metadata.PackageNotFoundError:
        raise InputError('this needs the VOT toolkit: pip install "rltrack[vot]"') from None


# --- A workspace --------------------------------------------------------------------------


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
        data: a folder of sequence folders as `rltrack.fetch` makes them (``img/%08d.jpg`` and
            ``groundtruth.txt``), or one that holds such a folder as ``vot``.
        stack: a name of `STACKS`.
        preset: see `rltrack.config.preset`.
        attention_weight: lambda; None takes the preset's.
        backbone: a name of `rltrack.backbones.BACKBONES`, or a file.
        device: see `rltrack.tracker.pick_device`.
        seed: of the first repetition; the others count on from it.

    Returns:
        How many sequences there are.

    Raises:
        InputError: something given cannot be used; nothing is written then.
    """
    workspace = Path(workspace).expanduser().resolve()
    if stack not in STACKS:
        raise InputError(f"unknown stack {stack!r}; there are {', '.join(STACKS)}")
    settings = _settings(preset, attention_weight, backbone, device, seed)
    sequences = _sequences(Path(data).expanduser())
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
        raise InputError(f"cannot make the workspace {workspace}: {error}") from None
    return len(sequences)


def _settings(
    preset: str, attention_weight: float | None, backbone: str, device: str, seed: int
) -> dict[str, str]:
    """What the tracker is told, having made one of it."""
    from rltrack.backbones import SUFFIX
    from rltrack.benchmarks.trax_entry import make_tracker
    from rltrack.config import preset as configuration

    if attention_weight is None:
        attention_weight = configuration(preset).attention_weight
    if not 0 <= seed < 2**31:
        raise InputError(f"seed is {seed}; it must be a whole number from 0 to 2^31 - 1")
    if backbone.endswith(SUFFIX):  # the toolkit runs the tracker in another folder
        backbone = str(Path(backbone).expanduser().resolve())
    settings = {
        "preset": preset,
        "attention_weight": str(attention_weight),
        "backbone": backbone,
        "device": device,
        "seed": str(seed),
    }
    make_tracker(settings)
    return settings


def _registry(settings: Mapping[str, str]) -> ConfigParser:
    registry = ConfigParser()
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
    place = data / "vot" if (data / "vot").is_dir() else data
    folders = sorted(file.parent for file in place.glob("*/groundtruth.txt"))
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
    if truth is None or np.isnan(truth).any():
        raise InputError(f"{folder}: groundtruth.txt must have a region for each frame")
    return sequence


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


# --- The runs -----------------------------------------------------------------------------


def run(workspace: str | Path, *, on_progress: Callable[[str, int, int], None]) -> None:
    """Run what is missing of the experiment; what is finished stays.

    Args:
        workspace: that :func:`init` made.
        on_progress: told a sequence's name, its finished repetitions, and how many there are to be.

    Raises:
        InputError: it is no such workspace.
        VotError: the tracker failed. ``logs/rltrack.log`` in the workspace has its traceback.
        KeyboardInterrupt: it was stopped; the repetition it was in is lost.
    """
    from vot import ToolkitException

    from rltrack.benchmarks.trax_entry import FINISHED, LOG
    from rltrack.signals import HeldSignals

    workspace = Path(workspace).expanduser().resolve()
    opened, experiment = _open(workspace)
    log = workspace / "logs" / f"{NAME}.log"
    total = experiment.repetitions

    # The toolkit waits for the tracker in a library that calls back into Python, where an exception
    # would be printed and lost. So signals are held; one makes that library's waiting fail.
    with HeldSignals() as signals:

        def stop_if_told() -> None:
            with signals.let_through():
                pass

        def advance(name: str, share: float) -> None:
            stop_if_told()
            on_progress(name, round(share * total), total)

        for sequence in experiment.transform(opened.dataset):
            name = sequence.name
            finished = len(_trajectories(experiment, _tracker(workspace), sequence))
            on_progress(name, finished, total)
            tracker = _tracker(workspace, {LOG: str(log), FINISHED: str(finished)})
            log.unlink(missing_ok=True)
            try:
                experiment.execute(tracker, sequence, callback=partial(advance, name))
            except ToolkitException as error:
                stop_if_told()
                raise VotError(f"{name}: {_cause(error, log)}; more in {log}") from error
            stop_if_told()
            if not experiment.scan(tracker, sequence)[0]:
                raise VotError(f"{name}: the toolkit gave no error, but results are missing")


def _open(workspace: Path) -> tuple[Any, Any]:
    """The toolkit's workspace, and the supervised experiment in it."""
    from vot import ToolkitException, get_logger
    from vot.workspace import Workspace

    if not (workspace / "config.yaml").is_file():
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


def _section(workspace: Path) -> dict[str, str]:
    """Our section of ``trackers.ini``."""
    registry = ConfigParser()
    registry.read(workspace / "trackers.ini", encoding="utf-8")
    if NAME not in registry:
        raise InputError(f"{workspace / 'trackers.ini'} has no section [{NAME}]: make a new one")
    return dict(registry[NAME])


def _tracker(workspace: Path, environment: Mapping[str, str] | None = None) -> Any:
    """Our tracker, as the toolkit reads it from ``trackers.ini``, with its environment."""
    from vot.tracker import Tracker

    more = {f"env_{name}": value for name, value in (environment or {}).items()}
    source = str(workspace / "trackers.ini")
    return Tracker(_identifier=NAME, _source=source, **_section(workspace), **more)


def _trajectories(experiment: Any, tracker: Any, sequence: Any) -> list[Any]:
    """What a tracker has of a sequence: a list of regions for each finished repetition."""
    try:
        return list(experiment.gather(tracker, sequence))
    except (OSError, ValueError, IndexError, struct.error) as error:  # cut short by a kill, say
        raise VotError(
            f"a result of {tracker.reference} on {sequence.name} cannot be read ({error}): delete "
            f"the folder {sequence.name} in results/{tracker.reference}/{experiment.identifier}"
        ) from error


def _cause(error: Any, log: Path) -> str:
    """What the tracker said. If it could not write it to ``log``, its output is put there."""
    if log.exists():
        return log.read_text(encoding="utf-8").partition("\n")[0]
    output = getattr(error, "log", None) or ""
    log.write_text(f"{error}\n\n{output}", encoding="utf-8")
    said = [line for line in output.splitlines() if line.strip() and not line.startswith("@@TRAX")]
    return "; ".join([str(error), *said[-2:]])


# --- The numbers --------------------------------------------------------------------------


def report(workspace: str | Path) -> Report:
    """Have the toolkit analyse the results.

    Other trackers are compared with where their raw results lie in the workspace, as the challenge
    publishes them: ``results/<tracker>/baseline/<sequence>/<sequence>_001.txt``.

    Raises:
        InputError: it is no workspace, or our results are not complete.
        VotError: a result cannot be read.
    """
    from vot.analysis.supervised import AverageAccuracyRobustness, EAOScore

    workspace = Path(workspace).expanduser().resolve()
    opened, experiment = _open(workspace)
    sequences = experiment.transform(opened.dataset)
    ours = _tracker(workspace)
    done = [experiment.scan(ours, each)[0] and _whole(experiment, ours, each) for each in sequences]
    if not all(done):
        raise InputError(
            f"{done.count(False)} of {len(done)} sequences are not finished: "
            f"`rltrack vot run {workspace}` goes on"
        )
    trackers, incomplete = [ours], []
    for other in _others(workspace):
        if all(_whole(experiment, other, sequence) for sequence in sequences):
            trackers.append(other)
        else:
            incomplete.append(other.reference)

    analyses = {type(analysis): analysis for analysis in experiment.analyses}
    eao = analyses[EAOScore]
    accuracy_robustness = analyses[AverageAccuracyRobustness]
    measured = _analysed(experiment, trackers, sequences, [accuracy_robustness, eao])
    stacks = {there: name for name, there in STACKS.items()}
    return Report(
        stack=stacks.get(opened.stack.name, opened.stack.name),
        sequences=len(sequences),
        repetitions=experiment.repetitions,
        eao_frames=(eao.low, eao.high),
        longest=max(len(sequence) for sequence in sequences),
        scores={
            tracker.reference: Score(*map(float, (expected[0], accuracy, failures, point[0])))
            for tracker, (accuracy, failures, point, _), expected in zip(
                trackers, *measured, strict=True
            )
        },
        incomplete=tuple(incomplete),
        settings={
            key.removeprefix("arg_"): value
            for key, value in _section(workspace).items()
            if key.startswith("arg_")
        },
    )


def _others(workspace: Path) -> list[Any]:
    """The other trackers that have a folder of results; the toolkit wants them in its registry."""
    from vot.tracker import Tracker, is_valid_identifier

    names = sorted(folder.name for folder in (workspace / "results").iterdir() if folder.is_dir())
    return [
        Tracker(_identifier=name, _source=None, command="")
        for name in names
        if name != NAME and is_valid_identifier(name)
    ]


def _whole(experiment: Any, tracker: Any, sequence: Any) -> bool:
    """Whether a tracker has a sequence at least once, and each time all its frames."""
    lengths = {len(found) for found in _trajectories(experiment, tracker, sequence)}
    return lengths == {len(sequence)}


def _analysed(
    experiment: Any, trackers: list[Any], sequences: list[Any], analyses: list[Any]
) -> list[list[Any]]:
    """Of each analysis, what it gives for each tracker."""
    from concurrent.futures import ThreadPoolExecutor

    from vot import ToolkitException
    from vot.analysis.processor import AnalysisProcessor

    with (
        ThreadPoolExecutor(1) as executor,
        AnalysisProcessor(executor, {}) as processor,
        warnings.catch_warnings(),
    ):
        # EAO is the mean of part of a curve, and NaN if no run reaches there.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return [
                list(processor.run(analysis, experiment, trackers, sequences))
                for analysis in analyses
            ]
        except ToolkitException as error:
            cause = getattr(error, "root_cause", None) or error
            raise VotError(f"the toolkit could not analyse the results: {cause}") from error


def rank(scores: Mapping[str, Score], measure: str) -> dict[str, int]:
    """Each tracker's place by one measure of `Score`, from 1; equals share the better place.

    These are places among the trackers given, by the measure itself. The challenge's own ranks, A_r
    and R_r of the paper's Table 4, are averages that count equivalent trackers as equal.
    """
    sign = 1 if measure == "failures" else -1  # fewer failures are better
    keys = {name: sign * getattr(score, measure) for name, score in scores.items()}
    keys = {name: math.inf if math.isnan(key) else key for name, key in keys.items()}
    return {name: 1 + sum(other < key for other in keys.values()) for name, key in keys.items()}
