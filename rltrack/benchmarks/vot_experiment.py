"""Running VOT-2016's supervised experiment with the challenge's own toolkit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rltrack.benchmarks.vot_workspace import (
    NAME,
    VotError,
    open_workspace,
    our_tracker,
    trajectories,
)
from rltrack.files import alone
from rltrack.paths import given_path

__all__ = ["run"]


def run(workspace: str | Path, *, on_progress: Callable[[str, int, int], None]) -> None:
    """Run the missing repetitions of the experiment. Finished ones stay.

    Args:
        workspace: a workspace that `rltrack.benchmarks.vot_workspace.init` made.
        on_progress: called with a sequence's name, its finished repetitions, and their final
            number.

    Raises:
        InputError: it is not such a workspace, or another run is at work there.
        VotError: the tracker failed. ``logs/rltrack.log`` in the workspace has its traceback.
        KeyboardInterrupt: the run was stopped. The repetition that was running is lost.
    """
    from vot import ToolkitException

    from rltrack.benchmarks.trax_entry import FINISHED, LOG
    from rltrack.video.signals import HeldSignals

    workspace = given_path(workspace, "the workspace").resolve()
    opened, experiment = open_workspace(workspace)
    log = workspace / "logs" / f"{NAME}.log"
    total = experiment.repetitions

    # The toolkit waits for the tracker in a library that calls back into Python, where an exception
    # would be printed and lost. So signals are held; one makes that library's waiting fail.
    with alone(workspace, "vot run"), HeldSignals() as signals:

        def stop_if_told() -> None:
            with signals.let_through():
                pass

        def advance(name: str, share: float) -> None:
            stop_if_told()
            on_progress(name, round(share * total), total)

        for sequence in experiment.transform(opened.dataset):
            name = sequence.name
            finished = len(trajectories(experiment, our_tracker(workspace), sequence))
            on_progress(name, finished, total)
            tracker = our_tracker(workspace, {LOG: str(log), FINISHED: str(finished)})
            log.unlink(missing_ok=True)
            try:
                experiment.execute(tracker, sequence, callback=partial(advance, name))
            except ToolkitException as error:
                stop_if_told()
                raise VotError(f"{name}: {_cause(error, log)}; more in {log}") from error
            stop_if_told()
            if not experiment.scan(tracker, sequence)[0]:
                raise VotError(f"{name}: the toolkit gave no error, but results are missing")


def _cause(error: Any, log: Path) -> str:
    """Return the tracker's own words about a failure.

    If it wrote none to ``log``, keep its output there.
    """
    if log.exists():
        return log.read_text(encoding="utf-8").partition("\n")[0]
    output = getattr(error, "log", None) or ""
    log.write_text(f"{error}\n\n{output}", encoding="utf-8")
    said = [line for line in output.splitlines() if line.strip() and not line.startswith("@@TRAX")]
    return "; ".join([str(error), *said[-2:]])
