"""First boxes from, and tracks to, the files of annotation tools."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from small_presets import QUICKER

from rltrack import preset, synthetic
from rltrack.cli.main import main
from rltrack.cli.options import first_boxes
from rltrack.data.first_boxes import read_first_boxes
from rltrack.data.otb import OTB
from rltrack.data.track_files import FORMATS, TrackedBox, Tracks
from rltrack.errors import InputError
from rltrack.tracking.result import Result
from rltrack.video.recorder import Recorder, for_tools
from rltrack.video.run import track, track_several
from rltrack.video.sources import open_source
from rltrack.video.writer import VideoWriter

IMAGE = np.zeros((100, 200, 3), np.uint8)

# Two targets in two frames; the second is lost in the second frame.
BOXES = [
    TrackedBox(0, 0, (10.0, 20.0, 30.0, 40.0), True, (200, 100)),
    TrackedBox(0, 1, (50.25, 60.0, 20.0, 10.0), True, (200, 100)),
    TrackedBox(1, 0, (12.0, 21.0, 30.0, 40.0), True, (200, 100)),
    TrackedBox(1, 1, (50.25, 60.0, 20.0, 10.0), False, (200, 100)),
]

CVAT_VIDEO = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>1</id><name>&lt;my&gt; clip</name></task></meta>
  <track id="0" label="car" source="manual">
    <box frame="3" outside="0" occluded="0" keyframe="1" xtl="1.5" ytl="2" xbr="11.5" ybr="22"/>
    <box frame="4" outside="1" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="11" ybr="22"/>
  </track>
  <track id="1" label="a &amp; b">
    <box frame="3" outside="0" xtl="30" ytl="40" xbr="50" ybr="70">
      <attribute name="x">1</attribute>
    </box>
    <polygon frame="3" points="1,2;3,4"/>
  </track>
</annotations>
"""

CVAT_IMAGES = """<annotations>
  <image id="0" name="a.jpg" width="200" height="100">
    <box label="car" source="manual" occluded="0" xtl="1" ytl="2" xbr="11" ybr="22" z_order="0"/>
  </image>
  <image id="1" name="b.jpg" width="200" height="100"/>
</annotations>
"""


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def boxes_in(file: Path, frame: int = 0) -> list[tuple[str, list[float]]]:
    return [(box.label, box(IMAGE)) for box in read_first_boxes(file, frame)]


def test_cvats_video_form(tmp_path: Path) -> None:
    file = write(tmp_path / "a.xml", CVAT_VIDEO)
    assert boxes_in(file, 3) == [("car", [1.5, 2, 10, 20]), ("a & b", [30, 40, 20, 30])]
    with pytest.raises(InputError, match=r"has no box in frame 0, .*its first box is in frame 3"):
        read_first_boxes(file)
    with pytest.raises(InputError, match="has no box in frame 4"):  # it is outside there
        read_first_boxes(file, 4)


def test_cvats_image_form(tmp_path: Path) -> None:
    assert boxes_in(write(tmp_path / "a.xml", CVAT_IMAGES)) == [("car", [1, 2, 10, 20])]


def test_mots_lines_count_from_1(tmp_path: Path) -> None:
    text = "1,1,11,21,30,40,1,3,0.8\n1, 2, 51, 61, 20, 10, 0, 1, 1\n2,1,12,21,30,40,1,3,1\n"
    file = write(tmp_path / "gt.txt", text)
    assert boxes_in(file) == [("3", [10, 20, 30, 40])]  # a 0 says that a row does not count
    assert boxes_in(file, 1) == [("3", [11, 20, 30, 40])]
    results = write(tmp_path / "det.csv", "1,-1,11.5,21,30,40,0.9,-1,-1,-1\n")
    assert boxes_in(results) == [("0", [10.5, 20, 30, 40])]


def test_yolos_labels_are_in_parts_of_the_image(tmp_path: Path) -> None:
    file = write(tmp_path / "000001.txt", "2 0.125 0.4 0.15 0.4\n\n0 0.5 0.5 0.1 0.2\n")
    (label, box), other = boxes_in(file)
    assert label == "2" and other[0] == "0"
    np.testing.assert_allclose(box, [10, 20, 30, 40])
    np.testing.assert_allclose(other[1], [90, 40, 20, 20])


