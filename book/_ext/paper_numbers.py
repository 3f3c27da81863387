"""A Sphinx extension that lists the numbers of the paper that the book quotes, and where.

The numbers come from the package: the fields of the preset `paper`, and the tables in
`rltrack.evaluation.paper_values`. The pages are searched for them when the book is built, so the
list says what the pages say. It takes the place of the comment `% paper-numbers` in `paper.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rltrack import preset
from rltrack.evaluation.paper_values import ATTENTION, PAPER, VOT2016, WEIGHTS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PLACE = "% paper-numbers"

# Not searched: the page with the list itself, and pages that tell of other numbers only.
LEFT_OUT = {"paper", "changelog", "api", "bibliography"}


class Number(NamedTuple):
    """A number of the paper."""

    value: str
    """As the list shows it."""
    what: str
    place: str
    """Where it is in the paper."""
    code: str
    """Where it is in the package; empty if it is not."""
    said: str
    """A pattern that finds it in a text."""


def constants() -> list[Number]:
    """Return the paper's settings of the method, from the fields of the preset `paper`."""
    paper = preset("paper")
    first = paper.first_positives + paper.first_negatives
    batch = paper.batch_positives
    return [
        Number(
            f"{paper.attention_weight:g}",
            "{math}`\\lambda`, the weight of the regulariser",
            "Section 5.1",
            "`attention_weight`",
            rf"\\lambda ?= ?{paper.attention_weight:g}(?![.\d])",
        ),
        Number(
            f"{first}",
            "{math}`N_1`, samples of the first frame",
            "Section 5",
            "`first_positives` + `first_negatives`",
            rf"(?<![\d.]){first}(?!\d)|N_1\b",
        ),
        Number(
            f"{paper.first_iterations}",
            "{math}`H_1`, iterations on the first frame",
            "Section 5",
            "`first_iterations`",
            rf"H_1\b|\b{paper.first_iterations} (iterations|steps)",
        ),
        Number(
            f"{paper.first_learning_rate:g}",
            "the learning rate on the first frame",
            "Section 5",
            "`first_learning_rate`",
            r"\b2e-4|2 ?\\(cdot|times) ?10\^\{-4\}|\b0\.0002\b",
        ),
        Number(
            f"{batch} + {paper.batch_negatives}",
            "positive and negative samples of an iteration",
            "Section 5",
            "`batch_positives`, `batch_negatives`",
            rf"\b{batch} (\+ {batch}|positive)",
        ),
        Number(
            f"{paper.candidates}",
            "{math}`N_2`, candidates of a frame",
            "Section 5",
            "`candidates`",
            rf"N_2\b|\b{paper.candidates} candidates",
        ),
        Number(
            f"{paper.update_interval}",
            "{math}`T`, frames from one update to the next",
            "Section 5",
            "`update_interval`",
            r"\bT ?= ?10\b|every (ten|tenth|10) frames?\b|[Ee]very tenth frame",
        ),
        Number(
            f"{paper.update_iterations}",
            "{math}`H_2`, iterations of an update",
            "Section 5",
            "`update_iterations`",
            rf"H_2\b|\b({paper.update_iterations}|fifteen) (gradient )?(iterations|steps)",
        ),
        Number(
            f"{paper.update_learning_rate:g}",
            "the learning rate of an update",
            "Section 5",
            "`update_learning_rate`",
            r"\b3e-4|3 ?\\(cdot|times) ?10\^\{-4\}|\b0\.0003\b",
        ),
        Number(
            "1",
            "frames per second, on a GeForce GTX 1080",
            "Section 5",
            "",
            r"GTX 1080|\bone frame (a|per) second|(?<![\d.])1 (FPS|frame (a|per) second)",
        ),
        Number(
            "2, 432, 467",
            "the frames of Girl in Figure 3",
            "Figure 3",
            "`rltrack.chapters.online_tracker`",
            r"2, 432 and 467",
        ),
        Number(
            "50 to 200",
            "the iterations of Car4's maps in Figure 2",
            "Figure 2",
            "`rltrack.chapters.reciprocative_learning`",
            r"50, 100, 150 and\s+200",
        ),
    ]


def results() -> Iterator[tuple[str, str, list[tuple[float, str]]]]:
    """Yield the paper's tables of results: place, name in the package, numbers with their names."""
    weights = {f"{{math}}`\\lambda = {weight}`": scores for weight, scores in WEIGHTS.items()}
    for place, name, rows in (("Table 1", "WEIGHTS", weights), ("Table 2", "ATTENTION", ATTENTION)):
        yield (
            place,
            name,
            [
                (value, f"{measure}, {row}")
                for row, scores in rows.items()
                for measure, value in zip(("DP", "OS"), scores, strict=True)
            ],
        )
    yield (
        "Figure 4, Table 3",
        "PAPER",
        [
            (value, f"{measure} of {tracker}, {of.upper()}")
            for of, trackers in PAPER.items()
            for tracker, numbers in trackers.items()
            for measure, value in zip(("DP", "OS", "CLE", "OS0.5"), numbers, strict=True)
            if value is not None
        ],
    )
    yield (
        "Table 4",
        "VOT2016",
        [
            (value, f"{measure} of {tracker}")
            for tracker, numbers in VOT2016.items()
            for measure, value in zip(("EAO", "rank A", "rank R"), numbers, strict=True)
        ],
    )


