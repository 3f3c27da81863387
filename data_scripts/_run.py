"""What the scripts share: run a fetch with a progress bar, and say plainly how it went."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rltrack.cli.fetch import rich_progress
from rltrack.data.failures import FetchError
from rltrack.data.fetch import fetch
from rltrack.errors import InputError


def parser(description: str, where: str) -> argparse.ArgumentParser:
    """Command line with the option that every script has.

    Args:
        description: What the script does; its docstring.
        where: Where the asset goes if ``--dest`` is not given.
    """
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--dest", type=Path, metavar="DIR", help=f"folder to put it in ({where})")
    return made


def run(asset: str, dest: Path | None) -> int:
    """Fetch an asset, say where it is, and return the exit status."""

    def work() -> None:
        with rich_progress() as progress:
            path = fetch(asset, dest, progress=progress)
        print(path)

    return exit_status(work)


def exit_status(work: Callable[[], None]) -> int:
    """Do the work; returns 0 if it is done, 1 if it failed, 2 for bad input, 130 if interrupted."""
    try:
        work()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (FetchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0
