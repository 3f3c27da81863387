"""The output files of a run: boxes, an annotated video, a summary.

They are written as the run goes.

A file takes its name only when it is complete. Until then the boxes are in ``<name>.part``. Each
row is written there as soon as its frame is done, so that even a killed process leaves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from rltrack.errors import InputError
from rltrack.files import part_of, writable, write_json
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.video.annotation import draw_result, draw_targets
from rltrack.video.heat_maps import confidence_map, overlay_heat, smoothed
from rltrack.video.writer import VideoWriter

__all__ = ["HEADER", "OVERLAYS", "SEVERAL_HEADER", "Recorder"]

Image = NDArray[np.uint8]

HEADER = "frame,x,y,w,h,score,found"
SEVERAL_HEADER = "frame,target,x,y,w,h,score,found"
OVERLAYS = ("attention", "confidence")


class Recorder:
    """Writes the outputs that were asked for. If no frame is added, it writes nothing.

    The boxes are a CSV file: `HEADER`, then one row for each frame. Frames are counted from 0,
    boxes are in 0-based pixels with four decimals, and found is 0 or 1. With several targets the
    file has `SEVERAL_HEADER`, then one row for each frame and target, both counted from 0. The
    video shows each frame with the box, score and found of each target. Where a frame could not be
    read, it shows the last readable frame again.

    Args:
        boxes: path of the CSV file; None writes none.
        video: path of the video. Its suffix chooses the format, see `rltrack.video.writer`.
        summary: path of the JSON file.
        overlay: heat to draw into the video. ``attention`` is the map A_p of the crop at the box,
            smoothed. ``confidence`` is the candidates' scores above 0, from the second frame on.
            With several targets their maps are drawn one over the other.
        fps: frames per second of the video; 25 if None.
        source: the file or folder that the frames come from, which is never overwritten.

    Raises:
        InputError: one of the files cannot be written. Nothing is changed in that case.
    """

    def __init__(
        self,
        *,
        boxes: str | Path | None = None,
        video: str | Path | None = None,
        summary: str | Path | None = None,
        overlay: str | None = None,
        fps: float | None = None,
        source: Path | None = None,
    ) -> None:
        if overlay is not None and overlay not in OVERLAYS:
            raise InputError(f"unknown overlay {overlay!r}; there are {', '.join(OVERLAYS)}")
        if overlay is not None and video is None:
            raise InputError(f"overlay {overlay!r} is drawn into the video: say where that goes")
        given = {"boxes": boxes, "video": video, "summary": summary}
        paths = {
            what: writable(path, what, source) for what, path in given.items() if path is not None
        }
        if len({path.resolve() for path in paths.values()}) < len(paths):
            raise InputError(
                f"two outputs cannot be one file: {', '.join(map(str, paths.values()))}"
            )
        self.paths = tuple(paths.values())
        self._boxes, self._summary = paths.get("boxes"), paths.get("summary")
        self._video = VideoWriter(paths["video"], fps) if "video" in paths else None
        self._overlay = overlay
        self._rows: TextIO | None = None
        self._image: Image = np.zeros((1, 1, 3), np.uint8)  # the last that was read
        self._count = 0

    def add(
        self,
        image: Image | None,
        results: Sequence[Result],
        trackers: Sequence[Tracker],
        truth: NDArray[np.float64] | None = None,
    ) -> None:
        """Write a frame's rows and picture.

        Args:
            image: (H, W, 3) uint8 RGB; None if it could not be read.
            results: the results of this frame, one for each target.
            trackers: the trackers that gave them, for the overlay.
            truth: a single target's true box, to be drawn. None or NaN draws none.
        """
        if self._boxes is not None:
            several = len(results) > 1
            if self._rows is None:
                self._rows = part_of(self._boxes).open("w", encoding="utf-8", newline="\n")
                self._rows.write(f"{SEVERAL_HEADER if several else HEADER}\n")
            for target, result in enumerate(results):
                row = f"{self._count},{target}" if several else f"{self._count}"
                numbers = ",".join(f"{number:.4f}" for number in (*result.box, result.score))
                self._rows.write(f"{row},{numbers},{result.found:d}\n")
            self._rows.flush()
        if self._video is not None:
            self._video.write(self._picture(image, results, trackers, truth))
        self._count += 1

    def close(self, summary: Mapping[str, object]) -> None:
        """Complete the files and give them their names.

        Raises:
            Exception: what kept one of them from being completed. The others are complete.
        """
        if not self._count:
            return
        steps: list[Callable[[], None]] = [self._close_rows]
        if self._video is not None:
            steps.append(self._video.close)
        steps.append(lambda: self._write_summary(summary))
        problems = []
        for step in steps:
            try:
                step()
            except Exception as error:  # whatever befell one file, the others are completed
                problems.append(error)
        if problems:
            raise problems[0]

    def _picture(
        self,
        image: Image | None,
        results: Sequence[Result],
        trackers: Sequence[Tracker],
        truth: NDArray[np.float64] | None,
    ) -> Image:
        label = f"frame {self._count}"
        if image is None:
            label, picture = f"{label} unreadable", self._image
        else:
            picture = self._image = image
            for result, tracker in zip(results, trackers, strict=True):
                picture = self._heated(picture, image, result, tracker)
        if len(results) > 1:
            return draw_targets(picture, results, label=label)
        box, score, found = results[0]
        return draw_result(picture, box, score, found, ground_truth=truth, label=label)

    def _heated(self, picture: Image, image: Image, result: Result, tracker: Tracker) -> Image:
        """Draw one target's heat over the picture."""
        if self._overlay == "attention":
            attention, _ = tracker.attention(image, result.box)
            return overlay_heat(picture, smoothed(attention), tracker.crop_extent(result.box))
        if self._overlay == "confidence" and self._count:  # in the first nothing is searched
            height, width = image.shape[:2]
            confidence = confidence_map(*tracker.candidates, (height, width))
            return overlay_heat(picture, confidence, (0, 0, width, height))
        return picture

    def _close_rows(self) -> None:
        if self._rows is None or self._boxes is None:
            return
        self._rows.close()
        part_of(self._boxes).replace(self._boxes)

    def _write_summary(self, summary: Mapping[str, object]) -> None:
        if self._summary is None:
            return
        write_json(self._summary, summary)
