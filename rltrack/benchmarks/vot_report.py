"""The report of VOT-2016: EAO, accuracy and robustness by the challenge's toolkit, and ranks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from rltrack import __version__
from rltrack.benchmarks.vot_workspace import (
    NAME,
    SEQUENCES,
    STACKS,
    VotError,
    open_workspace,
    our_section,
    our_tracker,
    trajectories,
)
from rltrack.errors import InputError
from rltrack.paths import given_path, is_folder, listed

__all__ = ["Score", "VotReport", "rank", "report"]


class Score(NamedTuple):
    """One tracker's numbers."""

    eao: float
    """Expected average overlap, 0..1. NaN if no run reaches the range that it is averaged over."""
    accuracy: float
    """A, the mean overlap while tracking, 0..1. The ten frames after each start do not count."""
    failures: float
    """R, failures in a sequence, 0 or more: the mean over sequences, weighted by their lengths."""
    reliability: float
    """exp(-30 failures / length), the chance to last 30 frames: the AR plot's other axis."""


@dataclass(frozen=True)
class VotReport:
    """What :func:`report` returns.

    Attributes:
        stack: the name of the stack of experiments, see `STACKS`.
        sequences: the number of sequences.
        repetitions: of each sequence, as the stack asks for.
        eao_frames: the numbers of frames (first, last) that EAO is averaged over.
        longest: frames of the longest sequence. If it is shorter than the range, the average ends
            there.
        scores: by tracker, ours (`NAME`) first.
        incomplete: trackers that were left out because they lack frames of some sequence.
        settings: the settings of our tracker.
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
        """Whether this is VOT-2016: its stack, and its number of sequences."""
        return self.stack == "vot2016" and self.sequences == SEQUENCES

    @property
    def ranks(self) -> dict[str, dict[str, int]]:
        """Each tracker's places by EAO, accuracy and failures, see :func:`rank`.

        Empty for one tracker.
        """
        if len(self.scores) < 2:
            return {}
        by = {measure: rank(self.scores, measure) for measure in ("eao", "accuracy", "failures")}
        return {name: {measure: by[measure][name] for measure in by} for name in self.scores}

    def content(self) -> dict[str, Any]:
        """Return the content of the JSON file.

        An EAO without a value is None, and so are ranks without others.
        """
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


def report(workspace: str | Path) -> VotReport:
    """Let the toolkit analyse the results.

    Other trackers are included if their raw results are in the workspace, as the challenge
    publishes them: ``results/<tracker>/baseline/<sequence>/<sequence>_001.txt``.

    Raises:
        InputError: it is not a workspace, or our results are not complete.
        VotError: a result cannot be read.
    """
    from vot.analysis.supervised import AverageAccuracyRobustness, EAOScore

    workspace = given_path(workspace, "the workspace").resolve()
    opened, experiment = open_workspace(workspace)
    sequences = experiment.transform(opened.dataset)
    ours = our_tracker(workspace)
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
    return VotReport(
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
            for key, value in our_section(workspace).items()
            if key.startswith("arg_")
        },
    )


def _others(workspace: Path) -> list[Any]:
    """Return the other trackers with a folder of results.

    The toolkit wants them in its registry.
    """
    from vot.tracker import Tracker, is_valid_identifier

    names = [folder.name for folder in listed(workspace / "results") if is_folder(folder)]
    return [
        Tracker(_identifier=name, _source=None, command="")
        for name in names
        if name != NAME and is_valid_identifier(name)
    ]


def _whole(experiment: Any, tracker: Any, sequence: Any) -> bool:
    """Return whether a tracker has each sequence at least once, and each time all of its frames."""
    lengths = {len(found) for found in trajectories(experiment, tracker, sequence)}
    return lengths == {len(sequence)}


def _analysed(
    experiment: Any, trackers: list[Any], sequences: list[Any], analyses: list[Any]
) -> list[list[Any]]:
    """Return what each analysis gives for each tracker."""
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
    """Return each tracker's place by one measure of `Score`, from 1. Equals share the better place.

    These are places among the trackers given, by the measure itself. The challenge's own ranks, A_r
    and R_r of the paper's Table 4, are averages in which equivalent trackers count as equal.
    """
    sign = 1 if measure == "failures" else -1  # fewer failures are better
    keys = {name: sign * getattr(score, measure) for name, score in scores.items()}
    keys = {name: math.inf if math.isnan(key) else key for name, key in keys.items()}
    return {name: 1 + sum(other < key for other in keys.values()) for name, key in keys.items()}
