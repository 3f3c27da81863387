"""Reading text and JSON from files that anyone may have written, compressed by gzip or not.

Whatever is wrong with a file, it is said in one line that names the file.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from rltrack.errors import InputError

__all__ = ["LARGEST", "read_json", "read_text", "too_large"]

LARGEST = 256 * 2**20
"""The number of bytes, after decompression, above which a file is refused: 256 MiB. Results on all
of OTB-2015 have 2 MiB for each tracker. A small compressed file can hold a thousand times its size.
"""


def too_large(file: Path) -> InputError:
    """Return the error for a file that holds more than `LARGEST`."""
    return InputError(
        f"{file} holds more than {LARGEST // 2**20} MiB, the limit for a file of results: split it"
    )


def read_text(file: Path) -> str:
    """Return the text in a file, which is decompressed if its name or its first bytes ask for it.

    Raises:
        InputError: the file cannot be read, is damaged, holds more than `LARGEST` or no UTF-8.
    """
    try:
        with file.open("rb") as stored:
            packed = file.suffix.lower() == ".gz" or stored.peek(2).startswith(b"\x1f\x8b")
            content = (gzip.GzipFile(fileobj=stored) if packed else stored).read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {file}: {reason}") from None
    if len(content) > LARGEST:
        raise too_large(file)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{file} is no text in UTF-8: give a text file") from None


def read_json(file: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        InputError: as `read_text`; or the text is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(read_text(file))
    except InputError:
        raise
    except RecursionError:
        raise InputError(f"{file} is nested too deeply: write it again") from None
    except ValueError as error:  # also of an integer of thousands of digits
        raise InputError(f"{file} is not JSON ({error}): write it again") from None
