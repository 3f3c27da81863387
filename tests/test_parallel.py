"""Work on several threads is the same work."""

from __future__ import annotations

import threading

import pytest
import torch

from rltrack.backbones.registry import load_backbone
from rltrack.parallel import batches, each

CPU = torch.device("cpu")


def test_batches_cover_the_range() -> None:
    assert [list(range(7))[part] for part in batches(7, 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert batches(0, 3) == []


def test_each_keeps_order_and_runs_single_threaded_parts(threads) -> None:
    threads(3)
    seen = each(
        lambda i: (i, torch.get_num_threads(), threading.current_thread().name), range(9), CPU
    )
    assert [i for i, _, _ in seen] == list(range(9))
    assert {n for _, n, _ in seen} == {1}
    assert all(name.startswith("rltrack") for _, _, name in seen)
    assert torch.get_num_threads() == 3
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [3]


def test_an_error_in_a_part_is_raised(threads) -> None:
    threads(2)
    with pytest.raises(ZeroDivisionError):
        each(lambda i: 1 // i, range(5), CPU)


def test_features_do_not_depend_on_the_number_of_threads(threads) -> None:
    net = load_backbone("random")
    crops = torch.randint(0, 256, (20, 3, 107, 107), dtype=torch.uint8)
    one, *others = ((threads(n), net.features(crops))[1] for n in (1, 2, 3))
    assert all(torch.equal(one, other) for other in others)
