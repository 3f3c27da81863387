"""The bundled film: a rendered ladybird with exact ground truth.

Only drawing lives here; the film is a source of frames like any other.
"""
