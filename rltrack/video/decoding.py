"""Decoding video files with PyAV: frames in order, their times, and their images.

OpenCV, which reads the webcams, would give leftover memory for interlaced frames, and has no AV1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import ColorPrimaries, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.limits import DEFAULT_LIMITS, Limits
from rltrack.video.clock import Clock, Timeline
from rltrack.video.images import check_pixels
from rltrack.video.orientation import upright

__all__ = ["PATIENCE", "Decoder", "file_address", "open_container"]

Image = NDArray[np.uint8]

PATIENCE = 100  # broken packets in a row before a video counts as ended

# The transfer curves and the primaries of video that screens show as it is. HDR and wide gamuts
# are mapped to BT.709; PyAV 17 leaves their numbers as they are.
_SCREEN_CURVES = {1, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15}
_SCREEN_PRIMARIES = {1, 4, 5, 6, 7}
_UNSPECIFIED = 2

_CONVERT = "convert it: ffmpeg -i OLD -c:v libx264 NEW.mp4"

# FFmpeg's names of the formats that may be read. All hold their frames themselves. A format that
# names other files, such as a playlist, is not among them, nor is one that shows text.
_CONTAINERS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "nut", "mxf", "gxf", "dv"),
    *("wtv", "rm", "swf", "ivf", "gif", "apng", "yuv4mpegpipe"),
    *("mpegvideo", "m4v", "h261", "h263", "h264", "hevc", "vvc", "av1", "obu", "mjpeg", "vc1"),
)


_BAD_TEXT: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
"""Titles that are not UTF-8 are no reason to refuse a file. From PyAV 19 on, they never are."""


def file_address(path: Path) -> str:
    """Return what FFmpeg opens as this file, whatever its name: no name is taken for an address."""
    return f"file:{path.absolute()}"


def open_container(path: Path) -> InputContainer:
    """Open a video file with PyAV.

    Nothing but FFmpeg's containers of frames is opened, and no other file than this one.

    Raises:
        InputError: it is no such file, or it is broken.
    """
    options = {"format_whitelist": ",".join(_CONTAINERS), "protocol_whitelist": "file"}
    try:
        opened: InputContainer = av.open(file_address(path), container_options=options, **_BAD_TEXT)
        return opened
    except (av.FFmpegError, OSError, ValueError):
        raise _broken(path) from None


def _broken(path: Path) -> InputError:
    return InputError(f"{path} is not a video or an image that can be read, or it is broken")


class Decoder:
    """An open video file.

    As a context manager it closes the file on the way out of the block.

    Args:
        path: the file.
        limits: how large a frame may be.

    Attributes:
        fps: frames per second by the header; None if it gives none.
        length: number of frames by the header, which may be an estimate; None if it gives none, or
            more than the file has bytes.
        interlaced: whether a frame with two fields has been decoded. Such a frame shows two
            instants, one in its even rows and one in its odd rows.

        has_sound: whether there is sound in the file.

    Raises:
        InputError: the file is not a video that can be read, or it is broken; there is no decoder
            for it; or its header claims frames larger than the limit.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        self._file = open_container(path)
        stream = self._file.streams.best("video")
        if not isinstance(stream, av.VideoStream):
            self._file.close()
            raise _broken(path)
        self._path, self._stream, self._limits = path, stream, limits
        self.interlaced, self.has_sound = False, bool(self._file.streams.audio)
        self._reformatter = VideoReformatter()
        start = self._file.start_time
        self._start = None if start is None else Fraction(start, av.time_base)
        self.fps = _rate(stream)
        self.length = _length(self._file, stream, self.fps, path.stat().st_size)
        self.clock = Clock(self.fps, self.length)
        try:
            if stream.codec_context is None:
                raise InputError(f"{path}: there is no decoder for its codec; {_CONVERT}")
            self._check_size(stream.codec_context.width, stream.codec_context.height)
            # An AVI file has no display times, only the order of its packets.
            self._unsorted = self._file.format.name == "avi" and stream.codec_context.has_b_frames
            # Frames side by side: in most codecs they have no parts that threads could share.
            stream.thread_type = "AUTO"
        except InputError:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def check_first(self) -> None:
        """Check that a frame can be decoded, which uses frames up.

        Raises:
            InputError: none can, or it is larger than the limit.
        """
        # It takes seconds to work out how HDR is mapped.
        if all(
            frame is None or self.image(frame, mapped=False) is None for frame in self._decoded()
        ):
            codec = self._stream.codec_context.name
            raise InputError(f"{self._path}: no frame can be decoded from {codec}; {_CONVERT}")

    def seek(self, time: float) -> bool:
        """Go to a keyframe that is shown at ``time``, in seconds, or before.

        Returns:
            Whether there is one. If there is none, nothing more can be decoded.
        """
        try:
            # The place of a keyframe may be known by the order of decoding alone, which runs ahead.
            place = round((float(self._start or 0) + time - 1) * av.time_base)
            for looked in (False, True):
                self._file.seek(max(place, 0))
                if not looked:
                    packets = self._file.demux(self._stream)
                    first = next((packet for packet in packets if packet.pts is not None), None)
                    base, start = self._stream.time_base, self._start
                    if first is None or base is None or start is None or self._unsorted:
                        return False
                    # MPEG streams land anywhere. All up to the next keyframe would be dropped.
                    if not first.is_keyframe or float((first.pts or 0) * base - start) > time:
                        return False
        except av.FFmpegError:  # some formats have no way to find a place
            return False
        self.clock.jump()
        return True

    def frames(self) -> Iterator[tuple[av.VideoFrame | None, float]]:
        """Yield the frames that are stored, each with the time at which it is shown, in seconds.

        A frame is None where one is missing. `image` turns the others into images. The video ends
        after more than `PATIENCE` packets in a row that cannot be decoded.
        """
        timeline, failures = Timeline(self.fps), 0
        for frame in self._decoded():
            if frame is None:
                failures += 1
                continue
            stored = self._time(frame)
            missing, failures = self.clock.missing(stored, failures), 0
            if missing < 0:
                continue
            before, time = timeline.last, timeline.shown(stored, missing)
            for number in range(1, missing + 1):
                yield None, before + (time - before) * number / (missing + 1)
            yield frame, time

    def _decoded(self) -> Iterator[av.VideoFrame | None]:
        """Yield what the decoder gives, and None for each packet that it refuses."""
        failures = 0
        packets = self._file.demux(self._stream)
        while failures <= PATIENCE:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:  # between packets, which the next ones may not be
                packets = self._file.demux(self._stream)
                failures += 1
                yield None
                continue
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError:
                failures += 1
                yield None
                continue
            if frames:
                failures = 0
            yield from frames

    def _check_size(self, width: int, height: int) -> None:
        try:
            check_pixels((width, height), self._limits)
        except InputError as error:
            raise InputError(f"{self._path}: {error}") from None

    def _time(self, frame: av.VideoFrame) -> float:
        """Return when a frame is shown by its own timestamp; NaN without a usable one."""
        if frame.pts is None or frame.time_base is None or self._unsorted:
            return math.nan
        if self._start is None:
            self._start = frame.pts * frame.time_base
        return float(frame.pts * frame.time_base - self._start)

    def image(self, frame: av.VideoFrame, mapped: bool = True) -> Image | None:
        """Return a frame as it is shown.

        Args:
            frame: one of `frames`.
            mapped: False leaves the numbers of HDR and wide gamuts as they are.

        Returns:
            (H, W, 3) uint8 RGB. None if it cannot be converted.

        Raises:
            InputError: it is larger than the limit.
        """
        self._check_size(frame.width, frame.height)
        self.interlaced = self.interlaced or frame.interlaced_frame
        wanted = _screen_colours(frame) if mapped else {}
        for colours in ({},) if not wanted else (wanted, {}):
            try:
                shown = self._reformatter.reformat(
                    frame, format="rgb24", interpolation=Interpolation.BICUBIC, threads=1, **colours
                )
            except (av.FFmpegError, ValueError):  # colours that FFmpeg does not know
                continue
            matrix: Any = frame.side_data.get("DISPLAYMATRIX")
            # What was RGB before is given with the padding of its rows.
            image = np.ascontiguousarray(shown.to_ndarray(), np.uint8)
            return upright(image, None if matrix is None else np.frombuffer(matrix, np.int32))
        return None


