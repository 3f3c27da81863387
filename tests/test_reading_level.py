"""The chapters are easy to read, as far as the length of words and sentences tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading_level import GRADE, chapters, level, markdown, prose, sentences, syllables, table


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_chapter_is_easy_to_read(path: Path) -> None:
    found = level(markdown(path))
    print(table([path]))
    assert found.words > 300, "a chapter has more than 300 words of prose"
    assert found.grade < GRADE


def test_only_prose_counts() -> None:
    text = """# A title

Words {math}`x + y` and $z$ in a [link](page), of {term}`maps <map>` by {func}`a.b.c`:

$$ a = b + c $$ (label)

```python
print("code")
```

| a | table |
|---|---|

````{dropdown} Solutions
1. So it **is** here.

```{math}
:label: other
a = b
```
````
"""
    assert prose(text).split() == ("Words x and x in a link, of maps by c: So it is here.".split())


def test_sentences_end_with_full_stops() -> None:
    text = "The first one is, i.e. was: here; it\nends. Is it the second? It is the third one"
    assert [len(one.split()) for one in sentences(text)] == [9, 4, 5]


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("map", 1), ("score", 1), ("scores", 1), ("tracker", 2), ("boxes", 2), ("table", 2),
        ("added", 2), ("learned", 1), ("derivative", 4), ("regulariser", 5), ("three", 1),
    ],
)  # fmt: skip
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


def test_long_words_and_long_sentences_are_hard() -> None:
    easy = level("The cat sat on the mat. It was a big cat. " * 20)
    hard = level(
        "Notwithstanding considerable computational difficulties, optimisation of " * 6 + "."
    )
    assert easy.grade < 3
    assert hard.grade > 20
    assert easy.long == ()
    assert len(hard.long) == 1


def test_the_table_has_every_chapter_and_its_long_sentences(tmp_path: Path) -> None:
    page = tmp_path / "one.md"
    page.write_text(f"A short one here. {'word ' * 40}end.", encoding="utf-8")
    shown = table([page])
    assert "one " in shown
    assert "- (41) word word" in shown
