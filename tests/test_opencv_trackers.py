"""OpenCV's trackers behind the two calls of ours."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rltrack.benchmarks.opencv_trackers import PEERS, Peer, installed
from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.evaluation.metrics import overlap
from rltrack.tracking.result import Result

Image = NDArray[np.uint8]
LOST = (False, (0.0, 0.0, 0.0, 0.0))


class Script:
    """In OpenCV's place: keeps what it is given, and answers what it is told to."""

    answers: list[Any]
    given: list[tuple[Any, ...]]

    def init(self, image: Image, box: tuple[int, ...]) -> None:
        self.given.append((image, box))

    def update(self, image: Image) -> Any:
        self.given.append((image,))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> type[Script]:
    monkeypatch.setattr(cv2, "TrackerMIL_create", Script)
    monkeypatch.setattr(Script, "answers", [], raising=False)
    monkeypatch.setattr(Script, "given", [], raising=False)
    return Script


def image(width: int = 64, height: int = 48) -> Image:
    """Red 1, green 2, blue 3."""
    return np.full((height, width, 3), (1, 2, 3), np.uint8)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_follows_the_film(name: str) -> None:
    try:
        attrgetter(PEERS[name])(cv2)
    except AttributeError:
        pytest.skip(f"OpenCV has no {name} here; `make peers` makes an environment that has")
    film = synthetic(13, size=(160, 120))
    peer, start = Peer(name), tuple(film.ground_truth[0].tolist())
    assert tuple(map(str, peer.init(film[0], start))) == (str(start), "nan", "True")
    results = [peer.update(film[i]) for i in range(1, 13)]
    assert all(type(side) is float for result in results for side in result.box)
    assert all(isinstance(result, Result) for result in results)
    assert all(math.isnan(result.score) and type(result.found) is bool for result in results)
    if name in ("csrt", "mil"):  # the others may lose it
        left, reached = overlap([start, results[-1].box], film.ground_truth[[12, 12]])
        assert left < 0.15 and reached > 0.3  # mil: about 0.6, and never twice the same


def test_what_opencv_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "kcf", "no_such_thing")
    there, absent = installed(["mil", "kcf"])
    assert [*there] == ["mil"]
    assert "has no kcf: put opencv-contrib-python in the place of" in absent["kcf"]
    with pytest.raises(InputError, match="unknown peer 'best'"):
        installed(["best"])


def test_opencv_is_given_bgr_and_whole_pixels(script: type[Script]) -> None:
    script.answers.append(LOST)
    rgb = image()
    peer = Peer("mil")
    assert peer.init(rgb, (9.6, 5.4, 20.8, 9.9)).box == (9.6, 5.4, 20.8, 9.9)
    peer.update(rgb)
    (first, box), (second,) = script.given
    assert box == (10, 5, 20, 10) and all(type(side) is int for side in box)
    for bgr in (first, second):
        assert bgr.shape == (48, 64, 3) and (bgr == (3, 2, 1)).all()
    assert (rgb == (1, 2, 3)).all()


def test_opencv_is_given_the_part_of_the_box_inside_the_image(script: type[Script]) -> None:
    Peer("mil").init(image(), (-5, 40, 90, 30))
    assert script.given[0][1] == (0, 40, 64, 8)


def test_a_peer_that_loses_the_target_keeps_its_last_box(script: type[Script]) -> None:
    script.answers += [LOST, (True, (8, 9, 10, 11)), LOST]
    peer = Peer("mil")
    peer.init(image(), (1, 2, 20, 20))
    results = [peer.update(image()) for _ in range(3)]
    assert [result.box for result in results] == [(1, 2, 20, 20), (8, 9, 10, 11), (8, 9, 10, 11)]
    assert [result.found for result in results] == [False, True, False]


def test_init_begins_anew(script: type[Script]) -> None:
    script.answers.append(LOST)
    peer = Peer("mil")
    peer.init(image(), (1, 2, 20, 20))
    peer.init(image(96, 80), (30, 40, 20, 20))
    assert peer.update(image(96, 80)).box == (30, 40, 20, 20)


def test_an_unknown_peer_is_told() -> None:
    with pytest.raises(InputError, match="unknown peer 'csr'; there are csrt, kcf, mosse, tld, "):
        Peer("csr")


@pytest.mark.parametrize("name", ["csrt", "tld"])
def test_a_peer_that_opencv_lacks_is_told_with_the_command_that_gets_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(cv2, "TrackerCSRT_create", raising=False)
    monkeypatch.delattr(cv2, "legacy", raising=False)
    with pytest.raises(InputError, match=f"has no {name}: put opencv-contrib-python"):
        Peer(name)


def test_update_before_init_is_told() -> None:
    with pytest.raises(InputError, match="before init"):
        Peer("mil").update(image())


@pytest.mark.parametrize("box", [(10, 10, 4, 30), (61, 10, 30, 30), (10, -28, 30, 30)])
def test_a_box_too_small_to_learn_is_told(box: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"mil cannot learn .* sides must be 5 pixels or more"):
        Peer("mil").init(image(), box)


def test_a_box_that_opencv_refuses_is_told() -> None:
    with pytest.raises(InputError, match=r"mil cannot learn the part 0,0,64,48 .*OpenCV"):
        Peer("mil").init(image(), (0, 0, 64, 48))


@pytest.mark.parametrize("box", [(1, 2, 3), (1, 2, math.nan, 9), (99, 9, 9, 9), (9, 9, 0, 9)])
def test_no_box_is_told(box: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="box is "):
        Peer("mil").init(image(), box)


def test_an_image_that_is_none_is_told() -> None:
    with pytest.raises(InputError, match=r"image: got values of type float64"):
        Peer("mil").init(np.zeros((48, 64, 3)), (1, 2, 20, 20))  # type: ignore[arg-type]


def test_another_size_is_told(script: type[Script]) -> None:
    peer = Peer("mil")
    peer.init(image(), (1, 2, 20, 20))
    with pytest.raises(InputError, match="of one size: the first was 64x48, this one is 32x48"):
        peer.update(image(32))


def test_a_failure_within_opencv_names_the_peer(script: type[Script]) -> None:
    script.answers.append(cv2.error("bad_alloc"))
    peer = Peer("mil")
    peer.init(image(), (1, 2, 20, 20))
    with pytest.raises(RuntimeError, match="mil failed within OpenCV: bad_alloc"):
        peer.update(image())
