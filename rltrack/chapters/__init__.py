"""What the book's chapters call: experiments that are shown there, and their figures.

In the book's order: what a first frame draws, :mod:`opening` and :mod:`panels`; :mod:`footage`
and :mod:`taylor`; maps by hand, :mod:`toys`; the attention term's :mod:`by_hand`,
:mod:`clipping`, :mod:`lesson` and :mod:`reach`; a run's :mod:`diary` and what is kept of it,
:mod:`exhibit`; :mod:`standing` among other trackers; :mod:`ladder` of optimisations; :mod:`picker`.
:mod:`charts`, :mod:`drawings`, :mod:`widgets` and :mod:`reel` draw. The tracker needs none of them.
"""
