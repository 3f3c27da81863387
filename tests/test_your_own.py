"""The clip and the box that a reader picks in a notebook, with the widgets moved by hand."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rltrack.chapters.your_own import BoxPicker, ClipPicker
from rltrack.errors import InputError
from rltrack.video.annotation import FOUND

GREY = np.full((240, 320, 3), 100, np.uint8)


@pytest.fixture
def picker() -> BoxPicker:
    pytest.importorskip("ipywidgets", reason="needs the extra 'book'")
    return BoxPicker(GREY, (40.4, 60, 79.8, 50))


def shown(picker: BoxPicker) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picker.widget.children[-1].value)))


def edges_of(picture: np.ndarray) -> tuple[float, ...]:
    """Left, top, right and bottom of the box, in the small frame's pixels."""
    drawn = np.abs(picture.astype(int) - FOUND).max(2) < 60
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    edges = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return tuple(edge * 320 / picture.shape[1] for edge in edges)


def test_the_box_given_is_there_in_whole_pixels(picker: BoxPicker) -> None:
    assert picker.box == (40, 60, 80, 50)
    assert repr(picker) == "box x, y, w, h = 40, 60, 80, 50"


def test_moving_the_handles_moves_the_box_and_the_picture(picker: BoxPicker) -> None:
    assert np.allclose(edges_of(shown(picker)), (40, 60, 120, 110), atol=2)
    across, down, *_ = picker.widget.children
    across.value = (100, 300)
    down.value = (10, 200)
    assert picker.box == (100, 10, 200, 190)
    assert picker.widget.children[2].value == "box x, y, w, h = 100, 10, 200, 190"
    assert np.allclose(edges_of(shown(picker)), (100, 10, 300, 200), atol=2)
    assert np.allclose(edges_of(picker.picture()), (100, 10, 300, 200), atol=2)


def test_no_place_of_the_handles_makes_a_box_that_cannot_be_tracked(picker: BoxPicker) -> None:
    across, down, *_ = picker.widget.children
    across.value, down.value = (320, 320), (0, 0)
    assert picker.box == (319, 0, 1, 1)


def test_without_a_box_it_begins_in_the_middle() -> None:
    pytest.importorskip("ipywidgets", reason="needs the extra 'book'")
    assert BoxPicker(GREY).box == (120, 90, 80, 60)


def test_a_box_partly_outside_is_cut_to_the_frame() -> None:
    pytest.importorskip("ipywidgets", reason="needs the extra 'book'")
    assert BoxPicker(GREY, (-10, 200, 50, 90)).box == (0, 200, 40, 40)


def test_a_box_outside_is_an_error() -> None:
    pytest.importorskip("ipywidgets", reason="needs the extra 'book'")
    with pytest.raises(InputError, match="outside the 320x240 image"):
        BoxPicker(GREY, (400, 0, 10, 10))


def test_a_notebook_stores_the_numbers_and_not_the_picture_as_text(picker: BoxPicker) -> None:
    bundle = picker._repr_mimebundle_()
    assert bundle["text/plain"] == "box x, y, w, h = 40, 60, 80, 50"
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == picker.widget.model_id


@pytest.mark.parametrize(
    "value",
    [
        ({"name": "a clip.mp4", "content": memoryview(b"film")},),  # ipywidgets 8
        {"a clip.mp4": {"metadata": {"name": "a clip.mp4"}, "content": b"film"}},  # 7
    ],
)
def test_an_uploaded_clip_is_kept_under_its_own_name(value: object, tmp_path: Path) -> None:
    pytest.importorskip("ipywidgets", reason="needs the extra 'book'")
    picker = ClipPicker()
    assert picker.save(tmp_path) is None
    picker.widget = type("Upload", (), {"value": value})()
    assert picker.save(tmp_path) == tmp_path / "a clip.mp4"
    assert (tmp_path / "a clip.mp4").read_bytes() == b"film"
    assert picker.save(tmp_path) == tmp_path / "a clip.mp4"  # which it is
    (tmp_path / "a clip.mp4").write_bytes(b"the user's")
    assert picker.save(tmp_path) == tmp_path / "a clip-2.mp4"
    assert (tmp_path / "a clip.mp4").read_bytes() == b"the user's"
    assert len([*tmp_path.iterdir()]) == 2


def test_an_uploaded_name_leads_nowhere_else(tmp_path: Path) -> None:
    pytest.importorskip("ipywidgets", reason="needs the extra 'book'")
    picker = ClipPicker()
    value = ({"name": "../clip.mp4", "content": memoryview(b"film")},)
    picker.widget = type("Upload", (), {"value": value})()
    assert picker.save(tmp_path) == tmp_path / "clip.mp4"


@pytest.mark.parametrize("make", [lambda: BoxPicker(GREY), ClipPicker])
def test_without_ipywidgets_the_message_says_what_to_install(
    make: type[ClipPicker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(InputError, match=r"rltrack\[book\]"):
        make()
