"""Images of any kind become (H, W, 3) uint8 RGB, wherever a user gives one."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image as PillowImage
from small_presets import QUICK, QUICKER

from rltrack.errors import InputError
from rltrack.plots.frames import attention_overlay, filmstrip
from rltrack.tracking.presets import preset
from rltrack.tracking.result import Result
from rltrack.tracking.rgb import to_rgb8
from rltrack.tracking.tracker import Tracker
from rltrack.video.annotation import draw_box, draw_result, draw_targets, draw_trackers
from rltrack.video.heat_maps import overlay_heat
from rltrack.video.run import track
from rltrack.video.sources import open_source

Image = NDArray[np.uint8]

BOX = (20.0, 15.0, 24.0, 24.0)


def noise(height: int = 60, width: int = 80) -> Image:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


# Arrays


def test_an_image_of_one_pixel_may_be_turned() -> None:
    turned = to_rgb8(np.zeros((1, 1, 3), np.uint8)[::-1, ::-1])
    assert torch.from_numpy(turned).shape == (1, 1, 3)  # which takes no negative stride


def test_eight_bit_rgb_is_not_copied() -> None:
    image = noise()
    assert to_rgb8(image) is image


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1)])
def test_grey_is_repeated_over_the_channels(shape: tuple[int, ...]) -> None:
    grey = np.arange(20, dtype=np.uint8).reshape(shape)
    rgb = to_rgb8(grey)
    assert rgb.shape == (4, 5, 3)
    for channel in range(3):
        np.testing.assert_array_equal(rgb[..., channel], grey.reshape(4, 5))


def test_alpha_is_dropped() -> None:
    image = noise()
    rgba = np.dstack([image, np.full(image.shape[:2], 9, np.uint8)])
    rgb = to_rgb8(rgba)
    np.testing.assert_array_equal(rgb, image)
    assert rgb.flags.c_contiguous
    np.testing.assert_array_equal(to_rgb8(rgba[..., 2:]), to_rgb8(image[..., 2]))


def test_sixteen_bits_keep_their_upper_eight() -> None:
    values = np.array([[0, 255, 256, 511, 32768, 65535]], np.uint16)
    for order in "<>":
        stored = values.astype(f"{order}u2")
        assert to_rgb8(stored)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 5, 3), np.float32), "float32, wanted uint8"),
        (np.zeros((4, 5, 3), np.int64), "int64, wanted uint8"),
        (np.zeros((4, 5, 3), bool), "bool, wanted uint8"),
        (np.zeros((3, 4, 5), np.uint8), r"shape \(3, 4, 5\)"),
        (np.zeros((2, 4, 5, 3), np.uint8), r"shape \(2, 4, 5, 3\)"),
        (np.zeros(7, np.uint8), r"shape \(7,\)"),
        (np.zeros((0, 5, 3), np.uint8), r"shape \(0, 5, 3\)"),
        (None, "shape"),
    ],
)
def test_what_is_no_image_is_refused(image: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_rgb8(image)


class Unreadable:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("this is on another device")


@pytest.mark.parametrize("image", [Unreadable(), [[1, 2], [3]]])
def test_what_does_not_become_an_array_is_named(image: Any) -> None:
    with pytest.raises(InputError, match=f"got a {type(image).__name__} that is no array"):
        to_rgb8(image)


# Images of Pillow


def four_colours() -> PillowImage.Image:
    """Red, green, blue and a grey, all of them in Pillow's own palette."""
    colours = [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [153, 153, 153]]]
    return PillowImage.fromarray(np.array(colours, np.uint8))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr", "HSV"])
def test_the_colours_of_each_mode_are_right(mode: str) -> None:
    image = four_colours()
    if mode == "PA":
        image = image.convert("P")
    elif mode == "RGBa":
        image = image.convert("RGBA")
    got = to_rgb8(image.convert(mode))
    assert got.shape == (2, 2, 3)
    assert got.dtype == np.uint8
    np.testing.assert_allclose(got.astype(int), np.asarray(four_colours()).astype(int), atol=2)


def test_a_palette_is_looked_up() -> None:
    image = PillowImage.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    assert to_rgb8(image).tolist() == [[[10, 20, 30], [200, 100, 50]]]


