"""Seeded damage to bytes, texts and JSON."""

from __future__ import annotations

import json
import struct
from random import Random
from typing import Any

NUMBERS = (
    *("0", "-1", "1", "1e308", "-1e308", "1e-320", "nan", "inf", "-inf", "1e9", "2147483648"),
    *("9223372036854775808", "9" * 400, "9" * 5000, "-" * 5000, "0x10", "1_0", "²", "٣", "1,", ""),
    *("1e5", "1e6", "3.5", "[]", "{}", "(1,2)", "(" * 5000, "None", "true", "7j", "--", "'\\d'"),
)
"""Numbers as nobody should write them, and what is no number."""

NAMES = (
    *(
        "$x^$",
        r"$\frac$",
        "$$",
        "_x",
        "a_b",
        "\x1b[2J\x1b]0;x\x07",
        "\x9b31m",
        "a\nb",
        "a\rb",
        "%s",
    ),
    *("{0}", "&", "\\", "#", "~", "^", "<b>x</b>", "| x |", "[red]x[/]", ":boom:", "é" * 80, "‮"),
    *("x" * 5000, " ", "..", "-", "名前", "\ud800", "'", '"', "`x`", "Girl", "girl", "*", "a\0b"),
)
"""Names that mean something to a terminal, to mathematics or to a file system."""


def damaged(rng: Random, data: bytes) -> bytes:
    """Change a few bytes, numbers or stretches of a file."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(found) + 1)
        length = rng.choice((1, 2, 4, 8, 64, len(found) // 2))
        match rng.randrange(7):
            case 0 if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                value = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 10**9))
                form = rng.choice((">I", "<I", ">Q", "<Q", ">H", "<H"))
                size = struct.calcsize(form)
                found[at : at + size] = struct.pack(form, value & (2 ** (8 * size) - 1))
            case 2:
                del found[at : at + length]
            case 3:
                found[at:at] = found[at : at + length]
            case 4:
                del found[at:]
            case 5:
                found[at:at] = rng.randbytes(length if length < 65 else 64)
            case _:
                found[at : at + length] = bytes(len(found[at : at + length]))
    return bytes(found)


def damaged_text(rng: Random, text: str) -> str:
    """Replace, repeat, drop or swap the words of a text, or what is between them."""
    words = text.replace(",", "\0,\0").replace(" ", "\0 \0").replace("\n", "\0\n\0").split("\0")
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(words))
        match rng.randrange(6):
            case 0 | 1:
                words[at] = rng.choice(NUMBERS)
            case 2:
                words[at] = rng.choice(NAMES)
            case 3:
                del words[at : at + rng.choice((1, 2, 50))]
                words = words or [""]
            case 4:
                words[at:at] = words[at : at + 4] * rng.choice((1, 3, 300))
            case _:
                other = rng.randrange(len(words))
                words[at], words[other] = words[other], words[at]
    return "".join(words)


def damaged_json(rng: Random, content: Any) -> str:
    """Write JSON in which some values, keys or the text itself are not what they should be."""
    found = json.loads(json.dumps(content))
    for _ in range(rng.choice((1, 1, 2, 4))):
        found = _replaced(rng, found)
    text = json.dumps(found)
    for mark, written in _LITERAL.items():
        text = text.replace(f'"{mark}"', written)
    return damaged_text(rng, text) if rng.random() < 0.15 else text


_LITERAL = {
    "@nested": "[" * 100_000 + "]" * 100_000,
    "@objects": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "@digits": "9" * 400,
    "@more digits": "9" * 5000,
    "@huge": "1e999",
    "@nan": "NaN",
    "@infinite": "-Infinity",
    "@surrogate": '"\\ud800"',
}
"""What `json` would not write, by the text that holds its place."""

_VALUES = (
    *(None, True, False, 0, -1, 7.0, 1e308, 2**63, "", "x", [], {}, [0, 0, 0], [[1, 2, 3]], [[[]]]),
    *({"a": 1}, [None], "paper", "Deer", [1e308] * 4, [[1, 2, 3, 4]] * 3, *_LITERAL, *NAMES),
)


def _replaced(rng: Random, value: Any) -> Any:
    """Return the value with one of its parts, at any depth, replaced, removed or added."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        match rng.randrange(8):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                name = rng.choice(NAMES)
                return {name if k == key else k: v for k, v in value.items()}
            case _:
                return {**value, key: _replaced(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        match rng.randrange(8):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value[:at] + value
            case _:
                return [*value[:at], _replaced(rng, value[at]), *value[at + 1 :]]
    return rng.choice(_VALUES)
