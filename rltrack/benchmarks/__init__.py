"""From boxes to the paper's tables: targets, others' results, runs of our own, comparisons.

In reading order: :mod:`otb` is the table of targets, :mod:`results` reads what others published,
:mod:`benchmark` ranks it. Our own runs: :mod:`jobs`, a :mod:`sweep` of them, its :mod:`report`;
:mod:`selection` of what is kept, and :mod:`pairs`, differences with their doubt. Beside them
:mod:`paper_values` and :mod:`ablations`; :mod:`plots` draws. VOT is another world: :mod:`vot`.
"""
