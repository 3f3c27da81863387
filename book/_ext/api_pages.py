"""A Sphinx extension for the API reference, which links docstrings to the equations of the book.

"Eq. 3" in a docstring becomes a link to the chapter that has this equation of the paper. The book
also has equations of its own. A docstring of a function or class that implements one of them gets a
last line with a link to it. The docstrings themselves stay plain text, so `help()` can show them.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode

# For each equation of the paper, its label in the book.
EQUATIONS = {"1": "taylor", "2": "map", "3": "r-positive", "4": "r-negative", "5": "loss"}

# For each function or class, the labels of the other equations that it implements.
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
    """Turn each "Eq. 1" to "Eq. 5" in a docstring into a reference."""
    lines[:] = [re.sub(r"\bEq\. ([1-5])\b", r":paper-equation:`\1`", line) for line in lines]


def say_what_it_implements(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Add a line with links to the equations that the function or class implements."""
    if name in IMPLEMENTS:
        links = [f":eq:`{label}`" for label in IMPLEMENTS[name]]
        word = "equation" if len(links) == 1 else "equations"
        lines += ["", f"Implements {word} {' and '.join(links)}.", ""]


def keep_colons(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Put an empty escape before the docstring of an attribute.

    Without it, napoleon would read the words before a colon as the type of the attribute.
    """
    if what in {"attribute", "data", "property"}:
        lines.insert(0, "\\ ")  # an escaped space, which is not shown


def paper_equation(
    role: str, raw: str, text: str, line: int, inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Make a reference. `resolve` finds its target when all chapters have been read."""
    document = inliner.document.settings.env.docname
    reference = pending_xref(
        raw, refdomain="", reftype=role, reftarget=EQUATIONS[text], refdoc=document, refwarn=True
    )
    reference += nodes.Text(f"Eq.\u00a0{text}")
    return [reference], []


def resolve(app: Sphinx, env: Any, node: pending_xref, content: nodes.Node) -> nodes.Node | None:
    """Return the link to the equation. If no chapter has it, return None, and Sphinx warns."""
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
    """Leave out a field of a named tuple if it has no docstring of its own."""
    if not (thing.__doc__ or "").startswith("Alias for field number"):
        return None
    module, owner = (app.env.temp_data.get(f"autodoc:{of}") for of in ("module", "class"))
    documented = ModuleAnalyzer.for_module(module).find_attr_docs() if module else {}
    return None if (owner, name) in documented else True


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension. Sphinx calls this."""
    app.add_role("paper-equation", paper_equation)
    app.connect("autodoc-process-docstring", link_equations)
    app.connect("autodoc-process-docstring", say_what_it_implements, priority=600)  # after napoleon
    app.connect("autodoc-process-docstring", keep_colons, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", skip_plain_fields)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
