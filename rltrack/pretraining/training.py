"""Training conv1-3 on rendered lessons: resumable, on a CPU or a GPU."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from rltrack import __version__
from rltrack.backbones.cards import Card
from rltrack.backbones.convolution import Convolution
from rltrack.backbones.filter_banks import analytic_bank
from rltrack.backbones.interface import chunks
from rltrack.backbones.lrn_stage import pooled_once
from rltrack.backbones.registry import backbone_card, load_vggm
from rltrack.backbones.vggm import VGGM
from rltrack.errors import InputError
from rltrack.files import write_bytes
from rltrack.parallel import each
from rltrack.pretraining.crop_batches import CropBatch, draw_batch
from rltrack.pretraining.objectives import OBJECTIVES
from rltrack.pretraining.scenes import Change
from rltrack.pretraining.separation import HELD_OUT, held_out
from rltrack.pretraining.variants import scaled

__all__ = ["Recipe", "Trained", "card", "matched", "train"]


@dataclass(frozen=True)
class Recipe:
    """All that decides what the weights become.

    Raises:
        InputError: a value cannot be used.
    """

    objective: str = "neighbours"
    """Names of `OBJECTIVES`, joined by ``+``: their losses are added."""
    start: str = "analytic"
    """The backbone to begin with: a name or a file of VGG-M's layers."""
    steps: int = 20000
    scenes: int = 8
    """How many scenes are rendered for each step."""
    moments: int = 4
    """At how many moments each scene is seen. The first half of them is learned from."""
    form: float = 1.0
    light: float = 1.0
    """How much a scene changes between moments, see `rltrack.pretraining.scenes.Change`."""
    rate: float = 3e-3
    """Adam's learning rate, relative to the root mean square of each layer's weights. It falls like
    a cosine."""
    warmup: int = 100
    precision: str = "float32"
    """The precision of the convolutions, ``float32`` or ``bfloat16``."""
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = set(self.objective.split("+")) - set(OBJECTIVES)
        if unknown:
            raise InputError(
                f"unknown objective {', '.join(sorted(unknown))}; there are {', '.join(OBJECTIVES)}"
            )
        if self.precision not in ("float32", "bfloat16"):
            raise InputError(f"precision is {self.precision!r}; it must be float32 or bfloat16")
        if min(self.steps, self.scenes) < 1 or self.moments < 2:
            raise InputError("a recipe needs a step and a scene at least, and two moments")
        if min(self.form, self.light) < 0:
            raise InputError(f"form is {self.form}, light {self.light}; a change is 0 or more")
        highest = HELD_OUT // self.steps - 1  # each step has a seed of its own
        if not 0 <= self.seed <= highest:
            raise InputError(f"seed is {self.seed}; with so many steps it is from 0 to {highest}")


class Trained(NamedTuple):
    """Weights, and how the training went."""

    weights: dict[str, Tensor]
    losses: list[float]
    """The loss of every step."""
    seconds: float
    """The time that all steps took, those before an interruption included."""


def train(
    recipe: Recipe,
    out: Path,
    device: torch.device | str = "cpu",
    on_step: Callable[[int, float], None] | None = None,
    save_every: float = 60.0,
) -> Trained:
    """Make the weights of ``recipe``.

    The state is kept in ``out``. After an interruption, the same call goes on from there. On a CPU
    it ends with the same weights, bit for bit, because each step draws its own random numbers.

    Args:
        recipe: what to do.
        out: a folder, which is created if it is missing.
        device: where to render and train.
        on_step: called after each step with its number, from 1, and its loss.
        save_every: seconds between two saved states.

    Raises:
        InputError: ``out`` holds the state of another recipe, or a file that is no state.
    """
    device = torch.device(device)
    net = load_vggm(recipe.start, device=device).requires_grad_(True)
    generator = Generator(device).manual_seed(recipe.seed)
    objectives = nn.ModuleList(OBJECTIVES[name](generator) for name in recipe.objective.split("+"))
    learned = [*net.parameters(), *objectives.parameters()]
    sizes = [_size(p) for p in learned]
    groups = [{"params": [p]} for p in learned]
    adam = torch.optim.Adam(groups, lr=1.0, betas=(0.9, 0.99))
    state = _State(out, recipe, {**dict(net.named_parameters()), **_named(objectives)}, adam)
    losses, seconds = state.load()
    started = saved = time.perf_counter()
    between = True  # two steps: only then do the weights belong to the losses

    def keep() -> None:
        state.save(losses, seconds + time.perf_counter() - started)

    try:
        for step in range(len(losses), recipe.steps):
            generator.manual_seed(recipe.seed * recipe.steps + step)
            change = Change(recipe.form, recipe.light)
            lesson = draw_batch(recipe.scenes, recipe.moments, generator, change)
            loss = _backward(net, objectives, lesson, recipe.precision)
            for group, size in zip(adam.param_groups, sizes, strict=True):
                group["lr"] = size * recipe.rate * _pace(step, recipe)
            between = False
            adam.step()
            losses.append(loss)
            between = True
            adam.zero_grad()
            if on_step:
                on_step(step + 1, loss)
            if time.perf_counter() - saved > save_every:
                keep()
                saved = time.perf_counter()
    finally:
        if between:
            keep()
    weights = {name: p.detach().cpu() for name, p in net.named_parameters()}
    return Trained(weights, losses, seconds + time.perf_counter() - started)


def _size(parameter: Tensor) -> float:
    """Return what a parameter's steps are relative to: the root mean square of its values.

    Biases begin at zero. Their steps are relative to 1, which is small beside the responses that
    they are added to (about 10).
    """
    return float(parameter.detach().square().mean().sqrt()) or 1.0


