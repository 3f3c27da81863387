"""`python -m rltrack` is the command `rltrack`."""

from __future__ import annotations

import sys

from rltrack.cli.main import main

sys.exit(main())
