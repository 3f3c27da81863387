"""The moving picture: what is on a panel, and that the file plays as told and then ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from rltrack.plots.moving_picture import SIDE, panel, save_moving_picture
from rltrack.tracking.result import Result
from rltrack.video.annotation import FOUND, LOST

GREY = np.full((120, 160, 3), 100, np.uint8)
EXTENT = (40, 30, 30, 60)


def drawn(found: bool, attention: np.ndarray) -> np.ndarray:
    result = Result((45, 40, 20, 40), 1.0 if found else -1.0, found)
    return panel(GREY, result, attention, EXTENT, label="frame 0")


def like(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(picture.astype(int) - colour).max(2) < 40


def test_a_panel_has_the_frame_with_its_box_and_the_map_beside_it() -> None:
    hot = np.zeros((51, 51), np.float32)
    hot[25:, 25:] = 1
    picture = drawn(True, hot)
    width = SIDE * 160 // 120
    assert picture.shape == (SIDE, width + SIDE, 3) and picture.dtype == np.uint8
    frame, beside = picture[40:, :width], picture[:, width:]
    rows, columns = np.nonzero(like(frame, FOUND))
    scale = SIDE / 120
    assert np.allclose((columns.min(), columns.max()), (45 * scale, 65 * scale), atol=5)
    assert np.allclose(40 + rows.min(), 40 * scale, atol=5)
    # Grey where nothing is attended to, colour in the lower right quarter.
    colour = np.ptp(beside.astype(int), axis=2)
    assert colour[: SIDE // 3, : SIDE // 3].max() < 10
    assert colour[SIDE * 2 // 3 :, SIDE * 2 // 3 :].min() > 60


def test_the_crop_beside_is_stretched_to_a_square() -> None:
    image = GREY.copy()
    image[60:, :] = 200  # from the middle of the extent downwards
    picture = panel(image, Result((45, 40, 20, 40), 1, True), np.zeros((5, 5)), EXTENT, label="")
    beside = picture[:, -SIDE:, 0]
    assert (beside[: SIDE // 2 - 5] == 100).all() and (beside[SIDE // 2 + 5 :] == 200).all()


def test_a_lost_target_is_told() -> None:
    picture = drawn(False, np.zeros((51, 51)))
    assert like(picture[40:], LOST).any() and not like(picture[40:], FOUND).any()


def test_the_file_has_all_pictures_at_the_speed_given_and_ends(tmp_path: Path) -> None:
    pictures = [np.full((40, 60, 3), shade, np.uint8) for shade in (0, 100, 200)]
    path = save_moving_picture(pictures, tmp_path / "a.webp", fps=8, loops=2)
    assert [file.name for file in tmp_path.iterdir()] == ["a.webp"]
    with Image.open(path) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (3, (60, 40), 2)
        for index, shade in enumerate((0, 100, 200)):
            image.seek(index)
            assert abs(np.asarray(image.convert("RGB")).mean() - shade) < 4
            assert image.info["duration"] == 125
