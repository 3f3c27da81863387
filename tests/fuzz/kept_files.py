"""Kept files and job files: what a sweep left, damaged since."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from fuzz import samples
from fuzz.kind import Kind, Made
from fuzz.mutation import damaged, damaged_json


class KeptFiles(Kind):
    """``rltrack report``, ``evaluate`` and ``sweep`` on damaged results of a sweep."""

    def make(self, rng: Random, place: Path) -> Made:
        files = {**samples.sequences(), **samples.jobs(), "runs.json.gz": samples.kept()}
        source = rng.choice(("sweep", "runs.json.gz"))
        if source == "sweep":
            name = rng.choice(list(samples.jobs()))
            content = files[name]
            if rng.random() < 0.3:
                files[name] = damaged(rng, content)
            else:
                run = rng.choice(samples.runs())
                files[name] = samples.packed(damaged_json(rng, run))
        else:
            kept = {"what": "runs of rltrack sweep", "results": samples.runs()}
            text = damaged_json(rng, kept)
            files[source] = samples.packed(text)
            if rng.random() < 0.3:
                files[source] = damaged(rng, samples.kept())
            elif rng.random() < 0.1:
                files[source] = json.dumps(kept).encode()
        files["truth.json"] = json.dumps(samples.TRUTH).encode()
        samples.write(place, files)
        match rng.randrange(6):
            case 0:
                arguments = ["evaluate", source, "--dataset", "Deer,Couple"]
                arguments += ["--ground-truth", "truth.json", "--json", "out/e.json"]
            case 1 if source == "sweep":
                arguments = [*samples.SWEEP]
            case 2:
                arguments = ["report", source, "--where", "attention_weight=0,1"]
            case _:
                outputs = (
                    *("--markdown", "out/t.md", "--latex", "out/t.tex"),
                    *("--keep", "out/k.json.gz"),
                )
                arguments = ["report", source, *outputs]
                if rng.random() < 0.04:
                    arguments += ["--plot", "out/p.png"]
        # A sweep sets a damaged file aside, and makes its run again.
        redone = ("out", "sweep")
        return Made(arguments, may_add=redone, may_change=redone)
