"""Compare the preset realtime with what `auto` makes of it on a CPU, on altered sequences.

``auto`` lets targets hang over the image's border. Each sequence of dev18 is tracked as follows:

    first    the frames are cropped, so that a third of the target is outside in the first frame
    later    the frames are cropped, so that half of the target is outside in some later frame
    hidden   the target is covered for 15 frames; only the frames after them count
    plain    as it is, to see that nothing gets worse

OUT is a file of runs, one JSON object on each line. Runs that are in it are not made again, so the
same command goes on where it was interrupted. At the end a table is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _run import exit_status

from rltrack import preset, track
from rltrack.benchmarks.jobs import targets_of
from rltrack.cache import data_dir
from rltrack.errors import InputError
from rltrack.evaluation.metrics import overlap
from rltrack.evaluation.run_lines import append, stored
from rltrack.evaluation.statistics import paired
from rltrack.outputs import checked_outputs
from rltrack.tracking.presets import suited
from rltrack.video.alterations import Cropped, Occluded
from rltrack.video.excerpt import Excerpt
from rltrack.video.named_sequences import open_sequence
from rltrack.video.sources import FrameSource

CASES = ("first", "later", "hidden", "plain")
LENGTH, HIDDEN = 80, range(20, 35)
SETTINGS = {"realtime": preset("realtime"), "auto": suited(torch.device("cpu"))}


def altered(case: str, target: str, data: Path) -> FrameSource:
    """Return the sequence of a case."""
    whole = open_sequence(target, data)
    if case == "plain":
        return whole
    part = Excerpt(whole, 0, LENGTH)
    if case == "hidden":
        return Occluded(part, HIDDEN.start, HIDDEN.stop)
    assert part.ground_truth is not None
    x, width = part.ground_truth[:, 0], part.ground_truth[:, 2]
    middle = x + width / 2
    if case == "first":
        if 2 * middle[0] < next(iter(part)).shape[1]:
            return Cropped(part, left=int(x[0] + width[0] / 3))
        return Cropped(part, right=int(x[0] + 2 * width[0] / 3))
    if middle[0] - middle.min() > middle.max() - middle[0]:
        return Cropped(part, left=int(middle.min()))
    return Cropped(part, right=ceil(middle.max()))


def run(case: str, target: str, seed: int, setting: str, data: Path) -> dict[str, Any]:
    """Track a case, and return its mean overlap and how often the target was found."""
    source = altered(case, target, data)
    box = source.ground_truth[0].tolist()
    done = track(source, box, config=SETTINGS[setting], device="cpu", seed=seed)
    judged = slice(HIDDEN.stop if case == "hidden" else 1, None)
    overlaps = overlap(done.boxes, source.ground_truth)[judged]
    return {
        "case": case,
        "target": target,
        "seed": seed,
        "tracker": setting,
        "os": round(float(np.nanmean(overlaps)), 4),
        "found": round(float(done.found[judged].mean()), 4),
        "frame_ms": round(1000 * float(done.seconds[1:].mean()), 1),
    }


def lines_of(runs: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the table's lines."""
    for case in CASES:
        of = [one for one in runs if one["case"] == case]
        for setting in SETTINGS:
            mine = [one for one in of if one["tracker"] == setting]
            if mine:
                means = (np.mean([one[key] for one in mine]) for key in ("os", "found", "frame_ms"))
                yield "{:7} {:9} overlap {:.3f}  found {:.2f}  {:.0f} ms".format(
                    case, setting, *means
                )
        yield f"{case:7} auto minus realtime: {paired(of, 'auto', 'realtime')}"


def _main() -> None:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("out", type=Path, metavar="OUT")
    made.add_argument("--data", type=Path, default=data_dir(), help="has otb/ in it (%(default)s)")
    made.add_argument("--dataset", default="dev18", help="(%(default)s)")
    made.add_argument("--cases", default=",".join(CASES), help="(%(default)s)")
    made.add_argument("--seeds", type=int, default=3, help="(%(default)s)")
    chosen = made.parse_args()
    if unknown := sorted(set(chosen.cases.split(",")) - set(CASES)):
        raise InputError(f"unknown case {unknown[0]!r}; there are {', '.join(CASES)}")
    checked_outputs({"runs": chosen.out})
    runs = stored(chosen.out) if chosen.out.exists() else []
    there = {tuple(one[key] for key in ("seed", "case", "target", "tracker")) for one in runs}
    targets = [target.name for target in targets_of(chosen.dataset)]
    every = product(range(chosen.seeds), chosen.cases.split(","), targets, SETTINGS)
    for seed, case, target, setting in every:
        if (seed, case, target, setting) not in there:
            runs.append(run(case, target, seed, setting, chosen.data))
            append(chosen.out, runs[-1])
            print(
                "{case}, {target}, seed {seed}, {tracker}: {os:.3f}".format(**runs[-1]), flush=True
            )
    print(*lines_of(runs), sep="\n")


if __name__ == "__main__":
    sys.exit(exit_status(_main))
