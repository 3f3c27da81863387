"""Tracking a video: frames in; boxes, annotated frames and a summary out.

Sources, writers, the run over a video, its targets and its files. Nothing here compares trackers.
"""
