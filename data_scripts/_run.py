"""What the scripts share: run a fetch with a progress bar, and say plainly how it went."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rltrack.cli.fetch import rich_progress
from rltrack.data.download import FetchError
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
    """Fetch an asset; returns the exit status: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    try:
        with rich_progress() as progress:
            path = fetch(asset, dest, progress=progress)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    print(path)
    return 0
