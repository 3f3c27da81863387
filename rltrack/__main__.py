"""Run the command line: `python -m rltrack` does the same as the command `rltrack`."""

from __future__ import annotations

import sys

from rltrack.cli.main import main

sys.exit(main())
