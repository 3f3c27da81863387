"""Pictures to step through: what is linked, described and stored, so that no kernel is needed."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from rltrack.chapters.widgets import choose, explore, strip
from rltrack.errors import InputError

ipywidgets = pytest.importorskip("ipywidgets", reason="needs the extra 'book'")


def grey(value: int) -> np.ndarray:
    return np.full((24, 32, 3), value, np.uint8)


def parts(widget: Any) -> tuple[Any, Any, Any]:
    """Its button, its slider and its stack."""
    controls, stack = widget.children
    play, slider = controls.children
    return play, slider, stack


def images(stack: Any) -> list[np.ndarray]:
    found = []
    for page in stack.children:
        (data,) = re.findall(r'<img [^>]*src="data:image/jpeg;base64,([^"]+)">', page.value)
        found.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
    return found


def test_every_picture_is_a_page() -> None:
    play, slider, stack = parts(strip([grey(10), grey(90), grey(200)], ["a", "b", "c"], "x", 1))
    assert [image.mean().round() for image in images(stack)] == [10, 90, 200]
    assert [(control.min, control.max) for control in (play, slider)] == [(0, 2)] * 2
    assert play.value == slider.value == stack.selected_index == 1


def test_every_picture_has_its_label_and_is_described() -> None:
    labels = ["σ/μ = 1", 'a < b & "c"']
    _, _, stack = parts(strip([grey(0), grey(0)], labels, "A <map>"))
    first, second = (page.value for page in stack.children)
    assert ">σ/μ = 1</p>" in first
    assert '<img alt="A &lt;map&gt;: σ/μ = 1"' in first
    assert ">a &lt; b &amp; &quot;c&quot;</p>" in second
    assert '<img alt="A &lt;map&gt;: a &lt; b &amp; &quot;c&quot;"' in second


def test_a_figure_keeps_its_size() -> None:
    _, _, stack = parts(strip([Figure(figsize=(3, 2), facecolor="red")], ["a"], "x"))
    (image,) = images(stack)
    assert image.shape == (200, 300, 3)
    assert np.abs(image.astype(int) - (255, 0, 0)).max() < 5


def test_play_moves_the_slider_and_the_slider_the_stack() -> None:
    play, slider, stack = parts(strip([grey(0), grey(9)], ["a", "b"], "x"))
    state = ipywidgets.Widget.get_manager_state()["state"].values()
    links = [one["state"] for one in state if one["model_name"] == "LinkModel"]
    name = "IPY_MODEL_{}".format

    def linked(source: list[str], target: list[str]) -> bool:
        return any((link["source"], link["target"]) == (source, target) for link in links)

    assert linked([name(play.model_id), "value"], [name(slider.model_id), "value"])
    assert linked([name(slider.model_id), "value"], [name(stack.model_id), "selected_index"])


def test_each_choice_has_a_button_that_shows_its_picture() -> None:
    whole = choose(["left", "right"], [grey(10), grey(90)], ["a", "b"], "x")
    buttons, stack = whole.children
    assert buttons.options == ("left", "right") and buttons.index == stack.selected_index == 0
    assert [image.mean().round() for image in images(stack)] == [10, 90]
    state = ipywidgets.Widget.get_manager_state()["state"].values()
    links = [one["state"] for one in state if one["model_name"] == "LinkModel"]
    ends = (
        [f"IPY_MODEL_{buttons.model_id}", "index"],
        [
            f"IPY_MODEL_{stack.model_id}",
            "selected_index",
        ],
    )
    assert any((link["source"], link["target"]) == ends for link in links)


def test_no_two_widgets_share_a_name() -> None:
    before = set(ipywidgets.Widget.get_manager_state()["state"])
    made = [strip([grey(0), grey(9)], ["a", "b"], "x") for _ in range(2)]
    new = set(ipywidgets.Widget.get_manager_state()["state"]) - before
    assert made[0].model_id != made[1].model_id
    # Two pages, a stack, a button, a slider, two boxes, with a layout each and all but the last
    # three with a style; two links.
    assert len(new) == 2 * (7 * 2 + 4 + 2)
    assert all(re.fullmatch(r"rltrack-\d+(-layout|-style)?", name) for name in new)


def test_ipywidgets_7_has_tabs_in_place_of_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ipywidgets, "Stack")
    _, _, tabs = parts(strip([grey(0), grey(9)], ["a", "b"], "x", start=1))
    assert isinstance(tabs, ipywidgets.Tab)
    assert (len(tabs.children), tabs.selected_index) == (2, 1)


def test_explore_makes_a_picture_of_every_value() -> None:
    asked = []

    def make(value: int) -> np.ndarray:
        asked.append(value)
        return grey(value)

    _, slider, stack = parts(explore(make, [20, 50, 80], "value {}".format, "x", start=2))
    assert asked == [20, 50, 80]
    assert [image.mean().round() for image in images(stack)] == asked
    assert 'alt="x: value 50"' in stack.children[1].value
    assert slider.value == 2


@pytest.mark.parametrize(
    ("labels", "words"), [([], "got 0 pictures and 0 labels"), (["a"], "got 0 pictures and 1")]
)
def test_no_pictures_are_an_error(labels: Sequence[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        strip([], labels, "x")


def test_a_picture_without_a_label_is_an_error() -> None:
    with pytest.raises(InputError, match=r"got 2 pictures and 1 labels; give .* each its label"):
        strip([grey(0), grey(1)], ["a"], "x")


def test_without_ipywidgets_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(InputError, match=r'need ipywidgets: pip install "rltrack\[book\]"'):
        strip([grey(0)], ["a"], "x")


@pytest.mark.slow
def test_a_notebook_stores_it_the_same_every_time() -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    source = (
        "import numpy as np\nfrom rltrack.chapters.widgets import strip\n"
        "strip([np.zeros((8, 8, 3), np.uint8)] * 3, ['a', 'b', 'c'], 'Nothing')"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    stored = []
    for _ in range(2):  # the second time it is there already
        nbclient.NotebookClient(notebook, kernel_name="python3").execute()
        (output,) = notebook.cells[0].outputs
        view = output["data"]["application/vnd.jupyter.widget-view+json"]
        state = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
        assert state[view["model_id"]]["model_name"] == "VBoxModel"
        pages = [one["state"] for one in state.values() if one["model_name"] == "HTMLModel"]
        assert sorted(page["value"][:24] for page in pages) == [
            f'<p style="margin: 0">{label}</' for label in "abc"
        ]
        stored.append((json.dumps(state, sort_keys=True), view))
    assert stored[0] == stored[1]
