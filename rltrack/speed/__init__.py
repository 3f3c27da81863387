"""How long tracking takes, what it costs, and the plain arithmetic that it is compared with.

Nothing here changes what a tracker does.
"""
