"""Timing of trackers, the number of operations, and a plain program to compare trackers with.

Nothing here changes what a tracker does.
"""
