"""What the book's chapters call, one module a chapter: experiments that are shown, their figures.

What several chapters call is in `first_frame` and `widgets`. What is of use outside the book lives
in the other rooms.
"""
