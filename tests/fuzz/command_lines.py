"""Command lines: options and arguments left out, repeated, exchanged or replaced by nonsense."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from random import Random

from fuzz import samples
from fuzz.kind import Kind, Made
from fuzz.mutation import NAMES, NUMBERS

_TRACK = (
    *("track", "clip.avi", "--box", samples.BOX, *samples.FAST, "--seed", "1", "--device", "cpu"),
    *("--variant", "reciprocative", "--out", "out/b.csv", "--json", "out/s.json"),
)
_COMMANDS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (30, _TRACK),
    (8, ("track", "data/otb/Deer", *samples.FAST, "--json", "out/s.json", "--debug")),
    (4, (*_TRACK, "--video", "out/v.mp4", "--overlay", "confidence")),
    (
        20,
        (*samples.SWEEP, "--seeds", "1", "--local", "1", "--shard", "1/1", "--set", "dropout=0"),
    ),
    (10, (*samples.SWEEP, "--set", "candidates=8,16", "--set", "positive_iou=(0.7,1)")),
    (12, ("report", "runs.json.gz", "--where", "attention_weight=0", "--markdown", "out/t.md")),
    (6, ("report", "sweep", "--latex", "out/t.tex", "--keep", "out/k.json.gz")),
    (12, ("evaluate", "Mine.json", "--dataset", "Deer", "--ground-truth", "truth.json")),
    (
        8,
        ("evaluate", "sweep", "--dataset", "Deer", "--data", "data", "--json", "out/e.json"),
    ),
    (
        4,
        ("evaluate", "Mine.json", "--dataset", "Deer", "--data", "data", "--base", "1"),
    ),
    (4, ("fetch", "vggm", "--dest", "out")),
    (4, ("bench", "data/otb/Deer", "--preset", "tiny", "--json", "out/t.json", "--seed", "0")),
    (1, ("compare", "nothing", "--peers", "mil", "--box", samples.BOX, "--out", "out")),
    (3, ("vot", "init", "out", "--data", "data", "--stack", "small", "--seed", "0")),
    (3, ("vot", "report", "out", "--json", "out/r.json")),
    (2, ("demo", "--frames", "0", "--out", "out", "--preset", "tiny")),
    (1, ("--version",)),
    (1, ("track", "--help")),
)
_OPTIONS = (
    *(
        "--box",
        "--out",
        "--video",
        "--json",
        "--preset",
        "--attention-weight",
        "--variant",
        "--set",
    ),
    *(
        "--backbone",
        "--device",
        "--seed",
        "--overlay",
        "--debug",
        "--select",
        "--dataset",
        "--data",
    ),
    *("--shard", "--local", "--scheduler", "--where", "--plot", "--markdown", "--latex"),
    *(
        "--keep",
        "--ground-truth",
        "--frames",
        "--base",
        "--attributes",
        "--dest",
        "--peers",
        "--stack",
        "-h",
    ),
)
_OUTPUTS = ("--out", "--video", "--json", "--plot", "--markdown", "--latex", "--keep")
_PATHS = (
    *("", ".", "..", "out", "clip.avi", "runs.json.gz", "Mine.json", "truth.json", "data", "sweep"),
    *(
        "data/otb/Deer",
        "data/otb/Deer/img/0001.png",
        "data/otb/Deer/groundtruth_rect.txt",
        "x" * 5000,
    ),
    *("a/" * 2500, "~nobody-here/x", "a\0b", "/dev/null", "/dev/null/x", "/proc/x/y"),
    *(
        "clip.avi/x",
        "out/a.png",
        "out/a.mp4",
        "out/a.safetensors",
        "a.part",
        "99",
        "-1",
        "timm:",
        "timm:x=",
        "é/é",
    ),
)
_VALUES = (
    *(
        "paper",
        "tiny",
        "realtime,tiny",
        "embedded",
        "random,random",
        "cuda",
        "cuda:99",
        "mps",
        "meta",
    ),
    *("name=tiny", "map_at={[]:1}", "map_at=conv1,conv1", "candidates=0", "x=1", "=1", "seed=1"),
    *("positive_iou=(1,0)", "positive_iou=((((", "attention_weight=nan", "preset=tiny", "name="),
    *("-1e9,-1e9,2e9,2e9", "0,0,1e-9,1e-9", "nan,nan,nan,nan", "0,0,0,0", "1,2,3", "63,47,1e5,1e5"),
    *("0:8", "0:999999999", "8:0", "1/0", "2/1", "1/" + "9" * 5000, "0/0", "otb2015", "Deer,Deer"),
    *(
        "tcp://127.0.0.1:9",
        "tcp://[::1",
        "csrt,kcf",
        ",",
        ",,,,",
        "attention",
        "stored",
        "official",
    ),
)


class CommandLines(Kind):
    """Whole command lines of every command."""

    short = 80

    def make(self, rng: Random, place: Path) -> Made:
        files = {
            **samples.sequences(),
            **samples.jobs(),
            "runs.json.gz": samples.kept(),
            "Mine.json": samples.results()["Mine.json"],
            "truth.json": json.dumps(samples.TRUTH).encode(),
            "clip.avi": samples.video("mjpeg.avi"),
        }
        samples.write(place, files)
        (command,) = rng.choices([c for _, c in _COMMANDS], [n for n, _ in _COMMANDS])
        arguments = list(command)
        for _ in range(rng.choice((1, 1, 2, 3))):
            arguments = _changed(rng, arguments)
        arguments = [_tame(argument) for argument in arguments]
        # Results are written into the sweep's folder, and a fetched file anywhere.
        return Made(arguments, may_add=("",), may_change=_only_written(arguments, files))


def _only_written(arguments: list[str], files: Iterable[str]) -> tuple[str, ...]:
    """Return which of the files are given for outputs, and for nothing else."""
    written, read = set(), set()
    for before, argument in pairwise(("", *arguments)):
        option, _, value = argument.partition("=")
        if before in _OUTPUTS:
            written.add(argument)
        elif option in _OUTPUTS:
            written.add(value)
        else:
            read.add(argument)
    return tuple(written.intersection(files) - read)


def _changed(rng: Random, arguments: list[str]) -> list[str]:
    """Return the arguments with one of them changed."""
    found = list(arguments)
    at = rng.randrange(1, len(found)) if len(found) > 1 else 0
    match rng.randrange(10):
        case 0:
            del found[at]
        case 1:
            found.insert(at, found[rng.randrange(len(found))])
        case 2:
            found[at : at + 1] = [rng.choice(_OPTIONS), _value(rng)]
        case 3:
            found += [rng.choice(_OPTIONS), _value(rng)]
        case 4:
            found.append(_value(rng))
        case 5 if len(found[at]) > 1:
            cut = rng.randrange(len(found[at]))
            found[at] = found[at][:cut] + rng.choice(NAMES) + found[at][cut + 1 :]
        case _:
            values = [i for i in range(1, len(found)) if not found[i].startswith("-")] or [at]
            found[rng.choice(values)] = _value(rng)
    return found or ["track"]


def _value(rng: Random) -> str:
    return rng.choice(rng.choice((_PATHS, _VALUES, NUMBERS, NAMES)))


def _tame(argument: str) -> str:
    """Return the argument, unless it is a path that leads out of the input's own folder."""
    value = argument.partition("=")[2] if argument.startswith("-") else argument
    out = value.strip().startswith(("/", "~")) or ".." in value
    return "out/tame" if (out and value not in _PATHS) or value == ".." else argument
