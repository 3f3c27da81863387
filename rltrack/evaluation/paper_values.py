"""The numbers that the paper itself reports. None of them was computed here.

They are from Pu, Song, Ma, Zhang and Yang, "Deep Attentive Tracking via Reciprocative Learning"
(NeurIPS 2018). `PAPER` has DP and OS from the legends of Figure 4, and CLE and OS0.5 from Table 3.
Each panel of the figure names ten trackers, so some trackers have only one of DP and OS. The
paper's MDNet was trained without other videos and is the paper's baseline. It is not the MDNet
whose raw results are published.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ATTENTION", "PAPER", "VOT2016", "WEIGHTS", "Published", "Ranked", "Scores"]


class Scores(NamedTuple):
    """One tracker on OTB-2013, in Tables 1 and 2."""

    dp20: float
    os: float


class Ranked(NamedTuple):
    """One tracker on VOT-2016, in Table 4."""

    eao: float
    """Expected average overlap, a value that each tracker has on its own."""
    accuracy_rank: float
    """A_r and R_r are mean ranks among the compared trackers, not values. Lower is better."""
    robustness_rank: float


class Published(NamedTuple):
    """One tracker's numbers on one set; None where the paper gives none."""

    dp20: float | None
    os: float | None
    cle: float | None
    os50: float | None


_TABLE = """
#         OTB-2013                    OTB-2015
# tracker   DP    OS    CLE  OS0.5    DP    OS    CLE  OS0.5
Ours      .944  .704   7.85   .913  .895  .668  12.42   .848
CCOT      .908  .677  15.58   .837  .903  .673  13.99   .823
CREST     .908  .673  10.22   .860  .838  .623  21.19   .776
MDNet     .911  .671  13.05   .849  .878  .646  16.87   .806
MCPF      .916  .677  11.19   .858  .873  .628  20.86   .780
ADNet     .903  .659  13.79   .836  .880  .646  14.65   .802
BACF      .861  .657  26.20   .840  .824  .621  28.10   .776
SINT      .882  .655  11.85   .816     -  .592  25.75   .719
SRDCFD    .870  .653  29.51   .814  .825  .627  31.52   .766
ACFN         -     -  18.69   .750     -  .569  25.14   .686
HDT       .889     -      -      -  .848     -      -      -
DLSSVM       -  .608      -      -     -     -      -      -
CNN-SVM      -     -      -      -  .814     -      -      -
"""


def _parse() -> dict[str, dict[str, Published]]:
    sets: dict[str, dict[str, Published]] = {"otb2013": {}, "otb2015": {}}
    for line in _TABLE.strip().splitlines():
        if line[0] == "#":
            continue
        tracker, *texts = line.split()
        numbers = [None if text == "-" else float(text) for text in texts]
        for name, four in zip(sets, (numbers[:4], numbers[4:]), strict=True):
            if any(number is not None for number in four):
                sets[name][tracker] = Published(*four)
    return sets


PAPER: dict[str, dict[str, Published]] = _parse()
"""The published numbers, by set (a name in `rltrack.data.otb.SETS`) and tracker."""

WEIGHTS: dict[int, Scores] = dict(
    enumerate(
        map(
            Scores,
            (0.911, 0.917, 0.936, 0.941, 0.940, 0.944, 0.938, 0.929, 0.911),
            (0.671, 0.688, 0.694, 0.704, 0.704, 0.704, 0.701, 0.695, 0.684),
        )
    )
)
"""Table 1, by lambda from 0 to 8."""

ATTENTION: dict[str, Scores] = {
    "baseline": Scores(0.911, 0.671),
    "attentive features": Scores(0.932, 0.686),
    "attentive classifier": Scores(0.944, 0.704),
}
"""Table 2: the baseline, the baseline with a module that weights its features, and lambda 5."""

VOT2016: dict[str, Ranked] = {
    "Ours": Ranked(0.320, 1.47, 2.10),
    "CCOT": Ranked(0.331, 1.98, 1.95),
    "Staple": Ranked(0.295, 1.87, 3.23),
    "MDNet": Ranked(0.257, 1.72, 2.80),
    "EBT": Ranked(0.291, 3.62, 2.13),
    "DSRDCF": Ranked(0.276, 2.12, 2.82),
    "SiamFC": Ranked(0.277, 1.30, 3.17),
}
"""Table 4 by tracker, in the table's order."""
