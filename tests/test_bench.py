"""The bench: what it counts is what is computed, and what it says hangs together."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Generator
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.cli.main import main
from rltrack.errors import InputError
from rltrack.speed import bench
from rltrack.speed.bench import measure
from rltrack.speed.bench_tables import tables
from rltrack.speed.cost import ceilings, flops
from rltrack.speed.reference import ReferenceExtractor
from rltrack.speed.timing import frame_ms
from rltrack.tracking import presets
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.memory import Samples
from rltrack.tracking.presets import preset
from rltrack.tracking.training import fit, optimizer

QUICKER = {
    "first_iterations": 2,
    "first_positives": 8,
    "first_negatives": 16,
    "regression_samples": 12,
    "candidates": 8,
    "averaged_candidates": 2,
    "update_positives": 2,
    "update_negatives": 4,
    "update_iterations": 2,
    "update_interval": 2,
    "batch_positives": 2,
    "batch_negatives": 2,
    "mined_negatives": 8,
}
CEILINGS = {"convolution_gflops": 50.0, "matrix_gflops": 100.0, "copy_gb_per_s": 10.0}


def test_counted_features_are_what_the_plain_network_computes() -> None:
    extractor = ReferenceExtractor.of(load_vggm("random"))
    crops = torch.zeros(2, 3, 107, 107, dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter:
        extractor.features(crops)
    two = preset("tiny", candidates=2, averaged_candidates=1)
    none = preset("tiny", candidates=1, averaged_candidates=1)
    one_crop = flops(two, extractor)["features"] - flops(none, extractor)["features"]
    assert counter.get_total_flops() == 2 * one_crop
    with FlopCounterMode(display=False) as counter:
        Classifier(VGGM.feature_shape, Generator())(torch.zeros(2, 4608))
    assert counter.get_total_flops() == flops(two, extractor)["score"]


class Counter(TorchDispatchMode):
    """PyTorch's counts without its counter, whose hooks do not stand a second derivative."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func._overloadpacket):
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_weight": 0.0},
        {"second_order": False},
        {},
        {"map_at": "input"},
        {"map_at": "conv3"},
    ],
    ids=str,
)
def test_counted_iteration_is_what_the_tracker_computes(changes: dict[str, Any]) -> None:
    """Eight crops at most: more would be computed in other threads, where nothing is counted."""
    config = preset("tiny", batch_positives=2, batch_negatives=3, mined_negatives=7, **changes)
    generator = Generator().manual_seed(0)
    extractor, classifier = load_vggm("random"), Classifier(VGGM.feature_shape, generator)
    crops = torch.randint(0, 256, (9, 3, 107, 107), generator=generator, dtype=torch.uint8)
    samples = Samples(extractor.features(crops), crops)
    positives, negatives = samples.take(slice(2)), samples.take(slice(2, None))
    steps = optimizer(classifier, 1e-4, config)
    with Counter() as counter:
        fit(classifier, extractor, steps, positives, negatives, 1, config, generator)
    # Automatic differentiation also sends the ReLUs' second derivative, zeros, back through fc4-5.
    zeros = 5 * (4608 * 512 + 2 * 512 * 512)
    wasted = 2 * zeros * (config.attention_weight > 0 and config.second_order)
    assert counter.total - wasted == flops(config, extractor)["iteration"]


def test_a_frame_of_the_paper_is_about_200_gflop() -> None:
    paper = load_vggm("random")
    counted = flops(preset("paper"), paper)
    assert 190e9 < counted["frame"] < 230e9
    parts = counted["features"] + counted["score"] + 1.5 * counted["iteration"]
    assert counted["frame"] == pytest.approx(parts)
    assert flops(preset("paper", attention_weight=0), paper)["frame"] < 0.7 * counted["frame"]


def quick(**changes: Any) -> TrackerConfig:
    return preset("tiny", **{**QUICKER, **changes})


@pytest.fixture
def _known_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ceilings", lambda *_: CEILINGS)


