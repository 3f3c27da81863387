"""Figures, in one style: of runs, of attention maps, of benchmarks.

Functions take results and return a figure, or draw on Axes. No function runs a tracker, and
`rltrack.plots.demo_figure.snapshot` alone asks one for what it attends to.
"""
