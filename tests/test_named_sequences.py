"""What a chapter shows: its parameters lead to the film, to a benchmark's sequence, to a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rltrack.chapters.online_tracker import Scene, scene
from rltrack.demo_film.film import SyntheticSequence
from rltrack.errors import InputError
from rltrack.video.named_sequences import open_sequence


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with two small sequences in `otb/`."""
    for name, frames in (("Girl", 5), ("Deer", 40)):
        folder = tmp_path / "otb" / name
        (folder / "img").mkdir(parents=True)
        for number in range(1, frames + 1):
            Image.new("RGB", (32, 24), (number, 0, 0)).save(folder / "img" / f"{number:04}.png")
        (folder / "groundtruth_rect.txt").write_text("3,4,10,8\n" * frames)
    return tmp_path


def test_without_data_it_is_the_film() -> None:
    for given in (None, "film"):
        found = open_sequence(given, own="Girl")
        assert isinstance(found, SyntheticSequence) and found.length == 120


def test_with_data_it_is_the_chapters_own_sequence(data: Path) -> None:
    assert open_sequence(None, data, "Girl").name == "Girl"
    assert isinstance(open_sequence(None, data), SyntheticSequence)
    assert isinstance(open_sequence("film", data, "Girl"), SyntheticSequence)


def test_a_name_is_a_sequence_of_the_data_before_anything_else(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_sequence("Deer", str(data), "Girl").length == 40
    other = data / "elsewhere" / "Deer"
    other.mkdir(parents=True)
    Image.new("RGB", (32, 24)).save(other / "1.png")
    monkeypatch.chdir(other.parent)
    assert open_sequence("Deer", data).length == 40
    assert open_sequence("Deer").length == 1
    assert open_sequence(str(other), data).length == 1


def test_a_benchmarks_sequence_is_found_in_any_spelling(data: Path) -> None:
    assert open_sequence("girl", data).name == "Girl"
    jogging = data / "otb" / "jogging"
    (data / "otb" / "Deer").rename(jogging)
    (jogging / "groundtruth_rect.txt").rename(jogging / "groundtruth_rect.1.txt")
    (jogging / "groundtruth_rect.2.txt").write_text("9,4,10,8\n" * 40)
    for name, x in (("Jogging-2", 8), ("jogging.1", 2), ("jogging", 2)):
        truth = open_sequence(name, data).ground_truth
        assert truth is not None and truth[0, 0] == x


def test_what_is_not_there_is_named(data: Path) -> None:
    with pytest.raises(InputError, match=r"sequence is 'Car4'.*; for a sequence of OTB, give data"):
        open_sequence("Car4")
    with pytest.raises(InputError, match=r"'Car4'.*; there is no such sequence in .*otb either"):
        open_sequence("Car4", data)


def test_the_films_scene_is_its_leaf() -> None:
    film = open_sequence()
    assert isinstance(film, SyntheticSequence)
    part = scene(film)
    assert film.visibility(part.start) > 0.999  # the tracker is given all of her
    assert film.visibility(part.start + part.shown[2]) < 0.1
    for fast in (True, False):
        start, _, shown, number = scene(film, fast)
        assert [number + frame for frame in shown][1:] == [74, 83, 90, 98]
        assert number == start


def test_girls_scene_has_the_frames_of_the_papers_figure(data: Path) -> None:
    girl = open_sequence("Girl", data)
    part, whole = scene(girl), scene(girl, fast=False)
    assert [part.number + frame for frame in part.shown] == [422, 432, 467]
    assert part.stop is not None and part.stop > part.start + part.shown[-1]
    assert [whole.number + frame for frame in whole.shown] == [2, 432, 467]
    assert (whole.start, whole.stop) == (0, None)


def test_another_scene_is_the_beginning(data: Path) -> None:
    deer = open_sequence("Deer", data)
    assert scene(deer) == Scene(0, 36, (1, 18, 35), 1)
    assert scene(deer, fast=False) == Scene(0, None, (1, 20, 39), 1)
    assert np.isfinite(deer.ground_truth).all()


def test_a_scene_needs_boxes(tmp_path: Path) -> None:
    for number in range(6):
        Image.new("RGB", (32, 24)).save(tmp_path / f"{number}.png")
    with pytest.raises(InputError, match="0 frames with ground truth"):
        scene(open_sequence(str(tmp_path)))
