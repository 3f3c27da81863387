"""Without data the footage is the bundled film, with data the sequence asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rltrack import InputError, synthetic
from rltrack.chapters.footage import first_frame


def sequence(folder: Path, colour: int) -> None:
    (folder / "img").mkdir(parents=True)
    for number in (1, 2):
        picture = Image.new("RGB", (64, 48), (colour, number, 0))
        picture.save(folder / "img" / f"{number:04d}.png")
    (folder / "groundtruth_rect.txt").write_text("11,6,20,10\n12,6,20,10\n")


def test_the_film_is_what_there_is() -> None:
    for asked in (None, "film"):
        shot = first_frame(asked, None, "Car4")
        assert shot.name == "the bundled film"
        np.testing.assert_array_equal(shot.image, synthetic(1)[0])
        np.testing.assert_array_equal(shot.box, synthetic(1).ground_truth[0])


def test_data_gives_the_papers_sequence_or_another(tmp_path: Path) -> None:
    sequence(tmp_path / "otb" / "Car4", 40)
    sequence(tmp_path / "otb" / "Deer", 80)
    for asked, name, colour in ((None, "Car4", 40), ("Deer", "Deer", 80)):
        shot = first_frame(asked, str(tmp_path), "Car4")
        assert shot.name == name
        assert shot.image[0, 0].tolist() == [colour, 1, 0]
        assert shot.box.tolist() == [10, 5, 20, 10]  # files count from 1
    assert first_frame("film", str(tmp_path), "Car4").name == "the bundled film"
    deer = str(tmp_path / "otb" / "Deer")
    assert first_frame(deer, None, "Car4").image[0, 0].tolist() == [80, 1, 0]


def test_a_box_has_to_come_with_it(tmp_path: Path) -> None:
    sequence(tmp_path / "otb" / "Car4", 40)
    with pytest.raises(InputError, match="no ground truth"):
        first_frame(str(tmp_path / "otb" / "Car4" / "img"), None, "Car4")
