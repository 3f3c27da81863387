"""Fetch the sequences of VOT-2016 into DIR/vot/."""

from __future__ import annotations

import sys

from _run import parser, run

if __name__ == "__main__":
    options = parser(
        __doc__ or "", where="$RLTRACK_DATA, else data/ in the cache folder"
    ).parse_args()
    sys.exit(run("vot2016", options.dest))
