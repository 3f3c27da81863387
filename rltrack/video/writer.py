"""Writing videos that play in browsers, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.files import SIGNATURE, new_part, put_in_place, unchanged, write_error
from rltrack.outputs import checked_outputs
from rltrack.tracking.rgb import to_rgb8
from rltrack.video.decoding import file_address
from rltrack.video.signals import HeldSignals
from rltrack.video.sound import Sound

__all__ = ["VideoWriter"]

Image = NDArray[np.uint8]

# suffix: encoder, its options (constant quality), the container's name and options
_H264 = ("libx264", {"crf": "20"})

_VP9 = ("libvpx-vp9", {"crf": "30", "b": "0", "deadline": "good", "cpu-used": "4"})

# What is written can be played although the file was never completed. MP4 has its index in front,
# or is playable when unfinished: it cannot have both.
_AT_ONCE = {"flush_packets": "1", "cluster_time_limit": "1000"}  # ms

_FORMATS = {
    ".mp4": (*_H264, "mp4", {"movflags": "+faststart"}),  # index in front: plays while it loads
    ".mov": (*_H264, "mov", {"movflags": "+faststart"}),
    ".mkv": (*_H264, "matroska", _AT_ONCE),
    ".webm": (*_VP9, "webm", _AT_ONCE),
}

_TICK = Fraction(1, 90000)  # seconds; the usual rates are whole numbers of ticks, or nearly so

_Output = tuple[Path, OutputContainer, VideoStream, Sound | None]

_FAILURES = (OSError, av.FFmpegError)  # some of FFmpeg's errors are no OSError

_BT601, _LIMITED = 6, 1  # H.273's code for the colour matrix, FFmpeg's for the 16..235 range


class VideoWriter:
    """Write frames to a video that plays in browsers.

    H.264 for .mp4, .mov and .mkv, VP9 for .webm, both with 4:2:0 chroma. Odd sides are padded to
    even ones by repeating the last row or column. Frames of another size than the first are scaled
    to fit into it and centred on black. The file appears under its name when it is complete, at
    `close`; until then it is beside it, see `rltrack.files.new_part`. A process that is killed
    leaves it there, and .mkv and .webm can be played then. Without a frame there is no file.

    As a context manager it closes on the way out of the block, and an exception or Ctrl-C there
    makes no difference: the frames so far are a complete, playable file.

    Attributes:
        path: the file.
        completed: the number of frames in it, once it is complete; until then 0.
    """

    def __init__(
        self, path: str | Path, fps: float | None = None, sound: Path | None = None
    ) -> None:
        """Check that the video can be written.

        Args:
            path: the file to write; its suffix chooses the format. Its folder is created if it is
                missing.
            fps: frames per second; 25 if None. Where frames come with their times, it is only how
                long the last one is shown.
            sound: a video file whose sound goes along, see `rltrack.video.sound.Sound`.

        Raises:
            InputError: unknown suffix, bad fps, no permission, or no encoder.
        """
        self.path = Path(path)
        if self.path.suffix.lower() not in _FORMATS:
            raise InputError(
                f"cannot write a video to {path}: its name must end in {', '.join(_FORMATS)}"
            )
        fps = 25.0 if fps is None else float(fps)
        if not 0.01 <= fps <= 1000:
            raise InputError(f"fps: got {fps}, wanted 0.01 to 1000 frames per second")
        # 29.97002997 (as read from a header) becomes 30000/1001 again.
        self._rate = Fraction(fps).limit_denominator(1001)
        self._format = _FORMATS[self.path.suffix.lower()]
        _check_encoder(self._format[0])
        self.path = checked_outputs({"video": path})["video"]
        self._sound = sound
        self._output: _Output | None = None
        self._size = (0, 0)  # height and width of the first frame
        self._count = self.completed = 0
        self._first = self._stamp = 0.0  # seconds in the source; the latest, in ticks
        self._closed = False

    def open(self, height: int, width: int) -> None:
        """Open the file for frames of this size, which `write` does otherwise with the first.

        Raises:
            WriteError: it cannot be opened. What was at its place before is there still.
        """
        if self._output is None:
            self._size = height, width
            with _uninterrupted():
                self._output = self._opened()

    def write(self, image: Image, time: float = math.nan) -> None:
        """Append a frame.

        Args:
            image: (H, W, 3) uint8 RGB.
            time: when it is shown, in seconds in the source of the frames: the first frame begins
                the video, and each other one keeps its distance from it. NaN shows it one step
                after the frame before.

        Raises:
            WriteError: the file cannot be written, and is given up. What was at its place before
                is there still.
        """
        if self._closed:
            raise ValueError(f"the video {self.path} is closed")
        image = to_rgb8(image)
        self.open(*image.shape[:2])
        with _uninterrupted():
            if self._output is None:
                return
            part, container, stream, sound = self._output
            try:
                frame = av.VideoFrame.from_ndarray(self._fit(image), format="rgb24")
                # 16..235 is the default.
                frame = frame.reformat(format="yuv420p", dst_colorspace="ITU601")
                frame.pts, frame.time_base = self._next_stamp(time), _TICK
                self._count += 1
                container.mux(stream.encode(frame))
                if sound is not None:
                    sound.write_until(self._first, self._first + float(frame.pts * _TICK))
            except _FAILURES as error:
                self._give_up(part, container, sound)
                raise write_error(self.path, error, unchanged(self.path)) from error

    def _next_stamp(self, time: float) -> int:
        """Return when the next frame is shown, in ticks."""
        if not self._count:
            self._first = 0.0 if math.isnan(time) else time
            self._stamp = 0.0
            return 0
        before, step = self._stamp, float(1 / self._rate / _TICK)
        if math.isnan(time):
            self._stamp = before + step
        else:
            self._stamp = max((time - self._first) / float(_TICK), before + 1)
        return round(self._stamp)

    def close(self) -> None:
        """Complete the file and give it its name; the second time, do nothing.

        Raises:
            WriteError: it cannot be completed. What was at its place before is there still.
        """
        self._closed = True
        if self._output is None:
            return
        part, container, stream, sound = self._output
        self._output = None
        with _uninterrupted():
            try:
                try:
                    if self._count:
                        container.mux(stream.encode(None))
                        if sound is not None:
                            sound.write_until(self._first, self._end())
                            sound.finish()
                finally:
                    container.close()
                    if sound is not None:
                        sound.close()
                if not self._count:
                    return
                self._check(part)
                put_in_place(part, self.path)
                self.completed = self._count
            except _FAILURES as error:
                raise write_error(self.path, error, unchanged(self.path)) from error
            finally:
                part.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _end(self) -> float:
        """Return when the latest frame's time is over, in seconds in the source."""
        return self._first + self._stamp * float(_TICK) + float(1 / self._rate)

    def _opened(self) -> _Output:
        """Open the temporary file for frames of `_size`."""
        encoder, quality, container_name, options = self._format
        height, width = self._size
        part = container = sound = None
        try:
            part = new_part(self.path)
            container = av.open(
                file_address(part), "w", format=container_name, container_options=options
            )
            container.metadata["comment"] = SIGNATURE
            stream = cast(
                "VideoStream", container.add_stream(encoder, rate=self._rate, options=quality)
            )
            stream.width, stream.height = width + width % 2, height + height % 2
            stream.pix_fmt = "yuv420p"
            # Say which matrix was used: players guess by size otherwise, and colours shift.
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = _BT601
            context.color_range = _LIMITED
            context.time_base = _TICK
            sound = Sound(self._sound, container, self.path.suffix.lower()) if self._sound else None
            try:
                container.start_encoding()
            except av.error.ExternalError as error:  # it does not say what the encoder minds
                raise OSError(f"{encoder} refuses frames of {width}x{height} pixels") from error
        except _FAILURES as error:
            self._give_up(part, container, sound)
            raise write_error(self.path, error, unchanged(self.path)) from error
        return part, container, stream, sound

    def _give_up(
        self, part: Path | None, container: OutputContainer | None, sound: Sound | None
    ) -> None:
        """Remove what could not be written, which also makes room for other files.

        FFmpeg may crash where more is written after the beginning of a file could not be.
        """
        self._output, self._closed = None, True
        if container is not None:
            with suppress(*_FAILURES):
                container.close()
        if sound is not None:
            sound.close()
        if part is not None:
            part.unlink(missing_ok=True)

    def _check(self, part: Path) -> None:
        """Count the frames in the finished file: not every failure to write is said by FFmpeg."""
        try:
            with av.open(file_address(part)) as container:
                count = sum(packet.size > 0 for packet in container.demux(video=0))
        except av.FFmpegError as error:
            raise OSError(f"it cannot be read back ({error})") from error
        if count != self._count:
            raise OSError(f"only {count} of {self._count} frames are in it")

    def _fit(self, image: Image) -> Image:
        """Letterbox to the first frame's size, then pad to even sides."""
        height, width = self._size
        if image.shape[:2] != self._size:
            h, w = image.shape[:2]
            scale = min(height / h, width / w)
            h, w = max(1, round(h * scale)), max(1, round(w * scale))
            shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            top, left = (height - h) // 2, (width - w) // 2
            canvas = np.zeros((height, width, 3), np.uint8)
            canvas[top : top + h, left : left + w] = cv2.resize(
                image, (w, h), interpolation=shrinks
            )
            image = canvas
        return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C wait for the end of the block.

    Between the encoder and the file it would lose a packet, and all frames up to the next
    keyframe with it: up to ten seconds.
    """
    with HeldSignals() as signals:
        try:
            yield
        finally:
            with signals.let_through():
                pass


def _check_encoder(name: str) -> None:
    if name not in av.codecs_available:
        raise InputError(f"PyAV here has no encoder {name}: pip install --force-reinstall av")
