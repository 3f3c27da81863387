"""The film that comes with the package: a rendered ladybird with exact ground truth.

This folder contains only the drawing. To the rest of the package, the film is a source of frames
like any other.
"""
