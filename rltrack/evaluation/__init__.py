"""How good rows of boxes are: metrics, rankings, statistics, and others' published results.

Everything here works on boxes that somebody's tracker has left. Nothing here runs a tracker.
"""