def _screen_colours(frame: av.VideoFrame) -> dict[str, int]:
    """Return what a frame's colours are converted to so that a screen can show them."""
    curve, primaries = frame.color_trc, frame.color_primaries
    if curve in {*_SCREEN_CURVES, _UNSPECIFIED} and primaries in {*_SCREEN_PRIMARIES, _UNSPECIFIED}:
        return {}
    return {
        "dst_color_trc": curve if curve in _SCREEN_CURVES else ColorTrc.BT709,
        "dst_color_primaries": (
            primaries if primaries in _SCREEN_PRIMARIES else ColorPrimaries.BT709
        ),
    }


def _rate(stream: av.VideoStream) -> float | None:
    """Return the frames per second; None if the header gives none."""
    fps = float(stream.guessed_rate or stream.average_rate or 0)
    # Some headers hold the clock's ticks there (90000).
    return fps if 0 < fps <= 1000 else None


def _length(
    file: InputContainer, stream: av.VideoStream, fps: float | None, size: int
) -> int | None:
    """Return the number of frames by the header, or by its duration; None if that cannot be."""
    count = stream.frames
    if "mov" in file.format.name and len(stream.index_entries) == count:
        # A trimmed file may hold frames that its edit list leaves out.
        count -= sum(entry.is_discard for entry in stream.index_entries)
    elif not count and fps:
        if stream.duration is not None and stream.time_base is not None:
            count = round(float(stream.duration * stream.time_base) * fps)
        elif file.duration is not None:
            # FFmpeg's own Matroska files have the time at which the last frame is over there.
            ours = file.metadata.get("ENCODER", "").startswith("Lavf")
            before = file.start_time or 0 if "matroska" in file.format.name and ours else 0
            count = round((file.duration - before) / av.time_base * fps)
    return count if 0 < count <= size else None
