"""Files of weights: other types, shapes, offsets and metadata than they should have."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from fuzz import samples
from fuzz.kind import Kind, Made
from fuzz.mutation import damaged, damaged_json

_TYPES = (
    *("BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64", "F16", "BF16", "F32", "F64"),
    *("F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F4", "C64", "F128", ""),
)
_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F32": 4, "F64": 8, "C64": 8}


class Weights(Kind):
    """``rltrack track --backbone FILE``, or ``sweep``, with a damaged file."""

    short = 30

    def make(self, rng: Random, place: Path) -> Made:
        files = samples.sequences()
        suffix = rng.choice((".safetensors",) * 9 + (".SAFETENSORS",))
        files[f"w{suffix}"] = _damaged(rng, samples.weights())
        samples.write(place, files)
        given = ["--preset", "tiny", "--attention-weight", "0", "--backbone", f"w{suffix}"]
        if rng.random() < 0.1:
            arguments = ["sweep", "--dataset", "Deer", "--data", "data", "--out", "out", *given]
        else:
            arguments = ["track", "data/otb/Deer", *given, "--json", "out/s.json"]
        return Made(arguments)


def _damaged(rng: Random, content: bytes) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    body = content[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    match rng.randrange(6):
        case 0:
            return damaged(rng, content)
        case 1:
            return content[:8] + damaged(rng, content[8 : 8 + length]) + body
        case 2:  # all weights of another type, with as many bytes as it takes
            kind, at = rng.choice(_TYPES), 0
            size = _BYTES.get(kind, 2)
            for name in names:
                count = 1
                for side in header[name]["shape"]:
                    count *= side
                header[name] |= {"dtype": kind, "data_offsets": [at, at + size * count]}
                at += size * count
            body = (body * 4)[:at]
            if rng.random() < 0.3:
                del header["__metadata__"]["sha256"]
            text = json.dumps(header)
        case 3:
            name = rng.choice(names)
            header[name] = {**header[name], "dtype": rng.choice(_TYPES)}
            text = json.dumps(header)
        case _:
            text = damaged_json(rng, header)
    encoded = text.encode("utf-8", "replace")
    return len(encoded).to_bytes(8, "little") + encoded + body
