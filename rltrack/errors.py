"""What went wrong, said to the person who can mend it."""

from __future__ import annotations


class InputError(ValueError):
    """Something given to rltrack cannot be used.

    The message is one line: what was wrong, what was given, and what to do. The command line
    prints it and exits with status 2.
    """
