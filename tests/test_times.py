"""When frames are shown: their times, the timing and sound of what is written, parts of a video."""

from __future__ import annotations

import csv
import logging
import struct
from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.files import WriteError
from rltrack.tracking.result import Result
from rltrack.video import webcam
from rltrack.video.decoding import open_container
from rltrack.video.excerpt import Excerpt, Span, span_of
from rltrack.video.moments import Moment
from rltrack.video.recorder import HEADER, Recorder
from rltrack.video.sources import FrameSource, open_source
from rltrack.video.times import timed_frames
from rltrack.video.writer import VideoWriter

Image = NDArray[np.uint8]

UNEVEN = [0, 40, 80, 480, 500, 1500, 1533, 3000, 4000, 4130]  # ms


def grey(level: int, width: int = 96, height: int = 64) -> Image:
    return np.full((height, width, 3), level, np.uint8)


def clip(
    path: Path, times: list[int], codec: str = "libx264", sound: str = "", first: float = 0.0
) -> Path:
    """A video whose frame i is 4 i bright and shown at a time in ms, with two beeps as its sound.

    They are heard at 0.5 s and at 1.5 s for 0.1 s.
    """
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream(codec, rate=25, options={"g": "12"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        if path.suffix not in (".avi", ".h264"):  # which have no times
            video.codec_context.time_base = Fraction(1, 1000)
        audio: Any = container.add_stream(sound, rate=48000) if sound else None
        if audio:
            audio.codec_context.layout = "mono"
            seconds = np.arange(48000 * 2) / 48000
            wave = np.sin(2000 * np.pi * seconds) * 0.5
            wave[~(((seconds % 1) >= 0.5) & ((seconds % 1) < 0.6))] = 0
            for place in range(0, len(wave), 960):
                piece = wave[None, place : place + 960].astype(np.float32)
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 48000, place, Fraction(1, 48000)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
        for index, time in enumerate(times):
            picture = av.VideoFrame.from_ndarray(grey(4 * index), format="rgb24")
            if path.suffix not in (".avi", ".h264"):
                picture.pts, picture.time_base = time + round(first * 1000), Fraction(1, 1000)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    return path


def shown(path: Path) -> list[float]:
    """The times of a file's frames, by PyAV alone."""
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def beeps(path: Path) -> list[float]:
    """When the beeps of a file begin, in seconds after its first frame is shown."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    starts, last = [], -1.0
    for frame in frames:
        loud = np.abs(frame.to_ndarray().astype(float))
        loud = loud.max(axis=0) / (1 if "flt" in frame.format.name else 32768)
        step = 2 if frame.format.is_packed and len(frame.layout.channels) == 2 else 1
        for place in np.flatnonzero(loud > 0.2) // step:
            time = float(frame.time) + place / frame.sample_rate
            if time > last + 0.5:
                starts.append(time - shown(path)[0])
            last = max(last, time)
    return starts


def numbers(source: FrameSource) -> list[int]:
    return [-1 if image is None else round(image.mean() / 4) for image in source]


def times(source: FrameSource) -> list[float]:
    return [frame.time for frame in timed_frames(source)]


def record(source: FrameSource, video: Path, boxes: Path | None = None) -> None:
    """Write the files of a run that finds nothing."""
    no_tracker: Any = None  # only an overlay asks it
    recorder = Recorder(
        boxes=boxes, video=video, fps=source.fps, sound=getattr(source, "sound", None)
    )
    for image, time in timed_frames(source):
        recorder.add(image, [Result((1, 2, 3, 4), 0.5, True)], [no_tracker], time=time)
    recorder.close({})


# times


@pytest.mark.parametrize("name", ["clip.webm", "clip.mkv", "clip.mp4", "clip.mov"])
def test_times_are_those_of_the_file(tmp_path: Path, name: str) -> None:
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    source = open_source(clip(tmp_path / name, UNEVEN, codec))
    assert times(source) == pytest.approx(np.array(UNEVEN) / 1000, abs=0.001)
    assert numbers(source) == list(range(10))


def test_times_count_from_the_beginning_of_a_recording(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.ts", list(range(0, 400, 40)), first=7)
    assert shown(path)[0] >= 7
    assert times(open_source(path)) == pytest.approx(np.arange(10) * 0.04, abs=0.001)


@pytest.mark.parametrize("name", ["clip.avi", "clip.h264", "clip.mjpeg"])
def test_files_without_times_show_frames_at_their_rate(tmp_path: Path, name: str) -> None:
    codec = "mjpeg" if name.endswith("mjpeg") else "libx264"
    with av.open(str(tmp_path / name), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for index in range(8):
            frame = av.VideoFrame.from_ndarray(grey(4 * index), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert times(open_source(tmp_path / name)) == pytest.approx(np.arange(8) * 0.04, abs=0.001)


class Film:
    """A source with a rate and ground truth, of frames that are 4 i bright."""

    name, fps, length = "film", 12.5, 12
    ground_truth = np.arange(48.0).reshape(12, 4)

    def __iter__(self) -> Iterator[Image]:
        return (grey(4 * index) for index in range(12))


def test_times_of_other_sources() -> None:
    assert times(Film()) == pytest.approx(np.arange(12) * 0.08)
    assert np.isnan(times(open_source([grey(1), grey(2)]))).all()


def test_a_webcam_says_when_its_pictures_came(monkeypatch: pytest.MonkeyPatch) -> None:
    class Camera:
        def get(self, what: int) -> float:
            return 30.0

        def set(self, what: int, value: float) -> bool:
            return True

        def grab(self) -> bool:
            return next(ticks, None) is not None

        def retrieve(self) -> tuple[bool, Image]:
            return True, grey(1)

    ticks = iter(range(4))  # the first picture is used up by the check
    clock = iter([100.0, 100.1, 100.7])
    monkeypatch.setattr(cv2, "VideoCapture", lambda index: Camera())
    monkeypatch.setattr(webcam.time, "monotonic", lambda: next(clock))
    assert times(open_source(0)) == pytest.approx([0, 0.1, 0.7])


def test_the_table_has_the_time_of_each_frame(tmp_path: Path) -> None:
    source = open_source(clip(tmp_path / "clip.mkv", UNEVEN))
    record(source, tmp_path / "out.mp4", tmp_path / "boxes.csv")
    with (tmp_path / "boxes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == HEADER.split(",")
    assert HEADER.startswith("frame,x,y,w,h,score,found")  # as before, for those who count columns
    assert [float(row["time"]) for row in rows] == pytest.approx(np.array(UNEVEN) / 1000)
    record(open_source([grey(1)]), tmp_path / "out.mp4", tmp_path / "boxes.csv")
    assert (tmp_path / "boxes.csv").read_text().splitlines()[1].endswith(",1,nan")


# what is written


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_annotated_video_keeps_the_timing(tmp_path: Path, suffix: str) -> None:
    source = open_source(clip(tmp_path / "clip.webm", UNEVEN, "libvpx-vp9"))
    record(source, tmp_path / f"out{suffix}")
    assert shown(tmp_path / f"out{suffix}") == pytest.approx(np.array(UNEVEN) / 1000, abs=0.001)


def test_frames_without_a_time_follow_at_the_rate(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 10.0) as writer:
        for time in (5.0, 5.5, float("nan"), 5.2, 7.0):  # 5.2 would be before the last
            writer.write(grey(9), time)
    assert shown(tmp_path / "out.mp4") == pytest.approx([0, 0.5, 0.6, 0.6, 2.0], abs=0.001)


@pytest.mark.parametrize(
    ("sound", "suffix", "codec"),
    [
        ("aac", ".mp4", "aac"),
        ("aac", ".mkv", "aac"),
        ("aac", ".webm", "opus"),
        ("libopus", ".webm", "opus"),
        ("libopus", ".mp4", "aac"),
        ("pcm_s16le", ".mp4", "aac"),
        ("flac", ".mov", "aac"),
    ],
)
def test_the_annotated_video_keeps_the_sound(
    tmp_path: Path, sound: str, suffix: str, codec: str
) -> None:
    path = clip(tmp_path / "clip.mkv", list(range(0, 2000, 100)), sound=sound)
    record(open_source(path), tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert [stream.codec_context.codec.canonical_name for stream in container.streams] == [
            "vp9" if suffix == ".webm" else "h264",
            codec,
        ]
    assert beeps(path) == pytest.approx([0.5, 1.5], abs=0.03)
    assert beeps(tmp_path / f"out{suffix}") == pytest.approx(beeps(path), abs=0.03)
    assert len(shown(tmp_path / f"out{suffix}")) == 20


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_part_has_its_part_of_the_sound(tmp_path: Path, suffix: str) -> None:
    path = clip(tmp_path / "clip.mp4", list(range(0, 2000, 100)), sound="aac")
    record(span_of(open_source(path), "1.2s", "1.9s"), tmp_path / f"out{suffix}")
    assert len(shown(tmp_path / f"out{suffix}")) == 7
    assert beeps(tmp_path / f"out{suffix}") == pytest.approx([0.3], abs=0.03)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        last = max(frame.time for frame in container.decode(audio=0))
    assert last < 0.75


def test_sound_that_cannot_be_read_keeps_no_picture_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = clip(tmp_path / "clip.mkv", list(range(0, 2000, 100)), sound="flac")
    path.write_bytes(path.read_bytes().replace(b"A_FLAC", b"A_NONE"))
    source = open_source(path)
    with caplog.at_level(logging.WARNING):
        record(source, tmp_path / "out.mp4")
    assert "the sound of" in caplog.text
    assert len(shown(tmp_path / "out.mp4")) == 20


@pytest.mark.parametrize("end", ["complete", "no frames", "given up", "no sound"])
def test_the_file_with_the_sound_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    path = clip(tmp_path / "clip.mkv", [0, 100], sound="" if end == "no sound" else "flac")
    opened = []

    def noted(path: Path) -> Any:
        opened.append(open_container(path))
        return opened[-1]

    monkeypatch.setattr("rltrack.video.sound.open_container", noted)
    width = 17000 if end == "given up" else 96  # which the encoder refuses
    writer = VideoWriter(tmp_path / "out.mp4", sound=path)
    with nullcontext() if end != "given up" else pytest.raises(WriteError):
        writer.open(64, width)
    if end == "complete":
        writer.write(grey(9))
    writer.close()
    with pytest.raises(AssertionError, match="not open"):
        opened[0].seek(0)


# parts of a video


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("300", Moment(frame=300)),
        (300, Moment(frame=300)),
        ("12.5s", Moment(seconds=12.5)),
        (" 3 s ", Moment(seconds=3)),
        (12.5, Moment(seconds=12.5)),
        (3.0, Moment(seconds=3)),
        (np.float32(1.5), Moment(seconds=1.5)),
        (np.int64(7), Moment(frame=7)),
        ("1:02.5", Moment(seconds=62.5)),
        ("01:00:00", Moment(seconds=3600)),
    ],
)
def test_moments(given: Any, moment: Moment) -> None:
    assert Moment.parsed(given, "--start") == moment


@pytest.mark.parametrize(
    "given",
    ["", "x", "-3", -3, -0.5, "12.5", "1:2:3:4", ":3", "nan", float("inf"), "9" * 400, "1m", True],
)
def test_what_is_no_moment(given: Any) -> None:
    with pytest.raises(InputError, match=r"start is .*; wanted a frame, such as 300, or a time"):
        Moment.parsed(given, "start")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, range(60)),
        ("20", None, range(20, 60)),
        ("20", "25", range(20, 25)),
        (None, "3", range(3)),
        ("0.8s", None, range(20, 60)),
        ("0:0.81", None, range(21, 60)),
        ("0s", "0.2s", range(5)),
        (None, "0.21s", range(6)),
        ("2s", "2.2s", range(50, 55)),
        ("20", "500", range(20, 60)),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi", "clip.h264"])
def test_a_part_holds_the_frames_that_the_whole_has_there(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    start: str | None,
    end: str | None,
    expected: range,
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    if not path.exists():
        clip(path, list(range(0, 2400, 40)))
    part = span_of(open_source(path), start, end)
    assert numbers(part) == list(expected)
    assert times(part) == pytest.approx([0.04 * number for number in expected], abs=0.001)
    if (name, end) == ("clip.h264", "500"):  # which does not know that it is shorter
        return
    assert part.length in (None, len(expected))
    if end not in (None, "500"):
        assert part.length == len(expected)


def test_text_that_is_not_utf8_keeps_no_file_from_being_read(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.avi", list(range(0, 400, 40)))
    with av.open(str(path)) as old, av.open(str(tmp_path / "b.avi"), "w") as new:
        new.metadata["title"] = "cafXX"
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    data = (tmp_path / "b.avi").read_bytes()
    assert b"cafXX" in data
    (tmp_path / "c.avi").write_bytes(data.replace(b"cafXX", b"caf\xe9\xe9"))
    assert numbers(open_source(tmp_path / "c.avi")) == list(range(10))


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.ts", "libx264"),
        ("clip.ts", "mpeg2video"),
        ("clip.mpg", "mpeg2video"),
        ("clip.m2v", "mpeg2video"),
        ("clip.mkv", "libx264"),
    ],
)
def test_a_start_between_far_keyframes_is_met(tmp_path: Path, name: str, codec: str) -> None:
    """In streams without an index, FFmpeg goes to packets from which nothing can be decoded."""
    with av.open(str(tmp_path / name), "w") as container:
        video: Any = container.add_stream(codec, rate=25, options={"g": "50", "sc_threshold": "0"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for index in range(120):
            picture = av.VideoFrame.from_ndarray(grey(2 * index), format="rgb24")
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    source = open_source(tmp_path / name)
    whole = list(zip(numbers(source), times(source), strict=True))
    for start in (0.5, 1.5, 3.0, 4.5):
        part = span_of(source, f"{start}s", None)
        expected = next(frame for frame in whole if frame[1] >= start - 1e-6)
        assert (numbers(part)[0], times(part)[0]) == (expected[0], pytest.approx(expected[1]))


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("60", None, "start is frame 60; clip has no frame from there on"),
        ("20", "20", "is frame 20; .* from there on and before the end, frame 20"),
        ("0.8s", "0.5s", "is 0.8 s; .* from there on and before the end, 0.5 s"),
        ("20", "1s", "two frames or two times"),
    ],
)
def test_parts_that_there_are_not(tmp_path: Path, start: str, end: str, message: str) -> None:
    source = open_source(clip(tmp_path / "clip.mp4", list(range(0, 2400, 40))))
    with pytest.raises(InputError, match=message):
        span_of(source, start, end)


def test_a_time_in_a_source_with_ground_truth_is_that_of_a_frame() -> None:
    whole = synthetic(30)
    part = span_of(Excerpt(whole, 5), "0.2s", None)
    later = 5 + int(0.2 * (whole.fps or 0))
    assert part.ground_truth is not None
    np.testing.assert_array_equal(part.ground_truth[0], whole.ground_truth[later])
    np.testing.assert_array_equal(next(iter(part)), list(whole)[later])


def test_a_part_knows_the_numbers_of_its_frames_in_the_file(tmp_path: Path) -> None:
    source = open_source(clip(tmp_path / "clip.mp4", UNEVEN))
    for start, number in (("1.5s", 5), ("0.1s", 3), ("3", 3), ("0.0s", 0)):
        assert first_number(span_of(source, start, None)) == number
    later = span_of(source, "0.45s", None)
    assert first_number(Span(later, Moment(frame=2))) == 5
    assert first_number(Span(later, Moment(seconds=0.05))) == 3  # which begins later still


def first_number(part: FrameSource) -> int:
    """The number of a part's first frame, which its picture tells as well."""
    assert isinstance(part, Span)
    number = part.first_number(times(part)[0])
    assert number == numbers(part)[0]
    return number


def test_a_decoder_that_begins_late_gives_the_number_of_what_it_gives(tmp_path: Path) -> None:
    path = tmp_path / "clip.ts"
    with av.open(str(path), "w") as container:
        options = {"x264-params": "intra-refresh=1:keyint=20:bframes=0"}  # no picture is whole
        video: Any = container.add_stream("libx264", rate=25, options=options)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for index in range(60):
            frame = av.VideoFrame.from_ndarray(grey(4 * index), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    assert first_number(span_of(open_source(path), "1.0s", None)) >= 25


@pytest.mark.parametrize("end", ["10", "11", "4.13s", "4.17s", "4.5s"])
def test_an_end_after_the_last_frame_is_said(
    tmp_path: Path, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    part = span_of(open_source(clip(tmp_path / "clip.mp4", UNEVEN)), None, end)
    assert part.fps
    assert len(numbers(part)) == (9 if end == "4.13s" else 10)
    assert ("clip ends before it" in caplog.text) == (end in ("11", "4.5s"))


def test_a_file_whose_time_does_not_begin_at_0_is_whole(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mkv", list(range(0, 2400, 40)), first=100)
    source = open_source(path)
    assert source.length == len(times(source)) == 60
    # Other programs write the duration without what comes before the first frame.
    content = path.read_bytes()
    assert content.count(b"Lavf") == 3
    place = content.index(b"\x44\x89\x88") + 3  # the duration, a float of 8 bytes
    assert struct.unpack(">d", content[place : place + 8])[0] == pytest.approx(102_400)
    other = (
        content[:place] + struct.pack(">d", 2400) + content[place + 8 :].replace(b"Lavf", b"mkvm")
    )
    path.write_bytes(other)
    assert open_source(path).length == 60


def test_a_part_of_a_sequence_has_its_ground_truth() -> None:
    film = Film()
    for part in (span_of(film, 4, 9), span_of(film, 0.32, 0.72), span_of(film, "0.25s", "0.7s")):
        np.testing.assert_array_equal(part.ground_truth, film.ground_truth[4:9])
        assert numbers(part) == list(range(4, 9))
        assert times(part) == pytest.approx(np.arange(4, 9) * 0.08)
        assert part.length == 5
    with pytest.raises(InputError, match="has no clock: give frames"):
        span_of(open_source([grey(0)] * 3), "1s", None)
    assert numbers(span_of(open_source([grey(4 * i) for i in range(5)]), 2, 4)) == [2, 3]


def trimmed(whole: Path, path: Path, frames: int) -> Path:
    """A copy from which an edit list leaves out the first frames, as phones and editors do it."""
    with av.open(str(whole)) as source:
        stream = source.streams.video[0]
        assert stream.time_base is not None
        shift = int(Fraction(frames, 25) / stream.time_base)
        options = {"avoid_negative_ts": "disabled"}
        with av.open(str(path), "w", container_options=options) as container:
            copy = container.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None and packet.pts is not None:
                    packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                    packet.stream = copy
                    container.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_an_edit_list_leaves_frames_out(tmp_path: Path, suffix: str) -> None:
    whole = clip(tmp_path / f"whole{suffix}", list(range(0, 2400, 40)))
    source = open_source(trimmed(whole, tmp_path / f"clip{suffix}", 11))
    assert source.length == 49  # and no "ended after 49 of 60 frames"
    assert numbers(source) == list(range(11, 60))
    assert times(source) == pytest.approx(0.04 * np.arange(49), abs=0.002)
    assert numbers(span_of(source, "1s", None)) == list(range(36, 60))