def _pace(step: int, recipe: Recipe) -> float:
    rise = min(1.0, (step + 1) / recipe.warmup)
    angle = torch.tensor(torch.pi * step / recipe.steps, dtype=torch.float32)
    return rise * 0.5 * (1 + torch.cos(angle).item())


def _backward(net: VGGM, objectives: nn.ModuleList, lesson: CropBatch, precision: str) -> float:
    """Compute the loss, and leave its gradients with the parameters.

    On a CPU, several threads compute the convolutions, forward and back, each for a part of the
    crops. In between, the objectives see the features of all crops at once.
    """
    shape = lesson.crops.shape[:3]
    crops = lesson.crops.flatten(0, 2)
    crops = crops.contiguous(memory_format=torch.channels_last)
    device = crops.device
    convolutions = list(net.parameters())
    narrow = torch.bfloat16 if precision == "bfloat16" else torch.float32

    def forward(part: slice) -> Tensor:
        with torch.enable_grad():
            return _features(net, crops[part], narrow)

    parts = each(forward, chunks(len(crops), device), device)
    features = torch.cat([part.detach() for part in parts]).requires_grad_()
    loss = torch.stack([o(features.view(*shape, -1), lesson) for o in objectives]).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    given = torch.split(features.grad, [len(part) for part in parts])

    def back(task: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        part, gradient = task
        return torch.autograd.grad(part, convolutions, gradient)

    found = each(back, zip(parts, given, strict=True), device)
    for parameter, *gradients in zip(convolutions, *found, strict=True):
        parameter.grad = torch.stack(gradients).sum(0)
    return float(loss.detach())


def _features(net: VGGM, pixels: Tensor, narrow: torch.dtype) -> Tensor:
    """Do what `VGGM.forward` does, with a faster derivative and convolutions in ``narrow``."""

    def convolved(convolution: Convolution, x: Tensor) -> Tensor:
        weight, bias = (p.to(narrow) for p in convolution.parameters())
        return F.conv2d(x.to(narrow), weight, bias, convolution.stride).to(x.dtype)

    z2 = convolved(net.conv2, pooled_once(convolved(net.conv1, pixels)))
    return F.relu(convolved(net.conv3, pooled_once(z2))).flatten(1)


def _named(objectives: nn.ModuleList) -> dict[str, Tensor]:
    return {f"objective.{name}": p for name, p in objectives.named_parameters()}


class _State:
    """The state of a training on the disk: a safetensors file, written whole or not at all."""

    def __init__(
        self, out: Path, recipe: Recipe, learned: dict[str, Tensor], adam: torch.optim.Adam
    ) -> None:
        self.path, self.recipe = out / "state.safetensors", json.dumps(asdict(recipe))
        self.learned, self.adam = learned, adam

    def save(self, losses: list[float], seconds: float) -> None:
        from safetensors.torch import save

        tensors = {"losses": torch.tensor(losses, dtype=torch.float64)}
        for name, parameter in self.learned.items():
            tensors[name] = parameter.detach()
            for key, value in self.adam.state.get(parameter, {}).items():
                tensors[f"{name}:{key}"] = value
        about = {"recipe": self.recipe, "seconds": str(seconds)}
        write_bytes(self.path, save({k: v.contiguous() for k, v in tensors.items()}, about))

    def load(self) -> tuple[list[float], float]:
        """Return the losses so far, and the seconds that they took.

        If there is no state yet, there are no losses.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return [], 0.0
        try:
            with safe_open(self.path, framework="pt") as file:
                about = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}
        except (SafetensorError, OSError) as error:
            raise InputError(f"{self.path} is no training state ({error}); remove it") from error
        if about.get("recipe") != self.recipe:
            raise InputError(
                f"{self.path} belongs to the recipe {about.get('recipe')}; this one is "
                f"{self.recipe}: choose another folder"
            )
        for name, parameter in self.learned.items():
            parameter.data.copy_(tensors[name])
            found = {
                key.partition(":")[2]: value
                for key, value in tensors.items()
                if key.startswith(f"{name}:")
            }
            if found:
                self.adam.state[parameter] = {
                    key: value if key == "step" else value.to(parameter.device).view_as(parameter)
                    for key, value in found.items()
                }
        return tensors["losses"].tolist(), float(about["seconds"])


@torch.no_grad()
def matched(weights: dict[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """Return ``weights`` with conv3 scaled so that features are as large as the analytic bank's.

    The tracker's learning rates and the strength of its ridge suit this size, which is the root
    mean square of the features of held-out samples.
    """

    def size(bank: dict[str, Tensor]) -> float:
        generator = Generator().manual_seed(HELD_OUT + seed)
        return float(held_out(VGGM(bank), generator).square().mean().sqrt())

    return scaled(weights, size(analytic_bank()) / size(weights))


def card(recipe: Recipe, trained: Trained, device: torch.device) -> Card:
    """Return a card that says how these weights were made, with 100 mean losses on the way."""
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    begun = backbone_card(recipe.start)
    losses = torch.tensor(trained.losses, dtype=torch.float64)
    curve = [f"{part.mean():.4f}" for part in losses.tensor_split(min(100, len(losses)))]
    return Card(
        "trained",
        "Adam on scenes rendered on the fly: fractals, dead leaves, mosaics, waves and noise on "
        "shaded blobs, polygons and figures, which move, bend, hide each other and change light "
        "(rltrack.pretraining). The scenes are formulas of a random generator: nothing there "
        "opens a file, so no photograph and no frame of a video can have been used.",
        begun.licence,
        {
            "begun from": begun.recipe,
            **{name: str(value) for name, value in asdict(recipe).items()},
            "seconds": f"{trained.seconds:.0f}",
            "device": where,
            "versions": f"rltrack {__version__}, torch {torch.__version__}",
            "losses": " ".join(curve),
        },
    )