BOMB = '<!DOCTYPE a [<!ENTITY b "{}"><!ENTITY c "{}">]><annotations>&c;</annotations>'
BOX = '<annotations><track id="0" label="a"><box frame="0" {}/></track></annotations>'


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.xml", BOMB.format("x" * 10_000, "&b;" * 10_000), "has a document type"),
        ("a.xml", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "has a document type"),
        ("a.xml", "<annotations><track", "is not XML"),
        ("a.xml", '<?xml version="1.0" encoding="utf-99"?><annotations/>', "has no box in frame"),
        ("a.xml", "<annotations/>", "has no box in frame 0, counted from 0$"),
        ("a.xml", "<" + "a>" * 3, "is not XML"),
        ("a.xml", BOX.format('xtl="1" ytl="1" xbr="5"'), "line 1: a box of CVAT is wrong"),
        ("a.xml", BOX.format('xtl="1" ytl="1" xbr="1" ybr="9"'), "a box of CVAT is wrong"),
        ("a.xml", BOX.format('xtl="nan" ytl="1" xbr="2" ybr="9"'), "a box of CVAT is wrong"),
        ("a.xml", BOX.format('rotation="9" xtl="1" ytl="1" xbr="5" ybr="9"'), "is rotated"),
        ("a.txt", "1,2,3\n", "line 1: got '1,2,3'; wanted YOLO's class x y w h"),
        ("a.txt", "1,1,1,1,0,5,1\n", "line 1: got"),
        ("a.txt", "1,1,1,1,5,5,1\nx\n", "line 2: got 'x'"),
        ("a.txt", "1e999,1,1,1,5,5,1\n", "line 1: got"),
        ("a.txt", "", "has no box in frame 0"),
        ("a.txt", "3,1,1,1,5,5,1\n", "its first box is in frame 2"),
        ("a.txt", "0 .5 .5 .1 .1\n" * 1001, "has more than 1000 boxes"),
    ],
)
def test_files_that_cannot_be_used_are_said(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    file = write(tmp_path / name, text)
    with pytest.raises(InputError, match=message) as error:
        read_first_boxes(file)
    assert str(file) in str(error.value) and len(str(error.value)) < 400 + len(str(file))


# --- Writing, and reading again ---------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".xml", ".txt"])
def test_tracks_come_back(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"tracks{suffix}"
    labels = ['a "car" & <b>', "person"] if suffix == ".xml" else ["3", "1"]
    file.write_bytes(FORMATS[suffix](Tracks(BOXES, labels)))
    assert boxes_in(file) == [
        (label, list(each.box)) for label, each in zip(labels, BOXES[:2], strict=True)
    ]
    assert boxes_in(file, 1) == [(labels[0], list(BOXES[2].box))]  # the other was lost


def test_a_name_with_control_characters_gives_readable_xml(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_bytes(FORMATS[".xml"](Tracks(BOXES[:1], ["a\x00\x1b\nb"])))
    assert boxes_in(file)[0][0] == "ab"


@pytest.mark.parametrize(
    ("labels", "images", "names", "classes"),
    [
        (["car", "dog"], [], "car\ndog\n", "01"),
        (["2", "0"], ["x.png", "y.jpg"], "class_0\nclass_1\nclass_2\n", "20"),
    ],
)
def test_yolos_archive(
    tmp_path: Path, labels: list[str], images: list[str], names: str, classes: str
) -> None:
    tracks = Tracks(BOXES, labels, images)
    file = tmp_path / "labels.zip"
    file.write_bytes(FORMATS[".zip"](tracks))
    assert file.read_bytes() == FORMATS[".zip"](tracks)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path)
    assert (tmp_path / "obj.names").read_text() == names
    stems = ["x", "y"] if images else ["frame_000000", "frame_000001"]
    place = tmp_path / "obj_train_data"
    assert sorted(path.stem for path in place.iterdir()) == stems
    found = boxes_in(place / f"{stems[0]}.txt")
    assert "".join(label for label, _ in found) == classes
    for (_, box), each in zip(found, BOXES, strict=False):
        np.testing.assert_allclose(box, each.box, atol=2e-4)
    assert len(boxes_in(place / f"{stems[1]}.txt")) == 1
    assert (
        "obj_train_data/" + (images or ["frame_000000.jpg"])[0]
        in (tmp_path / "train.txt").read_text()
    )


def test_yolos_boxes_are_cut_to_the_image() -> None:
    boxes = [
        TrackedBox(0, 0, (-10.0, 20.0, 30.0, 40.0), True, (200, 100)),
        TrackedBox(1, 0, (250.0, 20.0, 30.0, 40.0), True, (200, 100)),
    ]
    content = FORMATS[".zip"](Tracks(boxes, ["a"]))
    import io

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("obj_train_data/frame_000000.txt") == (
            b"0 0.050000 0.400000 0.100000 0.400000\n"
        )
        assert archive.read("obj_train_data/frame_000001.txt") == b""


def test_yolos_boxes_are_parts_of_their_own_frame(tmp_path: Path) -> None:
    recorder = Recorder(boxes=tmp_path / "a.zip", labels=["target"])
    recorder.open(IMAGE)
    for image in (IMAGE, np.zeros((200, 400, 3), np.uint8), None):
        recorder.add(image, [Result((100.0, 50.0, 50.0, 25.0), 0.5, True)], ())
    recorder.close({})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        lines = [archive.read(f"obj_train_data/frame_00000{i}.txt") for i in range(3)]
    small = b"0 0.312500 0.312500 0.125000 0.125000\n"
    assert lines == [b"0 0.625000 0.625000 0.250000 0.250000\n", small, small]


def test_a_part_of_a_video_has_the_files_numbers(tmp_path: Path) -> None:
    film = iter(synthetic(4))
    with VideoWriter(tmp_path / "clip.mp4", 25) as video:
        for time in (0.0, 1.0, 1.1, 3.0):  # by the rate, 1.05 s would be frame 27
            video.write(next(film), time)
    out = tmp_path / "a.txt"
    config = preset("tiny", **QUICKER)
    box = synthetic(4).ground_truth[2]
    track(tmp_path / "clip.mp4", box, config=config, out=out, start=1.05)
    assert [line.split(",")[0] for line in out.read_text().splitlines()][:1] == ["3"]


# --- The whole way ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".xml", ".txt", ".zip"])
def test_a_run_from_a_file_to_a_file(tmp_path: Path, suffix: str) -> None:
    film = synthetic(2)
    x, y, w, h = film.ground_truth[0]
    other = f"1,2,{x + 3},{y + 2},{w},{h},1,7,1\n"
    marks = write(tmp_path / "gt.txt", f"1,1,{x + 1},{y + 1},{w},{h},1,2,1\n{other}")
    out = tmp_path / f"out{suffix}"
    boxes = read_first_boxes(marks)
    config = preset("tiny", **QUICKER)
    tracks = track_several(film, boxes, config=config, out=out)
    assert len(tracks) == 2
    if suffix == ".zip":
        with zipfile.ZipFile(out) as archive:
            archive.extractall(tmp_path)
        out = tmp_path / "obj_train_data" / "frame_000000.txt"
    found = read_first_boxes(out)
    assert [box.label for box in found] == ["2", "7"]
    for box, run in zip(found, tracks, strict=True):
        np.testing.assert_allclose(box(next(iter(film))), run.boxes[0], atol=0.01)
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(InputError, match="belongs to the input"):
        track_several(film, boxes, config=config, out=marks)


def test_a_full_disk_leaves_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rltrack.files import WriteError
    from rltrack.video import recorder as module

    def full(*_: object) -> None:
        raise WriteError("cannot write it: No space left on device")

    monkeypatch.setattr(module, "write_bytes", full)
    recorder = Recorder(boxes=tmp_path / "a.xml", labels=["target"])
    recorder.add(IMAGE, [Result((1.0, 2.0, 3.0, 4.0), 0.5, True)], ())
    with pytest.raises(WriteError, match=r"No space left on device; the boxes are in .*\.part"):
        recorder.close({})
    (part,) = tmp_path.glob("a.xml.*.part")
    assert part.read_text().splitlines()[1].startswith("0,1.0000,2.0000,3.0000,4.0000")


def test_without_a_frame_nothing_is_written(tmp_path: Path) -> None:
    Recorder(boxes=tmp_path / "a.xml", labels=["target"]).close({})
    assert not list(tmp_path.iterdir())


def test_the_frame_of_the_boxes_is_that_of_the_start(tmp_path: Path) -> None:
    file = write(tmp_path / "gt.txt", "1,1,11,21,30,40,1,3,1\n3,1,13,21,30,40,1,3,1\n")
    film = synthetic(3)
    assert [box.box for box in first_boxes(str(file), None, film)] == [(10, 20, 30, 40)]
    assert [box.box for box in first_boxes(str(file), "2", film)] == [(12, 20, 30, 40)]
    with pytest.raises(InputError, match="has no box in frame 1"):
        first_boxes(str(file), "1", film)
    with pytest.raises(InputError, match=r"'1:02', and .* has boxes by frame: give the number"):
        first_boxes(str(file), "1:02", film)


def test_frames_are_counted_in_the_folder_also_where_a_part_of_it_is_used(tmp_path: Path) -> None:
    """Of Tiger1, OTB uses the frames from 6 on."""
    folder, tiger = tmp_path / "Tiger1", OTB["Tiger1"]
    (folder / "img").mkdir(parents=True)
    picture = cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    for number in range(1, tiger.rows + 1):
        (folder / "img" / f"{number:04}.png").write_bytes(picture)
    write(folder / "groundtruth_rect.txt", "11,11,20,20\n" * tiger.rows)
    source = open_source(folder)
    assert source.length == tiger.frames == tiger.rows - 5
    box = (10.0, 10.0, 20.0, 20.0)
    for out in ("a.xml", "a.txt", "a.zip"):
        recorder = Recorder(boxes=tmp_path / out, inputs=(), **for_tools(source, [box]))
        recorder.open(np.zeros((48, 64, 3), np.uint8), 0.0)
        nobody: Any = [None]  # only an overlay asks the tracker
        recorder.add(np.zeros((48, 64, 3), np.uint8), [Result(box, 1.0, True)], nobody, None, 0.0)
        recorder.close({})
    for out in ("a.xml", "a.txt"):
        (found,) = first_boxes(str(tmp_path / out), None, source)
        np.testing.assert_allclose(found.box, box)
        assert read_first_boxes(tmp_path / out, 5) == [found]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert "obj_train_data/0006.txt" in archive.namelist()


def test_decimal_commas_are_refused_and_a_confidence_is_left_out(tmp_path: Path) -> None:
    for line in ("1;1;10,5;20,5;30,5;40,5;1;1;1", "0 0,5 0,5 0,2 0,3"):
        with pytest.raises(InputError, match="line 1: got"):
            read_first_boxes(write(tmp_path / "a.txt", line))
    (box,) = read_first_boxes(write(tmp_path / "a.txt", "1 0.5 0.5 0.2 0.3 0.9"))
    np.testing.assert_allclose(box.box, [0.4, 0.35, 0.2, 0.3])
    with pytest.raises(InputError, match="MOT counts frames from 1"):
        read_first_boxes(write(tmp_path / "a.txt", "0,1,11,21,30,40,1,3,1"))


def test_names_of_frames_may_be_of_any_bytes(tmp_path: Path) -> None:
    images = [f"caf\udce9{number}.png" for number in (1, 2)]
    tracks = Tracks([TrackedBox(1, 0, (10, 20, 30, 40), True, (100, 100))], ["target"], images)
    with zipfile.ZipFile(io.BytesIO(FORMATS[".zip"](tracks))) as archive:
        assert "obj_train_data/caf?2.txt" in archive.namelist()


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("none.xml", "--box is 'none.xml': there is no such file"),
        ("bad.txt", "line 1: got"),
        ("1,2,3", "wanted four numbers"),
    ],
)
def test_the_command_says_what_is_wrong_with_a_box(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    box: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "bad.txt", "hello\n")
    cv2.imwrite("clip.png", np.zeros((48, 64, 3), np.uint8))
    assert main(["track", "clip.png", "--box", box]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(re.escape(message), line)
