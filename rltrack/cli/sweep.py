"""`rltrack sweep`: many runs, which resume and share their work."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rltrack.cli.options import Device, comma_list
from rltrack.cli.printing import console, one_line, show
from rltrack.cli.status import DONE, FAILED, INTERRUPTED, say
from rltrack.errors import InputError, counted, few

if TYPE_CHECKING:
    from rltrack.benchmarks.jobs import Job
    from rltrack.benchmarks.sweep import Outcome

__all__ = ["numbers", "shard_of", "sweep", "values_of"]

_MOST_VALUES, _MOST_JOBS = 1000, 1_000_000
"""A larger sweep is a slip of the keyboard, and its list would fill the memory."""


def numbers(text: str, option: str) -> list[float]:
    """``0,1,5`` as a list, ``0:8`` as 0, 1, ... 8.

    Raises:
        InputError: it is neither.
    """
    try:
        if ":" in text:
            first, last = map(int, text.split(":"))
            found = [float(value) for value in range(first, min(last, first + _MOST_VALUES) + 1)]
        else:
            found = [float(part) for part in comma_list(text)]
    except (ValueError, OverflowError):
        found = []
    if not found:
        raise InputError(f"{option} is {text!r}; it must be numbers as 0,5 or a range as 0:8")
    if len(found) > _MOST_VALUES:
        raise InputError(f"{option} is {text!r}; it may have at most {_MOST_VALUES} values")
    return found


def values_of(text: str, option: str = "--set") -> tuple[str, list[Any]]:
    """``map_at=conv1,input`` as the field's name and its values.

    Raises:
        InputError: there is no ``=`` in it, or nothing after it.
    """
    field, _, values = text.partition("=")
    if not values:
        raise InputError(
            f"{option} is {text!r}; it must be a field and values, as map_at=conv1,input"
        )
    # Commas between brackets are a pair's: positive_iou=(0.5,1),(0.7,1).
    return field.strip(), [_literal(value.strip()) for value in re.split(r",(?![^(]*\))", values)]


def _literal(text: str) -> Any:
    """The number, pair of numbers or truth value that a text spells, or the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if pair := re.fullmatch(r"\(([^(),]*),([^(),]*)\)", text):
        return tuple(_literal(number) for number in pair.groups())
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def shard_of(text: str) -> tuple[int, int]:
    """``2/8``, the second of eight parts, as (2, 8).

    Raises:
        InputError: it is no such thing.
    """
    if found := re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text):
        part, parts = map(int, found.groups())
        if 1 <= part <= parts:
            return part, parts
    raise InputError(f"--shard is {text!r}; it must be a part and their number, as 2/8")


