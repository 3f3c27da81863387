"""Sequences on disk: what OTB and VOT contain, how their folders are read, how they are fetched.

Nothing here decodes an image or runs a tracker.
"""
