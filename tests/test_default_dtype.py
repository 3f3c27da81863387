"""PyTorch's default dtype is the user's: the package does not compute with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rltrack.backbones.filter_banks import analytic_bank, random_bank
from rltrack.backbones.timm_model import TimmModel
from rltrack.demo_film.film import synthetic
from rltrack.pretraining.textures import TEXTURES
from rltrack.tracking.presets import PRESETS, preset
from rltrack.tracking.tracker import Tracker

PACKAGE = Path(__file__).resolve().parents[1] / "rltrack"

FILM = synthetic(frames=2, size=(160, 120), seed=0)
FRAMES = [image for image in FILM if image is not None]

# The configurations are whole in all that branches, and small in all that counts.
SMALL = {
    "first_iterations": 1,
    "first_positives": 8,
    "first_negatives": 16,
    "regression_samples": 12,
    "candidates": 8,
    "update_iterations": 1,
    "update_interval": 1,
    "update_positives": 4,
    "update_negatives": 8,
    "batch_positives": 2,
    "batch_negatives": 2,
    "mined_negatives": 8,
}


@pytest.fixture
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def numbers(name: str, variant: str) -> NDArray[np.float64]:
    config = preset(name, variant=variant, **SMALL)
    backbone = "random" if name == "released-code" else "embedded"
    tracker = Tracker(config, backbone=backbone, device="cpu")
    first = tracker.init(FRAMES[0], FILM.ground_truth[0])
    results = [first, *(tracker.update(image) for image in FRAMES[1:])]
    _, scores = tracker.candidates
    return np.array([*np.ravel([(*r.box, r.score) for r in results]), *scores])


RUNS = [*((name, "reciprocative") for name in PRESETS), ("tiny", "attentive-features")]
EXPECTED: dict[tuple[str, str], NDArray[np.float64]] = {}


@pytest.fixture(scope="module", autouse=True)
def expected() -> None:
    """Track while PyTorch's default dtype is as PyTorch starts."""
    EXPECTED.update({run: numbers(*run) for run in RUNS})


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("run", RUNS, ids=str)
def test_results_do_not_depend_on_it(run: tuple[str, str]) -> None:
    np.testing.assert_array_equal(numbers(*run), EXPECTED[run])


@pytest.mark.usefixtures("double")
def test_everything_made_is_of_single_precision() -> None:
    made = [*analytic_bank.__wrapped__(0).values(), *random_bank().values()]
    generator = torch.Generator().manual_seed(0)
    made += [texture(1, 16, generator) for texture in TEXTURES]
    assert {tensor.dtype for tensor in made} == {torch.float32}


@pytest.mark.usefixtures("double")
def test_a_network_of_the_users_is_converted() -> None:
    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = torch.nn.Conv2d(3, 4, 3, stride=8, padding=1)

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [self.convolution(x)]

    model = TimmModel(Network(), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    side = model.crop.size
    crops = torch.zeros(1, 3, side, side, dtype=torch.uint8)
    assert model.features(crops).dtype == torch.float32


MAKE_FLOATS = {
    *("rand", "randn", "zeros", "ones", "empty", "full", "eye", "linspace", "logspace"),
    *("fftfreq", "rfftfreq", "tensor"),
}


def test_functions_that_make_floats_name_their_dtype() -> None:
    silent = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name = ast.unparse(node.func)
            made = name.startswith("torch.") and node.func.attr in MAKE_FLOATS
            # `torch.tensor` of an array or of whole numbers does not depend on the default.
            listed = node.args and isinstance(node.args[0], ast.List | ast.BinOp)
            array = node.func.attr == "tensor" and not listed
            if made and not array and not any(k.arg in ("dtype", None) for k in node.keywords):
                silent.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    assert not silent
