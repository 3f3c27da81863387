"""The method, in the paper's order: from a frame and a box to the next box.

Sampling, crops, classifier, attention, training, memory, box regression, and the tracker that puts
them together. Nothing here reads or writes a file, or knows what a benchmark is.
"""
