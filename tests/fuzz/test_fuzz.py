"""The short run of the fuzzers: some inputs of every kind, the same ones every time."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest

from fuzz.kinds import KINDS
from fuzz.mutation import damaged, damaged_json, damaged_text
from fuzz.pool import Task, outcomes
from fuzz.trial import Outcome

Found = dict[str, list[tuple[int, Outcome]]]


@pytest.fixture(scope="module")
def found(request: pytest.FixtureRequest) -> Found:
    """How the inputs of the kinds that are tested ended, by kind."""
    chosen = {item.callspec.params["kind"] for item in request.session.items if _is_run(item)}
    kinds = [kind for kind in KINDS if kind in chosen]
    tasks: list[Task] = [(kind, n) for kind in kinds for n in range(KINDS[kind].short)]
    ended: Found = defaultdict(list)
    for (kind, number), outcome in outcomes(tasks, workers=1):
        ended[kind].append((number, outcome))
    return ended


def _is_run(item: pytest.Item) -> bool:
    return item.name.startswith("test_every_input_ends") and hasattr(item, "callspec")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_input_ends_in_one_of_the_commands_own_ways(kind: str, found: Found) -> None:
    ended = found[kind]
    assert len(ended) == KINDS[kind].short
    faults = [f"{number}: {o.fault}: {o.detail}" for number, o in ended if o.fault]
    assert not faults, f"python -m fuzz --show {kind!r} NUMBER runs one alone\n" + "\n".join(faults)
    # Damage that is never noticed, or always, would test little.
    statuses = {outcome.status for _, outcome in ended}
    assert len(statuses) > 1


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_does_the_same_damage(seed: int) -> None:
    content = {"a": [1, 2, {"b": "c"}], "d": 5.0}
    for damage, whole in ((damaged, b"x" * 100), (damaged_text, "1,2\n"), (damaged_json, content)):
        once, again = (damage(Random(seed), whole) for _ in range(2))  # type: ignore[operator]
        assert once == again
    whole = bytes(range(256))
    assert len({damaged(Random(number), whole) for number in range(100)}) > 90
