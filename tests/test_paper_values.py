"""The paper's numbers, typed a second time by table; Figure 4 and Table 3: `test_benchmark`."""

from __future__ import annotations

from rltrack.evaluation.paper_values import ATTENTION, PAPER, VOT2016, WEIGHTS


def test_table_1_by_lambda() -> None:
    dp = "0.911 0.917 0.936 0.941 0.940 0.944 0.938 0.929 0.911"
    os = "0.671 0.688 0.694 0.704 0.704 0.704 0.701 0.695 0.684"
    assert list(WEIGHTS) == list(range(9))
    assert " ".join(f"{scores.dp20:.3f}" for scores in WEIGHTS.values()) == dp
    assert " ".join(f"{scores.os:.3f}" for scores in WEIGHTS.values()) == os


def test_table_2_agrees_with_table_1_and_figure_4() -> None:
    assert ATTENTION["baseline"] == WEIGHTS[0] == PAPER["otb2013"]["MDNet"][:2]
    assert ATTENTION["attentive classifier"] == WEIGHTS[5] == PAPER["otb2013"]["Ours"][:2]
    assert ATTENTION["attentive features"] == (0.932, 0.686)


def test_table_4_by_column() -> None:
    assert list(VOT2016) == ["Ours", "CCOT", "Staple", "MDNet", "EBT", "DSRDCF", "SiamFC"]
    eao, accuracy, robustness = zip(*VOT2016.values(), strict=True)
    assert eao == (0.320, 0.331, 0.295, 0.257, 0.291, 0.276, 0.277)
    assert accuracy == (1.47, 1.98, 1.87, 1.72, 3.62, 2.12, 1.30)
    assert robustness == (2.10, 1.95, 3.23, 2.80, 2.13, 2.82, 3.17)
