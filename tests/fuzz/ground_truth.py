"""Ground truth: box files with numbers and rows that are not boxes."""

from __future__ import annotations

from pathlib import Path
from random import Random

from fuzz import samples
from fuzz.kind import Kind, Made
from fuzz.mutation import damaged, damaged_json, damaged_text

_POLYGON = "21,13,37,13,37,27,21,27\n" * samples.FRAMES


class GroundTruth(Kind):
    """``rltrack track``, ``evaluate`` or ``sweep`` with a damaged file of ground truth."""

    def make(self, rng: Random, place: Path) -> Made:
        files = {**samples.sequences(), "Mine.json": samples.results()["Mine.json"]}
        file = "data/otb/Deer/groundtruth_rect.txt"
        text = files[file].decode()
        if rng.random() < 0.3:
            file = rng.choice(("groundtruth.txt", "groundtruth_rect.1.txt"))
            files[f"data/otb/Deer/{file}"] = files.pop("data/otb/Deer/groundtruth_rect.txt")
            file = f"data/otb/Deer/{file}"
            text = rng.choice((text, _POLYGON))
        text = text.replace(",", rng.choice((",", "\t", " ", ", ")))
        files[file] = damaged_text(rng, text).encode("utf-8", "replace")
        if rng.random() < 0.1:
            files[file] = damaged(rng, files[file])
        evaluated = ["evaluate", "Mine.json", "--dataset", "Deer", "--json", "out/e.json"]
        match rng.randrange(8):
            case 0:
                arguments = [*evaluated, "--data", "data", "--frames", "stored"]
            case 1:
                files["truth.json"] = damaged_json(rng, samples.TRUTH).encode("utf-8", "replace")
                arguments = [*evaluated, "--ground-truth", "truth.json"]
            case 2:
                arguments = [*samples.SWEEP, "--attention-weight", "0"]
            case _:
                outputs = ["--out", "out/b.csv", "--json", "out/s.json"]
                arguments = ["track", "data/otb/Deer", *samples.FAST, *outputs]
        samples.write(place, files)
        return Made(arguments, may_add=("out", "sweep"))
