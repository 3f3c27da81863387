"""The command line, `rltrack`: its commands, a module each, and how they end.

Exit status: 0 done; 1 failed part-way, results kept; 2 bad input or option, said in one line
before anything is tracked; 130 interrupted, results kept.

A command imports what it needs when it runs: `rltrack --help` does not wait for PyTorch.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rltrack import __version__
from rltrack.cli.bench import bench
from rltrack.cli.compare import compare
from rltrack.cli.demo import demo
from rltrack.cli.evaluate import evaluate
from rltrack.cli.fetch import fetch
from rltrack.cli.info import info
from rltrack.cli.printing import show
from rltrack.cli.report import report
from rltrack.cli.status import BAD_INPUT, DONE, FAILED, INTERRUPTED, say
from rltrack.cli.sweep import sweep
from rltrack.cli.terminal import libraries_silent
from rltrack.cli.track import track
from rltrack.cli.vot import vot_app
from rltrack.errors import InputError

__all__ = ["app", "main"]

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
        show(f"rltrack {__version__}")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        show(*context.get_help().split("\n"))
        raise typer.Exit(DONE)


for command in (track, demo, bench, info, fetch, compare, evaluate, sweep, report):
    app.command(command.__name__)(command)
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
    with libraries_silent():
        try:
            status = app(args=given, prog_name="rltrack", standalone_mode=False)
            sys.stdout.flush()
        except InputError as error:
            return say(error, BAD_INPUT)
        except _ClickError as error:
            command = error.ctx.command_path if getattr(error, "ctx", None) else "rltrack"
            return say(f"{error.format_message()} ({command} --help shows how)", BAD_INPUT)
        except (KeyboardInterrupt, typer.Abort):
            return INTERRUPTED
        except OSError as error:  # a file, or standard output, that cannot be written
            _give_up_output()
            return say(error, FAILED)
        return status if isinstance(status, int) else DONE


def _give_up_output() -> None:
    """Where standard output cannot be written, drop what is left: Python tries again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
