"""Train a backbone on rendered scenes; no photograph enters. Resumable: the same command goes on.

OUT gets `state.safetensors`, from which training goes on, and at the end `backbone.safetensors`,
the float16 weights with their card: `rltrack track --backbone OUT/backbone.safetensors`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch
from _run import exit_status
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from rltrack.backbones.vggm import VGGM
from rltrack.backbones.weights import save_backbone
from rltrack.cli.terminal import stop_signals
from rltrack.outputs import checked_folder
from rltrack.pretraining.objectives import OBJECTIVES
from rltrack.pretraining.separation import separation
from rltrack.pretraining.training import Recipe, Trained, card, matched, train
from rltrack.tracking.inputs import pick_device


def _options() -> argparse.Namespace:
    default = Recipe()
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("out", type=Path, metavar="OUT")
    names = ", ".join(OBJECTIVES)
    made.add_argument("--objective", default=default.objective, help=f"of {names}; joined by +")
    made.add_argument("--start", default=default.start, help="a backbone, or a file (%(default)s)")
    made.add_argument("--steps", type=int, default=default.steps, help="(%(default)s)")
    made.add_argument("--scenes", type=int, default=default.scenes, help="a step (%(default)s)")
    made.add_argument("--moments", type=int, default=default.moments, help="(%(default)s)")
    made.add_argument("--form", type=float, default=default.form, help="its change (%(default)s)")
    made.add_argument("--light", type=float, default=default.light, help="likewise (%(default)s)")
    made.add_argument("--rate", type=float, default=default.rate, help="(%(default)s)")
    made.add_argument("--precision", default=default.precision, help="float32 or bfloat16")
    made.add_argument("--seed", type=int, default=default.seed, help="(%(default)s)")
    made.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (%(default)s)")
    return made.parse_args()


def _trained(recipe: Recipe, out: Path, device: torch.device) -> Trained:
    """Train with a progress bar, or on a log with a line a minute."""
    console = Console(stderr=True)
    more = MofNCompleteColumn(), TextColumn("{task.fields[loss]}")
    columns = *Progress.get_default_columns(), *more
    said = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task("training", total=recipe.steps, loss="")

        def show(step: int, loss: float) -> None:
            nonlocal said
            bars.update(task, completed=step, loss=f"loss {loss:.3f}")
            if not console.is_terminal and time.monotonic() - said > 60:
                said = time.monotonic()
                console.print(f"step {step} of {recipe.steps}, loss {loss:.3f}")

        return train(recipe, out, device, on_step=show)


def _main() -> None:
    chosen = vars(_options())
    out, device = checked_folder(chosen.pop("out"), "weights"), chosen.pop("device")
    recipe, where = Recipe(**chosen), pick_device(device)
    with stop_signals():
        trained = _trained(recipe, out, where)
    weights = matched(trained.weights)
    path = save_backbone(weights, out / "backbone.safetensors", card(recipe, trained, where))
    print(path)
    for name, share in separation(VGGM(weights))._asdict().items():
        print(f"{name} {share:.3f}")


if __name__ == "__main__":
    sys.exit(exit_status(_main))
