"""What the book's chapters call: experiments that are shown, and their figures.

A module is named after a chapter, or after one of a chapter's experiments. What several chapters
call is in `first_frame` and `widgets`. What is of use outside the book lives in the other rooms.
"""
