"""The method of the paper: how a frame and a bounding box lead to the box in the next frame.

The parts are sampling, crops, the classifier, attention, training, memory and box regression. The
tracker puts them together. Eq. 1 to 5 of the paper are in :mod:`rltrack.tracking.attention`.
Nothing here reads or writes a file, or depends on a benchmark.
"""