@pytest.mark.parametrize("mode", ["L", "LA", "La", "1"])
def test_grey_modes_are_repeated_over_the_channels(mode: str) -> None:
    grey = PillowImage.fromarray(np.array([[0, 255]], np.uint8))
    image = grey.convert("LA").convert("La") if mode == "La" else grey.convert(mode)
    assert to_rgb8(image).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_transparent_pixels_keep_their_colour() -> None:
    image = PillowImage.new("RGBA", (1, 1), (9, 8, 7, 0))
    assert to_rgb8(image).tolist() == [[[9, 8, 7]]]


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
def test_sixteen_bit_grey_keeps_its_upper_eight_bits(mode: str) -> None:
    assert to_rgb8(PillowImage.new(mode, (1, 1), 0x1234)).tolist() == [[[0x12] * 3]]


def test_a_sixteen_bit_png_is_read_alike_in_all_versions_of_pillow() -> None:
    file = io.BytesIO()
    PillowImage.fromarray(np.array([[0x1234, 0xFFFF]], np.uint16)).save(file, "png")
    image = PillowImage.open(file)
    assert to_rgb8(image)[0, :, 0].tolist() == [0x12, 0xFF]
    wide = PillowImage.fromarray(np.array([[0x1234, 0xFFFF]], np.int32))
    wide.format = "PNG"  # as Pillow 10 opens it
    assert to_rgb8(wide)[0, :, 0].tolist() == [0x12, 0xFF]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_a_mode_without_a_range_is_refused(mode: str) -> None:
    with pytest.raises(InputError, match=r"values of type (int32|float32), wanted uint8"):
        to_rgb8(PillowImage.new(mode, (4, 4)))


def test_a_truncated_file_is_refused() -> None:
    file = io.BytesIO()
    PillowImage.fromarray(noise()).save(file, "jpeg")
    image = PillowImage.open(io.BytesIO(file.getvalue()[: len(file.getvalue()) // 2]))
    with pytest.raises(InputError, match="cannot be read"):
        to_rgb8(image)


# Wherever a user gives an image

FOUND = Result(BOX, 1.0, True)

DRAW: dict[str, Callable[[Any], Image]] = {
    "draw_box": lambda image: draw_box(image, BOX),
    "draw_result": lambda image: draw_result(image, *FOUND),
    "draw_targets": lambda image: draw_targets(image, [FOUND, FOUND]),
    "draw_trackers": lambda image: draw_trackers(image, ["a"], [FOUND], "frame 1"),
    "overlay_heat": lambda image: overlay_heat(image, np.ones((4, 4)), BOX),
}


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("mode", ["RGB", "P", "L"])
def test_results_are_drawn_on_images_of_pillow(name: str, mode: str) -> None:
    image = PillowImage.fromarray(noise()).convert(mode)
    before = image.tobytes()
    drawn = DRAW[name](image)
    np.testing.assert_array_equal(drawn, DRAW[name](np.asarray(image.convert("RGB"))))
    assert image.tobytes() == before


def test_figures_take_images_of_pillow() -> None:
    image = PillowImage.fromarray(noise()).convert("L")
    assert len(filmstrip([image, image], [0, 1]).axes) == 2
    axes = Figure().add_subplot()
    attention_overlay(axes, image, np.ones((3, 3)), "map")
    assert len(axes.images) == 1


def test_the_tracker_takes_images_of_pillow() -> None:
    grey = PillowImage.fromarray(noise()).convert("L")
    results, config = [], preset("tiny", **QUICKER)
    for image in (grey, np.asarray(grey), np.asarray(grey.convert("RGB"))):
        tracker = Tracker(config, backbone="random", device="cpu")
        first = tracker.init(image, BOX)
        seen = tracker.scores(image, [BOX]), *tracker.attention(image, BOX)
        results.append((first, tracker.update(image), *(values.tolist() for values in seen)))
    assert results[0] == results[1] == results[2]


class Own:
    """A user's own source, whose frames are images of Pillow."""

    name, fps, length, ground_truth = "own", None, 2, None

    def __iter__(self) -> Iterator[PillowImage.Image | None]:
        return iter([PillowImage.fromarray(noise()), None])


@pytest.mark.parametrize("make", [Own, lambda: [PillowImage.fromarray(noise())] * 2])
def test_a_source_may_hold_images_of_pillow(make: Callable[[], Any]) -> None:
    settings = {"config": QUICK, "backbone": "random", "device": "cpu"}
    got = track(make(), lambda image: (0, 0, *image.shape[1::-1]), **settings)
    assert got.boxes[0].tolist() == [0, 0, 80, 60]


def test_one_image_of_pillow_is_no_source() -> None:
    with pytest.raises(InputError, match="wanted a list of images"):
        open_source(PillowImage.fromarray(noise()))  # type: ignore[arg-type]
