"""Files may have any names: none is taken for an address, an order or a pattern."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from rltrack.errors import InputError
from rltrack.files import write_error
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.video.recorder import Recorder
from rltrack.video.run import track
from rltrack.video.sources import open_source
from rltrack.video.times import timed_frames
from rltrack.video.writer import VideoWriter

NAMES = [
    "2024-11-14T22:57:44",
    "file:clip",
    "concat:clip|clip",
    "http:clip",
    "pipe:0",
    "crypto:clip",
    "data:clip,",
    "subfile,,start,0,end,9,,:clip",
    "-clip",
    "clip %03d",
    "clip [1-9]*?",
    "clip#1?a=b&c",
    "Ünï 映像 🎬",
    'it\'s "quoted"',
    "  spaces  ",
    "line\nbreak",
]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows allows few of these names")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("inside", [False, True], ids=["by its path", "in its folder"])
def test_videos_of_any_name_are_written_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, suffix: str, inside: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(name + suffix) if inside else tmp_path / (name + suffix)
    with VideoWriter(path) as writer:
        for level in (0, 100, 200):
            writer.write(np.full((48, 64, 3), level, np.uint8))
    assert [file.name for file in tmp_path.iterdir()] == [name + suffix]
    levels = [round(image.mean(), -1) for image in open_source(path) if image is not None]
    assert levels == [0, 100, 200]
    assert len(open_source(str(path)).inputs) == 1  # type: ignore[attr-defined]


def with_sound(path: Path) -> Path:
    """A video with sound. PyAV writes it under a name that FFmpeg takes for no address."""
    plain = path.parent / "plain.mkv"
    with av.open(str(plain), "w") as container:
        video: Any = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio: Any = container.add_stream("aac", rate=48000)
        audio.codec_context.layout = "mono"
        for place in range(0, 9600, 960):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), "fltp", "mono")
            sound.sample_rate, sound.pts = 48000, place
            container.mux(audio.encode(sound))
        for index in range(5):
            image = np.full((48, 64, 3), 9 * index, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return plain.rename(path)


def test_all_outputs_and_the_sound_with_a_colon(tmp_path: Path) -> None:
    source = open_source(with_sound(tmp_path / "2024-11-14T22:57:44.mkv"))
    names = [tmp_path / f"22:57{suffix}" for suffix in (".csv", ".mp4", ".json")]
    boxes, video, summary = names
    sound = source.sound  # type: ignore[attr-defined]
    recorder = Recorder(boxes=boxes, video=video, summary=summary, fps=source.fps, sound=sound)
    no_tracker: Any = None
    for image, time in timed_frames(source):
        recorder.add(image, [Result((1, 2, 3, 4), 0.5, True)], [no_tracker], time=time)
    recorder.close({"frames": 5})
    assert recorder.kept == dict.fromkeys(names, 5)
    with video.open("rb") as file, av.open(file) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


@pytest.mark.parametrize("output", ["out", "video"])
def test_what_cannot_be_written_is_said_before_anything_is_tracked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    # Only when it is opened does it show that a file cannot be: a full disk, a quota, a share.
    def refused(*given: Any, **named: Any) -> Any:
        raise write_error(tmp_path / "b", OSError(28, "No space left on device"))

    target: Callable[..., Any] = pytest.fail
    monkeypatch.setattr(Tracker, "init", lambda *given: target("it was tracked"))
    kind = "GrowingFile.__init__" if output == "out" else "VideoWriter._opened"
    monkeypatch.setattr(f"rltrack.video.recorder.{kind}", refused)
    outputs: dict[str, Any] = {"out": tmp_path / "b.csv", "video": tmp_path / "v.mp4"}
    images = [np.zeros((48, 64, 3), np.uint8)] * 3
    with pytest.raises(InputError, match="No space left on device"):
        track(images, (9, 9, 20, 20), config="tiny", backbone="random", **outputs)
    assert list(tmp_path.iterdir()) == []
