"""Chapter 7: whether trackers lose their overlap by the place of their boxes or by their size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rltrack.benchmarks.published import SCORED, published_files, titled
from rltrack.benchmarks.report_tables import table
from rltrack.benchmarks.selection import gathered
from rltrack.cache import data_dir
from rltrack.evaluation.box_errors import BoxErrors, box_errors
from rltrack.evaluation.ground_truth import load
from rltrack.evaluation.raw_results import read_results
from rltrack.files import write_json
from rltrack.text_files import read_json
from rltrack.tracking.config import TrackerConfig

__all__ = ["box_errors_table", "keep_box_errors"]

FILE = f"box_errors_{SCORED}.json"
"""The name of the kept file."""


def keep_box_errors(
    kept: Path, trackers: Mapping[str, TrackerConfig], *, data: str | Path | None = None
) -> None:
    """Write what is wrong with the boxes of our kept runs and of published trackers on ``dev18``.

    Args:
        kept: the folder of kept runs, which gets the file. It also holds the scores of the
            published trackers, which say what their files are called.
        trackers: ours, by name. They have the backbone ``lite0``.
        data: the folder that holds ``otb/``, with the ground truth, and
            ``results/otb100/<Tracker>.json.gz``. The default is `rltrack.cache.data_dir`.
    """
    place = Path(data) if data else data_dir()
    benchmark = load(SCORED, data=place)
    found: dict[str, dict[str, list[BoxErrors]]] = {}
    for run in gathered(trackers, SCORED, backbone="lite0", kept=kept):
        target = run["target"]
        one = box_errors(run["boxes"], benchmark.truth[target])
        found.setdefault(run["tracker"], {}).setdefault(target, []).append(one)
    files = [place / "results" / "otb100" / f"{name}.json.gz" for name in published_files(kept)]
    for name, boxes in read_results(files, benchmark.names, benchmark.truth).items():
        found[titled(name)] = {
            target: [box_errors(rows, benchmark.truth[target])] for target, rows in boxes.items()
        }
    write_json(kept / FILE, {name: _means(of) for name, of in found.items()})


def _means(of: Mapping[str, list[BoxErrors]]) -> dict[str, Any]:
    """Average over targets, each of which counts with the mean of its runs."""
    means = np.mean([np.mean(runs, axis=0) for runs in of.values()], axis=0)
    return {
        "targets": len(of),
        "runs": sum(map(len, of.values())),
        **BoxErrors(*means.round(5).tolist())._asdict(),
    }


def box_errors_table(kept: Path) -> str:
    """Make a Markdown table of the file that `keep_box_errors` wrote, the best tracker first."""
    trackers = read_json(kept / FILE)
    ranked = sorted(trackers.items(), key=lambda item: -item[1]["os"])
    rows = [
        (
            name,
            *(f"{one[key]:.3f}" for key in ("os", "true_size", "true_center")),
            f"{np.expm1(one['growth']):+.0%}",
        )
        for name, one in ranked
    ]
    heads = "OS", "with the true size", "with the true centre", "sides, compared with the true ones"
    return table(("tracker", *heads), rows)
