"""Fuzzing the command line: whatever is put into it, it ends in one of its own ways.

The rule for every input, of every kind (`fuzz.kinds`):

- The exit status is 0, 2, or 1 for a failure part-way. With 1 and 2 there is a line that begins
  with ``error:``.
- Standard error has a few lines, and one more for each run of a sweep that ended; none of them
  long, and no traceback. Nothing that is printed has a control character.
- No file is changed that was not named for an output alone, and nothing is written outside the
  folders that were named.
- Time and memory stay below the limits of `fuzz.trial`.

An input is made from the name of its kind and a number alone, so any of them can be made again.
The short run is in `make test`. `make fuzz` makes the long one and the kills (`fuzz.kills`), and
prints a table.
"""
