"""How hard the book's chapters are to read: `python tests/reading_level.py [book/NAME.ipynb]...`.

Prints for each chapter its words, its words a sentence and its grade by Flesch and Kincaid, and
then the sentences that are too long. The grade is the years at school that a reader needs:

    0.39 words / sentences + 11.8 syllables / words - 15.59.

Only prose counts. Code, formulas, tables, headings and directives' options do not, and a formula or
a piece of code within a sentence counts as one short word.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

BOOK = Path(__file__).resolve().parents[1] / "book"
GRADE = 11.0
LONG = 35

# Directives whose content is prose; that of others is code, a formula or a picture.
PROSE = ("admonition", "note", "tip", "important", "warning", "dropdown", "margin")


@dataclass(frozen=True)
class Level:
    """How hard a text is to read."""

    words: int
    sentences: int
    syllables: int
    long: tuple[str, ...]

    @property
    def grade(self) -> float:
        """Flesch and Kincaid's grade."""
        if not self.words:
            return 0.0
        pace = self.words / self.sentences
        return 0.39 * pace + 11.8 * self.syllables / self.words - 15.59


def chapters() -> list[Path]:
    """Return the notebooks of the book, in reading order."""
    return sorted(BOOK.glob("*.ipynb"))


def markdown(path: Path) -> str:
    """Return what a page's text is written in."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def without_blocks(text: str) -> Iterator[str]:
    """Yield the lines that are prose."""
    fences: list[tuple[str, bool]] = []  # each open fence, and whether prose is in it
    for line in text.splitlines():
        fence = re.match(r"\s*(`{3,}|:{3,})\s*(\{(\w+)[^}]*\})?", line)
        if fence and fences and line.strip() == fences[-1][0]:
            fences.pop()
            yield ""
        elif fence:
            fences.append((fence[1], fence[3] in PROSE))
            yield ""
        elif all(prose for _, prose in fences) and not re.match(r"\s*(\||:[\w-]+:|#+ )", line):
            yield line
        else:
            yield ""


def prose(text: str) -> str:
    """Return the prose of a page's text, without marks."""
    text = re.sub(r"(?s)\$\$.*?\$\$( \([\w-]+\))?", "", text)
    text = "\n".join(without_blocks(text))
    text = re.sub(r"(?s)<!--.*?-->", "", text)
    text = re.sub(r"\{(?:math|eq|numref|cite:\w+)\}`[^`]*`", "x", text)
    # A role shows its title, or the last name of what it links to.
    text = re.sub(r"\{[\w:]+\}`([^`<]*?)\s*<[^`]*>`", r"\1", text)
    text = re.sub(r"\{[\w:]+\}`[^`]*?([^`.]*)`", r"\1", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", lambda link: link[1] or "chapter", text)
    text = re.sub(r"`[^`]*`|(?<![\\$])\$[^$]+\$", "x", text)
    return re.sub(r"(?m)^\s*(?:\d+\.|[-*])\s+", "\n\n", text).replace("*", "")


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a page's text. A colon or a semicolon does not end one."""
    for paragraph in re.split(r"\n\s*\n", prose(text)):
        flat = re.sub(r"\b(e\.g|i\.e|Eq|Fig|vs|cf)\.", r"\1", " ".join(paragraph.split()))
        for sentence in re.split(r"(?<=[.!?])[\"'”)]*\s+", flat):
            if len(words(sentence)) > 2:
                yield sentence


def words(sentence: str) -> list[str]:
    """Return the words of a sentence."""
    return re.findall(r"[^\W\d_][\w'’]*", sentence)


def syllables(word: str) -> int:
    """Return about how many syllables a word has.

    >>> [syllables(word) for word in ("box", "tracker", "attention", "scored", "added", "table")]
    [1, 2, 3, 1, 2, 2]
    """
    word = re.sub(r"[^a-z]", "", word.lower())
    count = len(re.findall(r"[aeiouy]+", word))
    if count > 1 and (
        (word.endswith("e") and not word.endswith(("le", "ee")))
        or (word.endswith("ed") and not word.endswith(("ted", "ded")))
        or (word.endswith("es") and not word.endswith(("ses", "zes", "ces", "ges", "xes", "hes")))
    ):
        count -= 1
    return max(count, 1)


def level(text: str) -> Level:
    """Measure a page's text."""
    found = list(sentences(text))
    split = [words(sentence) for sentence in found]
    return Level(
        words=sum(map(len, split)),
        sentences=len(found),
        syllables=sum(syllables(word) for one in split for word in one),
        long=tuple(text for text, one in zip(found, split, strict=True) if len(one) > LONG),
    )


def table(paths: Iterable[Path]) -> str:
    """Return the levels of chapters as a table, and the sentences that are too long."""
    levels = {path.stem: level(markdown(path)) for path in paths}
    lines = [f"{'chapter':28} words  words a sentence  grade  long sentences"]
    lines += [
        f"{name:28} {one.words:5}  {one.words / max(one.sentences, 1):16.1f}  {one.grade:5.1f}"
        f"  {len(one.long):14}"
        for name, one in levels.items()
    ]
    for name, one in levels.items():
        if one.long:
            lines += ["", f"{name}, sentences of more than {LONG} words:"]
            lines += [f"- ({len(words(sentence))}) {sentence}" for sentence in one.long]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table([Path(name) for name in sys.argv[1:]] or chapters()))
