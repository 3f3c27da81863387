"""Figures, in one style: of runs, of attention maps, of benchmarks.

Functions take results and return a figure, or draw on Axes. Nothing here computes a result.
"""
