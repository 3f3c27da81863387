"""Raw results: files of boxes in every form, with names and numbers from anywhere."""

from __future__ import annotations

import io
import json
from pathlib import Path
from random import Random

import numpy as np

from fuzz import samples
from fuzz.kind import Kind, Made
from fuzz.mutation import NAMES, damaged, damaged_json, damaged_text


class RawResults(Kind):
    """``rltrack evaluate`` on damaged results, or results of odd names."""

    def make(self, rng: Random, place: Path) -> Made:
        whole = samples.results()
        name = rng.choice(list(whole))
        match rng.randrange(4):
            case 0:
                content = damaged(rng, whole[name])
            case 1 if name.endswith(".mat"):
                content = _odd_matlab(rng)
            case _ if ".json" in name:
                text = damaged_json(rng, samples.TRUTH)
                content = samples.packed(text) if name.endswith(".gz") else _encoded(text)
            case _ if name.endswith(("txt", "csv")):
                content = _encoded(damaged_text(rng, whole[name].decode()))
            case _:
                content = whole[name]
        if rng.random() < 0.3:
            name = name.replace("Mine", rng.choice(samples.names(NAMES)))
        if rng.random() < 0.2 and name.startswith("Deer_"):
            name = name.replace("Deer_Mine", "Mine/Deer")
        truth = json.dumps(samples.TRUTH).encode()
        samples.write(place, {name: content, "truth/truth.json": truth})
        given = name.split("/")[0]
        given = f"./{given}" if given.startswith("-") else given
        arguments = ["evaluate", given, "--dataset", "Deer,Couple"]
        arguments += ["--ground-truth", "truth/truth.json", "--json", "out/e.json"]
        if rng.random() < 0.04:
            arguments += ["--plot", rng.choice(("out/p.png", "out/p.svg", "out/p.pdf"))]
        if rng.random() < 0.2:
            arguments += ["--attributes", "--base", rng.choice("01")]
        return Made(arguments)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _odd_matlab(rng: Random) -> bytes:
    """A whole MATLAB file that holds something else than expected."""
    from scipy.io import savemat

    rows = np.array(samples.ROWS, float)
    odd = [
        *({"results": {"res": rows, "type": kind}} for kind in ([1.0, 2.0], "ivt", "", 1)),
        *({"results": {"res": res, "type": "rect"}} for res in ("x", [], 1j * rows, rows[None])),
        *({"result": result} for result in (rows.T, "x", [], rows[:, :3], np.array([{}], object))),
        {"results": [{"res": rows, "type": "rect"}] * 2},
        {"results": rows},
        {"other": rows},
        {},
    ]
    file = io.BytesIO()
    savemat(file, rng.choice(odd))
    return file.getvalue()
