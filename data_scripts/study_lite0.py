"""Repeat the study that chose the default backbone's layout and settings.

OUT is a file of runs, one JSON object on each line. Runs that are in it are not made again, so the
same command goes on where it was interrupted. Chapter 10 of the book draws the runs that are kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _run import exit_status

from rltrack.cache import data_dir
from rltrack.chapters.lite0_study import TARGETS, VARIANTS, run
from rltrack.errors import InputError


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("out", type=Path, metavar="OUT")
    made.add_argument("--data", type=Path, default=data_dir(), help="has otb/ in it (%(default)s)")
    made.add_argument("--variants", default=",".join(VARIANTS), help="(%(default)s)")
    made.add_argument("--targets", default=",".join(TARGETS), help="(%(default)s)")
    made.add_argument("--seeds", type=int, default=3, help="(%(default)s)")
    made.add_argument("--workers", type=int, default=1, help="runs at a time (%(default)s)")
    return made.parse_args()


def _main() -> None:
    chosen = _options()
    variants, targets = chosen.variants.split(","), chosen.targets.split(",")
    if unknown := sorted(set(variants) - set(VARIANTS)):
        raise InputError(f"unknown variant {unknown[0]!r}; there are {', '.join(VARIANTS)}")
    for one in run(chosen.out, chosen.data, variants, targets, range(chosen.seeds), chosen.workers):
        print("{variant}, {target}, seed {seed}: OS {os:.3f}".format(**one), flush=True)


if __name__ == "__main__":
    sys.exit(exit_status(_main))
