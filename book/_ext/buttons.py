"""A Sphinx extension that adds buttons to the repository and to Colab, if the address is known.

The address of the repository is the environment variable `RLTRACK_REPOSITORY`, or else the address
of git's remote `origin`. Colab opens notebooks from github.com only. If the address is not on
github.com, the pages have no such buttons.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

# The branch that Colab's buttons open. Only its notebooks install this repository on Colab, see
# `stamp.py`.
BRANCH = "published"


def github_url(address: str) -> str | None:
    """Return `https://github.com/OWNER/NAME` for git's address of a repository on github.com.

    Any other address gives None.

    >>> github_url("git@github.com:ann/tracker.git")
    'https://github.com/ann/tracker'
    """
    scheme = r"(?:https://(?:[^/@]+@)?|ssh://git@|git@)"
    found = re.fullmatch(rf"{scheme}github\.com[:/]([\w.-]+)/([\w.-]+?)(?:\.git)?/?", address)
    return f"https://github.com/{found[1]}/{found[2]}" if found else None


def repository(folder: Path) -> str | None:
    """Return the address on github.com of the repository that contains `folder`, or None."""
    if given := os.environ.get("RLTRACK_REPOSITORY"):
        return github_url(given)
    try:
        asked = subprocess.run(
            ["git", "remote", "get-url", "origin"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # git is not installed
        return None
    return github_url(asked.stdout.strip())


def add_buttons(app: Sphinx, config: Config) -> None:
    """Set the options of the theme that show the buttons."""
    if url := repository(Path(app.srcdir)):
        config.html_theme_options |= {
            "repository_url": url,
            "repository_branch": BRANCH,
            "path_to_docs": "book",
            "use_repository_button": True,
            "launch_buttons": {"colab_url": "https://colab.research.google.com"},
        }


def drop_thebe(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Remove the scripts of Thebe, which runs cells on a server. No button here starts it.

    Jupyter Book writes Thebe's settings into each page twice, and the browser reports that as an
    error.
    """
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}".lower()
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx, so that it runs before the theme."""
    app.connect("config-inited", add_buttons, priority=100)
    app.connect("html-page-context", drop_thebe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
