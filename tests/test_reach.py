"""Free gradients start as the classifier's, and go where no classifier goes."""

from __future__ import annotations

import pytest
import torch
from torch import Generator

from rltrack import load_backbone, preset
from rltrack.attention import regulariser
from rltrack.chapters.reach import reach
from rltrack.chapters.taylor import maps_at
from rltrack.network import Classifier


def test_it_starts_at_the_classifiers_maps_and_descends() -> None:
    generator = Generator().manual_seed(0)
    classifier = Classifier(generator, dtype=torch.float64)
    crop = torch.randint(0, 256, (1, 3, 107, 107), generator=generator, dtype=torch.uint8)
    net, config = load_backbone("embedded", dtype=torch.float64), preset("paper")
    path = reach(classifier, net, crop, config, steps=8, rate=0.05)
    assert len(path) == 9
    own = maps_at(classifier, net, crop, config)
    torch.testing.assert_close(path[0][1], own)
    assert path[0][0] == pytest.approx(regulariser(own, True, config).item())
    assert path[-1][0] < path[0][0] - 0.1
    for r, maps in path[::4]:
        assert regulariser(maps, True, config).item() == pytest.approx(r)
