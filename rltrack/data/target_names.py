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

    Raises:
        InputError: two of them differ only in spelling.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, str] = {}
        for name in names:
            if self._names.setdefault(plain(name), name) != name:
                raise InputError(
                    f"{self._names[plain(name)]!r} and {name!r} are spellings of one name: "
                    "remove or rename one of these targets"
                )
        for name in [name for name in self._names.values() if name in OTB]:
            if OTB[name].number is not None:
                self._names.setdefault(plain(f"{OTB[name].folder}{OTB[name].number}"), name)

    def find(self, spelled: str) -> str | None:
        """Return the target of that name; None if there is none."""
        return self._names.get(plain(spelled))
