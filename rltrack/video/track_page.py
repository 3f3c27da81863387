"""The page of a run: key frames, trajectory, score over time, attention, settings.

It is one HTML file; see `rltrack.pages.document.page`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rltrack.errors import counted
from rltrack.evaluation.metrics import overlap
from rltrack.hardware import machine
from rltrack.pages.charts import Line, line_chart, spans_of
from rltrack.pages.document import write_page
from rltrack.pages.elements import facts, section, settings_table, table
from rltrack.pages.markup import Html, tag
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.video.key_frame_views import key_frame_list, stage
from rltrack.video.key_frames import KeyFrames
from rltrack.video.trajectory import Trajectory

__all__ = ["TrackPage"]

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_NAMED_SPANS = 8
"""Stretches without the target that are named one by one."""


class TrackPage:
    """Gathers what the page shows while a run goes, and writes it at the end.

    A page has at most about four megabytes, however long the video is.

    Args:
        path: the file. It is written by `write`, and nothing before that.
        length: the number of frames that the source says it has; None if it does not say.
    """

    def __init__(self, path: Path, length: int | None = None) -> None:
        self.path = path
        self._key_frames = KeyFrames(length)
        self._trajectory: Trajectory | None = None
        self._results: list[tuple[Result, ...]] = []
        self._truth: list[Array | None] = []
        self._last: tuple[int, Image, Sequence[Result], Sequence[Tracker], Array | None]

    def add(
        self,
        image: Image | None,
        results: Sequence[Result],
        trackers: Sequence[Tracker],
        truth: Array | None,
    ) -> None:
        """Take note of a frame; see `rltrack.video.recorder.Recorder.add`."""
        index = len(self._results)
        self._results.append(tuple(results))
        self._truth.append(truth)
        if image is None:
            return
        if self._trajectory is None:
            self._trajectory = Trajectory(image)
        self._last = index, image, results, trackers, truth
        self._key_frames.add(*self._last)

    def write(self, summary: Mapping[str, Any]) -> None:
        """Write the page.

        Args:
            summary: of the run; see `rltrack.video.tracks.Track.summary`.

        Raises:
            WriteError: it cannot be written.
        """
        index, image, results, trackers, truth = self._last
        device = trackers[0].device
        # A run that was stopped may have left a tracker between two frames.
        whole = summary["status"] == "done"
        frames = self._key_frames.close(index, image, results, trackers if whole else (), truth)
        assert self._trajectory is not None  # there is a frame
        name = str(summary["source"])
        write_page(
            self.path,
            f"{name}: track",
            tag("h1", name),
            tag("p", _lead(summary, len(results)), class_="lead"),
            *_notes(summary),
            _facts(summary, self._results),
            section(
                "Key frames",
                _about_boxes(summary),
                stage(),
                _about_attention(),
                key_frame_list(frames),
            ),
            section("Over time", tag("div", *self._charts(), class_="charts")),
            section("Trajectory", self._trajectory.figure(self._boxes(), self._truths())),
            *([_targets(self._results)] if len(results) > 1 else []),
            _settings(summary, device),
        )

    def _boxes(self) -> Array:
        """Return the boxes (T, K, 4) of K targets."""
        return np.array([[r.box for r in results] for results in self._results], np.float64)

    def _truths(self) -> Array | None:
        """Return the true boxes (T, 4), NaN where not known; None if none is known."""
        nothing = np.full(4, np.nan)
        known = np.array([nothing if each is None else each for each in self._truth], np.float64)
        return known if np.isfinite(known).all(1).any() else None

    def _charts(self) -> list[Html]:
        scores = np.array([[r.score for r in results] for results in self._results], np.float64)
        found = np.array([[r.found for r in results] for results in self._results], np.bool_)
        frames = np.arange(len(scores))
        several = scores.shape[1] > 1
        lines = [
            Line(f"target {k}" if several else "score", scores[:, k], k)
            for k in range(scores.shape[1])
        ]
        finite = scores[np.isfinite(scores)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (-1.0, 1.0)
        room = 0.08 * (max(high, 0) - min(low, 0)) or 1.0
        lost = [] if several else _merged(spans_of(~found[:, 0]), len(found))
        about = f"From {low:+.2f} to {high:+.2f}.".replace("-", "−") if len(finite) else ""
        if several:
            about += " A target is found while its score is above 0."
        else:
            about += f" Above 0 the target is found. {_lost_words(found[:, 0])}"
        charts = [
            line_chart(
                frames,
                lines,
                title="Score (logit)",
                about=about.strip(),
                x_label="frame",
                y_range=(min(low, 0) - room, max(high, 0) + room),
                level=0,
                bands=lost,
                of_frames=True,
            )
        ]
        truth = self._truths()
        if truth is not None:
            known = np.isfinite(truth).all(1)
            ious = np.where(known, overlap(self._boxes()[:, 0], np.nan_to_num(truth)), np.nan)
            good = float((ious[known] > 0.5).mean())
            charts.append(
                line_chart(
                    frames,
                    [Line("overlap", ious, 2)],
                    title="Overlap with the ground truth (IoU)",
                    about=f"{np.nanmean(ious):.2f} on average; above 0.5 in {good:.0%} of "
                    f"{counted(int(known.sum()), 'frame')}.",
                    x_label="frame",
                    y_range=(0, 1),
                    level=0.5,
                    bands=lost,
                    of_frames=True,
                )
            )
        return charts


def _lead(summary: Mapping[str, Any], targets: int) -> str:
    what = "One target" if targets == 1 else f"{targets} targets"
    return (
        f"{what}, followed through {counted(summary['frames'], 'frame')} by rltrack "
        f"{summary['version']} with the preset {summary['preset']}."
    )


def _notes(summary: Mapping[str, Any]) -> list[Html]:
    """Say what a reader has to know before anything else."""
    notes, expected = [], summary["frames_expected"]
    of = f" of {expected} frames" if expected else " frames"
    if summary["status"] != "done":
        ended = "was interrupted" if summary["status"] == "interrupted" else "failed"
        notes.append(f"The run {ended} after {summary['frames']}{of}.")
    elif expected and summary["frames"] < expected:
        notes.append(f"The video ended after {summary['frames']}{of}.")
    if summary["frames_unreadable"]:
        notes.append(f"{counted(summary['frames_unreadable'], 'frame')} could not be read.")
    return [tag("p", " ".join(notes), class_="note", role="note")] if notes else []


def _facts(summary: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> Html:
    frames = len(results)
    counts = [sum(each[k].found for each in results) for k in range(len(results[0]))]
    several = len(counts) > 1
    share = f"{min(counts) / frames:.0%} to {max(counts) / frames:.0%}" if several else (
        f"{counts[0] / frames:.0%}"
    )  # fmt: skip
    total = f"of {frames} frames" + ", from target to target" * several
    pairs = {"Target found": (share, total if several else f"{counts[0]} {total}")}
    if summary["os"] is not None:
        pairs["Overlap, OS"] = (f"{summary['os']:.3f}", "area under the success curve")
        pairs["Precision, DP"] = (f"{summary['dp20']:.3f}", "centre within 20 px")
        if summary["cle"] is not None:
            pairs["Centre error"] = (f"{summary['cle']:.1f} px", "mean")
    if summary["fps"] is not None:
        digits = 1 if summary["fps"] >= 10 else 2
        pairs["Speed"] = (f"{summary['fps']:.{digits}f} FPS", "tracking alone, after frame 0")
    return facts(pairs)


def _about_boxes(summary: Mapping[str, Any]) -> Html:
    truth = " Thin and white: the ground truth." if summary["os"] is not None else ""
    words = f"Solid box: the target is found. Dashed: it is not.{truth}"
    return tag("p", words, class_="quiet")


def _about_attention() -> Html:
    return tag(
        "p",
        tag("b", "Attention."),
        " The grey picture is the crop that the network sees at the box. Its colours say how much "
        "each place raises the target's score, from the map's lowest place (grey) to its highest "
        "(yellow). σ/μ is the map's deviation over its mean: the lower it is, the more evenly the "
        "attention covers the crop.",
        class_="quiet",
    )


def _lost_words(found: NDArray[np.bool_]) -> str:
    spans = spans_of(~found)
    if not spans:
        return "It is found in all frames."
    named = [f"{a}" if a == b else f"{a} to {b}" for a, b in spans[:_NAMED_SPANS]]
    more = f" and {len(spans) - _NAMED_SPANS} more stretches" if len(spans) > _NAMED_SPANS else ""
    frames = "frame" if len(spans) == 1 and spans[0][0] == spans[0][1] else "frames"
    return f"Tinted, it is not found: {frames} {', '.join(named)}{more}."


def _merged(spans: Sequence[tuple[int, int]], frames: int) -> list[tuple[float, float]]:
    """Widen spans by half a frame, and join those that a screen cannot show apart."""
    joined: list[tuple[float, float]] = []
    for start, end in spans:
        if joined and start - 0.5 - joined[-1][1] < frames / 500:
            joined[-1] = joined[-1][0], end + 0.5
        else:
            joined.append((start - 0.5, end + 0.5))
    return joined


def _targets(results: Sequence[Sequence[Result]]) -> Html:
    rows = []
    for k, first in enumerate(results[0]):
        found = sum(each[k].found for each in results)
        box = ", ".join(f"{side:.1f}" for side in first.box)
        rows.append((f"target {k}", box, f"{found} of {len(results)}"))
    heads = ("target", "first box (x, y, w, h)", "found in frames")
    return section("Targets", table(heads, rows, caption="Targets in the order of their boxes"))


def _settings(summary: Mapping[str, Any], device: torch.device) -> Html:
    box = summary["first_box"]
    pairs = {
        "source": str(summary["source"]),
        "rltrack": str(summary["version"]),
        "PyTorch": torch.__version__,
        "preset": str(summary["preset"]),
        "variant": str(summary["variant"]),
        "λ (attention weight)": f"{summary['attention_weight']:g}",
        "backbone": str(summary["backbone"]),
        "seed": str(summary["seed"]),
        "device": str(summary["device"]),
        "hardware": machine(device),
        "first box (x, y, w, h)": ", ".join(f"{side:g}" for side in box),
    }
    every = {name: _value(value) for name, value in summary["config"].items()}
    return section(
        "Settings",
        settings_table(pairs, caption="Settings of this run"),
        tag(
            "details",
            tag("summary", "The whole configuration"),
            settings_table(every, caption="All fields of rltrack.TrackerConfig"),
        ),
    )


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
