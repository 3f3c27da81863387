"""The table of presets has what differs between them, and nothing else."""

from __future__ import annotations

from dataclasses import fields

from rltrack.chapters.book_results import earlier_realtime
from rltrack.chapters.preset_table import differing
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.presets import preset


def test_only_what_differs_is_in_the_table() -> None:
    paper = preset("paper")
    assert differing({"a": paper, "b": preset("paper", attention_weight=0)}).splitlines() == [
        "|  | a | b |",
        "|---|---|---|",
        "| λ | 5 | 0 |",
    ]


def test_a_setting_without_words_has_its_fields_name() -> None:
    shown = differing({"a": preset("paper"), "b": preset("paper", momentum=0.5, candidates=9)})
    assert shown.splitlines()[2:] == ["| momentum | 0.9 | 0.5 |", "| candidates | 256 | 9 |"]


def test_the_chapters_presets_have_words_for_all_that_differs() -> None:
    shown = differing(
        {"paper": preset("paper"), "realtime": preset("realtime"), "earlier": earlier_realtime()}
    )
    assert "| features from | crops | region | region |" in shown
    assert "| overlap of a sample of the target | 0.5 to 1 | 0.7 to 1 | 0.7 to 1 |" in shown
    assert "| units in a layer of the classifier | 512 | 128 | 512 |" in shown
    assert len(shown.splitlines()) == 2 + 15
    names = [field.name for field in fields(TrackerConfig) if f"| {field.name} |" in shown]
    assert not names, f"give words for {names} in rltrack/chapters/preset_table.py"
