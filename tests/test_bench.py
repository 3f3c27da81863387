"""The bench: what it counts is what is computed, and what it says hangs together."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Generator
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from rltrack.backbones.registry import load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.benchmarks import kept_accuracy, opencv_trackers
from rltrack.benchmarks.kept_accuracy import Accuracy, KeptAccuracy
from rltrack.chapters import book_results
from rltrack.cli.main import main
from rltrack.demo_film.film import synthetic
from rltrack.errors import InputError
from rltrack.speed import bench, bench_tables
from rltrack.speed import timed_run as timed_run_module
from rltrack.speed.bench import measure, usual_trackers
from rltrack.speed.ceilings import ceilings
from rltrack.speed.cost import Operation, Stage, at_best_ms, flops, frame_samples, stages
from rltrack.speed.reference import ReferenceExtractor
from rltrack.speed.timed_run import timed_peer, timed_run
from rltrack.tracking import frame as frame_module
from rltrack.tracking import presets
from rltrack.tracking.classifier import Classifier
from rltrack.tracking.config import TrackerConfig
from rltrack.tracking.memory import Samples
from rltrack.tracking.presets import preset
from rltrack.tracking.region import Region
from rltrack.tracking.result import Result
from rltrack.tracking.tracker import Tracker
from rltrack.tracking.training import fit, optimizer
from rltrack.video.own_files import is_own

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


def test_counted_region_is_what_the_tracker_computes() -> None:
    config, film = preset("realtime", first_iterations=1), synthetic(3)
    tracker = Tracker(config, backbone="random", device="cpu")
    x, y, w, _ = film.ground_truth[0]
    images = list(film)
    tracker.init(images[0], (x, y, w, w))
    made: list[Region] = []
    counter = Counter()

    def counted(*given: Any) -> Region:
        with counter:
            made.append(Region(*given))
        return made[-1]

    with mock.patch.object(frame_module, "Region", counted):
        tracker.update(images[1])
    found = stages(config, tracker.extractor)
    assert found["convolutions"].flops == flops(config, tracker.extractor)["features"]
    assert found["convolutions"].flops == counter.total
    # An interpolated number is a sum of four products.
    n = frame_samples(config)
    features = made[0].features(tracker._target.expand(n, 4))
    assert found["interpolation"].flops == 2 * 4 * features.numel()
    cells = 512 * len(made[0].map_cells()) ** 2
    assert found["interpolation"].bytes == 4 * (features.numel() + cells)


def test_counted_layers_are_as_wide_as_the_classifiers() -> None:
    config, extractor = preset("realtime", candidates=7), load_vggm("random")
    classifier = Classifier(VGGM.feature_shape, Generator(), units=config.hidden_units)
    with FlopCounterMode(display=False) as counter:
        classifier(torch.zeros(7, 4608))
    assert counter.get_total_flops() == flops(config, extractor)["score"]
    weights = [p for p in classifier.parameters() if p.dim() == 2]
    descent = 6 * 4 * sum(weight.numel() for weight in weights)
    assert stages(config, extractor)["descent"].bytes == descent


def test_a_layer_moves_its_input_its_weights_and_its_output() -> None:
    net = load_vggm("random")
    conv1 = stages(preset("paper", candidates=1, update_positives=1, update_negatives=1), net)
    moved = conv1["convolutions"].operations[0].bytes
    whole = 3 * (3 * 107**2 + 96 * 51**2) + (net.conv1.weight.numel() + 96) * 3 / 16
    assert moved == pytest.approx(4 * whole)  # three crops, each a 16th of a batch


def test_a_stage_takes_the_longer_of_arithmetic_and_memory() -> None:
    known = {"convolution_gflops": 50.0, "matrix_gflops": 100.0, "copy_gb_per_s": 10.0}
    stage = Stage("features", (Operation(1e9, 1e7), Operation(1e8, 1e8)), 0.5)
    assert stage.at_best_ms(known) == pytest.approx(10 + 10)
    best = at_best_ms({"a": stage, "b": Stage("score", (Operation(1e9, 0),))}, known)
    assert best == pytest.approx({"features": 20, "score": 10, "frame": 20})


@pytest.mark.usefixtures("_known_ceilings")
def test_measured_numbers_hang_together() -> None:
    told: list[str] = []
    trackers = {"small": quick(attention_weight=0), "whole": quick()}
    result = measure(
        trackers=trackers,
        peers={"still": Still(), "broken": Broken()},
        backbone="random",
        device="cpu",
        frames=5,
        repeats=1,
        on_stage=told.append,
    )
    json.dumps(result, allow_nan=False)
    assert (result["device"], result["size"], result["decode"]["n"]) == ("cpu", [320, 240], 5)
    plain = result["baseline"]
    for name, config in trackers.items():
        one = result["trackers"][name]
        assert one["attention_weight"] == config.attention_weight
        assert one["fps"] == pytest.approx(1000 / one["frame_ms"])
        assert one["times_faster"] == pytest.approx(plain["frame_ms"] / one["frame_ms"])
        assert one["at_best_ms"] == at_best_ms(stages(config, load_vggm("random")), CEILINGS)
        of_limit = one["at_best_ms"]["frame"] / one["frame_ms"]
        assert one["fraction_of_limit"] == pytest.approx(of_limit)
        assert 0 < one["frame_ms"] <= one["slowest_ms"]
    small, whole = result["trackers"].values()
    assert 0 < small["peak_mib"] <= whole["peak_mib"]
    assert set(whole["stages"]) - set(small["stages"]) == {"attention"}

    composed = plain["composed"]
    assert (composed["crops_a_frame"], composed["iterations_a_frame"]) == (14, 1.0)
    learning = composed["iteration_ms"] * composed["iterations_a_frame"]
    assert plain["frame_ms"] == pytest.approx(
        composed["crop_ms"] + composed["features_ms"] + composed["score_ms"] + learning
    )
    assert set(plain["phases"]) == {"crop", "features", "score", "iteration"}

    still, broken = result["peers"].values()
    assert still["times_faster"] > whole["times_faster"] and still["found"] == 2
    assert broken == {"failed": "broken inside"}
    assert [stage.split(":")[0] for stage in told] == [
        "reading frames", "small", "small", "whole", "whole", "still", "broken", "baseline",
        "the machine",
    ]  # fmt: skip


class Still:
    """Says that the target is where it was, in every other frame."""

    frames = 0

    def init(self, image: Any, box: Any) -> Result:
        self.box = tuple(box)
        return Result(self.box, 0.0, True)

    def update(self, image: Any) -> Result:
        self.frames += 1
        return Result(self.box, 0.0, self.frames % 2 == 0)


class Broken(Still):
    def update(self, image: Any) -> Result:
        raise RuntimeError("broken inside")


class Clockwork(Tracker):
    """Takes a second of a made clock for a frame, and ten more for each gradient step."""

    clock: list[float]

    def init(self, image: Any, box: Any) -> Result:
        self.frames, self.lost = 0, 0
        self.clock[0] += 100
        return Result(tuple(box), 0.0, True)

    def update(self, image: Any) -> Result:
        self.frames += 1
        found = bool(self.config.success_threshold < 0)
        self.lost += not found
        steps = self.steps(found)
        self.clock[0] += 1 + 10 * steps
        self._stopwatch._seconds["features"] += 1
        self._stopwatch._seconds["update"] += 10 * steps
        return Result((0, 0, 1, 1), [0.5, -0.5][self.frames % 2], found)

    def steps(self, found: bool) -> int:
        return 0 if found and self.frames % 4 else 8


class Spread(Clockwork):
    """Spreads an update over the frames after it."""

    def steps(self, found: bool) -> int:
        return 2 if self.frames > 4 else 0


@pytest.mark.parametrize(("kind", "slowest", "lost"), [(Clockwork, 81, 81), (Spread, 21, 21)])
def test_a_frame_has_its_share_of_an_update_however_that_is_spread(
    kind: type[Clockwork], slowest: float, lost: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(timed_run_module.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(timed_run_module, "ENOUGH", 100)
    monkeypatch.setattr(kind, "clock", clock, raising=False)
    config = quick(update_interval=4, update_iterations=8)
    tracker = kind(config, backbone="random", device="cpu")
    run = timed_run(tracker, [np.zeros((8, 8, 3), np.uint8)] * 40, (0, 0, 4, 4))
    assert (run.first_frame_s, run.frame_ms / 1000) == (100, 1 + 8 / 4 * 10)
    assert (run.slowest_ms / 1000, run.lost_ms) == (slowest, 1000 * lost)
    assert (run.timed, run.frames, run.found) == (8, 12, 6)  # two intervals take more than 100 s
    assert run.phases["iteration"] == {"median_ms": 10_000, "iqr_ms": 0, "n": 2}
    assert run.phases["features"] == {"median_ms": 1000, "iqr_ms": 0, "n": 8}
    assert (tracker.frames, tracker.lost) == (15, 3)


def test_frames_after_the_last_whole_interval_do_not_count() -> None:
    run = timed_run(
        Tracker(quick(attention_weight=0), backbone="random", device="cpu"),
        [*synthetic(6, size=(64, 48))],
        (20, 10, 20, 20),
    )
    assert (run.timed, run.frames) == (2, 5)


def test_a_peer_is_timed_over_all_frames() -> None:
    run = timed_peer(Still(), [np.zeros((8, 8, 3), np.uint8)] * 5, (0, 0, 4, 4))
    assert (run.timed, run.found, run.lost_ms, run.phases) == (4, 2, None, {})


def test_the_usual_trackers_need_more_and_more_memory() -> None:
    weights = {name: config.attention_weight for name, config in usual_trackers().items()}
    assert weights == {"realtime": 0, "paper, lambda 0": 0, "paper, lambda 5": 5}
    assert [*weights] == ["realtime", "paper, lambda 0", "paper, lambda 5"]
    assert [*usual_trackers("realtime")] == ["realtime"]


def test_the_machine_has_limits() -> None:
    best = ceilings(load_vggm("random"), repeats=1)
    assert set(best) == set(CEILINGS)
    assert all(value > 0 for value in best.values())


def test_too_few_frames_to_see_updates() -> None:
    with pytest.raises(InputError, match=r"synthetic: 4 readable frames; .* at least 5: give"):
        measure(trackers={"one": quick()}, frames=4)


def test_the_first_box_is_the_ground_truths() -> None:
    with pytest.raises(InputError, match="no ground truth"):
        measure([np.zeros((40, 40, 3), np.uint8)] * 5, trackers={"one": quick()})


# --- The command --------------------------------------------------------------------------------


@pytest.fixture
def _quicker(monkeypatch: pytest.MonkeyPatch, _known_ceilings: None) -> None:
    for name in ("tiny", "realtime"):
        monkeypatch.setitem(presets._CHANGES, name, {**QUICKER, "attention_weight": 0.0})
    monkeypatch.setattr(bench, "measure", partial(measure, frames=5, repeats=1))


def test_tables_have_all_their_digits_on_80_columns() -> None:
    kept = json.loads((book_results.kept_results() / "bench_cpu.json").read_text())
    kept["trackers"] = {
        name.replace("paper", "released-code"): one for name, one in kept["trackers"].items()
    }
    for table in bench_tables.tables(kept):
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(table)
        assert "\u2026" not in console.export_text()


@pytest.mark.usefixtures("_quicker")
def test_command_prints_tables_and_writes_what_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = {"csrt": Still()}, {"kcf": "the OpenCV installed here has no kcf"}
    monkeypatch.setattr(opencv_trackers, "installed", lambda _: peers)
    accuracy = KeptAccuracy(("Deer",), {"tiny, lambda 0": Accuracy(0.5, 0.4, 0.6, 1)}, {})
    monkeypatch.setattr(kept_accuracy, "kept_accuracy", lambda *_: accuracy)
    times, figure = tmp_path / "new" / "times.json", tmp_path / "new" / "figure.png"
    options = ["--preset", "tiny", "--backbone", "random", "--device", "cpu", "--seed", "3"]
    written = ["--json", str(times), "--figure", str(figure)]
    assert main(["bench", *options, *written]) == 0
    shown, errors = capfd.readouterr()
    assert errors == ""
    for word in ("baseline", "tiny, lambda 0", "realtime", "iteration", "GFLOP/s", "GB/s"):
        assert word in shown
    assert "kcf is not in the table: the OpenCV installed here has no kcf" in " ".join(
        shown.split()
    )
    assert is_own(times) and is_own(figure)
    result = json.loads(times.read_text())
    assert (result["seed"], [*result["trackers"]]) == (3, ["realtime", "tiny, lambda 0"])
    assert result["peers"]["kcf"] == {"failed": peers[1]["kcf"]}
    assert sorted(path.name for path in times.parent.iterdir()) == ["figure.png", "times.json"]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_figure_needs_a_copy_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(book_results, "_BOOK", tmp_path)
    assert main(["bench", "--figure", str(tmp_path / "a.png")]) == 2
    assert "--figure needs the runs that the book keeps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--json", "{tmp}"], "cannot write the times to"),
        (["--figure", "{tmp}/a.txt"], "its name must end in .pdf or .png or .svg"),
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


class Stopped(Still):
    def update(self, image: Any) -> Result:
        raise KeyboardInterrupt


@pytest.mark.usefixtures("_quicker")
def test_stopped_it_keeps_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opencv_trackers, "installed", lambda _: ({"csrt": Stopped()}, {}))
    options = ["--preset", "tiny", "--backbone", "random", "--device", "cpu"]
    assert main(["bench", *options, "--json", str(tmp_path / "times.json")]) == 130
    shown, errors = capsys.readouterr()
    assert "realtime" in shown and "iteration" in shown and "GFLOP" not in shown
    assert errors == "interrupted; the tables have what was measured\n"
    result = json.loads((tmp_path / "times.json").read_text())
    assert result["interrupted"] and result["baseline"] is None
    assert [*result["trackers"]] == ["realtime", "tiny, lambda 0"]


def test_stopped_before_it_measured_anything_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "timed_run", interrupted)
    monkeypatch.setattr(Tracker, "init", lambda *_: None)
    monkeypatch.setattr(Tracker, "update", lambda *_: None)
    assert main(["bench", "--preset", "tiny", "--backbone", "random"]) == 130
    assert capsys.readouterr() == ("", "interrupted; nothing was measured yet\n")
