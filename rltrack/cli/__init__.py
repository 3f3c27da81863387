"""The command line, one module a command.

A command reads options, calls the package, and says how it ended. The exception is the demo, which
is a program of its own: it tracks the bundled film twice, and draws a figure.
"""
