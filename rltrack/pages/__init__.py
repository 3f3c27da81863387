"""Pages of HTML that show results: markup, tables, charts, and what all pages look like.

A page is one file. It needs no network and no other file, and can be read without scripts.
Nothing here knows what a tracker or a benchmark is.
"""
