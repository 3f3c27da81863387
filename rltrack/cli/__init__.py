"""The command line, one module a command.

A command reads options, calls the package, and says how it ended. Nothing here computes.
"""
