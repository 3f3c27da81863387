"""Sphinx, for the API reference: from docstrings as `help()` shows them to linked pages.

"Eq. 3" in a docstring leads to the chapter that has the paper's equation. To the book's other ones
lead the last lines of what implements them.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

# Of the paper: the label of each in the book.
EQUATIONS = {"1": "taylor", "2": "map", "3": "r-positive", "4": "r-negative", "5": "loss"}

# The labels of all others, by what implements them.
IMPLEMENTS = {
    "rltrack.tracking.sampling.gaussian": ("candidates",),
    "rltrack.backbones.lrn_stage.local_response_norm": ("lrn",),
    "rltrack.tracking.attention.reciprocative_loss": ("cross-entropy", "double-backward"),
    "rltrack.chapters.regulariser.map_statistics": ("r-gradient",),
    "rltrack.backbones.jacobian.FeatureJacobian": ("two-products",),
    "rltrack.backbones.jacobian.FeatureJacobian.pull_back": ("jvp",),
    "rltrack.tracking.attention.at_features": ("u-of-a-crop",),
    "rltrack.chapters.reciprocative_gradients.attention_gradients": ("by-hand", "r-inverse"),
    "rltrack.tracking.box_regression.BoxRegressor": ("regression",),
    "rltrack.evaluation.statistics.paired": ("paired-difference",),
    "rltrack.evaluation.statistics.Spread.margin": ("margin",),
    "rltrack.tracking.boxes.iou": ("overlap-ratio",),
    "rltrack.evaluate": ("success-area",),
    "rltrack.pretraining.objectives.Neighbours": ("lesson",),
    "rltrack.pretraining.objectives.Instances": ("instances",),
    "rltrack.pretraining.objectives.Ranking": ("ranking",),
}


def link_equations(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Turn each "Eq. 3" of a docstring into a reference."""
    lines[:] = [re.sub(r"\bEq\. ([1-5])\b", r":paper-equation:`\1`", line) for line in lines]


def say_what_it_implements(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """End the docstring of what implements equations of the book with links to them."""
    if name in IMPLEMENTS:
        links = [f":eq:`{label}`" for label in IMPLEMENTS[name]]
        word = "equation" if len(links) == 1 else "equations"
        lines += ["", f"Implements {word} {' and '.join(links)}.", ""]


def keep_colons(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Keep napoleon from taking an attribute's first words for its type if a colon follows."""
    if what in {"attribute", "data", "property"}:
        lines.insert(0, "\\ ")  # an escaped space: nothing


def paper_equation(
    role: str, raw: str, text: str, line: int, inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Make the reference; its target is known when all chapters are read."""
    document = inliner.document.settings.env.docname
    reference = pending_xref(
        raw, refdomain="", reftype=role, reftarget=EQUATIONS[text], refdoc=document, refwarn=True
    )
    reference += nodes.Text(f"Eq.\u00a0{text}")
    return [reference], []


def resolve(app: Sphinx, env: Any, node: pending_xref, content: nodes.Node) -> nodes.Node | None:
    """Find the equation; None, which Sphinx warns of, if no chapter has its label."""
    if node["reftype"] != "paper-equation":
        return None
    label = node["reftarget"]
    found = env.get_domain("math").equations.get(label)
    if found is None:
        return None
    return make_refnode(app.builder, node["refdoc"], found[0], f"equation-{label}", [content])


def skip_plain_fields(
    app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out a named tuple's fields that only its own docstring describes."""
    return True if (thing.__doc__ or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_role("paper-equation", paper_equation)
    app.connect("autodoc-process-docstring", link_equations)
    app.connect("autodoc-process-docstring", say_what_it_implements, priority=600)  # after napoleon
    app.connect("autodoc-process-docstring", keep_colons, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", skip_plain_fields)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
