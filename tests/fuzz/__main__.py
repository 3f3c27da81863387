"""The long run, and the kills: ``make fuzz``."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from fuzz.kinds import KINDS
from fuzz.pool import Task, outcomes
from fuzz.surroundings import prepare
from fuzz.trial import Outcome, tried


def main() -> int:
    """Run what the options ask for; returns 1 if the rule was broken."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="inputs of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--workers", type=int, default=2, help="processes side by side")
    parser.add_argument("--kills", type=int, default=20, help="kills of each command; 0 for none")
    parser.add_argument("--show", nargs=2, metavar=("KIND", "NUMBER"), help="run one input alone")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where --show leaves files")
    given = parser.parse_args()
    if given.show:
        prepare()
        outcome = tried(given.show[0], int(given.show[1]), given.keep and given.keep.absolute())
        print(outcome.fault or f"status {outcome.status}", outcome.detail, sep=": ")
        return bool(outcome.fault)
    faulty = fuzzed(given.kinds, given.first, given.inputs, given.workers)
    if given.kills:
        from fuzz.kills import killed

        faulty += killed(given.kills, given.workers)
    return int(faulty > 0)


def fuzzed(kinds: list[str], first: int, inputs: int, workers: int) -> int:
    """Run inputs of all kinds, print the table and the faults, and return how many had one."""
    began = time.monotonic()
    found: dict[str, list[tuple[Task, Outcome]]] = {kind: [] for kind in kinds}
    # In turn, so that a run that is stopped has tried all kinds.
    tasks = ((kind, number) for number in range(first, first + inputs) for kind in kinds)
    try:
        for task, outcome in outcomes(tasks, workers):
            found[task[0]].append((task, outcome))
    except KeyboardInterrupt:
        print("interrupted; the table is of the inputs until then")
    print(f"\n{time.monotonic() - began:.0f} s, {workers} workers\n")
    print(table({kind: [outcome for _, outcome in each] for kind, each in found.items()}))
    faults: dict[tuple[str, str], list[tuple[Task, Outcome]]] = defaultdict(list)
    for kind, each in found.items():
        for task, outcome in each:
            if outcome.fault:
                faults[kind, outcome.fault].append((task, outcome))
    for (kind, fault), each in sorted(faults.items(), key=lambda item: -len(item[1])):
        (_, number), outcome = each[0]
        print(f"\n{kind}: {fault}, {len(each)} times, the first in number {number}")
        print(f"  {outcome.detail}")
    return sum(map(len, faults.values()))


def table(found: dict[str, list[Outcome]]) -> str:
    """Return the outcomes of each kind as a table in Markdown."""
    columns = ("inputs", "status 0", "status 1", "status 2", "faults", "longest, s", "most, MiB")
    lines = ["| kind | " + " | ".join(columns) + " |", "|---|" + "--:|" * len(columns)]
    for kind, each in found.items():
        whole = Counter(outcome.status for outcome in each if not outcome.fault)
        cells = [
            len(each),
            *(whole[status] for status in (0, 1, 2)),
            len(each) - whole.total(),
            f"{max((outcome.seconds for outcome in each), default=0):.1f}",
            f"{max((outcome.mebibytes for outcome in each), default=0):.0f}",
        ]
        lines.append(f"| {kind} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