@pytest.mark.usefixtures("_known_ceilings")
def test_measured_numbers_hang_together() -> None:
    stages: list[str] = []
    result = measure(
        config=quick(),
        realtime=quick(attention_weight=0),
        backbone="random",
        device="cpu",
        frames=4,
        repeats=1,
        on_stage=stages.append,
    )
    json.dumps(result, allow_nan=False)
    assert (result["device"], result["preset"], result["frames"]) == ("cpu", "tiny", 4)
    for key in ("baseline_ms", "faithful_ms", "realtime_ms", "first_fit_s", "peak_mib"):
        assert result[key] > 0
    for name in ("faithful", "realtime"):
        ratio = result["baseline_ms"] / result[f"{name}_ms"]
        assert result[f"{name}_ratio"] == pytest.approx(ratio)
    rate = flops(quick(), load_vggm("random"))["frame"] / (result["faithful_ms"] / 1000)
    assert result["fraction_of_ceiling"] == pytest.approx(rate / 100e9)

    composed = result["composed"]
    assert (composed["crops_a_frame"], composed["iterations_a_frame"]) == (14, 1.0)
    learning = composed["iteration_ms"] * composed["iterations_a_frame"]
    assert result["baseline_ms"] == pytest.approx(
        composed["crop_ms"] + composed["features_ms"] + composed["score_ms"] + learning
    )

    phases = result["phases"]
    assert phases["source"]["decode"]["n"] == 4
    assert set(phases["baseline"]) == {"crop", "features", "score", "iteration"}
    for name in ("faithful", "realtime"):
        times = phases[name]
        assert set(times) == {"crop", "features", "score", "iteration"}
        assert times["features"]["n"] == 3
        assert all(spread["median_ms"] > 0 <= spread["iqr_ms"] for spread in times.values())
        # A frame is at least its parts: features in every one, an update in every other.
        parts = times["features"]["median_ms"] + times["iteration"]["median_ms"]
        assert result[f"{name}_ms"] > 0.5 * parts
    assert [stage.split(":")[0] for stage in stages] == [
        "reading frames", "faithful", "faithful", "realtime", "realtime", "baseline", "the machine",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("without", "with_update", "interval", "expected"),
    [(1.0, 11.0, 10, 2000.0), (1.0, 3.0, 1, 3000.0), (0.5, 0.5, 7, 500.0)],
)
def test_updates_are_spread_over_the_frames(
    without: float, with_update: float, interval: int, expected: float
) -> None:
    config = preset("tiny", update_interval=interval)
    assert frame_ms(without, with_update, config) == pytest.approx(expected)


def test_the_machine_has_limits() -> None:
    best = ceilings(load_vggm("random"), repeats=1)
    assert set(best) == set(CEILINGS)
    assert all(value > 0 for value in best.values())


def test_too_few_frames_to_see_an_update() -> None:
    with pytest.raises(InputError, match=r"synthetic: 2 readable frames; .* at least 3: give"):
        measure(config=quick(), realtime=None, frames=2)


def test_the_first_box_is_the_ground_truths() -> None:
    with pytest.raises(InputError, match="no ground truth"):
        measure([np.zeros((40, 40, 3), np.uint8)] * 3, config=quick(), realtime=None)


# --- The command --------------------------------------------------------------------------------


@pytest.fixture
def _quicker(monkeypatch: pytest.MonkeyPatch, _known_ceilings: None) -> None:
    for name in ("tiny", "realtime"):
        monkeypatch.setitem(presets._CHANGES, name, {**QUICKER, "attention_weight": 0.0})
    monkeypatch.setattr(bench, "measure", partial(measure, frames=4, repeats=1))


@pytest.mark.usefixtures("_quicker")
def test_command_prints_tables_and_writes_json(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "times.json"
    options = ["--preset", "tiny", "--backbone", "random", "--device", "cpu", "--seed", "3"]
    assert main(["bench", *options, "--json", str(out)]) == 0
    shown, errors = capfd.readouterr()
    assert errors == ""
    for word in ("baseline (composed)", "faithful", "realtime", "iteration", "GFLOP/s", "GB/s"):
        assert word in shown
    result = json.loads(out.read_text())
    assert (result["seed"], result["frames"]) == (3, 4)
    assert [path.name for path in out.parent.iterdir()] == ["times.json"]


def test_tables_show_what_is_not_known_as_a_dash() -> None:
    spread = {"median_ms": 1.0, "iqr_ms": 0.5, "n": 3}
    phases = {"source": {"decode": spread}, "baseline": {"features": spread}, "faithful": {}}
    result = {
        "source": "film", "frames": 4, "preset": "realtime", "attention_weight": 5.0,
        "device": "cpu", "threads": 1, "baseline_ms": 9.0, "faithful_ms": 3.0, "realtime_ms": None,
        "faithful_ratio": 3.0, "realtime_ratio": None, "first_fit_s": 1.0,
        "realtime_first_fit_s": None, 
        "composed": {"without_fixed_gradients_ms": 9.0},
        "phases": {**phases, "realtime": None}, "flops": None,
        "fraction_of_ceiling": None, "ceilings": CEILINGS, "peak_mib": None,
    }  # fmt: skip
    console = Console(width=100)
    with console.capture() as capture:
        for table in tables(result):
            console.print(table)
    text = capture.get()
    assert "fraction" not in text
    assert "1.0 (0.5)" in text and " - " in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--json", "{tmp}"], "cannot write the times to"),
        (["--preset", "best"], "unknown preset 'best'"),
        (["--device", "tpu"], "unknown device 'tpu'"),
        (["--seed", "-1"], "seed is -1"),
        (["{tmp}/nothing"], "no such source"),
    ],
)
def test_bad_input_is_one_line_and_2(
    options: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *(option.format(tmp=tmp_path) for option in options)]) == 2
    shown, errors = capsys.readouterr()
    assert shown == ""
    assert errors.startswith("error: ") and says in errors and errors.count("\n") == 1


def test_stopped_it_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "measure", interrupted)
    assert main(["bench"]) == 130
