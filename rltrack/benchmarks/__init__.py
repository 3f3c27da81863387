"""Many runs: sweeps, their reports, other trackers beside ours, and VOT's toolkit.

What scores a single row of boxes lives in `rltrack.evaluation`.
"""
