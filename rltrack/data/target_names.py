"""Names of targets and trackers, which publishers spell in different ways."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rltrack.data.otb import OTB
from rltrack.errors import InputError

__all__ = ["Names", "plain"]


def plain(name: str) -> str:
    """Remove what spellings of a name differ in: case, ``.``, ``-`` and ``_``."""
    return re.sub(r"[._-]", "", name.lower())


class Names:
    """Finds targets by any spelling of their names.

    Args:
        names: the targets' names, spelled as they are to be returned.
        prefix: what may also stand before a name.
        alike: whether several names may have the same spellings, as ``car1_1`` and ``car11``.
            These are found only as they are spelled here.

    Raises:
        InputError: two of them differ only in spelling, and are not allowed to.
    """

    def __init__(self, names: Iterable[str], *, prefix: str = "", alike: bool = False) -> None:
        self._exact: dict[str, str] = {}
        self._names: dict[str, str | None] = {}
        for name in dict.fromkeys(names):
            self._exact |= {name: name, f"{prefix}{name}": name}
            for spelled in {plain(name), plain(f"{prefix}{name}")}:
                other = self._names.setdefault(spelled, name)
                if other == name:
                    continue
                if not alike:
                    raise InputError(
                        f"{other!r} and {name!r} are spellings of one name: remove or rename one "
                        "of these targets"
                    )
                self._names[spelled] = None
        for name in [name for name in self._exact.values() if name in OTB]:
            if OTB[name].number is not None:
                self._names.setdefault(plain(f"{OTB[name].folder}{OTB[name].number}"), name)

    def find(self, spelled: str) -> str | None:
        """Return the target of that name; None if there is none."""
        return self._exact.get(spelled) or self._names.get(plain(spelled))
