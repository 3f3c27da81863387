"""Fetch the sequences of OTB-2013 or OTB-2015 into DIR/otb/."""

from __future__ import annotations

import sys

from _run import parser, run

if __name__ == "__main__":
    made = parser(__doc__ or "", where="$RLTRACK_DATA, else data/ in the cache folder")
    made.add_argument("--set", choices=("otb2013", "otb2015"), default="otb2015", dest="asset")
    options = made.parse_args()
    sys.exit(run(options.asset, options.dest))
