"""`rltrack fetch`: weights and benchmark sequences, downloaded with a progress bar."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from rltrack.cli.printing import console, show
from rltrack.cli.progress import Lines
from rltrack.cli.status import BAD_INPUT, FAILED, INTERRUPTED, fail
from rltrack.plain_text import on_terminal

if TYPE_CHECKING:
    from rltrack.data.download import Progress

__all__ = ["fetch", "rich_progress"]


def fetch(
    asset: Annotated[str, typer.Argument(metavar="vggm|otb2013|otb2015|vot2016")],
    dest: Annotated[
        str | None,
        typer.Option(
            "--dest",
            metavar="DIR",
            help="The folder to put them in; `rltrack info` shows the default.",
        ),
    ] = None,
) -> None:
    """Download weights or sequences. If it is stopped, the same command continues."""
    from rltrack.cli.terminal import stop_signals, warnings_shown
    from rltrack.data.failures import FetchError
    from rltrack.data.fetch import fetch as fetch_asset
    from rltrack.errors import InputError

    try:
        with stop_signals(), warnings_shown(logging.INFO) as warnings, rich_progress() as progress:
            warnings.show()
            show(str(fetch_asset(asset, dest, progress=progress)))
    except FetchError as error:
        fail(error, BAD_INPUT if isinstance(error, InputError) else FAILED)  # beyond a limit
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from here", INTERRUPTED)


@contextmanager
def rich_progress() -> Iterator[Progress]:
    """Progress on standard error; to pass to `fetch` or `download`.

    Yields:
        The callback. On a terminal, a bar shows the file on its way, bytes, speed and time left.
        Elsewhere there are `rltrack.cli.progress.Lines`.
    """
    from rich.filesize import decimal
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    screen, lines = console(stderr=True), Lines()
    with Bars(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bars:
        task = bars.add_task("", total=None, visible=False)
        current = ""

        def advance(name: str, received: int, total: int | None, /) -> None:
            nonlocal current, task
            if name != current:
                bars.remove_task(task)
                current = name
                task = bars.add_task(on_terminal(name), total=total, completed=received)
            bars.update(task, completed=received, total=total)
            lines.advance(f"{on_terminal(name)}:", received, total, decimal)

        yield advance