def pattern(value: float) -> str:
    """Return a pattern that finds a result in a text, with all of its digits.

    >>> bool(re.search(pattern(0.704), "an OS of .704")), bool(re.search(pattern(0.704), "10.7041"))
    (True, False)
    """
    digits = f"{value:.3f}" if value < 1 else f"{value:.2f}"
    return r"(?<![\d.+−-])" + re.sub(r"^0\\?\.", r"0?\\.", re.escape(digits)) + r"(?![\d%])"


class Page(NamedTuple):
    """What is searched of a page."""

    title: str
    prose: str
    printed: str
    """The outputs of its cells."""


def read_pages(folder: Path) -> dict[str, Page]:
    """Return the pages in a folder of the book, by name, in the order of their names."""
    pages = {}
    for path in sorted((*folder.glob("*.ipynb"), *folder.glob("*.md")), key=lambda one: one.name):
        if path.stem in LEFT_OUT:
            continue
        text, printed = path.read_text(encoding="utf-8"), ""
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n\n".join(
                "".join(one["source"]) for one in cells if one["cell_type"] == "markdown"
            )
            outputs = [out for one in cells for out in one.get("outputs", [])]
            kinds = [
                out.get("data", {}).get("text/markdown", out.get("text", "")) for out in outputs
            ]
            printed = "\n".join(map("".join, kinds))
        title = re.search(r"^# +(.+)$", text, re.M)
        pages[path.stem] = Page(title[1] if title else path.stem, text, printed)
    return pages


# A result is the paper's only where the paper is spoken of: our own results have digits, too.
SPOKEN = re.compile(r"\bpaper('s)?\b|\b(Table|Figure) [1-4]\b", re.I)


def quotes(number: str, prose: str) -> bool:
    """Return whether a text has a number in a paragraph that names the paper.

    The heading above a paragraph counts as a part of it.
    """
    heading = ""
    for one in re.split(r"\n\s*\n", prose):
        if one.startswith("#"):
            heading = one.splitlines()[0]
        if re.search(number, one) and SPOKEN.search(f"{heading} {one}"):
            return True
    return False


def rows(pages: Mapping[str, Page]) -> list[tuple[str, str, str, str, list[str]]]:
    """Return all numbers that pages quote: value, what it is, its place, code, and the pages.

    A result that stands in several of the paper's tables has one row.
    """
    found = []
    for one in constants():
        at = [name for name, page in pages.items() if re.search(one.said, page.prose)]
        found.append((one.value, one.what, one.place, one.code, at))
    same: dict[float, list[tuple[str, str, str]]] = {}
    for place, table, numbers in results():
        code = f"{{data}}`~rltrack.evaluation.paper_values.{table}`"
        all_of = [re.compile(pattern(value)) for value, _ in numbers]
        at = [
            name
            for name, page in pages.items()
            if all(number.search(page.printed) for number in all_of)
        ]
        found.append(("all", f"{len(numbers)} numbers", place, code, at))
        for value, what in numbers:
            same.setdefault(value, []).append((f"{what} ({place})", place, code))
    for value, meanings in same.items():
        at = [name for name, page in pages.items() if quotes(pattern(value), page.prose)]
        whats, places, codes = (list(dict.fromkeys(part)) for part in zip(*meanings, strict=True))
        text = f"{value:.3f}" if value < 1 else f"{value:.2f}"
        found.append((text, "; ".join(whats), ", ".join(places), ", ".join(codes), at))
    return [row for row in found if row[-1]]


def listed(pages: Mapping[str, Page]) -> str:
    """Return the list as a table of Markdown."""
    lines = ["| number | what it is | in the paper | in the package | in the book |"]
    lines.append("|---|---|---|---|---|")
    for value, what, place, code, at in rows(pages):
        links = ", ".join(f"[{pages[name].title}]({name})" for name in at)
        lines.append(f"| {value} | {what} | {place} | {code} | {links} |")
    return "\n".join(lines)


def put_in(app: Sphinx, name: str, source: list[str]) -> None:
    """Put the list in its place on the page."""
    if PLACE in source[0]:
        source[0] = source[0].replace(PLACE, listed(read_pages(Path(app.srcdir))))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.connect("source-read", put_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
