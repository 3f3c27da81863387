"""The sound of a video file, which goes along into another."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import OutputContainer

from rltrack.video.decoding import open_container

__all__ = ["Sound"]

log = logging.getLogger(__name__)

# By the output's suffix: the codecs whose packets are copied, as browsers play them there, and the
# one that all others are encoded with.
_CODECS = {
    ".mp4": (("aac", "mp3"), "aac"),
    ".mov": (("aac", "mp3"), "aac"),
    ".mkv": (("aac", "mp3", "opus", "vorbis", "flac", "ac3"), "aac"),
    ".webm": (("opus", "vorbis"), "libopus"),
}


class Sound:
    """Adds the sound of a video file to a container, piece by piece.

    Sound that cannot be read or written is left out from there on, with a warning: the pictures are
    what a run is about.

    Args:
        path: the file with the sound.
        container: where it goes; nothing has been written there yet.
        suffix: of the container's name, such as ".mp4".
    """

    def __init__(self, path: Path, container: OutputContainer, suffix: str) -> None:
        self._path, self._container = path, container
        self._file: Any = None
        self._pieces: Iterator[Any] = iter(())
        self._next: Any = None
        self._begin: Fraction | None = None
        try:
            self._file = open_container(path)
            self._stream = self._file.streams.best("audio")
            copied, encoder = _CODECS[suffix]
            known: Any = self._stream and self._stream.codec_context
            if known is None:
                raise ValueError("there is no decoder for it")
            self._copies = known.codec.canonical_name in copied
            if self._copies:
                self._output: Any = container.add_stream_from_template(cast(Any, self._stream))
                self._pieces = (p for p in self._file.demux(self._stream) if p.dts is not None)
            else:
                rate = 48000 if encoder == "libopus" else known.sample_rate
                self._output = container.add_stream(encoder, rate=rate)
                self._output.codec_context.layout = "mono" if known.channels == 1 else "stereo"
                self._pieces = self._file.decode(self._stream)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._stop(error)

    def write_until(self, begin: float, end: float) -> None:
        """Write the sound up to ``end`` that is not written yet. None before ``begin`` is written.

        Args:
            begin: seconds in the file at which the pictures begin. It never changes.
            end: seconds in the file.
        """
        self._begin = Fraction(begin).limit_denominator(10**6)
        try:
            while (piece := self._next or next(self._pieces, None)) is not None:
                self._next = piece
                start = self._seconds(piece)
                if start >= end:
                    return
                self._next = None
                if start >= begin:
                    self._write(piece)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._stop(error)

    def finish(self) -> None:
        """Write what the encoder holds back."""
        try:
            if self._begin is not None and not self._copies:
                self._container.mux(self._output.encode(None))
        except (av.FFmpegError, OSError, ValueError) as error:
            self._stop(error)

    def close(self) -> None:
        """Close the file with the sound. Nothing is read from it after that."""
        self._pieces, self._next = iter(()), None
        if self._file is not None:
            self._file.close()

    def _seconds(self, piece: Any) -> float:
        offset = Fraction(self._file.start_time or 0, av.time_base)
        return float((piece.pts if piece.pts is not None else piece.dts) * piece.time_base - offset)

    def _write(self, piece: Any) -> None:
        offset = Fraction(self._file.start_time or 0, av.time_base) + (self._begin or 0)
        shift = round(offset / piece.time_base)
        if self._copies:
            piece.pts = None if piece.pts is None else piece.pts - shift
            piece.dts -= shift
            piece.stream = self._output
            self._container.mux(piece)
        else:
            piece.pts -= shift
            self._container.mux(self._output.encode(piece))

    def _stop(self, error: Exception) -> None:
        log.warning("the sound of %s is left out: %s", self._path, error)
        self._copies = True  # nothing is left in an encoder to be written
        self.close()