def sweep(
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            metavar="NAME|FOLDER|A,B,C",
            help="Names of OTB's targets, or what `rltrack evaluate --dataset` takes.",
        ),
    ],
    out: Annotated[
        str,
        typer.Option("--out", metavar="DIR", help="The folder for results, one file for each job."),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="The folder that holds otb/. The default is $RLTRACK_DATA, else the cache folder.",
            show_default=False,
        ),
    ] = None,
    attention_weight: Annotated[
        str | None,
        typer.Option(
            "--attention-weight",
            metavar="L",
            help="Lambdas, such as 0,5 or 0:8. The default is the preset's.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="A,B", help="Presets to run.")
    ] = "paper",
    variant: Annotated[
        str | None,
        typer.Option(
            "--variant",
            metavar="A,B",
            help="reciprocative or attentive-features. The default is the preset's.",
            show_default=False,
        ),
    ] = None,
    changed: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=A,B",
            help="Values of a field of the configuration, such as map_at=conv1,input. Repeatable.",
            show_default=False,
        ),
    ] = None,
    backbone: Annotated[
        str, typer.Option("--backbone", metavar="A,B", help="Backbones to run.")
    ] = "embedded",
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, help="The number of seeds, from 0 on.")
    ] = 1,
    device: Device = "auto",
    local: Annotated[
        int,
        typer.Option(
            "--local", metavar="N", min=1, max=1000, help="How many jobs to run at a time."
        ),
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="A dask scheduler whose workers run the jobs, such as tcp://host:8786.",
            show_default=False,
        ),
    ] = None,
    kept: Annotated[
        str | None,
        typer.Option(
            "--kept",
            metavar="FILE.json.gz",
            help="A file of `report --keep`, whose runs are not run again.",
            show_default=False,
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard", metavar="I/N", help="Run only part I of N of the jobs.", show_default=False
        ),
    ] = None,
) -> None:
    """Track every target with every setting and seed. Finished runs are not repeated."""
    from rltrack.benchmarks.jobs import grid, missing, restore, targets_of
    from rltrack.benchmarks.sweep import sweep as run_sweep
    from rltrack.cache import data_dir
    from rltrack.cli.terminal import stop_signals, warnings_shown
    from rltrack.data.benchmark_folders import find_benchmark
    from rltrack.evaluation.run_files import load
    from rltrack.outputs import checked_folder
    from rltrack.paths import given_path
    from rltrack.tracking.inputs import pick_device
    from rltrack.tracking.presets import preset as preset_of

    place = data_dir() if data is None else given_path(data, "--data")
    benchmark = find_benchmark(dataset, place)
    of_otb = targets_of(dataset) if benchmark is None else ()
    if absent := missing(of_otb, place):
        smallest = "otb2013" if all("otb2013" in t.sets for t in of_otb) else "otb2015"
        raise InputError(
            f"{len(absent)} of {len(of_otb)} sequences are not in {place / 'otb'}: "
            f"{few(absent)}; `rltrack fetch {smallest}` gets them, --data says where they are"
        )
    targets = of_otb if benchmark is None else tuple(benchmark.targets.values())
    given = [values_of(text) for text in changed or ()]
    if variant is not None:
        given.append(("variant", comma_list(variant)))
    if attention_weight is not None:
        given.append(("attention_weight", numbers(attention_weight, "--attention-weight")))
    fields = dict(given)
    if len(fields) < len(given):
        twice = next(field for field in fields if sum(field == f for f, _ in given) > 1)
        raise InputError(f"{twice} is given twice; give all its values at once, as A,B")
    presets, backbones = comma_list(preset), comma_list(backbone)
    settings = math.prod(map(len, (presets, backbones, *fields.values())))
    if settings * len(targets) * seeds > _MOST_JOBS:
        raise InputError(
            f"{settings} settings of {len(targets)} targets with {seeds} seeds are more than the "
            f"{_MOST_JOBS:,} jobs that a sweep may have"
        )
    trackers = [
        (preset_of(name, **dict(zip(fields, values, strict=True))), one)
        for name in presets
        for values in product(*fields.values())
        for one in backbones
    ]
    jobs = grid(trackers, targets, range(seeds), "" if benchmark is None else dataset)
    if scheduler is None:
        pick_device(device)
    if shard is not None:
        part, parts = shard_of(shard)
        jobs = jobs[part - 1 :: parts]
    folder = checked_folder(out, "results")
    outcomes = run_sweep(jobs, folder, data=place, device=device, local=local, scheduler=scheduler)
    with stop_signals(), warnings_shown() as warnings:
        if kept is not None:
            restore(jobs, load(given_path(kept, "--kept")), folder)
        warnings.show()
        raise typer.Exit(_followed(jobs, place, folder, outcomes))


def _followed(
    jobs: Sequence[Job], data: Path, folder: Path, outcomes: Generator[Outcome, None, None]
) -> int:
    """Show how a sweep goes on, and in the end what failed; returns the exit status."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from rltrack.benchmarks.jobs import unfinished
    from rltrack.benchmarks.selection import names_of_jobs
    from rltrack.evaluation.run_files import read_result

    # Of what is to be run, the result that is there now: none, or one that does not count.
    stale = {
        job.file(folder): _stamp(job.file(folder))
        for job in unfinished(jobs, data=data, out=folder)
    }

    def done() -> int:
        return len(jobs) - sum(_stamp(file) in (None, before) for file, before in stale.items())

    trackers = names_of_jobs(jobs)
    failed: list[Outcome] = []
    started, before = time.monotonic(), done()
    screen = console(stderr=True, soft_wrap=True)
    columns = TextColumn("jobs"), BarColumn(), MofNCompleteColumn()
    bars = Progress(
        *columns,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
        speed_estimate_period=24 * 3600,  # jobs take minutes or hours
    )
    try:
        with closing(outcomes), bars:
            task = bars.add_task("", total=len(jobs), completed=done())
            for outcome in outcomes:
                job = outcome.job
                name = f"{job.target} seed {job.seed}, {trackers[job.key]}"
                if outcome.error is not None:
                    failed.append(outcome)
                    screen.print(one_line(f"{name}: failed: {outcome.error}"))
                elif outcome.file is not None:
                    result, now = read_result(outcome.file), done()
                    left = (time.monotonic() - started) / max(1, now - before) * (len(jobs) - now)
                    screen.print(
                        f"{name}: DP {result['dp20']:.3f} OS {result['os']:.3f}, "
                        f"{result['seconds']:.0f} s; {now} of {len(jobs)} done, "
                        f"about {timedelta(seconds=round(left))} left"
                    )
                bars.update(task, completed=done())
    except KeyboardInterrupt:
        return say(
            f"interrupted; {done()} of {len(jobs)} jobs are done, the same command goes on",
            INTERRUPTED,
        )
    show(f"{done()} of {len(jobs)} jobs are done, in {folder}")
    if failed:
        names = ", ".join(f"{o.job.target} seed {o.job.seed}" for o in failed)
        return say(f"{counted(len(failed), 'job')} failed: {names}; the others are kept", FAILED)
    return DONE


def _stamp(file: Path) -> tuple[int, int] | None:
    """What tells a file from the one that takes its place; None if it is not there."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
