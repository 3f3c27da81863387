"""The output files of a run: boxes, an annotated video, a summary, a page to look at.

They are written as the run goes.

A file takes its name only when it is complete. Until then the boxes are in a file
``<name>.<8 digits>.part`` beside it (see `rltrack.files.new_part`). Each row is written there as
soon as its frame is done, so that even a killed process leaves them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rltrack.data.sequences import Sequence as SequenceFolder
from rltrack.data.track_files import FORMATS, TrackedBox, Tracks
from rltrack.errors import InputError
from rltrack.files import (
    GrowingFile,
    WriteError,
    parts_of,
    try_each,
    write_bytes,
    write_json,
)
from rltrack.outputs import Input
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.video.annotation import draw_box, draw_result, draw_targets
from rltrack.video.excerpt import Span
from rltrack.video.heat_maps import confidence_map, overlay_heat, smoothed
from rltrack.video.own_files import own_outputs
from rltrack.video.sources import FrameSource
from rltrack.video.track_page import TrackPage
from rltrack.video.writer import VideoWriter

__all__ = ["HEADER", "OVERLAYS", "SEVERAL_HEADER", "Recorder", "for_tools"]

log = logging.getLogger(__name__)

Image = NDArray[np.uint8]

HEADER = "frame,x,y,w,h,score,found,time"
SEVERAL_HEADER = "frame,target,x,y,w,h,score,found,time"
OVERLAYS = ("attention", "confidence")

_ENDINGS = {"boxes": (".csv", *FORMATS), "summary": (".json",), "page": (".html",)}


class Recorder:
    """Writes the outputs that were asked for. If no frame is added, it writes nothing.

    If the name of the boxes' file ends in one of `rltrack.data.track_files.FORMATS`, it is of that
    form, for annotation tools. A CSV file has `HEADER`, then one row for each frame.
    Frames are counted from 0, boxes are in 0-based pixels with four decimals, found is 0 or 1, and
    time is when the frame is shown, in seconds from the beginning of the source (nan without a
    clock). With several targets the file has `SEVERAL_HEADER`, then one row for each frame and
    target, both counted from 0. The video shows each frame with the box, score and found of each
    target. Where a frame could not be read, it shows the last readable frame again. Its frames are
    shown for as long as those of the source, and it has the source's sound.

    Args:
        boxes: path of the file, .csv or one of the forms; None writes none.
        video: path of the video. Its suffix chooses the format, see `rltrack.video.writer`.
        summary: path of the JSON file, .json.
        html: path of the page, .html, see `rltrack.video.track_page.TrackPage`.
        overlay: heat to draw into the video. ``attention`` is the map A_p of the crop at the box,
            smoothed. ``confidence`` is the candidates' scores above 0, from the second frame on.
            With several targets their maps are drawn one over the other.
        fps: frames per second of the video, where no times are given; 25 if None.
        length: the number of frames that the source says it has; None if it does not say.
        sound: a video file whose sound goes into the video.
        inputs: all that the run reads, which is never overwritten.
        labels: names of the targets' classes, for annotation tools.
        first: a function that takes the first frame's time, and returns its number in the file or
            folder, for annotation tools; `open` calls it if such a file is asked for.
        images: names of the files of all frames, from number 0 on; none for a video.

    Attributes:
        kept: after `close`, the files that were completed, and how many frames are in each.

    Raises:
        InputError: one of the files cannot be written, its name ends differently, or there is a
            file that no run wrote. Nothing is changed in that case.
    """

    def __init__(
        self,
        *,
        boxes: str | Path | None = None,
        video: str | Path | None = None,
        summary: str | Path | None = None,
        html: str | Path | None = None,
        overlay: str | None = None,
        fps: float | None = None,
        length: int | None = None,
        sound: Path | None = None,
        inputs: Iterable[Input] = (),
        labels: Sequence[str] = (),
        first: Callable[[float], int] = lambda _: 0,
        images: Sequence[str] = (),
    ) -> None:
        if overlay is not None and overlay not in OVERLAYS:
            raise InputError(f"unknown overlay {overlay!r}; there are {', '.join(OVERLAYS)}")
        if overlay is not None and video is None:
            raise InputError(
                f"overlay {overlay!r} is drawn into the video: name that file, too (--video)"
            )
        given = {"boxes": boxes, "video": video, "summary": summary, "page": html}
        paths = own_outputs(given, inputs, _ENDINGS)
        for part in (part for path in paths.values() for part in parts_of(path)):
            log.warning("%s is of a run that was killed, or that is still at work", part)
        self.kept: dict[Path, int] = {}
        self._boxes, self._summary = paths.get("boxes"), paths.get("summary")
        self._video = VideoWriter(paths["video"], fps, sound) if "video" in paths else None
        self._page = TrackPage(paths["page"], length) if "page" in paths else None
        self._overlay = overlay
        self._form = None if self._boxes is None else FORMATS.get(self._boxes.suffix.lower())
        self._labels, self._first_number, self._images = labels, first, images
        self._tracked: list[TrackedBox] = []
        self._first = 0
        self._rows: GrowingFile | None = None
        self._image: Image = np.zeros((1, 1, 3), np.uint8)  # the last that was read
        self._count = 0  # of all frames; a full disk may keep the last one out of a file
        self._in_rows = 0

    def open(self, image: Image, time: float = math.nan) -> None:
        """Open the boxes' file and the video before there is something to write.

        What cannot be written is so known before the first frame is tracked.

        Args:
            image: the first image, (H, W, 3) uint8 RGB.
            time: when it is shown, in seconds.

        Raises:
            InputError: one of the files cannot be opened. None is left.
        """
        if self._form is not None:
            self._first = self._first_number(time)
        try:
            if self._boxes is not None:
                self._rows = GrowingFile(self._boxes)
            if self._video is not None:
                self._video.open(*draw_box(image, (0, 0, 1, 1)).shape[:2])
        except WriteError as error:
            self.close({})
            raise InputError(str(error)) from error

    def add(
        self,
        image: Image | None,
        results: Sequence[Result],
        trackers: Sequence[Tracker],
        truth: NDArray[np.float64] | None = None,
        time: float = math.nan,
    ) -> None:
        """Write a frame's rows and picture.

        Args:
            image: (H, W, 3) uint8 RGB; None if it could not be read.
            results: the results of this frame, one for each target.
            trackers: the trackers that gave them, for the overlay.
            truth: a single target's true box, to be drawn. None or NaN draws none.
            time: when the frame is shown, in seconds; NaN if that is not known.

        Raises:
            WriteError: one of the files cannot be written. The frames before are safe.
        """
        index, self._count = self._count, self._count + 1
        self._image = self._image if image is None else image
        if self._boxes is not None:
            self._rows = self._rows or GrowingFile(self._boxes)
            self._rows.append(_rows(index, results, time).encode())
            self._in_rows += 1
            if self._form is not None:
                height, width = self._image.shape[:2]
                self._tracked += [
                    # The first box was given, whatever its score is.
                    TrackedBox(
                        self._first + index,
                        target,
                        result.box,
                        result.found or not index,
                        (width, height),
                    )
                    for target, result in enumerate(results)
                ]
        if self._video is not None:
            self._video.write(self._picture(index, image, results, trackers, truth), time)
        if self._page is not None:
            self._page.add(image, results, trackers, truth)

    def close(self, summary: Mapping[str, object]) -> None:
        """Complete the files and give them their names.

        Raises:
            Exception: what kept one of them from being completed. The others are complete.
        """
        # A video that cannot be completed is removed, which makes room for the summary.
        try_each(
            [
                self._close_rows,
                self._close_video,
                lambda: self._write_summary(summary),
                lambda: self._write_page(summary),
            ]
        )

    def _picture(
        self,
        index: int,
        image: Image | None,
        results: Sequence[Result],
        trackers: Sequence[Tracker],
        truth: NDArray[np.float64] | None,
    ) -> Image:
        label, picture = f"frame {index}", self._image
        if image is None:
            label = f"{label} unreadable"
        else:
            for result, tracker in zip(results, trackers, strict=True):
                picture = self._heated(picture, index, image, result, tracker)
        if len(results) > 1:
            return draw_targets(picture, results, label=label)
        box, score, found = results[0]
        return draw_result(picture, box, score, found, ground_truth=truth, label=label)

    def _heated(
        self, picture: Image, index: int, image: Image, result: Result, tracker: Tracker
    ) -> Image:
        """Draw one target's heat over the picture."""
        if self._overlay == "attention":
            attention, _ = tracker.attention(image, result.box)
            return overlay_heat(picture, smoothed(attention), tracker.crop_extent(result.box))
        if self._overlay == "confidence" and index:  # in the first nothing is searched
            height, width = image.shape[:2]
            confidence = confidence_map(*tracker.candidates, (height, width))
            return overlay_heat(picture, confidence, (0, 0, width, height))
        return picture

    def _close_rows(self) -> None:
        if self._rows is None or self._boxes is None:
            return
        if self._form is None or not self._tracked:
            self._rows.finish()
        else:
            tracks = Tracks(self._tracked, self._labels, self._images)
            try:
                write_bytes(self._boxes, self._form(tracks))
            except Exception as error:  # whatever it is, the boxes are not lost
                raise WriteError(f"{error}; the boxes are in {self._rows.part}") from error
            self._rows.discard()
        if self._in_rows:
            self.kept[self._boxes] = self._in_rows

    def _close_video(self) -> None:
        if self._video is None:
            return
        self._video.close()
        if self._video.completed:
            self.kept[self._video.path] = self._video.completed

    def _write_summary(self, summary: Mapping[str, object]) -> None:
        if self._summary is None or not self._count:
            return
        write_json(self._summary, summary)
        self.kept[self._summary] = self._count

    def _write_page(self, summary: Mapping[str, object]) -> None:
        if self._page is None or not self._count:
            return
        self._page.write(summary)
        self.kept[self._page.path] = self._count


def for_tools(source: FrameSource, boxes: Iterable[object]) -> dict[str, Any]:
    """Return the arguments of a `Recorder` that files for annotation tools need.

    Args:
        source: the frames.
        boxes: the first boxes. One of a file has a label (`rltrack.data.first_boxes.FirstBox`).
    """
    sequence: SequenceFolder | None = getattr(source, "sequence", None)
    before = sequence.before if sequence else 0

    def first(time: float) -> int:
        return before + (source.first_number(time) if isinstance(source, Span) else 0)

    return {
        "labels": [getattr(box, "label", None) or "target" for box in boxes],
        "first": first,
        "images": [file.name for file in sequence.files] if sequence else [],
    }


def _rows(index: int, results: Sequence[Result], time: float) -> str:
    """Return a frame's rows of the CSV file, before the first frame's the header."""
    several = len(results) > 1
    rows = [] if index else [SEVERAL_HEADER if several else HEADER]
    for target, result in enumerate(results):
        row = f"{index},{target}" if several else f"{index}"
        numbers = ",".join(f"{number:.4f}" for number in (*result.box, result.score))
        rows.append(f"{row},{numbers},{result.found:d},{time:.6f}")
    return "".join(f"{row}\n" for row in rows)
